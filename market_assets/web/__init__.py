"""The web process: Dagster's UI and GraphQL, and the pages of the market beside them."""
