"""What the market asks for and what it pays: every statistic table, computed from `compute.facts.Facts`."""
