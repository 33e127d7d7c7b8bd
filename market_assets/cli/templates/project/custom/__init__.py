"""Your own assets, checks, schedules, sensors and tasks: a file each, or several in one."""
