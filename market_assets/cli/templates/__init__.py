"""What `market-assets init` and `new` write: whole files that work as they are, with names to be replaced."""
