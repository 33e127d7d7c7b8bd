"""Tables of pay, counted in loops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any, Literal, Protocol

from market_assets_tests.statistics.significance_by_hand import median_ranks

Row = dict[str, Any]


class Paid(Protocol):
    """A posting that may state pay."""

    @property
    def salary(self) -> float | None: ...


class Posting(Paid, Protocol):
    """What these tables need of a posting."""

    @property
    def skills(self) -> tuple[str, ...]: ...
    @property
    def country(self) -> str | None: ...
    @property
    def seniority(self) -> str | None: ...
    @property
    def employment_type(self) -> str | None: ...


def pay_of(postings: Iterable[Paid]) -> list[float]:
    return sorted(posting.salary for posting in postings if posting.salary is not None)


def figure(pay: Sequence[float], what: Literal["average"] | int, min_sample: int) -> float | None:
    """The average, or a percentile by linear interpolation, in exact arithmetic; None of too small a sample."""
    if len(pay) < max(min_sample, 1):
        return None
    if isinstance(what, str):
        return float(sum(map(Fraction, pay)) / len(pay))
    position = Fraction(what, 100) * (len(pay) - 1)
    below = int(position)
    above = min(below + 1, len(pay) - 1)
    return float(Fraction(pay[below]) + (Fraction(pay[above]) - Fraction(pay[below])) * (position - below))


def salary_statistics(postings: Sequence[Posting], min_sample: int) -> list[Row]:
    rows: list[Row] = []
    countries = [None, *sorted({each.country for each in postings if each.country is not None})]
    seniorities = [None, *sorted({each.seniority for each in postings if each.seniority is not None})]
    paid: dict[str, list[Posting]] = defaultdict(list)
    for posting in postings:
        for skill in posting.skills if posting.salary is not None else ():
            paid[skill].append(posting)
    for skill, of_skill in sorted(paid.items()):
        for country, seniority in product(countries, seniorities):
            found = [
                each
                for each in of_skill
                if country in (None, each.country) and seniority in (None, each.seniority)
            ]
            if found:
                known = {each.country for each in found} - {None}
                names = {"skill": skill, "country": country, "seniority": seniority}
                rows.append(names | _distribution(pay_of(found), len(known), min_sample))
    return rows


def _distribution(pay: Sequence[float], countries: int, min_sample: int) -> Row:
    rank = median_ranks(len(pay)) if len(pay) >= min_sample else 0
    return {
        "postings_with_salary": len(pay),
        "countries": countries,
        "average_salary": figure(pay, "average", min_sample),
        "p10": figure(pay, 10, min_sample),
        "p25": figure(pay, 25, min_sample),
        "median_salary": figure(pay, 50, min_sample),
        "median_lower": pay[rank - 1] if rank else None,
        "median_upper": pay[-rank] if rank else None,
        "p75": figure(pay, 75, min_sample),
        "p90": figure(pay, 90, min_sample),
    }


def employment_salaries(postings: Sequence[Posting], min_sample: int) -> list[Row]:
    rows: list[Row] = []
    countries = [None, *sorted({each.country for each in postings if each.country is not None})]
    kinds = [None, *sorted({each.employment_type for each in postings if each.employment_type is not None})]
    for kind, country in product(kinds, countries):
        same = [
            each for each in postings if kind in (None, each.employment_type) and country in (None, each.country)
        ]
        if pay := pay_of(same):
            rank = median_ranks(len(pay)) if len(pay) >= min_sample else 0
            rows.append(
                {
                    "employment_type": kind,
                    "country": country,
                    "postings_with_salary": len(pay),
                    "average_salary": figure(pay, "average", min_sample),
                    "p25": figure(pay, 25, min_sample),
                    "median_salary": figure(pay, 50, min_sample),
                    "median_lower": pay[rank - 1] if rank else None,
                    "median_upper": pay[-rank] if rank else None,
                    "p75": figure(pay, 75, min_sample),
                }
            )
    return rows
