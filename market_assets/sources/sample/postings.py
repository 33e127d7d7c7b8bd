"""Postings of the sample: choices drawn for many postings at once, then put into words; pay in many forms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import IntEnum
from typing import Any

import numpy as np
import polars as pl

from market_assets.sources.sample.vocabulary import (
    PERIODS,
    Choices,
    Floats,
    Integers,
    Pay,
    Vocabulary,
    cumulated,
    load_vocabulary,
    texts_at,
    trend_years,
    weighted,
)

FEWEST_SKILLS, MOST_SKILLS = 7, 12
_TASKS, _BENEFITS = (4, 6), (3, 5)
#: Shares of postings without a field for the employment type and the workplace.
_EMPLOYMENT_UNSTATED, _WORKPLACE_UNSTATED = 0.07, 0.3
_REMOTE_SHARE_OF_FLEXIBLE = 0.45
_SECONDS_A_DAY = 86_400

_TEAM_SEPARATORS = pl.Series([" - ", ", ", " – ", " | "])


def draw_choices(rng: np.random.Generator, day: date, count: int) -> Choices:
    """Draw the choices for `count` postings of a day.

    Returns:
        Positions in the vocabulary: family, industry, level, country, workplace, company, title, team, location,
        and employment_spelling and workplace_spelling (-1 where not stated). Rows of positions: skills, tasks and
        benefits (-1 for none). wording: rows of numbers from 0 to 1, which choose sentences. posted: seconds after
        midnight. Pay: pay_form, pay_period (position in `PERIODS`), pay_low and pay_high (in the country's
        currency for the period), and the positions pay_text, pay_words and period_spelling.
    """
    vocabulary = load_vocabulary()
    roles, phrases = vocabulary.roles, vocabulary.phrases
    demand = roles.profile_weight * roles.family_trends.factors(day)[roles.profile_family]
    profile = weighted(cumulated(demand), rng.random(count))
    family, industry = roles.profile_family[profile], roles.profile_industry[profile]
    ladder, field = roles.family_ladder[family], roles.family_field[family]
    level = weighted(roles.ladder_shares[ladder], rng.random(count))
    skills = _draw_skills(rng, vocabulary, day, profile)
    place = _draw_place(rng, vocabulary, roles.family_remote[family])
    job = {"family": family, "industry": industry, "level": level, "skills": skills, **place}
    pay = draw_pay(rng, vocabulary, day, job)
    company = weighted(phrases.company_shares, rng.random(count))
    title, team = rng.random((2, count))
    steps = roles.ladder_pay.shape[1]
    title_of_family = (title * (roles.titles.counts[family] // steps)).astype(np.int64)
    employment_spelling = _draw_employment(rng, vocabulary, ladder, level)
    tasks = _draw_some(rng, count, int(roles.tasks.counts.min()), *_TASKS)
    return {
        **job,
        "company": industry * phrases.companies_per_industry + company,
        "title": roles.titles.starts[family] + title_of_family * steps + level,
        "team": roles.teams.pick(field, team),
        "employment_spelling": employment_spelling,
        "skills": np.where(skills < len(roles.skills), skills, -1),
        "tasks": np.where(tasks >= 0, roles.tasks.starts[field][:, None] + tasks, -1),
        "benefits": _draw_some(rng, count, phrases.written["benefit"].count, *_BENEFITS),
        "wording": rng.random((count, 32)),
        "posted": rng.integers(0, _SECONDS_A_DAY, count),
        **pay,
    }


def _draw_skills(rng: np.random.Generator, vocabulary: Vocabulary, day: date, profile: Integers) -> Integers:
    """Skills without repetition; those of greater weight are likelier and likelier to come first.

    Weighted drawing without replacement as a race of exponential times: P. S. Efraimidis and P. G. Spirakis,
    "Weighted random sampling with a reservoir", 2006.
    """
    roles = vocabulary.roles
    weights = roles.profile_skill_weights * roles.skill_trends.factors(day)[roles.profile_skills]
    times = rng.standard_exponential((len(profile), weights.shape[1])) / weights[profile]
    first = np.argsort(times, axis=1, kind="stable")[:, :MOST_SKILLS]
    skills = np.take_along_axis(roles.profile_skills[profile], first, axis=1)
    wanted = rng.integers(FEWEST_SKILLS, MOST_SKILLS + 1, len(profile))
    skills[np.arange(MOST_SKILLS) >= wanted[:, None]] = len(roles.skills)
    return skills


def _draw_place(rng: np.random.Generator, vocabulary: Vocabulary, remote: Floats) -> dict[str, Integers]:
    """country, workplace, and how they are written: location and workplace_spelling (-1 where not stated)."""
    places = vocabulary.places
    in_city, flexibility, spelling, writing, is_stated = rng.random((5, len(remote)))
    city = weighted(places.city_shares, in_city)
    fully_remote = flexibility < remote * _REMOTE_SHARE_OF_FLEXIBLE
    workplace = (flexibility < remote).astype(np.int64) + fully_remote
    spelled = vocabulary.phrases.workplace_spellings.pick(workplace, spelling)
    return {
        "country": places.city_country[city],
        "workplace": workplace,
        "location": places.written.pick(2 * city + fully_remote, writing),
        "workplace_spelling": np.where(is_stated < _WORKPLACE_UNSTATED, -1, spelled),
    }


def _draw_employment(
    rng: np.random.Generator, vocabulary: Vocabulary, ladder: Integers, level: Integers
) -> Integers:
    """How the employment type is written, -1 where it is not stated."""
    phrases = vocabulary.phrases
    kind, spelling, is_stated = rng.random((3, len(ladder)))
    lowest = np.array([phrases.employment.index(name) if name else -1 for name in vocabulary.roles.ladder_lowest])
    special = (level == 0) & (lowest[ladder] >= 0)
    employment = np.where(special, lowest[ladder], weighted(phrases.employment_shares, kind))
    spelled = phrases.employment_spellings.pick(employment, spelling)
    return np.where(is_stated < _EMPLOYMENT_UNSTATED, -1, spelled)


def _draw_some(rng: np.random.Generator, count: int, pool: int, fewest: int, most: int) -> Integers:
    """Between `fewest` and `most` different positions out of `pool` in each row, then -1."""
    chosen = np.argsort(rng.random((count, pool)), axis=1, kind="stable")[:, :most]
    wanted = rng.integers(fewest, most + 1, count)
    return np.where(np.arange(most) < wanted[:, None], chosen, -1)


def render_postings(drawn: Choices) -> pl.DataFrame:
    """Put choices into words.

    Args:
        drawn: the columns of `draw_choices`.

    Returns:
        title, company, location, description, the salary columns, employment_type, industry and workplace of
        `postings.schemas.RAW_POSTING`; salary_min and salary_max as numbers.
    """
    vocabulary = load_vocabulary()
    roles, places, phrases = vocabulary.roles, vocabulary.places, vocabulary.phrases
    role, company = texts_at(roles.titles.values, drawn["title"]), texts_at(phrases.companies, drawn["company"])
    separator = _TEAM_SEPARATORS.gather((drawn["wording"][:, 0] * len(_TEAM_SEPARATORS)).astype(np.int64))
    pieces = _Writer(drawn, vocabulary).pieces(company, role)
    description = pl.select(pl.concat_str(list(pieces), ignore_nulls=True)).to_series()
    return pl.DataFrame(
        {
            "title": role + separator + texts_at(roles.teams.values, drawn["team"]),
            "company": company,
            "location": texts_at(places.written.values, drawn["location"]),
            "description": description.str.strip_chars_end("\n"),
            **rendered_pay(drawn, texts_at(places.currency, drawn["country"]), vocabulary.pay),
            "employment_type": texts_at(phrases.employment_spellings.values, drawn["employment_spelling"]),
            "industry": texts_at(roles.industries, drawn["industry"]),
            "workplace": texts_at(phrases.workplace_spellings.values, drawn["workplace_spelling"]),
        }
    )


def _required(skills: Any) -> Any:
    """How many of a posting's skills are required; the others, which were drawn last, are nice to have."""
    return -(-skills * 2 // 3)


class _Writer:
    """Gathers the pieces of descriptions, a series for each, in the order in which they are read."""

    def __init__(self, drawn: Choices, vocabulary: Vocabulary) -> None:
        self._drawn, self._roles, self._phrases = drawn, vocabulary.roles, vocabulary.phrases
        self._uniform = iter(drawn["wording"].T[1:])
        self._layout = weighted(self._phrases.layout_shares, next(self._uniform))

    def pieces(self, company: pl.Series, role: pl.Series) -> Iterator[pl.Series]:
        yield from self._about_the_company(company)
        opening = self._position("role_opening")
        note = self._phrases.workplace_notes.pick(self._drawn["workplace"], next(self._uniform))
        yield self._piece("role_opening", opening)
        yield role
        yield self._piece("role_rest", opening)
        yield self._piece("workplace_note", note)
        yield from self._list("tasks", (self._piece("task", task) for task in self._drawn["tasks"].T))
        yield from self._list("requirements", self._requirements())
        extras = range(_required(FEWEST_SKILLS), MOST_SKILLS)
        yield from self._list("extras", (self._about_skill("skill_extra", rank) for rank in extras))
        yield from self._list("benefits", (self._piece("benefit", each) for each in self._drawn["benefits"].T))
        yield self._piece("closing")
        yield self._piece("equal_opportunity")

    def _about_the_company(self, company: pl.Series) -> Iterator[pl.Series]:
        number, opening = self._drawn["company"], self._position("company_opening")
        # The facts about a company are the same in all its postings.
        facts = self._phrases.written["company_fact"].count
        first, apart = 3 * number % facts, 1 + number % (facts - 1)
        yield self._piece("company")
        yield self._piece("company_opening", opening)
        yield company
        yield self._piece("company_rest", opening * len(self._roles.industries) + self._drawn["industry"])
        yield self._piece("company_fact", first)
        yield self._piece("last_company_fact", (first + apart) % facts)

    def _list(self, heading: str, items: Iterator[pl.Series]) -> Iterator[pl.Series]:
        begin = np.zeros_like(self._layout)
        yield self._piece(heading)
        yield self._piece("list", begin)
        yield from items
        yield self._piece("list", begin + 1)

    def _requirements(self) -> Iterator[pl.Series]:
        experience = self._phrases.experience.pick(self._drawn["level"], next(self._uniform))
        yield self._piece("experience", experience)
        for rank in range(_required(MOST_SKILLS)):
            yield self._about_skill("skill_requirement", rank)

    def _about_skill(self, sentences: str, rank: int) -> pl.Series:
        """Sentences about the skill of a rank, null where it is not of that kind or there is none."""
        skill, skills = self._drawn["skills"][:, rank], len(self._roles.skills)
        template = self._position(sentences, skills)
        required = rank < _required((self._drawn["skills"] >= 0).sum(axis=1))
        wanted = (skill >= 0) & (required == (sentences == "skill_requirement"))
        return self._piece(sentences, np.where(wanted, template * skills + skill, -1))

    def _position(self, name: str, variants: int = 1) -> Integers:
        count = self._phrases.written[name].count // variants
        return np.asarray(next(self._uniform) * count).astype(np.int64)

    def _piece(self, name: str, position: Integers | None = None) -> pl.Series:
        chosen = self._position(name) if position is None else position
        return self._phrases.written[name].gather(chosen, self._layout)


_PERIODS_PER_YEAR = np.array([1.0, 12.0, 2080.0])
#: Half the width of a stated range, as a share of its middle.
_NARROWEST, _WIDEST = 0.04, 0.18
_PAY_NOISE = 0.07
#: The contract's bounds of hourly and monthly pay without a period; the period is stated where they would mislead.
_GUESSED_PERIOD_BOUNDS = np.array([500.0, 20_000.0])


class Form(IntEnum):
    """How pay is stated."""

    UNSTATED = 0
    RANGE = 1
    RANGE_WITHOUT_PERIOD = 2
    RANGE_WITHOUT_CURRENCY = 3
    MINIMUM = 4
    TEXT = 5
    EMPTY_WORDS = 6


#: Shares of the forms in the order above; unstated pay and empty words make up 35 %.
_FORM_SHARES = cumulated([30, 27, 4, 3, 7, 24, 5])


def draw_pay(rng: np.random.Generator, vocabulary: Vocabulary, day: date, job: Choices) -> Choices:
    """The columns of pay; `job` has the family, level, skills and country."""
    roles, places, words = vocabulary.roles, vocabulary.places, vocabulary.pay
    family, country = job["family"], job["country"]
    by_hour, by_month, width, form, text, empty, spelling = rng.random((7, len(family)))
    hourly, monthly = by_hour < roles.family_hourly[family], by_month < places.monthly[country]
    period = np.where(hourly, 2, np.where(monthly, 1, 0))
    drift = 1 + roles.family_drift[family] / 100 * trend_years(day)
    seniority = roles.ladder_pay[roles.family_ladder[family], job["level"]]
    noise = 1 + _PAY_NOISE * np.clip(rng.standard_normal(len(family)), -2.5, 2.5)
    of_skills = roles.skill_pay[job["skills"]].prod(axis=1)
    annual = roles.family_pay[family] * drift * of_skills * seniority * noise * places.pay[country]
    middle = annual / _PERIODS_PER_YEAR[period]
    spread = _NARROWEST + (_WIDEST - _NARROWEST) * width
    high = rounded(middle * (1 + spread))
    stated_as = weighted(_FORM_SHARES, form)
    misread = period != 2 - np.searchsorted(_GUESSED_PERIOD_BOUNDS, high, side="right")
    return {
        "pay_form": np.where(misread & (stated_as == Form.RANGE_WITHOUT_PERIOD), int(Form.RANGE), stated_as),
        "pay_period": period,
        "pay_low": rounded(middle * (1 - spread)),
        "pay_high": high,
        "pay_text": words.texts.pick(country * len(PERIODS) + period, text),
        "pay_words": (empty * len(words.empty_words)).astype(np.int64),
        "period_spelling": words.periods.pick(period, spelling),
    }


def rounded(amounts: Floats) -> Floats:
    """Amounts as they are usually stated: to half a unit of the second digit (32.5, 48,500, 125,000)."""
    powers = np.array([10.0**power for power in range(1, 12)])
    step = 0.005 * powers[np.searchsorted(powers, amounts, side="right")]
    return np.round(np.round(amounts / step) * step, 2)


class Amount(float):
    """An amount that is formatted in one of the ways of writing numbers of `pay.yaml`."""

    def __format__(self, way: str) -> str:
        if way in _SEPARATORS:
            return f"{float(self):,.0f}".replace(",", _SEPARATORS[way])
        if way in _UNITS:
            return f"{self / _UNITS[way]:.3f}".rstrip("0").rstrip(".")
        return f"{float(self):.0f}" if self.is_integer() else f"{float(self):.2f}"


_SEPARATORS = {"comma": ",", "dot": ".", "apostrophe": "'", "space": " "}
_UNITS = {"thousands": 1_000, "lakh": 100_000}


def rendered_pay(drawn: Choices, currency: pl.Series, words: Pay) -> dict[str, pl.Series]:
    """The salary columns of `RAW_POSTING`, the amounts as numbers."""
    form = pl.Series(drawn["pay_form"])
    numeric = form.is_between(Form.RANGE, Form.MINIMUM)
    texts: list[str | None] = [None] * len(form)
    for row in np.flatnonzero(drawn["pay_form"] == Form.TEXT):
        low, high = (Amount(drawn[bound][row]) for bound in ("pay_low", "pay_high"))
        text = words.texts.values[drawn["pay_text"][row]]
        texts[row] = text.format(low=low, high=high, currency=currency[int(row)])
    for row in np.flatnonzero(drawn["pay_form"] == Form.EMPTY_WORDS):
        texts[row] = words.empty_words[drawn["pay_words"][row]]
    columns = pl.select(
        salary_min=pl.when(numeric).then(pl.Series(drawn["pay_low"])),
        salary_max=pl.when(numeric & (form != Form.MINIMUM)).then(pl.Series(drawn["pay_high"])),
        salary_currency=pl.when(numeric & (form != Form.RANGE_WITHOUT_CURRENCY)).then(currency),
        salary_period=pl.when(numeric & (form != Form.RANGE_WITHOUT_PERIOD)).then(
            texts_at(words.periods.values, drawn["period_spelling"])
        ),
    )
    return {**columns.to_dict(), "salary_text": pl.Series(texts, dtype=pl.String)}
