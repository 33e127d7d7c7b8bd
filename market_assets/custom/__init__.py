"""Your own scheduled tasks: a file each, or several in one, declared with `market_assets.tasks.scheduled_job`."""
