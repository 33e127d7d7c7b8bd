"""Descriptions and the other texts of postings, put together from pieces that are rendered beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.sources.sample.choosing import Floats, Integers, weighted
from market_assets.sources.sample.draws import FEWEST_SKILLS, MOST_SKILLS, load_spellings
from market_assets.sources.sample.pay import render_pay
from market_assets.sources.sample.phrases import Phrases, Pieces, load_phrases
from market_assets.sources.sample.places import load_places
from market_assets.sources.sample.roles import load_roles

_TEAM_SEPARATORS = pl.Series([" - ", ", ", " – ", " | "])


def render_postings(drawn: pl.DataFrame) -> pl.DataFrame:
    """Put the chosen postings in words.

    Args:
        drawn: the columns of `draws.draw_choices`.

    Returns:
        title, company, location, description, the salary columns, employment_type, industry and workplace of
        `postings.schemas.RAW_POSTING`; salary_min and salary_max as numbers.
    """
    roles, places, phrases, spellings = load_roles(), load_places(), load_phrases(), load_spellings()
    role = pl.Series(roles.families.titles.values).gather(drawn["title"])
    company = pl.Series(phrases.companies).gather(drawn["company"])
    uniform = drawn["wording"].to_numpy()
    return pl.DataFrame(
        {
            "title": role
            + _TEAM_SEPARATORS.gather(_position(uniform[:, 0], 4))
            + _texts(roles.teams.values, drawn["team"]),
            "company": company,
            "location": _texts(places.written.values, drawn["location"]),
            "description": _descriptions(drawn, role, company, uniform, phrases),
            **render_pay(drawn, places),
            "employment_type": _texts(spellings.employment_spellings.values, drawn["employment_spelling"]),
            "industry": _texts(roles.industries, drawn["industry"]),
            "workplace": _texts(spellings.workplace_spellings.values, drawn["workplace_spelling"]),
        }
    )


def _texts(values: list[str], position: pl.Series) -> pl.Series:
    """The texts at positions, null where the position is -1."""
    return pl.Series([*values, None], dtype=pl.String).gather(
        pl.select(pl.when(position < 0).then(len(values)).otherwise(position)).to_series()
    )


def _position(uniform: Floats, count: int) -> Integers:
    return (uniform * count).astype(np.int64)


def _descriptions(
    drawn: pl.DataFrame, role: pl.Series, company: pl.Series, uniform: Floats, phrases: Phrases
) -> pl.Series:
    writer = _Writer(drawn, uniform, phrases)
    pieces = [
        *writer.about_the_company(company),
        *writer.about_the_role(role),
        *writer.list_of("tasks", writer.tasks()),
        *writer.list_of("requirements", writer.requirements()),
        *writer.list_of("extras", writer.extras()),
        *writer.list_of("benefits", writer.benefits()),
        *writer.ending(),
    ]
    frame = pl.DataFrame([piece.alias(str(number)) for number, piece in enumerate(pieces)])
    whole = frame.select(pl.concat_str(pl.all(), ignore_nulls=True)).to_series()
    return whole.str.strip_chars_end("\n")


def _required(skills: Any) -> Any:
    """How many of a posting's skills are required; the rest, which were drawn last, are nice to have."""
    return -(-skills * 2 // 3)


class _Writer:
    """Gathers the pieces of descriptions, in the order in which they are read, a series for each."""

    def __init__(self, drawn: pl.DataFrame, uniform: Floats, phrases: Phrases) -> None:
        self._drawn = drawn
        self._phrases = phrases
        self._uniform = iter(uniform.T[1:])
        self._layout = weighted(phrases.layout_shares, next(self._uniform))
        skills = drawn["skills"].to_numpy()
        self._skills = skills
        self._required = _required((skills >= 0).sum(axis=1))

    def about_the_company(self, company: pl.Series) -> Iterator[pl.Series]:
        phrases, number = self._phrases, self._drawn["company"].to_numpy()
        opener, industries = self._any(phrases.company_openings), len(load_roles().industries)
        # A company says the same about itself in every posting.
        facts = phrases.company_facts.count
        first, apart = 3 * number % facts, 1 + number % (facts - 1)
        yield self._heading("company")
        yield self._gather(phrases.company_openings, opener)
        yield company
        yield self._gather(phrases.company_continuations, opener * industries + self._drawn["industry"].to_numpy())
        yield self._gather(phrases.company_facts, first)
        yield self._gather(phrases.company_last_facts, (first + apart) % facts)

    def about_the_role(self, role: pl.Series) -> Iterator[pl.Series]:
        phrases, intro = self._phrases, self._any(self._phrases.role_openings)
        note = phrases.workplace_groups.pick(self._drawn["workplace"].to_numpy(), next(self._uniform))
        yield self._gather(phrases.role_openings, intro)
        yield role
        yield self._gather(phrases.role_continuations, intro)
        yield self._gather(phrases.workplace_notes, note)

    def tasks(self) -> Iterator[pl.Series]:
        yield from (self._gather(self._phrases.tasks, task) for task in self._drawn["tasks"].to_numpy().T)

    def requirements(self) -> Iterator[pl.Series]:
        phrases = self._phrases
        level = self._drawn["level"].to_numpy()
        yield self._gather(phrases.experience, phrases.experience_groups.pick(level, next(self._uniform)))
        for rank in range(_required(MOST_SKILLS)):
            yield self._about_skill(phrases.skill_requirements, rank, rank < self._required)

    def extras(self) -> Iterator[pl.Series]:
        for rank in range(_required(FEWEST_SKILLS), MOST_SKILLS):
            yield self._about_skill(self._phrases.skill_extras, rank, rank >= self._required)

    def benefits(self) -> Iterator[pl.Series]:
        yield from (
            self._gather(self._phrases.benefits, benefit) for benefit in self._drawn["benefits"].to_numpy().T
        )

    def ending(self) -> Iterator[pl.Series]:
        for pieces in (self._phrases.closings, self._phrases.equal_opportunity):
            yield self._gather(pieces, self._any(pieces))

    def list_of(self, part: str, items: Iterator[pl.Series]) -> Iterator[pl.Series]:
        nothing = np.zeros(len(self._layout), dtype=np.int64)
        yield self._heading(part)
        yield self._gather(self._phrases.list_open, nothing)
        yield from items
        yield self._gather(self._phrases.list_close, nothing)

    def _about_skill(self, sentences: Pieces, rank: int, wanted: npt.NDArray[np.bool_]) -> pl.Series:
        skills = len(load_roles().skills)
        template = _position(next(self._uniform), sentences.count // skills)
        skill = self._skills[:, rank]
        return self._gather(sentences, np.where(wanted & (skill >= 0), template * skills + skill, -1))

    def _heading(self, part: str) -> pl.Series:
        return self._gather(self._phrases.headings[part], self._any(self._phrases.headings[part]))

    def _any(self, pieces: Pieces) -> Integers:
        return _position(next(self._uniform), pieces.count)

    def _gather(self, pieces: Pieces, position: Integers) -> pl.Series:
        return pieces.gather(position, self._layout)
