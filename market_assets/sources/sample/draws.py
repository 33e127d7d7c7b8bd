"""The choices that make up postings, as numbers, drawn for many at once before any text is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.sources.sample.choosing import (
    Floats,
    Groups,
    Integers,
    cumulated,
    distinct,
    vocabulary,
    weighted,
    weighted_by_row,
)
from market_assets.sources.sample.pay import Positions, draw_pay
from market_assets.sources.sample.phrases import WORKPLACES, Phrases, load_phrases
from market_assets.sources.sample.places import Places, load_places
from market_assets.sources.sample.roles import Roles, load_roles

MOST_SKILLS, FEWEST_SKILLS = 12, 7
MOST_TASKS, FEWEST_TASKS = 6, 4
MOST_BENEFITS, FEWEST_BENEFITS = 5, 3
#: Shares of postings that name neither an employment type nor a workplace in fields of their own.
EMPLOYMENT_UNSTATED, WORKPLACE_UNSTATED = 0.07, 0.3
_REMOTE_SHARE_OF_FLEXIBLE = 0.45
_SECONDS_A_DAY = 86_400


#: Columns of choices, one row a posting.
Choices = dict[str, Integers | Floats | npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Spellings:
    """How boards spell employment types and workplaces; the groups follow `employment` and `WORKPLACES`."""

    employment: list[str]
    employment_shares: Floats
    employment_spellings: Groups
    workplace_spellings: Groups


@cache
def load_spellings() -> Spellings:
    content = vocabulary("phrases.yaml")
    employment, weights = list(content["employment_spellings"]), content["employment_weights"]
    return Spellings(
        employment=employment,
        employment_shares=cumulated([weights.get(name, 0) for name in employment]),
        employment_spellings=Groups(content["employment_spellings"].values()),
        workplace_spellings=Groups(content["workplace_spellings"][workplace] for workplace in WORKPLACES),
    )


def framed(groups: Sequence[Choices]) -> pl.DataFrame:
    """Groups of choices with the same columns, one after the other."""
    return pl.DataFrame([pl.Series(name, np.concatenate([group[name] for group in groups])) for name in groups[0]])


def draw_choices(rng: np.random.Generator, day: date, count: int) -> Choices:
    """Draw the choices for `count` postings of a day.

    Returns:
        Positions in the vocabulary: family, industry, level, country, workplace, company, title, team and
        location, and employment_spelling and workplace_spelling (-1 where not stated). Rows of positions:
        skills, tasks and benefits (-1 for none). wording: rows of numbers from 0 to 1, which choose sentences.
        posted: seconds after midnight. And the columns of `draw_pay`.
    """
    roles, places, phrases = load_roles(), load_places(), load_phrases()
    profile = _draw_profile(rng, roles, day, count)
    family, industry = roles.profiles.family[profile], roles.profiles.industry[profile]
    level = weighted_by_row(roles.ladder_shares, roles.families.ladder[family], rng.random(count))
    skills = _draw_skills(rng, roles, day, profile)
    country, workplace, where = _draw_place(rng, places, roles.families.remote[family])
    pay = draw_pay(rng, day, Positions(family=family, level=level, skills=skills, country=country))
    return {
        "family": family,
        "industry": industry,
        "level": level,
        "country": country,
        "workplace": workplace,
        "company": _draw_company(rng, phrases, industry),
        **_draw_title(rng, roles, family, level),
        **where,
        **_draw_employment(rng, roles, family, level),
        "skills": np.where(skills < len(roles.skills), skills, -1),
        "tasks": _draw_tasks(rng, roles, family),
        "benefits": _some(rng, count, phrases.benefits.count, MOST_BENEFITS, FEWEST_BENEFITS),
        "wording": rng.random((count, 32)),
        "posted": rng.integers(0, _SECONDS_A_DAY, count),
        **pay,
    }


def _draw_profile(rng: np.random.Generator, roles: Roles, day: date, count: int) -> Integers:
    profiles, demand = roles.profiles, roles.families.trends.factors(day)
    return weighted(cumulated(profiles.weight * demand[profiles.family]), rng.random(count))


def _draw_skills(rng: np.random.Generator, roles: Roles, day: date, profile: Integers) -> Integers:
    """Skills without repetition, likelier with greater weight and more likely to come first.

    Weighted drawing without replacement as a race of exponential times: P. S. Efraimidis and P. G. Spirakis,
    "Weighted random sampling with a reservoir", 2006.
    """
    weights = roles.profiles.skill_weights * roles.skill_trends.factors(day)[roles.profiles.skills]
    times = rng.standard_exponential((len(profile), weights.shape[1])) / weights[profile]
    first = np.argsort(times, axis=1, kind="stable")[:, :MOST_SKILLS]
    skills = np.take_along_axis(roles.profiles.skills[profile], first, axis=1)
    wanted = rng.integers(FEWEST_SKILLS, MOST_SKILLS + 1, len(profile))
    skills[np.arange(MOST_SKILLS) >= wanted[:, None]] = len(roles.skills)
    return skills


def _draw_place(
    rng: np.random.Generator, places: Places, remote: Floats
) -> tuple[Integers, Integers, dict[str, Integers]]:
    """Country and workplace, and how they are written: location and workplace_spelling (-1 where not stated)."""
    uniform = rng.random((5, len(remote)))
    city = weighted(places.city_shares, uniform[0])
    flexible = uniform[1] < remote
    fully = flexible & (uniform[1] < remote * _REMOTE_SHARE_OF_FLEXIBLE)
    workplace = flexible.astype(np.int64) + fully
    spelling = load_spellings().workplace_spellings.pick(workplace, uniform[2])
    return (
        places.city_country[city],
        workplace,
        {
            "location": places.written.pick(2 * city + fully, uniform[3]),
            "workplace_spelling": np.where(uniform[4] < WORKPLACE_UNSTATED, -1, spelling),
        },
    )


def _draw_company(rng: np.random.Generator, phrases: Phrases, industry: Integers) -> Integers:
    shares = cumulated([1 / (rank + 8) for rank in range(phrases.companies_per_industry)])
    return industry * phrases.companies_per_industry + weighted(shares, rng.random(len(industry)))


def _draw_title(rng: np.random.Generator, roles: Roles, family: Integers, level: Integers) -> dict[str, Integers]:
    steps = roles.ladder_pay.shape[1]
    titles, uniform = roles.families.titles, rng.random((2, len(family)))
    # The first step of a title chosen with equal chances, then up to the level.
    title = (uniform[0] * (titles.counts[family] // steps)).astype(np.int64)
    return {
        "title": titles.starts[family] + title * steps + level,
        "team": roles.teams.pick(roles.families.field[family], uniform[1]),
    }


def _draw_employment(
    rng: np.random.Generator, roles: Roles, family: Integers, level: Integers
) -> dict[str, Integers]:
    """How the employment type is written, -1 where it is not stated."""
    spellings, uniform = load_spellings(), rng.random((3, len(family)))
    lowest = np.array(
        [spellings.employment.index(name) if name else -1 for name in roles.ladder_lowest], dtype=np.int64
    )[roles.families.ladder[family]]
    employment = weighted(spellings.employment_shares, uniform[0])
    employment = np.where((level == 0) & (lowest >= 0), lowest, employment)
    spelling = spellings.employment_spellings.pick(employment, uniform[1])
    return {"employment_spelling": np.where(uniform[2] < EMPLOYMENT_UNSTATED, -1, spelling)}


def _draw_tasks(rng: np.random.Generator, roles: Roles, family: Integers) -> Integers:
    field = roles.families.field[family]
    tasks = _some(rng, len(family), int(roles.tasks.counts.min()), MOST_TASKS, FEWEST_TASKS)
    return np.where(tasks >= 0, roles.tasks.starts[field][:, None] + tasks, -1)


def _some(rng: np.random.Generator, count: int, pool: int, most: int, fewest: int) -> Integers:
    """Between `fewest` and `most` different positions out of `pool` in each row, then -1."""
    chosen = distinct(rng, count, pool, most)
    wanted = rng.integers(fewest, most + 1, count)
    return np.where(np.arange(most) < wanted[:, None], chosen, -1)
