"""A segment as callers name it: by country, industry, place, employer and so on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Literal

from fastapi import Depends, Query

Seniority = Literal["intern", "junior", "mid", "senior", "lead", "manager", "director", "executive"]
Workplace = Literal["remote", "hybrid", "onsite"]
Filter = Annotated[str | None, Query(min_length=1, max_length=200)]
Search = Annotated[str | None, Query(min_length=1, max_length=200, description="Text that the name has in it")]


@dataclass(frozen=True)
class NamedSegment:
    """What the postings of a segment have in common, in the names that people use; None: anything.

    Attributes:
        country: its code or its name.
        period: only the last so many days.
    """

    country: str | None = None
    industry: str | None = None
    location: str | None = None
    company: str | None = None
    seniority: str | None = None
    workplace: str | None = None
    period: int | None = None
    occupation: str | None = None

    @property
    def chosen(self) -> set[str]:
        """The names of what is limited."""
        return {field.name for field in fields(self) if getattr(self, field.name) is not None}


async def requested_segment(
    country: Annotated[
        Filter, Query(description="Code of ISO 3166-1, or name: only postings of the country")
    ] = None,
    industry: Annotated[Filter, Query(description="Only postings of the industry")] = None,
    location: Annotated[Filter, Query(description="Only postings of the place")] = None,
    company: Annotated[Filter, Query(description="Only postings of the employer")] = None,
    seniority: Annotated[Seniority | None, Query(description="Only postings for such people")] = None,
    workplace: Annotated[Workplace | None, Query(description="Only such postings")] = None,
    period: Annotated[
        int | None, Query(ge=1, le=1_000, description="Only postings of the last so many days, from 00:00 UTC")
    ] = None,
    occupation: Annotated[Filter, Query(description="Only postings of the occupation")] = None,
) -> NamedSegment:
    """The segment that a request is about."""
    return NamedSegment(country, industry, location, company, seniority, workplace, period, occupation)


SegmentRequest = Annotated[NamedSegment, Depends(requested_segment)]


@dataclass(frozen=True)
class ValuesWanted:
    """Which values a list is to have: those of a segment's postings that ask for a skill, with a text in them."""

    named: NamedSegment
    skill: str | None
    search: str | None

    @property
    def are_of_all(self) -> bool:
        """Whether they are those of all counted postings."""
        return self.skill is None and not self.named.chosen


async def requested_values(
    named: SegmentRequest,
    skill: Annotated[Filter, Query(description="Only postings that ask for the skill")] = None,
    search: Search = None,
) -> ValuesWanted:
    """What a request for a list of values asks for."""
    return ValuesWanted(named, skill, search)


ValuesRequest = Annotated[ValuesWanted, Depends(requested_values)]
