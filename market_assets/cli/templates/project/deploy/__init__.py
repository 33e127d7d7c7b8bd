"""What containers need of a new folder, beside its compose file."""
