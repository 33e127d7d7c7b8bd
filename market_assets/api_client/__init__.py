"""The client of the market API: its calls, what they answer, and how they are sent; see `market_assets.client`."""
