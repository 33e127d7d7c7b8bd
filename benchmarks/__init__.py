"""Measures beside a baseline in the same run; prints ratios."""
