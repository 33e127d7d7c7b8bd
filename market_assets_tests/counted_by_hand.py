"""Every result table counted again from job_postings and posting_skills: in plain loops, by the promised rules."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from statistics import fmean
from typing import Any

import sqlalchemy as sa

from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.tables.postings import job_postings, posting_skills, rejected_postings, skills
from market_assets_tests.statistics.changes_by_hand import compared_sources, salary_trends, trending_skills
from market_assets_tests.statistics.occupations_by_hand import (
    occupation_demand,
    occupation_salaries,
    occupation_skills,
)
from market_assets_tests.statistics.pay_by_hand import employment_salaries, figure, pay_of, salary_statistics

Row = dict[str, Any]
Tables = dict[str, list[Row]]


@dataclass(frozen=True)
class Posting:
    """A posting that counts."""

    source: str
    posted_at: datetime
    location: str | None
    places: frozenset[str]
    industry: str | None
    employment_type: str | None
    workplace: str | None
    salary: float | None
    country: str | None
    seniority: str | None
    occupation: str | None
    language: str | None
    employer: str | None
    partition_date: date
    dated: bool
    skills: tuple[str, ...]
    required: frozenset[str]
    mentioned: frozenset[str]


@dataclass(frozen=True)
class Market:
    """What the store holds up to a moment: originals, the number of duplicates by time, rejections by day.

    `ingested` is the number of postings that the daily partitions of each month were the first to see.
    """

    as_of: datetime
    originals: list[Posting]
    duplicates: list[datetime]
    rejections: list[datetime]
    categories: dict[str, str]
    ingested: Counter[str]

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
            ingested=Counter(f"{row['partition_date']:%Y-%m}" for row in rows),
        )


def count(market: Market, settings: Settings) -> Tables:
    """Every result table but recommendations and affinities, whose figures are no promise.

    The sources are files; nothing has been recorded in the history before.
    """
    start, least = market.start(settings.window_days), settings.min_sample
    window, compared = market.since(start), market.since(market.start(90))
    sources, left_out = compared_sources(compared, market.as_of)
    trending = trending_skills(compared, market.as_of, sources)
    demand = skill_demand(window, market.categories, least)
    industry = [row for row in demand if row["industry"] is not None]
    summary = market_summary(market, start, window, trending, least)
    return {
        "skill_demand": demand,
        "industry_skills": only(
            industry, "industry skill postings demand_share postings_with_salary average_salary rank"
        ),
        "salary_statistics": salary_statistics(window, least),
        "employment_salaries": employment_salaries(window, least),
        "occupation_demand": occupation_demand(window),
        "occupation_skills": occupation_skills(window),
        "occupation_salaries": occupation_salaries(window, least),
        "salary_trends": salary_trends(market.since(market.start(settings.trend_days)), least),
        "location_salaries": location_salaries(window, least),
        "trending_skills": trending,
        "skill_history": skill_history(market, least),
        "posting_statistics": posting_statistics(window),
        "posting_coverage": posting_coverage(window),
        "market_summary": [
            summary | {"sources_compared": json.dumps(sources), "sources_left_out": json.dumps(left_out)}
        ],
        "skill_pairs": skill_pairs(window),
        "skill_relationships": skill_relationships(window),
        "category_relationships": category_relationships(window, market.categories),
    }


def posting_of(row: Mapping[str, Any], found: list[tuple[str, float]]) -> Posting:
    stated = [amount for amount in (row["annual_salary_min"], row["annual_salary_max"]) if amount is not None]
    names_found = [skill for skill, _ in found]
    assert len(names_found) == len(set(names_found)), "a posting counts once per skill"
    names = (
        "source",
        "posted_at",
        "location",
        "industry",
        "employment_type",
        "workplace",
        "country",
        "seniority",
        "occupation",
        "language",
    )
    return Posting(
        **{name: row[name] for name in names},
        places=frozenset(places_of(row)),
        employer=None if row["company"] is None else " ".join(re.findall(r"\w+", row["company"].lower())),
        partition_date=row["partition_date"],
        dated=row["stated_posted_at"] is not None,
        salary=fmean(stated) if stated else None,
        skills=tuple(sorted(skill for skill, weight in found if weight >= 0.4)),
        required=frozenset(skill for skill, weight in found if weight >= 0.8),
        mentioned=frozenset(skill for skill, weight in found if weight < 0.4),
    )


def places_of(row: Mapping[str, Any]) -> list[str]:
    if row["locations"] is not None:
        return [place for place, _country in json.loads(row["locations"])]
    return [] if row["location"] is None else [row["location"]]


def only(rows: Iterable[Row], columns: str) -> list[Row]:
    return [{name: row[name] for name in columns.split()} for row in rows]


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


def skill_demand(window: list[Posting], categories: Mapping[str, str], least: int) -> list[Row]:
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
                    "postings_with_salary": len(pay),
                    "average_salary": figure(pay, "average", least),
                    "median_salary": figure(pay, 50, least),
                    "min_salary": min(pay, default=None),
                    "max_salary": max(pay, default=None),
                    "top_sources": top_five(posting.source for posting in having),
                    "top_industries": top_five(posting.industry for posting in having),
                    "top_locations": top_five(posting.location for posting in having),
                    "rank": rank,
                }
            )
    return rows


def location_salaries(window: list[Posting], least: int) -> list[Row]:
    rows = []
    for location in {place for posting in window for place in posting.places}:
        there = [posting for posting in window if location in posting.places]
        pay = pay_of(there)
        rows.append(
            {
                "location": location,
                "postings": len(there),
                "postings_with_salary": len(pay),
                "average_salary": figure(pay, "average", least),
                "median_salary": figure(pay, 50, least),
                "min_salary": min(pay, default=None),
                "max_salary": max(pay, default=None),
            }
        )
    return rows


def skill_history(market: Market, least: int) -> list[Row]:
    """Of all months up to the moment."""
    rows = []
    months: dict[str, list[Posting]] = defaultdict(list)
    for posting in market.originals:
        if posting.posted_at <= market.as_of:
            months[f"{posting.posted_at:%Y-%m}"].append(posting)
    for month, postings in months.items():
        for skill, having in by_skill(postings).items():
            pay = pay_of(having)
            rows.append(
                {
                    "skill": skill,
                    "month": month,
                    "postings": len(having),
                    "share": len(having) / len(postings),
                    "postings_with_salary": len(pay),
                    "median_salary": figure(pay, 50, least),
                    "market_postings": len(postings),
                    "filled_postings": market.ingested[month],
                    "recorded_at": market.as_of,
                    "revised_at": None,
                }
            )
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


def market_summary(market: Market, start: datetime, window: list[Posting], trending: list[Row], least: int) -> Row:
    pay, asked = pay_of(window), by_skill(window)
    growing = [row for row in trending if row["trend"] == "growing"]
    return {
        "as_of": market.as_of,
        "window_start": start,
        "postings": len(window),
        "duplicates": sum(start <= moment <= market.as_of for moment in market.duplicates),
        "rejected": sum(start <= day <= market.as_of for day in market.rejections),
        "postings_with_salary": len(pay),
        "average_salary": figure(pay, "average", least),
        "median_salary": figure(pay, 50, least),
        "skills": len(asked),
        "industries": len({posting.industry for posting in window} - {None}),
        "locations": len({place for posting in window for place in posting.places}),
        "remote_share": sum(p.workplace == "remote" for p in window) / len(window) if window else None,
        "top_skill": min(asked, key=lambda skill: (-len(asked[skill]), skill), default=None),
        "fastest_growing_skill": min(growing, key=lambda row: (-row["growth"], row["skill"]), default={}).get(
            "skill"
        ),
        "salary_countries": len({p.country for p in window if p.salary is not None} - {None}),
        "sample_postings": sum(posting.source in ("sample_jobs", "sample_board") for posting in window),
    }


def pair_counts(window: list[Posting]) -> Counter[tuple[str, str]]:
    return Counter(pair for posting in window for pair in combinations(posting.skills, 2))


def posting_coverage(window: list[Posting]) -> list[Row]:
    stated: dict[str, Callable[[Posting], bool]] = {
        "pay_share": lambda posting: posting.salary is not None,
        "date_share": lambda posting: posting.dated,
        "place_share": lambda posting: posting.location is not None,
        "skill_share": lambda posting: bool(posting.skills),
    }
    groups = defaultdict(list)
    for posting in window:
        groups["source", posting.source].append(posting)
        groups["language", posting.language or "unknown"].append(posting)
    return [
        {"dimension": dimension, "value": value, "postings": len(members)}
        | {share: fmean(map(states, members)) for share, states in stated.items()}
        for (dimension, value), members in groups.items()
    ]


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
