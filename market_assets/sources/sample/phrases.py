"""What descriptions are put together from: the sentences of `phrases.yaml`, rendered in every layout."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from market_assets.sources.sample.choosing import Floats, Groups, Integers, cumulated, vocabulary
from market_assets.sources.sample.roles import Roles, load_roles

WORKPLACES = ("onsite", "hybrid", "remote")


class Pieces:
    """Pieces of text, each in every layout; a piece below 0 is no text at all."""

    def __init__(self, pieces: Iterable[list[str]], layouts: int) -> None:
        rendered = [text for piece in pieces for text in piece]
        self.count = len(rendered) // layouts
        self._layouts = layouts
        self._texts = pl.Series([*rendered, None], dtype=pl.String)

    def gather(self, piece: Integers, layout: Integers) -> pl.Series:
        position = piece * self._layouts + layout
        position[piece < 0] = self.count * self._layouts
        return self._texts.gather(pl.Series(position))


@dataclass(frozen=True)
class Layouts:
    """How the parts of a description are set."""

    layouts: list[dict[str, Any]]

    @property
    def shares(self) -> Floats:
        return cumulated([layout["share"] for layout in self.layouts])

    def pieces(
        self, texts: Iterable[str], part: str = "", *, opened: bool = False, closed: bool = False
    ) -> Pieces:
        """Texts in every layout, with the marks that open and close the `part` where these are asked for."""
        return Pieces(
            [[self._set(text, layout, part, opened, closed) for layout in self.layouts] for text in texts],
            len(self.layouts),
        )

    def whole(self, texts: Iterable[str], part: str) -> Pieces:
        return self.pieces(texts, part, opened=True, closed=True)

    def _set(self, text: str, layout: dict[str, Any], part: str, opened: bool, closed: bool) -> str:
        shown = html.escape(text, quote=False) if layout.get("html") else text
        opening, closing = layout[part] if part else ("", "")
        return (opening if opened else "") + shown + (closing if closed else "")


@dataclass(frozen=True)
class Phrases:
    """All of `phrases.yaml`. Groups hold positions in the pieces of the same name."""

    companies: list[str]
    companies_per_industry: int
    layout_shares: Floats
    headings: dict[str, Pieces]
    list_open: Pieces
    list_close: Pieces
    company_openings: Pieces
    company_continuations: Pieces
    company_facts: Pieces
    company_last_facts: Pieces
    role_openings: Pieces
    role_continuations: Pieces
    workplace_notes: Pieces
    workplace_groups: Groups
    tasks: Pieces
    experience: Pieces
    experience_groups: Groups
    skill_requirements: Pieces
    skill_extras: Pieces
    benefits: Pieces
    equal_opportunity: Pieces
    closings: Pieces


@cache
def load_phrases() -> Phrases:
    content, roles = vocabulary("phrases.yaml"), load_roles()
    layouts = Layouts(content["layouts"])
    notes = [content["workplace_notes"][workplace] for workplace in WORKPLACES]
    experience = content["experience"]
    return Phrases(
        companies=_companies(content, roles.industries),
        companies_per_industry=content["companies_per_industry"],
        layout_shares=layouts.shares,
        headings={part: layouts.whole(texts, "heading") for part, texts in content["headings"].items()},
        list_open=layouts.pieces([""], "list", opened=True),
        list_close=layouts.pieces([""], "list", closed=True),
        company_openings=layouts.pieces(
            (opener[0] for opener in content["company_openers"]), "paragraph", opened=True
        ),
        company_continuations=layouts.pieces(_continuations(content, roles.industries)),
        company_facts=layouts.pieces(f" {fact}" for fact in content["company_facts"]),
        company_last_facts=layouts.pieces(
            (f" {fact}" for fact in content["company_facts"]), "paragraph", closed=True
        ),
        role_openings=layouts.pieces((intro[0] for intro in content["role_intros"]), "paragraph", opened=True),
        role_continuations=layouts.pieces(intro[1] for intro in content["role_intros"]),
        workplace_notes=layouts.pieces(
            (f" {note}" for group in notes for note in group), "paragraph", closed=True
        ),
        workplace_groups=Groups(notes),
        tasks=layouts.whole(roles.tasks.values, "item"),
        experience=layouts.whole((text for group in experience for text in group), "item"),
        experience_groups=Groups(experience),
        skill_requirements=layouts.whole(_about_skills(content["skill_requirements"], roles), "item"),
        skill_extras=layouts.whole(_about_skills(content["skill_extras"], roles), "item"),
        benefits=layouts.whole(content["benefits"], "item"),
        equal_opportunity=layouts.whole(content["equal_opportunity"], "paragraph"),
        closings=layouts.whole(content["closings"], "paragraph"),
    )


def _companies(content: dict[str, Any], industries: list[str]) -> list[str]:
    """Invented names, `companies_per_industry` for each industry, all different."""
    stems, wanted = content["company_stems"], content["companies_per_industry"]
    names = []
    for position, industry in enumerate(industries):
        words = content["industry_words"][industry]
        names += [
            f"{stems[(number + 7 * position) % len(stems)]} {words[number % len(words)]}"
            for number in range(wanted)
        ]
    return names


def _continuations(content: dict[str, Any], industries: list[str]) -> list[str]:
    """For every opener and industry (in this order), what follows the company's name."""
    activities = content["industry_activities"]
    return [
        opener[1].format(activity=activities[industry])
        for opener in content["company_openers"]
        for industry in industries
    ]


def _about_skills(templates: list[str], roles: Roles) -> list[str]:
    """For every template and skill (in this order), the sentence."""
    return [template.format(skill=skill) for template in templates for skill in roles.written_skills]
