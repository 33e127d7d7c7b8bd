"""Records as sources give them, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from market_assets.postings.normalise import NormalisedBatch, StatedBatch, normalise, normalise_each
from market_assets.postings.schemas import (
    NORMALISED_POSTING,
    RAW_POSTING,
    REJECTED_POSTING,
)

OBSERVED_AT = datetime(2026, 8, 1, 12, tzinfo=UTC)


def raw_frame(*records: Mapping[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [{name: record.get(name) for name in RAW_POSTING} for record in records], schema=RAW_POSTING
    )


def normalised(*records: Mapping[str, str | None]) -> NormalisedBatch:
    result = normalise(raw_frame(*records), source="board", observed_at=OBSERVED_AT)
    assert result.postings.schema == NORMALISED_POSTING
    assert result.rejected.schema == REJECTED_POSTING
    assert result.postings.height + result.rejected.height == len(records)
    return result


def one(**fields: str | None) -> dict[str, Any]:
    """The one posting that a record gives, and under 'nulled' what was counted."""
    result = normalised({"title": "Engineer", **fields})
    return {**result.postings.row(0, named=True), "nulled": result.nulled}


def each_of(*records: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """As `one` for each, worked out at once."""
    batches = [StatedBatch("board", OBSERVED_AT, raw_frame({"title": "Engineer", **fields})) for fields in records]
    results = normalise_each(batches)
    return [{**result.postings.row(0, named=True), "nulled": result.nulled} for result in results]
