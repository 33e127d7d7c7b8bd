"""Postings: normalisation, identity, merging and duplicates, as functions on columns."""
