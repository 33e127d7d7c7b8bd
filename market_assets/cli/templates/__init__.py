"""What `market-assets new` writes: whole files that work as they are, with names to be replaced."""
