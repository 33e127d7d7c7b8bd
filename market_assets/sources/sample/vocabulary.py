"""The vocabulary of the YAML files beside this module as arrays, and choices out of it.

A choice is a position in one of the vocabulary's lists, drawn for many postings at once by numbers from 0 to 1.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
#: Columns of choices, one row a posting.
Choices = dict[str, npt.NDArray[Any]]

WORKPLACES = ("onsite", "hybrid", "remote")
PERIODS = ("yearly", "monthly", "hourly")
TREND_ORIGIN = date(2026, 1, 1)
#: Trends level out this many years from the origin, so that the weights of every day are bounded.
_TREND_YEARS = 4.0
#: The weight of a skill among those of its family, by the list it is in.
_SKILL_WEIGHTS = {"core": 6.0, "common": 1.6, "rare": 0.5, "stack": 5.0, "industry": 1.1}
#: Descriptions are written in HTML; other layouts replace these marks.
_MARKS = ("<h3>", "</h3>", "<p>", "</p>", "<ul>", "</ul>", "<li>", "</li>", "&amp;", "&lt;", "&gt;")
#: About ten times as fast as the loader in Python; both are part of PyYAML.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(name: str) -> Any:
    """The content of one of the YAML files."""
    with Path(__file__).with_name(name).open(encoding="utf-8") as file:
        return yaml.load(file, Loader=_LOADER)


class Groups:
    """Lists of different length in one flat list: the members of group g are values[starts[g]:starts[g + 1]]."""

    def __init__(self, groups: Iterable[Sequence[Any]]) -> None:
        members = [list(group) for group in groups]
        self.values = [value for group in members for value in group]
        self.counts: Integers = np.array([len(group) for group in members], dtype=np.int64)
        self.starts: Integers = np.concatenate(([0], np.cumsum(self.counts)))

    def pick(self, group: Integers, uniform: Floats) -> Integers:
        """Positions in `values`; all members of a group are equally likely."""
        return self.starts[group] + (uniform * self.counts[group]).astype(np.int64)


def cumulated(weights: Sequence[Any] | Floats) -> Floats:
    """Running shares along the last axis; the last is 1."""
    sums = np.cumsum(np.asarray(weights, dtype=np.float64), axis=-1)
    shares: Floats = sums / sums[..., -1:]
    shares[..., -1] = 1.0
    return shares


def weighted(shares: Floats, uniform: Floats) -> Integers:
    """Positions chosen by running shares; `shares` has one row, or one for each position."""
    if shares.ndim == 1:
        return np.searchsorted(shares, uniform, side="right").astype(np.int64)
    return (uniform[:, None] >= shares).sum(axis=1, dtype=np.int64)  # type: ignore[no-any-return]


def texts_at(texts: list[str], position: Integers) -> pl.Series:
    """The texts at positions, null where the position is -1."""
    return pl.Series([*texts, None], dtype=pl.String).gather(np.where(position < 0, len(texts), position))


def trend_years(day: date) -> float:
    """Years since the origin, levelling out at four before and after it."""
    return _TREND_YEARS * math.tanh((day - TREND_ORIGIN).days / 365.25 / _TREND_YEARS)


class Trends:
    """The demand for each of some things over time: a steady slope, and a season that returns each year."""

    def __init__(self, entries: Sequence[dict[str, Any]]) -> None:
        self._slope = np.array([entry.get("slope", 0.0) for entry in entries])
        self._strength, self._peak = np.array([entry.get("season", (0.0, 0.0)) for entry in entries]).T

    def factors(self, day: date) -> Floats:
        """The factor of each weight on a day."""
        angle = 2 * np.pi * ((day - TREND_ORIGIN).days - self._peak) / 365.25
        factors: Floats = np.exp(self._slope * trend_years(day) + self._strength * np.cos(angle))
        return factors


class Places:
    """`places.yaml`. One entry a country: `currency`, `pay` (level in its currency), `monthly` (share).

    `written` has two groups a city: how postings there name the place, and how remote ones do.
    """

    def __init__(self) -> None:
        content = load_yaml("places.yaml")
        countries = list(content["countries"].items())
        cities = [(number, *city) for number, (_, entry) in enumerate(countries) for city in entry["cities"]]
        totals = [sum(weight for *_, weight in entry["cities"]) for _, entry in countries]
        weights = [countries[number][1]["weight"] * weight / totals[number] for number, *_, weight in cities]
        written: list[list[str]] = []
        for number, city, region, _ in cities:
            name, entry = countries[number]
            written.append([form.format(city=city, region=region) for form in entry["forms"]])
            names = [{"city": city, "country": name, "short": short} for short in entry["short"]]
            written.append([form.format(**each) for form in content["remote_forms"] for each in names])
        self.currency = [entry["currency"] for _, entry in countries]
        self.pay: Floats = np.array([entry["pay"] * entry["rate"] for _, entry in countries])
        self.monthly: Floats = np.array([entry["monthly"] for _, entry in countries])
        self.city_shares = cumulated(weights)
        self.city_country: Integers = np.array([number for number, *_ in cities])
        self.written = Groups(written)


class Roles:
    """`roles.yaml`. Attributes named `family_…` have an entry a family, those named `profile_…` one a profile.

    A profile is a family in an industry with one of the family's stacks of skills. Its row of `profile_skills` is
    filled up with the number of skills, which means no skill and has almost no weight; `skill_pay` and
    `skill_trends` have an entry for it.
    """

    def __init__(self) -> None:
        content = load_yaml("roles.yaml")
        ladders, fields, families = content["ladders"], content["fields"], content["families"]
        entries, industries = list(families.values()), content["industries"]
        stacks = {name: _weighted_stacks(entry) for name, entry in families.items()}
        named = {skill for weights in stacks.values() for stack in weights for skill in stack}
        self.skills = sorted(named.union(*(entry["skills"] for entry in industries.values())))
        notes = [content["skills"].get(skill, {}) for skill in self.skills]
        self.written_skills = [note.get("written", skill) for skill, note in zip(self.skills, notes, strict=True)]
        self.skill_pay: Floats = np.array([1 + note.get("pay", 0.0) for note in [*notes, {}]])
        self.skill_trends = Trends([*notes, {}])

        self.family_names = list(families)
        self.family_field: Integers = np.array([list(fields).index(entry["field"]) for entry in entries])
        ladder_names = [fields[entry["field"]]["ladder"] for entry in entries]
        self.family_ladder: Integers = np.array([list(ladders).index(name) for name in ladder_names])
        self.family_pay, self.family_drift, self.family_hourly, self.family_remote = (
            np.array([entry[key] for entry in entries], dtype=np.float64)
            for key in ("pay", "drift", "hourly", "remote")
        )
        self.family_trends = Trends(entries)
        self.titles = Groups(
            [step.format(title) for title in entry["titles"] for step in ladders[name]["steps"]]
            for entry, name in zip(entries, ladder_names, strict=True)
        )
        self.ladder_pay: Floats = np.array([ladder["pay"] for ladder in ladders.values()])
        self.ladder_shares = cumulated([ladder["weights"] for ladder in ladders.values()])
        self.ladder_lowest = [ladder.get("lowest") for ladder in ladders.values()]
        self.teams = Groups(
            [f"{first} {second}" for first in field["teams"][0] for second in field["teams"][1]]
            for field in fields.values()
        )
        self.tasks = Groups(field["tasks"] for field in fields.values())
        self.industries = list(industries)
        self._add_profiles(industries, stacks)

    def _add_profiles(self, industries: dict[str, Any], stacks: dict[str, list[dict[str, float]]]) -> None:
        rows: list[tuple[int, int, float, dict[str, float]]] = []
        for industry, entry in enumerate(industries.values()):
            total = sum(entry["families"].values())
            own = dict.fromkeys(entry["skills"], _SKILL_WEIGHTS["industry"])
            for name, weight in entry["families"].items():
                share = entry["weight"] * weight / total / len(stacks[name])
                rows += [(industry, self.family_names.index(name), share, own | stack) for stack in stacks[name]]
        position = {skill: number for number, skill in enumerate(self.skills)}
        width = max(len(weights) for *_, weights in rows)
        self.profile_industry: Integers = np.array([industry for industry, *_ in rows])
        self.profile_family: Integers = np.array([family for _, family, *_ in rows])
        self.profile_weight: Floats = np.array([share for *_, share, _ in rows])
        self.profile_skills: Integers = np.full((len(rows), width), len(self.skills))
        self.profile_skill_weights: Floats = np.full((len(rows), width), 1e-9)
        for row, (*_, weights) in enumerate(rows):
            self.profile_skills[row, : len(weights)] = [position[skill] for skill in weights]
            self.profile_skill_weights[row, : len(weights)] = list(weights.values())


def _weighted_stacks(family: dict[str, Any]) -> list[dict[str, float]]:
    """For each stack of a family: skill → weight."""
    base: dict[str, float] = {}
    for part in ("rare", "common", "core"):
        base |= dict.fromkeys(family[part], _SKILL_WEIGHTS[part])
    weight = _SKILL_WEIGHTS["stack"]
    return [base | {skill: max(weight, base.get(skill, 0.0)) for skill in stack} for stack in family["stacks"]]


class Pieces:
    """Pieces of descriptions, each in every layout."""

    def __init__(self, texts: Iterable[str], layouts: Sequence[dict[str, Any]]) -> None:
        written = pl.Series(list(texts), dtype=pl.String)
        self.count = len(written)
        forms = [
            written
            if layout.get("html")
            else written.str.replace_many(
                list(_MARKS),
                [*layout["heading"], *layout["paragraph"], *layout["list"], *layout["item"], "&", "<", ">"],
            )
            for layout in layouts
        ]
        self._texts = pl.concat([*forms, pl.Series([None], dtype=pl.String)])

    def gather(self, piece: Integers, layout: Integers) -> pl.Series:
        """The pieces at positions, each in its layout; null where the position is -1."""
        return self._texts.gather(np.where(piece < 0, len(self._texts) - 1, layout * self.count + piece))


class Phrases:
    """`phrases.yaml`. Companies are ordered by industry; `written` holds the pieces of descriptions by name."""

    def __init__(self, roles: Roles) -> None:
        content = load_yaml("phrases.yaml")
        self.companies_per_industry: int = content["companies_per_industry"]
        self.company_shares = cumulated([1 / (rank + 8) for rank in range(self.companies_per_industry)])
        self.companies = [
            f"{content['company_stems'][(number + 7 * position) % len(content['company_stems'])]} "
            f"{words[number % len(words)]}"
            for position, words in enumerate(content["industry_words"][industry] for industry in roles.industries)
            for number in range(self.companies_per_industry)
        ]
        self.employment = list(content["employment_spellings"])
        weights = content["employment_weights"]
        self.employment_shares = cumulated([weights.get(name, 0) for name in self.employment])
        self.employment_spellings = Groups(content["employment_spellings"].values())
        self.workplace_spellings = Groups(content["workplace_spellings"][name] for name in WORKPLACES)
        self.workplace_notes = Groups(content["workplace_notes"][name] for name in WORKPLACES)
        self.experience = Groups(content["experience"])
        self.layout_shares = cumulated([layout["share"] for layout in content["layouts"]])
        self.written = {
            name: Pieces(texts, content["layouts"]) for name, texts in self._texts(content, roles).items()
        }

    def _texts(self, content: dict[str, Any], roles: Roles) -> dict[str, list[str]]:
        def marked(texts: Iterable[str], opening: str = "", closing: str = "") -> list[str]:
            return [f"{opening}{html.escape(text, quote=False)}{closing}" for text in texts]

        def items(texts: Iterable[str]) -> list[str]:
            return marked(texts, "<li>", "</li>")

        def about_skills(templates: Iterable[str]) -> list[str]:
            return [template.format(skill=skill) for template in templates for skill in roles.written_skills]

        openers, intros, facts = content["company_openers"], content["role_intros"], content["company_facts"]
        activities = [content["industry_activities"][industry] for industry in roles.industries]
        return {
            **{part: marked(texts, "<h3>", "</h3>") for part, texts in content["headings"].items()},
            "list": ["<ul>", "</ul>"],
            "company_opening": marked((opening for opening, _ in openers), "<p>"),
            # For every opener and industry.
            "company_rest": marked(rest.format(activity=each) for _, rest in openers for each in activities),
            "company_fact": marked(f" {fact}" for fact in facts),
            "last_company_fact": marked((f" {fact}" for fact in facts), "", "</p>"),
            "role_opening": marked((opening for opening, _ in intros), "<p>"),
            "role_rest": marked(rest for _, rest in intros),
            "workplace_note": marked((f" {note}" for note in self.workplace_notes.values), "", "</p>"),
            "task": items(roles.tasks.values),
            "experience": items(self.experience.values),
            "skill_requirement": items(about_skills(content["skill_requirements"])),
            "skill_extra": items(about_skills(content["skill_extras"])),
            "benefit": items(content["benefits"]),
            "closing": marked(content["closings"], "<p>", "</p>"),
            "equal_opportunity": marked(content["equal_opportunity"], "<p>", "</p>"),
        }


class Pay:
    """`pay.yaml`: texts for each country and period, words in place of an amount, and spellings of periods."""

    def __init__(self, places: Places) -> None:
        content = load_yaml("pay.yaml")
        texts = content["pay_texts"]
        self.texts = Groups(
            texts.get(currency, texts["other"])[period] for currency in places.currency for period in PERIODS
        )
        self.empty_words: list[str] = content["unstated_pay"]
        self.periods = Groups(content["period_spellings"][period] for period in PERIODS)


class Vocabulary:
    """All of it."""

    def __init__(self) -> None:
        self.roles, self.places = Roles(), Places()
        self.phrases, self.pay = Phrases(self.roles), Pay(self.places)


@cache
def load_vocabulary() -> Vocabulary:
    return Vocabulary()
