"""A made-up market, always the same, and its result tables counted in plain Python."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from math import log
from statistics import fmean, median

import numpy as np
import polars as pl

from market_assets.report.selections import SCHEMAS, ReportTables
from market_assets_tests.statistics.markets import Posting as CountedPosting
from market_assets_tests.statistics.occupations_by_hand import (
    occupation_demand,
    occupation_salaries,
    occupation_skills,
)

AS_OF = datetime(2026, 7, 31, 14, 30, tzinfo=UTC)
START = datetime(2026, 5, 2, tzinfo=UTC)

#: Stacks of skills that are asked for together, what they pay and how much more each day.
STACKS = {
    "data": (["Python", "SQL", "Apache Spark", "Airflow", "dbt", "Snowflake"], 132_000, 120),
    "web": (["JavaScript", "TypeScript", "React", "Node.js", "CSS"], 112_000, -160),
    "platform": (["Kubernetes", "Docker", "Terraform", "Amazon Web Services", "Linux"], 141_000, 15),
    "machine learning": (["Python", "PyTorch", "Machine learning", "Large language models"], 168_000, 350),
    "enterprise": (["Java", "Spring Boot", "SQL", "COBOL"], 118_000, -60),
}
INDUSTRIES = ["Information technology", "Finance", "Health care", "Retail", "Manufacturing", None]
PLACES = ["Berlin, DE", "London, GB", "New York, US", "Austin, US", "São Paulo, BR", "Bengaluru, IN", None]


@dataclass(frozen=True)
class Posting:
    """What is counted of a posting."""

    day: datetime
    skills: frozenset[str]
    salary: float | None
    industry: str | None
    place: str | None
    workplace: str
    source: str

    @property
    def country(self) -> str | None:
        return self.place[-2:] if self.place else None


def market(seed: int, number: int) -> list[Posting]:
    """Postings of the 90 days before `AS_OF`."""
    chance = random.Random(seed)
    every = sorted({name for names, *_ in STACKS.values() for name in names})
    postings = []
    for _ in range(number):
        age = min(int(chance.betavariate(1, 1.05) * 90), 89)
        stack = chance.choices(list(STACKS), weights=[5, 4, 3, 2 + (age < 30), 1 + 3 * (age >= 30)])[0]
        names, pay, trend = STACKS[stack]
        skills = frozenset(name for name in names if chance.random() < 0.6)
        if chance.random() < 0.35:
            skills |= {chance.choice(every)}
        if stack == "machine learning" and age < 20 and chance.random() < 0.5:
            skills |= {"Agent protocols"}
        salary = round(chance.gauss(pay + trend * (45 - age), 24_000), 2) if chance.random() < 0.63 else None
        postings.append(
            Posting(
                day=AS_OF - timedelta(days=age, hours=chance.randrange(14)),
                skills=skills,
                salary=salary,
                industry=chance.choices(INDUSTRIES, weights=[8, 5, 4, 3, 2, 3])[0],
                place=chance.choice(PLACES),
                workplace=chance.choice(["remote", "hybrid", "onsite", "unknown"]),
                source=chance.choices(["greenhouse", "lever", "remoteok"], weights=[5, 3, 1])[0],
            )
        )
    return postings


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _demand(postings: list[Posting]) -> list[dict[str, object]]:
    categories = {"Agent protocols": "machine learning"} | {
        skill: stack for stack, (names, *_) in reversed(STACKS.items()) for skill in names
    }
    rows = []
    for industry in [None, *sorted({each.industry for each in postings if each.industry})]:
        members = [each for each in postings if industry in (None, each.industry)]
        counts = Counter(skill for each in members for skill in each.skills)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        for rank, (skill, number) in enumerate(ordered, start=1):
            pay = [each.salary for each in members if skill in each.skills]
            rows.append(
                {
                    "skill": skill,
                    "category": categories[skill],
                    "industry": industry,
                    "postings": number,
                    "demand_share": number / len(members),
                    "postings_with_salary": sum(each is not None for each in pay),
                    "median_salary": _median(pay),
                    "average_salary": fmean(known) if (known := [p for p in pay if p is not None]) else None,
                    "rank": rank,
                }
            )
    return rows


def _percentiles(postings: list[Posting], skills: list[str]) -> list[dict[str, object]]:
    rows = []
    for skill, country in product(skills, [None, *_countries(postings)]):
        members = [each for each in postings if skill in each.skills and country in (None, each.country)]
        pay = [each.salary for each in members if each.salary is not None]
        if pay:
            cuts = dict(
                zip(
                    ("p10", "p25", "median_salary", "p75", "p90"),
                    np.percentile(pay, [10, 25, 50, 75, 90]).tolist(),
                    strict=True,
                )
            )
            row = {"skill": skill, "country": country, "postings_with_salary": len(pay)}
            rows.append(row | {"average_salary": fmean(pay)} | cuts)
    return rows


def _countries(postings: list[Posting]) -> list[str]:
    return sorted({each.country for each in postings if each.country})


def _employment(postings: list[Posting]) -> list[dict[str, object]]:
    """All postings are full-time."""
    rows = []
    for kind, country in product((None, "full_time"), [None, *_countries(postings)]):
        members = [each for each in postings if country in (None, each.country)]
        pay = sorted(each.salary for each in members if each.salary is not None)
        if pay:
            row = {"employment_type": kind, "country": country, "postings_with_salary": len(pay)}
            rows.append(row | {"median_salary": median(pay), "median_lower": pay[0], "median_upper": pay[-1]})
    return rows


def _trends(postings: list[Posting], skills: list[str]) -> list[dict[str, object]]:
    rows = []
    for skill in skills:
        months: dict[str, list[Posting]] = {}
        for each in postings:
            if skill in each.skills:
                months.setdefault(f"{each.day:%Y-%m}", []).append(each)
        medians = {month: _median(each.salary for each in months[month]) for month in sorted(months)}
        known = [value for value in medians.values() if value is not None]
        change = known[-1] / known[0] - 1 if len(known) > 1 else None
        direction, changes = "insufficient_data", {}
        if change is not None:
            direction = "stable" if abs(change) <= 0.02 else "increasing" if change > 0 else "decreasing"
            changes = {"change": change, "change_lower": change - 0.05, "change_upper": change + 0.05}
        for month, value in medians.items():
            row = {"skill": skill, "month": month, "postings": len(months[month])}
            rows.append(row | {"median_salary": value, **changes, "trend_direction": direction})
    return rows


def _growth(postings: list[Posting], skills: list[str]) -> list[dict[str, object]]:
    boundary = AS_OF.replace(hour=0, minute=0) - timedelta(days=30)
    rows = []
    for skill in skills:
        recent = sum(skill in each.skills and each.day >= boundary for each in postings)
        previous = sum(skill in each.skills and each.day < boundary for each in postings)
        of_recent = sum(each.day >= boundary for each in postings) or 1
        shares = recent / of_recent, previous / max(len(postings) - of_recent, 1)
        growth = shares[0] / shares[1] - 1 if previous else None
        trend = "steady"
        if growth is None:
            trend = "emerging" if recent >= 3 else "steady"
        elif abs(growth) >= 0.25:
            trend = "growing" if growth > 0 else "declining"
        row = {"skill": skill, "recent_postings": recent, "previous_postings": previous}
        row |= {"recent_share": shares[0], "previous_share": shares[1], "growth": growth}
        if growth is not None:
            row |= {"growth_lower": growth - 0.1, "growth_upper": growth + 0.1}
        rows.append(row | {"trend": trend})
    return rows


def _pairs(postings: list[Posting]) -> list[dict[str, object]]:
    single = Counter(skill for each in postings for skill in each.skills)
    together = Counter(pair for each in postings for pair in combinations(sorted(each.skills), 2))
    rows = []
    for (a, b), number in sorted(together.items()):
        part = number / len(postings)
        lift = part / (single[a] / len(postings)) / (single[b] / len(postings))
        npmi = log(lift) / -log(part) if part < 1 else 1.0
        classes = ("very_weak", "weak", "moderate", "strong", "very_strong")
        strength = classes[sum(npmi >= bound for bound in (0.05, 0.15, 0.3, 0.5))]
        if number >= 2:
            rows.append(
                {
                    "skill_a": a,
                    "skill_b": b,
                    "co_occurrences": number,
                    "support": part,
                    "confidence_ab": number / single[a],
                    "confidence_ba": number / single[b],
                    "lift": lift,
                    "npmi": npmi,
                    "strength": strength,
                    "npmi_lower": npmi - 1 / number,
                }
            )
    return rows


def _places(postings: list[Posting]) -> list[dict[str, object]]:
    rows = []
    for place in sorted({each.place for each in postings if each.place}):
        members = [each for each in postings if each.place == place]
        pay = [each.salary for each in members if each.salary is not None]
        rows.append(
            {
                "location": place,
                "postings": len(members),
                "postings_with_salary": len(pay),
                "average_salary": fmean(pay) if pay else None,
                "median_salary": _median(pay),
                "min_salary": min(pay, default=None),
                "max_salary": max(pay, default=None),
            }
        )
    return rows


def _occupations(postings: list[Posting]) -> dict[str, list[dict[str, object]]]:
    """Who asks for a tool of theirs is looking for a data engineer, or one of machine learning."""
    tools = {"dbt": "Data engineer", "Airflow": "Data engineer", "PyTorch": "Machine learning engineer"}
    counted = [
        CountedPosting(
            skills=tuple(sorted(each.skills)),
            salary=each.salary,
            country=each.country,
            occupation=next((name for tool, name in tools.items() if tool in each.skills), None),
        )
        for each in postings
    ]
    return {
        "occupation_demand": occupation_demand(counted),
        "occupation_skills": occupation_skills(counted),
        "occupation_salaries": occupation_salaries(counted, 5),
    }


def _statistics(postings: list[Posting]) -> list[dict[str, object]]:
    def band(salary: float | None) -> str:
        if salary is None:
            return "unknown"
        lower = int(salary // 25_000) * 25_000
        return "200000+" if lower >= 200_000 else f"{lower}-{lower + 25_000}"

    dimensions: dict[str, Callable[[Posting], str]] = {
        "source": lambda each: each.source,
        "industry": lambda each: each.industry or "unknown",
        "salary_band": lambda each: band(each.salary),
        "day": lambda each: f"{each.day:%Y-%m-%d}",
        "employment_type": lambda _: "full_time",
        "remote": lambda each: each.workplace,
    }
    return [
        {"dimension": name, "value": value, "postings": number}
        for name, key in dimensions.items()
        for value, number in sorted(Counter(map(key, postings)).items())
    ]


def _coverage(postings: list[Posting]) -> list[dict[str, object]]:
    rows = []
    for dimension, value in [
        ("language", "en"),
        *(("source", name) for name in sorted({p.source for p in postings})),
    ]:
        members = [each for each in postings if value in ("en", each.source)]
        shares = {
            "pay_share": fmean(each.salary is not None for each in members),
            "date_share": 1.0,
            "place_share": fmean(each.place is not None for each in members),
            "skill_share": fmean(bool(each.skills) for each in members),
        }
        rows.append({"dimension": dimension, "value": value, "postings": len(members), **shares})
    return rows


def _summary(postings: list[Posting], growth: list[dict[str, object]]) -> dict[str, object]:
    pay = [each.salary for each in postings if each.salary is not None]
    counts = Counter(skill for each in postings for skill in each.skills)
    growing = [row for row in growth if row["trend"] == "growing"]
    return {
        "as_of": AS_OF,
        "window_start": START,
        "postings": len(postings),
        "duplicates": 37,
        "rejected": 5,
        "postings_with_salary": len(pay),
        "salary_countries": len({each.country for each in postings if each.salary is not None} - {None}),
        "average_salary": fmean(pay) if pay else None,
        "median_salary": _median(pay),
        "skills": len(counts),
        "industries": len({each.industry for each in postings} - {None}),
        "locations": len({each.place for each in postings} - {None}),
        "remote_share": sum(each.workplace == "remote" for each in postings) / len(postings),
        "top_skill": min(counts, key=lambda skill: (-counts[skill], skill)),
        "fastest_growing_skill": max(growing, key=lambda row: row["growth"])["skill"] if growing else None,
        "sources_compared": '["greenhouse", "lever"]',
        "sources_left_out": '{"remoteok": "its postings have no dates"}',
        "sample_postings": 0,
    }


def count_tables(postings: list[Posting]) -> ReportTables:
    """The result tables of these postings."""
    skills = sorted({skill for each in postings for skill in each.skills})
    demand, growth = _demand(postings), _growth(postings, skills)
    stacks = Counter(
        pair
        for each in postings
        for pair in combinations(sorted(s for s, (names, *_) in STACKS.items() if each.skills & set(names)), 2)
    )
    sources = sorted(Counter(each.source for each in postings).items())
    tables: dict[str, list[dict[str, object]]] = {
        "market_summary": [_summary(postings, growth)],
        "skill_demand": demand,
        "salary_statistics": _percentiles(postings, skills),
        "employment_salaries": _employment(postings),
        "salary_trends": _trends(postings, skills),
        "industry_skills": [row for row in demand if row["industry"]],
        "location_salaries": _places(postings),
        **_occupations(postings),
        "trending_skills": growth,
        "posting_statistics": _statistics(postings),
        "posting_coverage": _coverage(postings),
        "skill_relationships": _pairs(postings),
        "category_relationships": [
            {"category_a": a, "category_b": b, "co_occurrences": n} for (a, b), n in sorted(stacks.items())
        ],
        "rejections": [{"reason": "no title", "postings": 4}, {"reason": "not decodable", "postings": 1}],
        "sources": [
            {"source": source, "postings": number, "duplicates": 12 + place}
            for place, (source, number) in enumerate(sources)
        ],
    }
    # Columns that the report does not show are null.
    frames = {name: pl.DataFrame(rows, schema=SCHEMAS[name]) for name, rows in tables.items()}
    return ReportTables(**frames, currency="USD")


def renamed(tables: ReportTables, old: str, new: str) -> ReportTables:
    """The same market in which a skill bears another name."""
    changed = {}
    for table in SCHEMAS:
        frame: pl.DataFrame = getattr(tables, table)
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        changed[table] = frame.with_columns(pl.col(texts).replace(old, new))
    return replace(tables, **changed)
