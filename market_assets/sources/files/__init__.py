"""A user's own postings from a file: CSV, JSON, JSON lines or Parquet, under any column names."""
