"""The history of each skill by month, which is kept when postings are archived and deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from market_assets.postings.schemas import UTC_DATETIME
from market_assets.statistics.groups import SkillGroups, month_labels
from market_assets.statistics.tables import SKILL_HISTORY
from market_assets.statistics.window import Window

#: A month is closed so long after its end; until then late postings still count.
CLOSED_AFTER = timedelta(days=7)


def months_to_count(stored: pl.DataFrame, filled: pl.DataFrame, as_of: datetime) -> list[str]:
    """The months ('YYYY-MM', ascending) that are to be counted; the others stay as they were recorded.

    A month is counted while it is open, if it was never recorded, and if it was filled back: if more postings were
    ingested by its own daily partitions than when it was recorded. What a source lists of earlier months when it
    is first fetched is ingested by the partition of that day, and changes nothing. Nor does a refresh that looks
    back to a time before the month was recorded.

    Args:
        stored: schema `SKILL_HISTORY`, as recorded before.
        filled: month, postings: how many counted postings there are, by month of partition_date; and, with 0
            postings, the other months of posting.
        as_of: the time of the refresh, UTC.
    """
    recorded = stored.group_by("month").agg(pl.col("filled_postings", "recorded_at").first())
    months = filled.join(recorded, on="month", how="left").filter(
        pl.col("recorded_at").is_null() | (pl.col("recorded_at") <= as_of)
    )
    wanted = pl.col("filled_postings").is_null() | (pl.col("postings") > pl.col("filled_postings"))
    found = months.filter(wanted)["month"].to_list()
    is_open = {month for month in months["month"] if as_of < _end(month) + CLOSED_AFTER}
    return sorted(month for month in {*found, *is_open} if _start(month) <= as_of)


def first_to_count(stored: pl.DataFrame, filled: pl.DataFrame, as_of: datetime) -> datetime:
    """The start of the first of `months_to_count`; `as_of` if there are none."""
    months = months_to_count(stored, filled, as_of)
    return _start(months[0]) if months else as_of


def skill_history(
    window: Window, stored: pl.DataFrame, filled: pl.DataFrame, as_of: datetime, min_sample: int
) -> pl.DataFrame:
    """Demand and pay of each skill by month of posting (UTC), as far back as has ever been recorded.

    Args:
        window: the counted postings, archived ones included, of all months in `months_to_count`; postings of other
            months are left out.
        stored, filled, as_of: as for `months_to_count`.
        min_sample: the median of fewer postings with a salary is null.

    Returns:
        Schema `SKILL_HISTORY`, by skill and month. `share` is of `market_postings`, all counted postings of the
        month. `recorded_at` is when the month was last counted; `revised_at` when it was last counted after it had
        been closed, because it was filled back, null if never.
    """
    counted = months_to_count(stored, filled, as_of)
    kept = stored.filter(~pl.col("month").is_in(counted))
    rows = _counted(window, counted, min_sample).join(
        filled.select("month", filled_postings="postings"), on="month", how="left"
    )
    before = stored.group_by("month").agg(was_recorded=pl.lit(True), revised_at=pl.col("revised_at").first())
    now = pl.lit(as_of, UTC_DATETIME)
    closed = pl.col("month").is_in([month for month in counted if as_of >= _end(month) + CLOSED_AFTER])
    dated = rows.join(before, on="month", how="left").with_columns(
        recorded_at=now,
        revised_at=pl.when(closed & pl.col("was_recorded")).then(now).otherwise("revised_at"),
    )
    return pl.concat([kept, dated.drop("was_recorded").match_to_schema(SKILL_HISTORY)]).sort("skill", "month")


def _counted(window: Window, counted: list[str], min_sample: int) -> pl.DataFrame:
    """The rows of some months, without what is known of their recording."""
    groups = SkillGroups.of(window, month_labels(window))
    return pl.DataFrame(
        {
            **groups.names(),
            "postings": groups.postings,
            "share": groups.postings / groups.of_segment,
            "market_postings": groups.of_segment,
            **groups.pay(SKILL_HISTORY, min_sample, kept=False),
        }
    ).filter(pl.col("month").is_in(counted))


def _start(month: str) -> datetime:
    return datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)


def _end(month: str) -> datetime:
    """The first instant after a month."""
    return (_start(month) + timedelta(days=32)).replace(day=1)
