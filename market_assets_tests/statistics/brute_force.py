"""Every statistic table by loops over plain postings: slow, and plainly as the contract defines them."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Any

import polars as pl

from market_assets_tests.statistics.markets import Market, Posting

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


def known_salaries(postings: Iterable[Posting]) -> list[float]:
    return sorted(posting.salary for posting in postings if posting.salary is not None)


def average(values: Sequence[float]) -> float | None:
    return float(sum(map(Fraction, values)) / len(values)) if values else None


def middle(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Linear interpolation between order statistics, in exact arithmetic."""
    position = Fraction(percent, 100) * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    low, high = Fraction(ordered[below]), Fraction(ordered[above])
    return float(low + (high - low) * (position - below))


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


def skill_demand(market: Market) -> list[Row]:
    rows: list[Row] = []
    industries = sorted({posting.industry for posting in market.postings if posting.industry is not None})
    for industry in (None, *industries):
        counted = [p for p in market.postings if industry is None or p.industry == industry]
        postings_of = by_skill(counted)
        rank = ranks(postings_of)
        for skill, found in postings_of.items():
            pay = known_salaries(found)
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
                    "average_salary": average(pay),
                    "median_salary": middle(pay),
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


def industry_skills(market: Market) -> list[Row]:
    columns = ("industry", "skill", "postings", "demand_share", "average_salary", "rank")
    return [{name: row[name] for name in columns} for row in skill_demand(market) if row["industry"] is not None]


def salary_statistics(market: Market) -> list[Row]:
    rows: list[Row] = []
    for skill, found in by_skill(market.postings).items():
        pay = known_salaries(found)
        if pay:
            rows.append(
                {
                    "skill": skill,
                    "postings_with_salary": len(pay),
                    "average_salary": average(pay),
                    "p10": percentile(pay, 10),
                    "p25": percentile(pay, 25),
                    "median_salary": percentile(pay, 50),
                    "p75": percentile(pay, 75),
                    "p90": percentile(pay, 90),
                }
            )
    return rows


def location_salaries(market: Market) -> list[Row]:
    rows: list[Row] = []
    for location in sorted({p.location for p in market.postings if p.location is not None}):
        found = [p for p in market.postings if p.location == location]
        pay = known_salaries(found)
        rows.append(
            {
                "location": location,
                "postings": len(found),
                "average_salary": average(pay),
                "median_salary": middle(pay),
                "min_salary": min(pay, default=None),
                "max_salary": max(pay, default=None),
            }
        )
    return rows


def salary_trends(market: Market) -> list[Row]:
    rows: list[Row] = []
    for skill, found in by_skill(market.postings).items():
        months: dict[str, list[Posting]] = defaultdict(list)
        for posting in found:
            months[f"{posting.posted_at.year:04d}-{posting.posted_at.month:02d}"].append(posting)
        pay = {month: known_salaries(months[month]) for month in sorted(months)}
        direction = trend_direction([median(map(Fraction, values)) for values in pay.values() if values])
        rows += [
            {
                "skill": skill,
                "month": month,
                "postings": len(months[month]),
                "average_salary": average(values),
                "median_salary": middle(values),
                "trend_direction": direction,
            }
            for month, values in pay.items()
        ]
    return rows


def trend_direction(medians: Sequence[Fraction]) -> str:
    if len(medians) < 2:
        return "insufficient_data"
    change = medians[-1] - medians[0]
    if abs(change) <= medians[0] * Fraction(2, 100):
        return "stable"
    return "increasing" if change > 0 else "decreasing"


def trending_skills(market: Market, as_of: datetime) -> list[Row]:
    boundary = datetime(as_of.year, as_of.month, as_of.day, tzinfo=as_of.tzinfo) - timedelta(days=30)
    rows: list[Row] = []
    for skill, found in by_skill(market.postings).items():
        recent = sum(boundary <= p.posted_at <= as_of for p in found)
        previous = sum(boundary - timedelta(days=60) <= p.posted_at < boundary for p in found)
        if recent or previous:
            growth = Fraction(2 * recent, previous) - 1 if previous else None
            rows.append(
                {
                    "skill": skill,
                    "recent_postings": recent,
                    "previous_postings": previous,
                    "growth": None if growth is None else float(growth),
                    "trend": trend(recent, growth),
                }
            )
    return rows


def trend(recent: int, growth: Fraction | None) -> str:
    if growth is None:
        return "emerging" if recent >= 3 else "steady"
    if growth >= Fraction(1, 4):
        return "growing"
    return "declining" if growth <= Fraction(-1, 4) else "steady"


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
