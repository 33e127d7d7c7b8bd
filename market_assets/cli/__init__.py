"""The program `market-assets`: commands, their options, how they end. What they do is in `commands`."""
