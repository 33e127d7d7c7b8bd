"""The read API over the market's result tables: `/api/market`."""
