"""How right the answers are, on real postings."""
