"""Tests of postings."""
