"""Tests of every relationship table, against counts in plain Python."""
