"""Tests of what runs, when, and what follows."""
