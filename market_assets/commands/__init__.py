"""What the commands of `market-assets` do; `cli` declares them."""
