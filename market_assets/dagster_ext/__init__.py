"""The only room that may use what is private in Dagster."""
