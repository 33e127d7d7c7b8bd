"""Tests of market_assets.client."""
