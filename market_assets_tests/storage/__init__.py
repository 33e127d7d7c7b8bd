"""Tests of the market database."""
