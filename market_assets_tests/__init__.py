"""Tests of market_assets, in the folders of the package."""
