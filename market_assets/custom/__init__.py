"""Your own scheduled tasks: each file here that declares one with `market_assets.tasks.scheduled_job` is on the schedule."""
