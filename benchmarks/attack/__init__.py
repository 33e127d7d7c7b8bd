"""A live `market-assets serve` under every flood at hand, beside a friendly client."""
