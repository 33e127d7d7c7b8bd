"""The sensors, a file each."""
