"""The program `market-assets`: a file for each group of commands."""
