"""What the market looks like, for people: an HTML page with plots, and a summary for the terminal."""
