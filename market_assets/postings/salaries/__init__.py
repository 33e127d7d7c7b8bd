"""Pay as postings state it: read, normalised to a year, converted."""
