"""The sections on industries, places, volume and data quality: each says how it is counted, then shows it."""

from __future__ import annotations

import polars as pl

from market_assets.report import numbers, plots, selections
from market_assets.report.markup import Column, figure, nothing, section, stack, table
from market_assets.report.tables import ReportTables


def market(tables: ReportTables) -> str:
    """Industries, places and how the work is done."""
    how = (
        "Postings of the window by industry and by place, as far as they state one; pay is over those of them "
        "with a known salary. Shares are of all counted postings."
    )
    parts = [
        stack(_industries(tables), _dimension(tables, "remote", "Where the work is done")),
        stack(_places(tables), _dimension(tables, "employment_type", "Kinds of employment")),
    ]
    if not any(parts):
        reason = "Nothing yet: no counted posting states an industry or a place."
        parts = [nothing(selections.why_empty(tables, reason))]
    return section("market", "Industries and places", how, *parts)


def _industries(tables: ReportTables) -> str:
    columns = [
        Column("value", "Industry"),
        Column("skills", "Most asked skills"),
        Column("postings", "Postings", numbers.count, meter=True),
        Column("share", "Share", numbers.share),
    ]
    rows = selections.industries(tables, 10)
    return table("Industries with most postings", rows, columns) if rows.height else ""


def _places(tables: ReportTables) -> str:
    columns = [
        Column("location", "Place"),
        Column("postings", "Postings", numbers.count, meter=True),
        Column("median_salary", f"Median pay, {tables.currency}", numbers.money),
        Column("min_salary", "Lowest", numbers.money, secondary=True),
        Column("max_salary", "Highest", numbers.money, secondary=True),
    ]
    rows = selections.places(tables, 10)
    return table("Places with most postings", rows, columns) if rows.height else ""


def _dimension(tables: ReportTables, name: str, caption: str) -> str:
    rows = selections.dimension(tables, name).with_columns(pl.col("value").str.replace_all("_", " "))
    columns = [
        Column("value", "Kind"),
        Column("postings", "Postings", numbers.count, meter=True),
        Column("share", "Share", numbers.share),
    ]
    return table(caption, rows, columns) if rows.height else ""


def volume(tables: ReportTables) -> str:
    """Postings by day."""
    how = (
        "Counted postings by the day on which they were posted (UTC); the last day ends with the refresh, so "
        "it is seldom whole."
    )
    days = selections.daily_volume(tables)
    if days.is_empty():
        reason = "Nothing yet: no counted posting has a day."
        return section("volume", "Volume by day", how, nothing(selections.why_empty(tables, reason)))
    columns = [
        Column("month", "Month"),
        Column("days", "Days", numbers.count),
        Column("postings", "Postings", numbers.count, meter=True),
        Column("daily_mean", "A day", lambda mean: f"{mean:,.1f}"),
        Column("busiest", "Busiest day", numbers.count),
    ]
    caption = f"Bars: postings of a day; the line smooths the week, as the mean of {plots.MEAN_DAYS} days."
    return section(
        "volume",
        "Volume by day",
        how,
        figure(plots.daily_volume(days), caption),
        table("Postings by month, days of the window only", selections.monthly_volume(tables), columns),
    )


def quality(tables: ReportTables) -> str:
    """How far the data can be trusted."""
    how = (
        "Duplicates are postings of a job that is counted already, rejected are those that could not be read "
        "or have no title; neither counts in any figure above."
    )
    parts = [_unknown(tables), _sources(tables)]
    if tables.rejections.height:
        rows = tables.rejections.sort("postings", "reason", descending=[True, False])
        columns = [Column("reason", "Reason"), Column("postings", "Postings", numbers.count, meter=True)]
        parts.append(table("Rejected postings", rows, columns))
    elif any(parts):
        parts.append(nothing("No posting was rejected."))
    if not any(parts):
        parts = [nothing("Nothing yet: no source has given a posting.")]
    return section("quality", "Data quality", how, *parts)


def _unknown(tables: ReportTables) -> str:
    shares = selections.unknown_shares(tables)
    if not shares:
        return ""
    rows = pl.DataFrame({"field": list(shares), "known": [1 - part for part in shares.values()]})
    rows = rows.with_columns(unknown=1 - pl.col("known"))
    columns = [
        Column("field", "What postings state"),
        Column("known", "Known", numbers.share),
        Column("unknown", "Unknown", numbers.share),
    ]
    return table("Share of the counted postings that state it", rows, columns)


def _sources(tables: ReportTables) -> str:
    if tables.sources.is_empty():
        return ""
    rows = tables.sources.sort("postings", "source", descending=[True, False])
    columns = [
        Column("source", "Source"),
        Column("postings", "Counted", numbers.count, meter=True),
        Column("duplicates", "Duplicates", numbers.count),
    ]
    return table("Sources", rows, columns)
