"""Which skills and categories belong together: every relationship table, from `compute.facts.Facts`."""
