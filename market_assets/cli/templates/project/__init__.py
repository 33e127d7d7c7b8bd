"""What `market-assets init` writes: a working folder."""
