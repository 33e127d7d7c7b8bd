"""The tables of the market database, declared once."""
