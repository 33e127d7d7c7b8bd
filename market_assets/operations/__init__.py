"""What keeps the pipeline running: incidents and alerts, health, executions, schedule guards and overrides."""
