"""What changes over time, counted in loops: which sources can be compared, trends of skills, trends of pay."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Protocol

from market_assets_tests.statistics.pay_by_hand import figure, pay_of
from market_assets_tests.statistics.significance_by_hand import (
    Z95,
    Paid,
    Sighting,
    design_effect,
    mantel_haenszel,
    pay_line,
    q_values,
    ratio_interval,
    t_of_z,
    two_sided_p,
    z_of_t,
)

Row = dict[str, Any]


class Posting(Protocol):
    """What these tables need of a posting."""

    @property
    def skills(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    @property
    def posted_at(self) -> datetime: ...
    @property
    def dated(self) -> bool: ...
    @property
    def partition_date(self) -> date: ...
    @property
    def employer(self) -> str | None: ...
    @property
    def country(self) -> str | None: ...
    @property
    def seniority(self) -> str | None: ...
    @property
    def salary(self) -> float | None: ...


def midnight(as_of: datetime) -> datetime:
    return datetime(as_of.year, as_of.month, as_of.day, tzinfo=as_of.tzinfo)


def compared_sources(
    postings: Iterable[Posting], as_of: datetime, boards: Collection[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """The sources that delivered in each ten days of the last ninety, and why each other one can't be compared."""
    start = midnight(as_of) - timedelta(days=90)
    inside = [posting for posting in postings if start <= posting.posted_at <= as_of]
    compared, left_out = [], {}
    for source in sorted({posting.source for posting in inside}):
        mine = [posting for posting in inside if posting.source == source]
        dated = [posting for posting in mine if posting.dated]
        first_seen = min(posting.partition_date for posting in mine)
        parts = [(start + timedelta(days=10 * part), start + timedelta(days=10 * part + 10)) for part in range(9)]
        parts[-1] = (parts[-1][0], as_of + timedelta(microseconds=1))
        empty = [part for part in parts if not any(part[0] <= each.posted_at < part[1] for each in dated)]
        if not dated:
            left_out[source] = "its postings have no dates"
        elif source in boards and first_seen >= (start + timedelta(days=10)).date():
            left_out[source] = f"it is followed since {first_seen} only"
        elif empty:
            first = empty[0][0].date()
            left_out[source] = f"no postings from {first} to {first + timedelta(days=9)}"
        elif reason := another_volume(dated, start):
            left_out[source] = reason
        else:
            compared.append(source)
    return compared, left_out


def another_volume(dated: Sequence[Posting], start: datetime) -> str | None:
    """Whether a source gave more than five times as much a day in one period as in the other."""
    before = sum(each.posted_at < start + timedelta(days=60) for each in dated) / 60
    recent = sum(each.posted_at >= start + timedelta(days=60) for each in dated) / 30
    if before > 5 * recent or recent > 5 * before:
        return f"it gave {before:.2g} postings a day before, {recent:.2g} in the last 30"
    return None


def trending_skills(postings: Sequence[Posting], as_of: datetime, sources: Sequence[str]) -> list[Row]:
    boundary = midnight(as_of) - timedelta(days=30)
    inside = [posting for posting in postings if boundary - timedelta(days=60) <= posting.posted_at <= as_of]
    if sources:
        inside = [posting for posting in inside if posting.source in sources and posting.dated]
    names = sorted({skill for posting in inside for skill in posting.skills})
    recent = [posting for posting in inside if posting.posted_at >= boundary]
    previous = [posting for posting in inside if posting.posted_at < boundary]
    counts = {
        skill: (sum(skill in each.skills for each in recent), sum(skill in each.skills for each in previous))
        for skill in names
    }
    if not sources:
        return [_not_compared(skill, *counts[skill]) for skill in names]
    sightings = {
        skill: [
            Sighting(each.source, each.posted_at >= boundary, skill in each.skills, each.employer)
            for each in inside
        ]
        for skill in names
    }
    own = {skill: design_effect(found) for skill, found in sightings.items()}
    well_known = [own[skill] for skill in names if sum(counts[skill]) >= 10]
    usual = max(median(well_known), 1.0) if well_known else 1.0
    effects = {skill: max(own[skill], usual) for skill in names}
    sizes = len(recent), len(previous)
    p = [_p_value(sightings[skill], effects[skill], counts[skill], sizes) for skill in names]
    return [
        _compared(skill, counts[skill], sizes, effects[skill], p_value, q_value)
        for skill, p_value, q_value in zip(names, p, q_values(p), strict=True)
    ]


def _not_compared(skill: str, recent: int, previous: int) -> Row:
    nothing = dict.fromkeys(
        ("recent_share", "previous_share", "growth", "growth_lower", "growth_upper", "p_value", "q_value")
    )
    counts = {"recent_postings": recent, "previous_postings": previous}
    return {"skill": skill, **counts, **nothing, "trend": "insufficient_data"}


def _p_value(
    sightings: Sequence[Sighting], effect: float, counts: tuple[int, int], sizes: tuple[int, int]
) -> float:
    z = mantel_haenszel(sightings, effect)
    pooled = counts[0] * sizes[1] - counts[1] * sizes[0]
    return 1.0 if z * pooled < 0 else two_sided_p(z)


def _compared(
    skill: str, counts: tuple[int, int], sizes: tuple[int, int], effect: float, p: float, q: float
) -> Row:
    recent, previous = counts
    growth = lower = upper = None
    if previous:
        growth = (recent / sizes[0]) / (previous / sizes[1]) - 1
        low, high = ratio_interval(recent / effect, sizes[0] / effect, previous / effect, sizes[1] / effect)
        lower, upper = low - 1, high - 1
    return {
        "skill": skill,
        "recent_postings": recent,
        "previous_postings": previous,
        "recent_share": recent / sizes[0],
        "previous_share": previous / sizes[1],
        "growth": growth,
        "growth_lower": lower,
        "growth_upper": upper,
        "p_value": p,
        "q_value": q,
        "trend": _trend(recent, growth, lower, upper, q),
    }


def _trend(recent: int, growth: float | None, lower: float | None, upper: float | None, q: float) -> str:
    if growth is None or lower is None or upper is None:
        return "emerging" if recent >= 5 and q <= 0.05 else "uncertain"
    if q <= 0.05 and abs(growth) >= 0.25:
        return "growing" if growth > 0 else "declining"
    return "steady" if lower >= -0.25 and upper <= 0.25 else "uncertain"


def salary_trends(postings: Iterable[Posting], min_sample: int) -> list[Row]:
    months: dict[str, dict[str, list[Posting]]] = defaultdict(lambda: defaultdict(list))
    for posting in postings:
        for skill in posting.skills:
            months[skill][f"{posting.posted_at:%Y-%m}"].append(posting)
    changes = _pay_changes(months)
    return [
        {
            "skill": skill,
            "month": month,
            "postings": len(found),
            "postings_with_salary": len(pay_of(found)),
            "average_salary": figure(pay_of(found), "average", min_sample),
            "median_salary": figure(pay_of(found), 50, min_sample),
            **changes[skill],
        }
        for skill, of_skill in sorted(months.items())
        for month, found in sorted(of_skill.items())
    ]


def _pay_changes(months: Mapping[str, Mapping[str, Sequence[Posting]]]) -> dict[str, Row]:
    columns = ("change", "change_lower", "change_upper", "q_value")
    found: dict[str, Row] = {}
    p: dict[str, float] = {}
    for skill, of_skill in sorted(months.items()):
        found[skill] = {**dict.fromkeys(columns), "trend_direction": "insufficient_data"}
        paid = _tested(of_skill)
        numbers = {each.month for each in paid}
        line = pay_line(paid) if len(numbers) >= 3 else None
        if line is None:
            continue
        span = max(numbers) - min(numbers)
        half = t_of_z(Z95, line.freedom) * line.error
        changes = [_change(slope * span) for slope in (line.slope, line.slope - half, line.slope + half)]
        found[skill] |= dict(zip(columns, changes, strict=False))
        p[skill] = two_sided_p(z_of_t(line.slope / line.error, line.freedom))
    for skill, q in zip(p, q_values(list(p.values())), strict=True):
        row = found[skill]
        lower, upper = row["change_lower"], row["change_upper"]
        direction = "increasing" if row["change"] > 0 else "decreasing"
        if q > 0.05:
            direction = "uncertain"
        if lower >= -0.05 and upper is not None and upper <= 0.05:
            direction = "stable"
        found[skill] = row | {"q_value": q, "trend_direction": direction}
    return found


def _tested(of_skill: Mapping[str, Sequence[Posting]]) -> list[Paid]:
    """The dated salaries of the months that have at least ten."""
    paid = []
    for month, postings in of_skill.items():
        usable = [posting for posting in postings if posting.dated and posting.salary and posting.salary > 0]
        if len(usable) >= 10:
            number = int(month[:4]) * 12 + int(month[5:])
            for each in usable:
                level = (each.source, each.country, each.seniority)
                paid.append(Paid(number, each.salary or 0.0, each.employer, level))
    return paid


def _change(logarithm: float) -> float | None:
    """None where it is beyond every number."""
    return math.expm1(logarithm) if logarithm < 709 else None
