"""Plots of result tables, as Dagster shows them inline: the report's, each an image by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

#: As many rows as are drawn.
_ROWS = 15
#: Of trending skills: that grow, decline or are new.
_OF_TREND = 6


def demand(rows: pl.DataFrame, currency: str) -> str | None:
    """The most asked skills, with their median pay (skill_demand)."""
    from market_assets.report.plots import demand_bars

    top = rows.filter(rows["industry"].is_null()).sort("rank", "skill").head(_ROWS)
    return demand_bars(top, currency) if top.height else None


def pay(rows: pl.DataFrame, currency: str) -> str | None:
    """The percentiles of pay of the skills with most known salaries, in all countries (salary_statistics)."""
    from market_assets.report.plots import pay_ranges
    from market_assets.statistics.pay import of_all_postings

    known = of_all_postings(rows).drop_nulls(["p10", "p25", "median_salary", "p75", "p90"])
    most_known = known.sort("postings_with_salary", "skill", descending=[True, False]).head(_ROWS)
    shown = most_known.sort("median_salary", "skill", descending=[True, False])
    return pay_ranges(shown, currency) if shown.height else None


def growth(rows: pl.DataFrame, currency: str) -> str | None:  # noqa: ARG001
    """The skills that grow and decline most, and the new ones (trending_skills)."""
    import polars as pl

    from market_assets.report.plots import growth_bars

    def of_trend(trend: str, column: str, *, descending: bool) -> pl.DataFrame:
        return (
            rows.filter(rows["trend"] == trend)
            .sort(column, "skill", descending=[descending, False])
            .head(_OF_TREND)
        )

    growing = of_trend("growing", "growth", descending=True)
    declining = of_trend("declining", "growth", descending=False).reverse()
    emerging = of_trend("emerging", "recent_postings", descending=True)
    moving = pl.concat([growing, declining])
    return growth_bars(moving, emerging) if moving.height + emerging.height else None
