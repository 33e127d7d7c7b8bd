"""Tests of every statistic table, against counts in plain Python."""
