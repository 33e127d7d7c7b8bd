"""Tests of operations/alerts."""
