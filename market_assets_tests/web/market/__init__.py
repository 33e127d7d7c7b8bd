"""Tests of market_assets.web.market."""
