"""A source that makes believable postings for any day, the same each time, without a network."""
