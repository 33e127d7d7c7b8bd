"""Tables of occupations, counted in loops."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import product
from typing import Protocol

from market_assets.postings.occupations import OCCUPATIONS_FILE
from market_assets_tests.statistics import pay_by_hand
from market_assets_tests.statistics.pay_by_hand import Row, figure, pay_of
from market_assets_tests.statistics.significance_by_hand import median_ranks


class Posting(pay_by_hand.Posting, Protocol):
    """What these tables need of a posting."""

    @property
    def occupation(self) -> str | None: ...


def by_occupation(postings: Sequence[Posting]) -> dict[str, list[Posting]]:
    found: dict[str, list[Posting]] = defaultdict(list)
    for posting in postings:
        if posting.occupation is not None:
            found[posting.occupation].append(posting)
    return dict(sorted(found.items()))


def occupation_demand(postings: Sequence[Posting]) -> list[Row]:
    with OCCUPATIONS_FILE.open(encoding="utf-8") as lines:
        codes = {row["occupation"]: row["code"] for row in csv.DictReader(lines)}
    found = sorted(by_occupation(postings).items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [
        {
            "occupation": name,
            "code": codes[name],
            "postings": len(members),
            "demand_share": len(members) / len(postings),
            "rank": rank,
        }
        for rank, (name, members) in enumerate(found, start=1)
    ]


def occupation_skills(postings: Sequence[Posting]) -> list[Row]:
    in_market = Counter(skill for posting in postings for skill in posting.skills)
    rows = []
    for name, members in by_occupation(postings).items():
        counts = Counter(skill for posting in members for skill in posting.skills)
        order = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        for rank, (skill, number) in enumerate(order, start=1):
            share = number / len(members)
            lift = share / (in_market[skill] / len(postings))
            found = {"occupation": name, "skill": skill, "postings": number, "share": share}
            rows.append(found | {"lift": lift, "rank": rank})
    return rows


def occupation_salaries(postings: Sequence[Posting], min_sample: int) -> list[Row]:
    rows = []
    countries = [None, *sorted({each.country for each in postings if each.country is not None})]
    seniorities = [None, *sorted({each.seniority for each in postings if each.seniority is not None})]
    for name, members in by_occupation(postings).items():
        for country, seniority in product(countries, seniorities):
            pay = pay_of(
                each for each in members if country in (None, each.country) and seniority in (None, each.seniority)
            )
            if pay:
                rank = median_ranks(len(pay)) if len(pay) >= min_sample else 0
                rows.append(
                    {
                        "occupation": name,
                        "country": country,
                        "seniority": seniority,
                        "postings_with_salary": len(pay),
                        "p25": figure(pay, 25, min_sample),
                        "median_salary": figure(pay, 50, min_sample),
                        "median_lower": pay[rank - 1] if rank else None,
                        "median_upper": pay[-rank] if rank else None,
                        "p75": figure(pay, 75, min_sample),
                    }
                )
    return rows
