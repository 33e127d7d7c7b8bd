"""How often tables call a change where nothing changes, and how often they find one that is real.

Made-up markets of half a year go through two routes to the tables: `file` writes them to a JSONL file and runs
`market-assets run --from` on it; `window` gives the same postings to the functions of `market_assets.statistics`,
which is quick enough for any size. In each market a few hundred skills have shares like real ones, some 300
employers with their own level of pay post jobs in three countries, and every posting states its pay.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.settings import environment_for_children
from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import load_taxonomy
from market_assets.statistics.comparison import comparison
from market_assets.statistics.pay_trends import salary_trends
from market_assets.statistics.trends import trending_skills
from market_assets.statistics.window import WINDOW_POSTING, Window, window_start

SKILLS, EMPLOYERS, MIN_SAMPLE = 300, 300, 5
#: Of the skills by rank: Zipf's law, as in the real postings.
SHARES = 0.3 / np.arange(1, SKILLS + 1) ** 0.8
PLACES = {"DE": "Berlin, Germany", "US": "New York, NY", "PL": "Warsaw, Poland"}
TITLES = {None: "Engineer", "senior": "Senior Engineer", "junior": "Junior Engineer"}
AS_OF = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(seconds=1)
CHANGED = ("growing", "declining", "emerging")
PAY_CHANGED = ("increasing", "decreasing")

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scenario:
    """A market. Ages are in days before its end.

    Attributes:
        per_day: postings a day.
        days: how long it has been collected.
        doubled: whether twice as much is collected in the last 30 days.
        bunch: how many postings an employer makes at once, on average, with the same skills.
        copies: postings of one employer, all alike, ten days ago.
        appears, vanishes: the age at which a source with other skills and more pay comes, or goes.
        shares: by rank of the skill, the factor of its share in the last 30 days.
        pay: by rank of the skill, the factor of its pay in the last 90 days.
    """

    per_day: int
    days: int = 190
    doubled: bool = False
    bunch: float = 1.0
    copies: int = 0
    appears: int | None = None
    vanishes: int | None = None
    shares: Mapping[int, float] = field(default_factory=dict)
    pay: Mapping[int, float] = field(default_factory=dict)


#: The ranks whose skills have a share of about a tenth, and about a twentieth.
OFTEN, SELDOM = (3, 4, 5), (8, 9, 10)
SCENARIOS = {
    "constant, 20 a day": Scenario(20),
    "constant, 200 a day": Scenario(200),
    "constant, 2,000 a day": Scenario(2_000),
    "twice as much crawled": Scenario(50, doubled=True),
    "a source appears": Scenario(50, appears=20),
    "a source vanishes": Scenario(50, vanishes=40),
    "one employer's 200 copies": Scenario(50, copies=200),
    "postings in bunches of 5": Scenario(50, bunch=5.0),
    "40 days of history": Scenario(50, days=40),
    "shares triple": Scenario(50, shares=dict.fromkeys(SELDOM, 3.0)),
    "shares fall to a third": Scenario(50, shares=dict.fromkeys(OFTEN, 1 / 3)),
    # A share of a twentieth of 20 postings a day is 30 postings a month.
    "pay rises by half": Scenario(20, pay=dict.fromkeys(SELDOM, 1.5)),
}


@dataclass(frozen=True)
class Market:
    """Postings: a row each of `frame` (source, posted_at, employer, country, seniority, salary) and `skills`."""

    frame: pl.DataFrame
    skills: Booleans

    @classmethod
    def drawn(cls, scenario: Scenario, seed: int) -> Market:
        draw = np.random.default_rng(seed)
        age = _ages(scenario, draw)
        number = len(age)
        employer = draw.integers(EMPLOYERS, size=number)
        skills = _skills(scenario, age, draw)
        if scenario.bunch > 1:
            first = np.maximum.accumulate(np.where(draw.random(number) < 1 / scenario.bunch, np.arange(number), 0))
            employer, skills = employer[first], skills[first]
        if scenario.copies:
            copied = number - scenario.copies + np.arange(scenario.copies)
            age[copied], employer[copied], skills[copied] = 10, EMPLOYERS, skills[copied[0]]
        other = draw.random(number) < 0.25
        extra = other & _follows(scenario, age)
        kept = extra | ~other if scenario.appears or scenario.vanishes else np.ones(number, dtype=bool)
        skills[extra] = np.roll(skills[extra], 7, axis=1)
        country = draw.integers(len(PLACES), size=number)
        level = np.log(60_000) + np.array([0.0, 0.5, -0.5])[country] + np.where(extra, 0.4, 0.0)
        own = np.random.default_rng(1).normal(0, 0.2, EMPLOYERS + 1)[employer]
        pay = np.exp(level + own + draw.normal(0, 0.3, number))
        for rank, factor in scenario.pay.items():
            pay[skills[:, rank] & (age < 90)] *= factor
        frame = pl.DataFrame(
            {
                "source": np.where(extra, "other", "board").tolist(),
                "posted_at": [AS_OF - timedelta(days=float(each)) for each in age],
                "employer": employer,
                "country": np.array(list(PLACES))[country].tolist(),
                "seniority": [(None, "senior", "junior")[each] for each in draw.integers(3, size=number)],
                "salary": pay.round(),
            }
        )
        return cls(frame.filter(kept), skills[kept])


def _ages(scenario: Scenario, draw: np.random.Generator) -> npt.NDArray[np.float64]:
    """The age of each posting in days, oldest first; the newest is a second old."""
    counts = draw.poisson(scenario.per_day, scenario.days)
    if scenario.doubled:
        counts[:30] *= 2
    days = np.repeat(np.arange(scenario.days), counts)
    ages = np.sort(days + draw.random(len(days)))[::-1].copy()
    ages[-1] = 0.0
    return ages


def _skills(scenario: Scenario, age: npt.NDArray[np.float64], draw: np.random.Generator) -> Booleans:
    shares = np.broadcast_to(SHARES, (2, SKILLS)).copy()
    for rank, factor in scenario.shares.items():
        shares[1, rank] *= factor
    is_recent = (age < 30).astype(np.int64)
    found = np.empty((len(age), SKILLS), dtype=bool)
    for block in np.array_split(np.arange(len(age)), 1 + len(age) // 20_000):
        found[block] = draw.random((len(block), SKILLS), dtype=np.float32) < shares[is_recent[block]]
    return found


def _follows(scenario: Scenario, age: npt.NDArray[np.float64]) -> Booleans:
    """Whether the other source is there at each age."""
    if scenario.appears is not None:
        return age < scenario.appears
    return age > scenario.vanishes if scenario.vanishes is not None else np.zeros(len(age), dtype=bool)


def skill_names() -> list[str]:
    """Skills that a text is found to ask for if it names them alone."""
    taxonomy = load_taxonomy()
    matcher = skill_matcher(taxonomy)
    names = sorted(skill.name for skill in taxonomy.skills)
    return [name for name in names if matcher.find(_description([name])) == [name]][:SKILLS]


def _description(skills: list[str]) -> str:
    return f"Requirements: {', '.join(skills)}."


@dataclass(frozen=True)
class Called:
    """What the tables say: skill and trend, skill and trend_direction."""

    trends: dict[str, str]
    pay: dict[str, str]


def through_window(market: Market, names: list[str]) -> Called:
    order = np.argsort(names)
    frame = market.frame.with_columns(
        posting_id=pl.int_range(pl.len()),
        dated=pl.lit(value=True),
        partition_date=pl.col("posted_at").dt.date(),
        company_key=pl.col("employer"),
    )
    columns = [
        frame[n] if n in frame else pl.repeat(None, len(frame), eager=True).alias(n) for n in WINDOW_POSTING
    ]
    postings = pl.DataFrame(columns).match_to_schema(WINDOW_POSTING, integer_cast="upcast").cast(WINDOW_POSTING)
    skills = pl.DataFrame({"skill": [names[each] for each in order], "category": "any"})
    ordered = market.skills[:, order]

    def window(days: int) -> Window:
        inside = (postings["posted_at"] >= window_start(AS_OF, days)).to_numpy()
        held = ordered[inside]
        offsets = np.concatenate(([0], np.cumsum(held.sum(axis=1)))).astype(np.int64)
        return Window(postings.filter(inside), offsets, np.nonzero(held)[1].astype(np.int32), skills)

    recent = window(90)
    trends = trending_skills(recent, comparison(recent, AS_OF))
    pay = salary_trends(window(180), MIN_SAMPLE)
    return Called(
        dict(trends.select("skill", "trend").iter_rows()), dict(pay.select("skill", "trend_direction").iter_rows())
    )


def through_file(market: Market, names: list[str]) -> Called:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "postings.jsonl"
        with file.open("w") as lines:
            for number, (row, skills) in enumerate(zip(market.frame.to_dicts(), market.skills, strict=True)):
                lines.write(json.dumps(_record(number, row, [names[k] for k in np.flatnonzero(skills)])) + "\n")
        environment = environment_for_children(MARKET_ASSETS_DATA_DIR=folder, DATABASE_URL="")
        command = [str(Path(sys.executable).with_name("market-assets")), "run", "--from", str(file), "--json"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        database = Path(folder, "from", f"{file.stem}.db")
        with sqlite3.connect(database) as connection:
            return Called(
                dict(connection.execute("SELECT skill, trend FROM trending_skills")),
                dict(connection.execute("SELECT skill, trend_direction FROM salary_trends")),
            )


def _record(number: int, row: dict[str, object], skills: list[str]) -> dict[str, object]:
    return {
        "id": number,
        "source": row["source"],
        # Another number is another job: nothing here is a duplicate.
        "title": f"{TITLES[row['seniority']]} {number}",  # type: ignore[index]
        "company": f"Company {row['employer']}",
        "location": PLACES[str(row["country"])],
        "description": _description(skills),
        "posted_at": str(row["posted_at"]),
        "salary_min": row["salary"],
        "salary_max": row["salary"],
        "salary_currency": "USD",
        "salary_period": "yearly",
    }


ROUTES = {"window": through_window, "file": through_file}


def measure(name: str, scenario: Scenario, route: str, seeds: int, names: list[str]) -> None:
    """Print a line: the mean over seeds (and the worst seed) of skills and pay trends that are wrongly called."""
    trends: list[float] = []
    pay: list[float] = []
    found: list[float] = []
    for seed in range(seeds):
        called = ROUTES[route](Market.drawn(scenario, seed), names)
        for share, said, words, real in (
            (trends, called.trends, CHANGED, scenario.shares),
            (pay, called.pay, PAY_CHANGED, scenario.pay),
        ):
            truly = {names[rank] for rank in real}
            changed = {skill for skill, word in said.items() if word in words}
            share.append(len(changed - truly) / max(len(said) - len(truly), 1))
            if truly:
                found.append(len(changed & truly) / len(truly))
    shown = [f"{fmean(share):6.1%} {max(share):6.1%}" for share in (trends, pay)]
    print(
        f"{name:27} {route:7}{seeds:3}  {shown[0]}   {shown[1]}   {f'{fmean(found):.0%}' if found else '':>5}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--routes", nargs="+", choices=ROUTES, default=list(ROUTES))
    parser.add_argument("--only", help="scenarios whose name has this in it")
    arguments = parser.parse_args()
    names = skill_names()
    print(f"{'':27} {'route':7}seeds  skills changed  pay trends changed  found")
    print(f"{'':27} {'':7}       mean  worst    mean  worst")
    for name, scenario in SCENARIOS.items():
        for route in arguments.routes:
            # A file of 380,000 postings takes minutes: only where it is asked for.
            if (arguments.only or "") in name and (arguments.only or route == "window" or scenario.per_day <= 200):
                measure(name, scenario, route, arguments.seeds, names)


if __name__ == "__main__":
    main()
