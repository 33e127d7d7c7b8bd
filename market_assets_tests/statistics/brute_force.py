"""Every statistic table by loops over plain postings: slow, and plainly as the contract defines them."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import polars as pl

from market_assets_tests.statistics.markets import Market, Posting
from market_assets_tests.statistics.pay_by_hand import figure, pay_of

Row = dict[str, Any]


def assert_rows(frame: pl.DataFrame, schema: pl.Schema, expected: Sequence[Row]) -> None:
    """The frame has the schema and, row for row, the expected values; numbers may differ by rounding."""
    assert frame.schema == schema
    assert frame.height == len(expected)
    for found, wanted in zip(frame.iter_rows(named=True), expected, strict=True):
        assert found.keys() == wanted.keys()
        for column, value in wanted.items():
            if isinstance(value, float):
                close = found[column] is not None and math.isclose(
                    found[column], value, rel_tol=1e-9, abs_tol=1e-12
                )
                assert close, (column, found, wanted)
            else:
                assert found[column] == value, (column, found, wanted)


def top_five(values: Iterable[str | None]) -> str:
    counts = Counter(value for value in values if value is not None)
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]
    return json.dumps([{"value": value, "postings": number} for value, number in best], ensure_ascii=False)


def by_skill(postings: Iterable[Posting]) -> dict[str, list[Posting]]:
    """The postings of each skill, by skill."""
    found: dict[str, list[Posting]] = defaultdict(list)
    for posting in postings:
        for skill in posting.skills:
            found[skill].append(posting)
    return dict(sorted(found.items()))


def ranks(postings_of: Mapping[str, Sequence[Posting]]) -> dict[str, int]:
    order = sorted(postings_of, key=lambda skill: (-len(postings_of[skill]), skill))
    return {skill: place for place, skill in enumerate(order, start=1)}


def skill_demand(market: Market, min_sample: int) -> list[Row]:
    rows: list[Row] = []
    industries = sorted({posting.industry for posting in market.postings if posting.industry is not None})
    for industry in (None, *industries):
        counted = [p for p in market.postings if industry is None or p.industry == industry]
        postings_of = by_skill(counted)
        rank = ranks(postings_of)
        for skill, found in postings_of.items():
            pay = pay_of(found)
            share = Fraction(len(found), len(counted))
            rows.append(
                {
                    "skill": skill,
                    "category": market.categories[skill],
                    "industry": industry,
                    "postings": len(found),
                    "demand_share": float(share),
                    "demand_score": float(min(Fraction(100), 200 * share)),
                    "required_share": required_share(skill, found),
                    "mentions_only": sum(skill in posting.mentions_only for posting in counted),
                    "postings_with_salary": len(pay),
                    "average_salary": figure(pay, "average", min_sample),
                    "median_salary": figure(pay, 50, min_sample),
                    "min_salary": min(pay, default=None),
                    "max_salary": max(pay, default=None),
                    "top_sources": top_five(p.source for p in found),
                    "top_industries": top_five(p.industry for p in found),
                    "top_locations": top_five(p.location for p in found),
                    "rank": rank[skill],
                }
            )
    return rows


def required_share(skill: str, found: list[Posting]) -> float | None:
    weights = [posting.weight_of(skill) for posting in found if posting.weight_of(skill) > 0]
    return float(Fraction(sum(weight >= 80 for weight in weights), len(weights))) if weights else None


def industry_skills(market: Market, min_sample: int) -> list[Row]:
    columns = ("industry", "skill", "postings", "demand_share", "postings_with_salary", "average_salary", "rank")
    rows = skill_demand(market, min_sample)
    return [{name: row[name] for name in columns} for row in rows if row["industry"] is not None]


def location_salaries(market: Market, min_sample: int) -> list[Row]:
    rows: list[Row] = []
    for location in sorted({place for p in market.postings for place in p.places}):
        found = [p for p in market.postings if location in p.places]
        pay = pay_of(found)
        rows.append(
            {
                "location": location,
                "postings": len(found),
                "postings_with_salary": len(pay),
                "average_salary": figure(pay, "average", min_sample),
                "median_salary": figure(pay, 50, min_sample),
                "min_salary": min(pay, default=None),
                "max_salary": max(pay, default=None),
            }
        )
    return rows


def posting_statistics(market: Market) -> list[Row]:
    counts: Counter[tuple[str, str]] = Counter()
    for posting in market.postings:
        counts["source", posting.source] += 1
        counts["industry", posting.industry or "unknown"] += 1
        counts["salary_band", salary_band(posting.salary)] += 1
        counts["day", posting.posted_at.strftime("%Y-%m-%d")] += 1
        counts["employment_type", posting.employment_type or "unknown"] += 1
        counts["remote", posting.workplace or "unknown"] += 1
    return [
        {"dimension": dimension, "value": value, "postings": number}
        for (dimension, value), number in sorted(counts.items())
    ]


def salary_band(salary: float | None) -> str:
    if salary is None:
        return "unknown"
    if salary >= 200_000:
        return "200000+"
    lower = int(Fraction(salary) // 25_000) * 25_000
    return f"{lower}-{lower + 25_000}"
