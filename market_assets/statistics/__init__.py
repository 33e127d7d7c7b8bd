"""The result tables: demand, pay, trends, pairs, relationships, recommendations. Frames in, frames out."""
