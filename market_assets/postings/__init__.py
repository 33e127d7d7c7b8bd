"""Pure functions on columns. No Dagster, no SQL, no HTTP, no clock."""
