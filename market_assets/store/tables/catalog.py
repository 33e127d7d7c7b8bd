"""Every table of the market database on one `metadata`: importing this module declares them all."""

from __future__ import annotations

import market_assets.store.tables.administration
import market_assets.store.tables.postings
import market_assets.store.tables.results  # noqa: F401
from market_assets.store.tables.columns import metadata

__all__ = ["metadata"]
