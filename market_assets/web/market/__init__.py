"""The read API over the market's result tables: `/api/v1/market`."""
