"""Tests of the assets, run through the jobs."""
