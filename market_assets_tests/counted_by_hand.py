"""Every result table counted again from job_postings and posting_skills: in plain loops, by the promised rules."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from statistics import fmean, median
from typing import Any

import sqlalchemy as sa

from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.tables.postings import job_postings, posting_skills, rejected_postings, skills

Row = dict[str, Any]
Tables = dict[str, list[Row]]


@dataclass(frozen=True)
class Posting:
    """A posting that counts."""

    source: str
    posted_at: datetime
    location: str | None
    industry: str | None
    employment_type: str | None
    workplace: str | None
    salary: float | None
    skills: tuple[str, ...]
    required: frozenset[str]
    mentioned: frozenset[str]


@dataclass(frozen=True)
class Market:
    """What the store holds up to a moment: originals, the number of duplicates by time, rejections by day."""

    as_of: datetime
    originals: list[Posting]
    duplicates: list[datetime]
    rejections: list[datetime]
    categories: dict[str, str]

    def start(self, days: int) -> datetime:
        """00:00 UTC of the day of as_of, less some days."""
        return datetime(self.as_of.year, self.as_of.month, self.as_of.day, tzinfo=UTC) - timedelta(days=days)

    def since(self, start: datetime) -> list[Posting]:
        return [posting for posting in self.originals if start <= posting.posted_at <= self.as_of]


def read_market(url: str, as_of: datetime) -> Market:
    """Read the store with SQLAlchemy alone."""
    with Database(url).engine().connect() as connection:
        found: dict[int, list[tuple[str, float]]] = defaultdict(list)
        for posting_id, skill, weight in connection.execute(
            sa.select(posting_skills.c.posting_id, posting_skills.c.skill, posting_skills.c.weight)
        ):
            found[posting_id].append((skill, weight))
        rows = connection.execute(sa.select(job_postings)).mappings().all()
        known = sa.select(skills.c.skill, skills.c.category)
        return Market(
            as_of=as_of,
            originals=[posting_of(row, found[row["posting_id"]]) for row in rows if row["duplicate_of"] is None],
            duplicates=[row["posted_at"] for row in rows if row["duplicate_of"] is not None],
            rejections=[
                datetime(day.year, day.month, day.day, tzinfo=UTC)
                for day in connection.scalars(sa.select(rejected_postings.c.partition_date))
            ],
            categories={row.skill: row.category for row in connection.execute(known)},
        )


def count(market: Market, settings: Settings) -> Tables:
    """Every result table but recommendations and affinities, whose figures are no promise."""
    start = market.start(settings.window_days)
    window = market.since(start)
    trending = trending_skills(market)
    demand = skill_demand(window, market.categories)
    industry = [row for row in demand if row["industry"] is not None]
    return {
        "skill_demand": demand,
        "industry_skills": only(industry, "industry skill postings demand_share average_salary rank"),
        "salary_statistics": salary_statistics(window),
        "salary_trends": salary_trends(market.since(market.start(settings.trend_days))),
        "location_salaries": location_salaries(window),
        "trending_skills": trending,
        "posting_statistics": posting_statistics(window),
        "market_summary": [market_summary(market, start, window, trending)],
        "skill_pairs": skill_pairs(window),
        "skill_relationships": skill_relationships(window),
        "category_relationships": category_relationships(window, market.categories),
    }


def posting_of(row: Mapping[str, Any], found: list[tuple[str, float]]) -> Posting:
    stated = [amount for amount in (row["annual_salary_min"], row["annual_salary_max"]) if amount is not None]
    names_found = [skill for skill, _ in found]
    assert len(names_found) == len(set(names_found)), "a posting counts once per skill"
    names = ("source", "posted_at", "location", "industry", "employment_type", "workplace")
    return Posting(
        **{name: row[name] for name in names},
        salary=fmean(stated) if stated else None,
        skills=tuple(sorted(skill for skill, weight in found if weight >= 0.4)),
        required=frozenset(skill for skill, weight in found if weight >= 0.8),
        mentioned=frozenset(skill for skill, weight in found if weight < 0.4),
    )


def only(rows: Iterable[Row], columns: str) -> list[Row]:
    return [{name: row[name] for name in columns.split()} for row in rows]


def pay_of(postings: Iterable[Posting]) -> list[float]:
    return sorted(posting.salary for posting in postings if posting.salary is not None)


def over(values: Sequence[float], figure: Callable[[Sequence[float]], float]) -> float | None:
    return figure(values) if values else None


def by_skill(postings: Iterable[Posting]) -> dict[str, list[Posting]]:
    found: dict[str, list[Posting]] = defaultdict(list)
    for posting in postings:
        for skill in posting.skills:
            found[skill].append(posting)
    return found


def top_five(values: Iterable[str | None]) -> str:
    counts = Counter(value for value in values if value is not None)
    best = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    return json.dumps([{"value": value, "postings": number} for value, number in best], ensure_ascii=False)


def skill_demand(window: list[Posting], categories: Mapping[str, str]) -> list[Row]:
    rows = []
    for industry in {None, *(posting.industry for posting in window)}:
        among = [posting for posting in window if industry in (None, posting.industry)]
        asked = by_skill(among)
        order = sorted(asked, key=lambda skill: (-len(asked[skill]), skill))
        for rank, skill in enumerate(order, start=1):
            having = asked[skill]
            pay, share = pay_of(having), len(having) / len(among)
            rows.append(
                {
                    "skill": skill,
                    "category": categories[skill],
                    "industry": industry,
                    "postings": len(having),
                    "demand_share": share,
                    "demand_score": min(100.0, 200 * share),
                    "required_share": sum(skill in posting.required for posting in having) / len(having),
                    "mentions_only": sum(skill in posting.mentioned for posting in among),
                    "average_salary": over(pay, fmean),
                    "median_salary": over(pay, median),
                    "min_salary": over(pay, min),
                    "max_salary": over(pay, max),
                    "top_sources": top_five(posting.source for posting in having),
                    "top_industries": top_five(posting.industry for posting in having),
                    "top_locations": top_five(posting.location for posting in having),
                    "rank": rank,
                }
            )
    return rows


def percentile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = ordered[math.floor(place)]
    return low + (ordered[math.ceil(place)] - low) * (place - math.floor(place))


def salary_statistics(window: list[Posting]) -> list[Row]:
    points = {"p10": 0.1, "p25": 0.25, "median_salary": 0.5, "p75": 0.75, "p90": 0.9}
    return [
        {
            "skill": skill,
            "postings_with_salary": len(pay),
            "average_salary": fmean(pay),
            **{name: percentile(pay, share) for name, share in points.items()},
        }
        for skill, having in by_skill(window).items()
        if (pay := pay_of(having))
    ]


def salary_trends(history: list[Posting]) -> list[Row]:
    rows = []
    for skill, having in by_skill(history).items():
        months: dict[str, list[Posting]] = defaultdict(list)
        for posting in having:
            months[posting.posted_at.strftime("%Y-%m")].append(posting)
        medians = [median(pay) for _, found in sorted(months.items()) if (pay := pay_of(found))]
        for month, found in months.items():
            pay = pay_of(found)
            figures = {"average_salary": over(pay, fmean), "median_salary": over(pay, median)}
            direction = {"trend_direction": trend_direction(medians)}
            rows.append({"skill": skill, "month": month, "postings": len(found), **figures, **direction})
    return rows


def trend_direction(medians: Sequence[float]) -> str:
    if len(medians) < 2:
        return "insufficient_data"
    change = medians[-1] / medians[0] - 1
    if abs(change) <= 0.02:
        return "stable"
    return "increasing" if change > 0 else "decreasing"


def location_salaries(window: list[Posting]) -> list[Row]:
    rows = []
    for location in {posting.location for posting in window} - {None}:
        there = [posting for posting in window if posting.location == location]
        pay = pay_of(there)
        figures = {"average": fmean, "median": median, "min": min, "max": max}
        amounts = {f"{name}_salary": over(pay, figure) for name, figure in figures.items()}
        rows.append({"location": location, "postings": len(there), **amounts})
    return rows


def trending_skills(market: Market) -> list[Row]:
    boundary, earliest = market.start(30), market.start(90)
    rows = []
    for skill, having in by_skill(market.since(earliest)).items():
        recent = sum(posting.posted_at >= boundary for posting in having)
        previous = len(having) - recent
        growth = recent / (previous / 2) - 1 if previous else None
        if growth is None:
            trend = "emerging" if recent >= 3 else "steady"
        else:
            trend = "growing" if growth >= 0.25 else "declining" if growth <= -0.25 else "steady"
        counts = {"recent_postings": recent, "previous_postings": previous}
        rows.append({"skill": skill, **counts, "growth": growth, "trend": trend})
    return rows


def posting_statistics(window: list[Posting]) -> list[Row]:
    counts = Counter(
        pair
        for posting in window
        for pair in (
            ("source", posting.source),
            ("industry", posting.industry or "unknown"),
            ("salary_band", salary_band(posting.salary)),
            ("day", posting.posted_at.strftime("%Y-%m-%d")),
            ("employment_type", posting.employment_type or "unknown"),
            ("remote", posting.workplace or "unknown"),
        )
    )
    return [{"dimension": name, "value": value, "postings": number} for (name, value), number in counts.items()]


def salary_band(salary: float | None) -> str:
    if salary is None:
        return "unknown"
    lower = math.floor(salary / 25_000) * 25_000
    return "200000+" if lower >= 200_000 else f"{lower}-{lower + 25_000}"


def market_summary(market: Market, start: datetime, window: list[Posting], trending: list[Row]) -> Row:
    pay, asked = pay_of(window), by_skill(window)
    growing = [row for row in trending if row["trend"] == "growing"]
    return {
        "as_of": market.as_of,
        "window_start": start,
        "postings": len(window),
        "duplicates": sum(start <= moment <= market.as_of for moment in market.duplicates),
        "rejected": sum(start <= day <= market.as_of for day in market.rejections),
        "postings_with_salary": len(pay),
        "average_salary": over(pay, fmean),
        "median_salary": over(pay, median),
        "skills": len(asked),
        "industries": len({posting.industry for posting in window} - {None}),
        "locations": len({posting.location for posting in window} - {None}),
        "remote_share": sum(p.workplace == "remote" for p in window) / len(window) if window else None,
        "top_skill": min(asked, key=lambda skill: (-len(asked[skill]), skill), default=None),
        "fastest_growing_skill": min(growing, key=lambda row: (-row["growth"], row["skill"]), default={}).get(
            "skill"
        ),
    }


def pair_counts(window: list[Posting]) -> Counter[tuple[str, str]]:
    return Counter(pair for posting in window for pair in combinations(posting.skills, 2))


def skill_pairs(window: list[Posting]) -> list[Row]:
    counts = pair_counts(window).items()
    return [{"skill_a": a, "skill_b": b, "co_occurrences": together} for (a, b), together in counts]


def skill_relationships(window: list[Posting]) -> list[Row]:
    number = {skill: len(having) for skill, having in by_skill(window).items()}
    rows = []
    for (a, b), together in pair_counts(window).items():
        if together < 2:
            continue
        support = together / len(window)
        lift = support / (number[a] / len(window) * (number[b] / len(window)))
        npmi = 1.0 if together == len(window) else math.log(lift) / -math.log(support)
        rows.append(
            {
                "skill_a": a,
                "skill_b": b,
                "co_occurrences": together,
                "support": support,
                "confidence_ab": together / number[a],
                "confidence_ba": together / number[b],
                "lift": lift,
                "npmi": npmi,
                "strength": strength(npmi),
                **certainty(together, number[a], number[b], len(window)),
            }
        )
    return rows


def certainty(both: int, a: int, b: int, n: int) -> Row:
    """Lower ends of the intervals of 99.9 %, and the log-likelihood ratio."""
    z, p = 3.2905267314919255, both / n
    wilson = 2 * both + z * z - 1 - z * math.sqrt(z * z - 2 - 1 / n + 4 * p * (n * (1 - p) + 1))
    lower = min(max(n * wilson / (2 * (n + z * z)), a + b - n), both)
    cells = [
        (both, a * b),
        (a - both, a * (n - b)),
        (b - both, (n - a) * b),
        (n - a - b + both, (n - a) * (n - b)),
    ]
    surprise = sum(2 * seen * math.log(seen * n / chance) for seen, chance in cells if seen)
    return {
        "lift_lower": lower * n / (a * b),
        "npmi_lower": 1.0 if lower == n else math.log(lower * n / (a * b)) / -math.log(lower / n),
        "log_likelihood": max(surprise, 0.0) if both * n > a * b else 0.0,
    }


def strength(npmi: float) -> str:
    bounds = ((0.05, "very_weak"), (0.15, "weak"), (0.3, "moderate"), (0.5, "strong"))
    # An npmi of exactly a bound must not be missed by the last bit of a logarithm.
    return next((name for bound, name in bounds if round(npmi, 12) < bound), "very_strong")


def category_relationships(window: list[Posting], categories: Mapping[str, str]) -> list[Row]:
    counts = Counter(
        pair
        for posting in window
        for pair in combinations(sorted({categories[skill] for skill in posting.skills}), 2)
    )
    return [{"category_a": a, "category_b": b, "co_occurrences": number} for (a, b), number in counts.items()]
