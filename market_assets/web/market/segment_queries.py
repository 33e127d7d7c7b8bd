"""Figures of a part of the market, counted by the functions that compute the published tables."""

from __future__ import annotations

from typing import Any

import polars as pl

from market_assets.statistics.demand import market_demand, skill_demand
from market_assets.statistics.pay import pay_of_all, salary_statistics
from market_assets.statistics.segments import asking
from market_assets.statistics.window import Window
from market_assets.web.market.queries import IN_INDUSTRY, Content
from market_assets.web.market.snapshot import with_lists

_MOST_PAID = {"postings_with_salary": True, "country": False, "seniority": False}


def skills_in(postings: Window, min_sample: int) -> pl.DataFrame:
    """Demand and pay of each skill in these postings alone, by rank (columns of `demand.market_demand`)."""
    return market_demand(postings, min_sample).sort("rank", "skill")


def skill_in(postings: Window, min_sample: int) -> Content:
    """Demand and pay of a skill in these postings, as `queries.skill` has them; its rank and growth are unknown.

    Args:
        postings: a window that holds no skill but this one (`Window.of_skill`).
        min_sample: pay of fewer postings is null.
    """
    demand = with_lists(skill_demand(postings, min_sample))
    of_all = demand.filter(pl.col("industry").is_null())
    # Postings without the skill count in shares alone.
    pay = salary_statistics(asking(postings), min_sample).drop("skill")
    country, seniority = pl.col("country").is_not_null(), pl.col("seniority").is_not_null()
    salaries = pay.filter(~country & ~seniority)
    return {
        "demand": {**of_all.row(0, named=True), "rank": None} if of_all.height else None,
        "salaries": salaries.row(0, named=True) if salaries.height else None,
        "by_country": _most_paid(pay.filter(country & ~seniority)),
        "by_seniority": _most_paid(pay.filter(seniority & ~country)),
        "industries": demand.drop_nulls("industry")
        .sort("postings", "industry", descending=[True, False])
        .select(IN_INDUSTRY)
        .to_dicts(),
    }


def pay_in(postings: Window, min_sample: int) -> Content | None:
    """What these postings pay (columns of `employment_salaries`); None without pay."""
    rows = pay_of_all(postings, min_sample)
    return rows.row(0, named=True) if rows.height else None


def _most_paid(rows: pl.DataFrame) -> list[dict[str, Any]]:
    return rows.sort(list(_MOST_PAID), descending=list(_MOST_PAID.values()), nulls_last=True).to_dicts()
