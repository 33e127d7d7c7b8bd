"""Job-market intelligence as a Dagster asset pipeline."""
