"""Who hires for what: the vocabulary of `roles.yaml` as arrays, and how demand changes over the days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from market_assets.sources.sample.choosing import Floats, Groups, Integers, cumulated, vocabulary

TREND_ORIGIN = date(2026, 1, 1)
#: Trends level out this many years from the origin, so that every day of any year has sensible weights.
_TREND_YEARS = 4.0

#: How likely a skill is asked for, compared with the others, by its place in the family.
_WEIGHTS = {"core": 6.0, "common": 1.6, "rare": 0.5, "stack": 5.0, "industry": 1.1}


def trend_years(day: date) -> float:
    """Years since the origin, levelling out at four before and after it."""
    years = (day - TREND_ORIGIN).days / 365.25
    return _TREND_YEARS * math.tanh(years / _TREND_YEARS)


@dataclass(frozen=True)
class Trends:
    """How the demand for each of some things changes: steadily, and with the seasons of the year."""

    slope: Floats
    season_strength: Floats
    season_peak: Floats

    @classmethod
    def of(cls, entries: list[dict[str, Any]]) -> Trends:
        seasons = [entry.get("season", (0.0, 0.0)) for entry in entries]
        return cls(
            slope=np.array([entry.get("slope", 0.0) for entry in entries], dtype=np.float64),
            season_strength=np.array([strength for strength, _ in seasons], dtype=np.float64),
            season_peak=np.array([peak for _, peak in seasons], dtype=np.float64),
        )

    def factors(self, day: date) -> Floats:
        """What to multiply each weight by on a day."""
        angle = 2 * np.pi * ((day - TREND_ORIGIN).days - self.season_peak) / 365.25
        return np.exp(self.slope * trend_years(day) + self.season_strength * np.cos(angle))


@dataclass(frozen=True)
class Families:
    """Role families, each attribute with one entry a family; `titles` has six steps for each title."""

    names: list[str]
    field: Integers
    ladder: Integers
    pay: Floats
    drift: Floats
    hourly: Floats
    remote: Floats
    titles: Groups
    trends: Trends


@dataclass(frozen=True)
class Profiles:
    """What is drawn for a posting first: a family in an industry with one of the family's stacks of skills.

    `skills` has a row for each profile, filled up with the number of skills, whose weight is next to nothing.
    """

    industry: Integers
    family: Integers
    weight: Floats
    skills: Integers
    skill_weights: Floats


@dataclass(frozen=True)
class Roles:
    """All of `roles.yaml`. `skill_pay` and `skill_trends` have one more entry, for 'no skill'."""

    industries: list[str]
    skills: list[str]
    written_skills: list[str]
    skill_pay: Floats
    skill_trends: Trends
    families: Families
    profiles: Profiles
    ladder_pay: Floats
    ladder_shares: Floats
    ladder_lowest: list[str]
    teams: Groups
    tasks: Groups


@cache
def load_roles() -> Roles:
    content = vocabulary("roles.yaml")
    ladders, fields, families = content["ladders"], content["fields"], content["families"]
    weights = {name: _family_weights(family) for name, family in families.items()}
    asked = {skill for stacks in weights.values() for stack in stacks for skill in stack}
    skills = sorted(asked | {skill for entry in content["industries"].values() for skill in entry["skills"]})
    notes = [content["skills"].get(skill, {}) for skill in skills]
    return Roles(
        industries=list(content["industries"]),
        skills=skills,
        written_skills=[note.get("written", skill) for skill, note in zip(skills, notes, strict=True)],
        skill_pay=np.array([1 + note.get("pay", 0.0) for note in [*notes, {}]], dtype=np.float64),
        skill_trends=Trends.of([*notes, {}]),
        families=_families(families, list(fields), ladders, [field["ladder"] for field in fields.values()]),
        profiles=_profiles(content["industries"], weights, skills),
        ladder_pay=np.array([ladder["pay"] for ladder in ladders.values()], dtype=np.float64),
        ladder_shares=cumulated([ladder["weights"] for ladder in ladders.values()]),
        ladder_lowest=[ladder.get("lowest", "") for ladder in ladders.values()],
        teams=Groups(
            [f"{a} {b}" for a in field["teams"][0] for b in field["teams"][1]] for field in fields.values()
        ),
        tasks=Groups(field["tasks"] for field in fields.values()),
    )


def _families(
    families: dict[str, dict[str, Any]], fields: list[str], ladders: dict[str, Any], field_ladders: list[str]
) -> Families:
    entries = list(families.values())
    ladder_names = list(ladders)

    def numbers(key: str) -> Floats:
        return np.array([entry[key] for entry in entries], dtype=np.float64)

    def steps(entry: dict[str, Any]) -> list[str]:
        ladder = ladders[field_ladders[fields.index(entry["field"])]]
        return [step.format(title) for title in entry["titles"] for step in ladder["steps"]]

    field = np.array([fields.index(entry["field"]) for entry in entries], dtype=np.int64)
    return Families(
        names=list(families),
        field=field,
        ladder=np.array([ladder_names.index(ladder) for ladder in field_ladders], dtype=np.int64)[field],
        pay=numbers("pay"),
        drift=numbers("drift") / 100,
        hourly=numbers("hourly"),
        remote=numbers("remote"),
        titles=Groups(steps(entry) for entry in entries),
        trends=Trends.of(entries),
    )


def _family_weights(family: dict[str, Any]) -> list[dict[str, float]]:
    """For each stack of a family, the skills that are asked for with it, with weights."""
    base: dict[str, float] = {}
    for part in ("rare", "common", "core"):
        base |= dict.fromkeys(family[part], _WEIGHTS[part])
    return [
        base | {skill: max(_WEIGHTS["stack"], base.get(skill, 0.0)) for skill in stack}
        for stack in family["stacks"]
    ]


def _profiles(
    industries: dict[str, dict[str, Any]], families: dict[str, list[dict[str, float]]], skills: list[str]
) -> Profiles:
    family_position = {name: position for position, name in enumerate(families)}
    skill_position = {skill: position for position, skill in enumerate(skills)}
    rows: list[tuple[int, int, float, dict[str, float]]] = []
    for industry, entry in enumerate(industries.values()):
        total = sum(entry["families"].values())
        own = dict.fromkeys(entry["skills"], _WEIGHTS["industry"])
        for name, weight in entry["families"].items():
            share = entry["weight"] * weight / total / len(families[name])
            rows += [(industry, family_position[name], share, own | stack) for stack in families[name]]
    width = max(len(wanted) for *_, wanted in rows)
    chosen = np.full((len(rows), width), len(skills), dtype=np.int64)
    weights = np.full((len(rows), width), 1e-9, dtype=np.float64)
    for row, (*_, wanted) in enumerate(rows):
        chosen[row, : len(wanted)] = [skill_position[skill] for skill in wanted]
        weights[row, : len(wanted)] = list(wanted.values())
    return Profiles(
        industry=np.array([row[0] for row in rows], dtype=np.int64),
        family=np.array([row[1] for row in rows], dtype=np.int64),
        weight=np.array([row[2] for row in rows], dtype=np.float64),
        skills=chosen,
        skill_weights=weights,
    )
