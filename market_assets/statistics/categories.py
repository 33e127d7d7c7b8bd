"""Which categories of skills are asked for together."""

from __future__ import annotations

import numpy as np
import polars as pl

from market_assets.statistics.groups import labels
from market_assets.statistics.window import Window

CATEGORY_RELATIONSHIPS = pl.Schema(
    {"category_a": pl.String(), "category_b": pl.String(), "co_occurrences": pl.Int64()}
)

#: Cells of one block of the table of postings and categories (16 MiB of float32).
BLOCK_CELLS = 1 << 22


def category_relationships(window: Window) -> pl.DataFrame:
    """How many postings hold skills of both of two categories.

    Returns:
        Schema `CATEGORY_RELATIONSHIPS`, by category_a and category_b, category_a < category_b by code point,
        for pairs that occur. A posting counts once, however many skills it has of the two.
    """
    categories = labels(window.skills["category"])
    size = len(categories.names)
    together = np.zeros((size, size), dtype=np.int64)
    step = max(BLOCK_CELLS // max(size, 1), 1)
    for start in range(0, len(window), step):
        offsets = window.offsets[start : start + step + 1]
        codes = categories.codes[window.codes[offsets[0] : offsets[-1]]]
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        # Sums of ones are exact in float32 up to 2²⁴, more than a block has postings, in any order.
        holds = np.zeros((len(offsets) - 1, size), dtype=np.float32)
        holds[rows[codes >= 0], codes[codes >= 0]] = 1
        together += (holds.T @ holds).astype(np.int64)
    a, b = np.nonzero(np.triu(together, 1))
    return pl.DataFrame(
        {
            "category_a": categories.names.gather(a),
            "category_b": categories.names.gather(b),
            "co_occurrences": together[a, b],
        },
        schema=CATEGORY_RELATIONSHIPS,
    )
