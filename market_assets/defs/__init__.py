"""Dagster's nouns, a file each: assets, partitions, resources, jobs, schedules, sensors, retries."""
