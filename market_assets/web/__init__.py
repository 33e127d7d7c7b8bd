"""The web process: Dagster's UI and GraphQL, and the market report beside them."""
