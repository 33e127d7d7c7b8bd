"""What requests to the market API may ask: a segment, a page of a list, its order and format, skills, names.

Names are found as people write them: in any case, by another spelling, with suggestions where they are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from market_assets.web.errors import ApiError

Seniority = Literal["intern", "junior", "mid", "senior", "lead", "manager", "director", "executive"]
Workplace = Literal["remote", "hybrid", "onsite"]
Filter = Annotated[str | None, Query(min_length=1, max_length=200)]
Search = Annotated[str | None, Query(min_length=1, max_length=200, description="Text that the name has in it")]
MOST_SUGGESTIONS = 3


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


MOST_ROWS, USUAL_ROWS = 500, 50
Format = Literal["json", "csv", "parquet", "arrow"]
#: Media type by format, the usual one first.
MEDIA_TYPES: dict[str, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
#: For the OpenAPI document, of each route that answers with a list.
FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in MEDIA_TYPES.values()
            if media_type != "application/json"
        }
    }
}


@dataclass(frozen=True)
class Wanted:
    """What a request wants of a list.

    Attributes:
        limit: the greatest number of rows; None: all in a file, `USUAL_ROWS` in JSON.
        offset: rows to leave out.
        sort: columns in the order of their weight, each with whether the greatest comes first.
        fields: the columns to keep; none: all.
        format: how the rows are written.
    """

    limit: int | None
    offset: int
    sort: tuple[tuple[str, bool], ...]
    fields: tuple[str, ...]
    format: Format


async def requested_list(
    request: Request,
    limit: Annotated[int | None, Query(ge=1, le=MOST_ROWS, description="The greatest number of rows")] = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000, description="Rows to leave out")] = 0,
    sort: Annotated[
        str | None, Query(max_length=200, description="Columns, with commas between; `-` first: greatest first")
    ] = None,
    fields: Annotated[
        str | None, Query(max_length=1000, description="Columns to keep, with commas between")
    ] = None,
    format: Annotated[Format | None, Query(description="Else by the header Accept, else JSON")] = None,
) -> Wanted:
    """The part of a list that a request is for."""
    order = tuple((column.removeprefix("-"), column.startswith("-")) for column in _split(sort))
    chosen = format or accepted(request.headers.get("accept", ""))
    return Wanted(limit, offset, order, _split(fields), chosen)


ListRequest = Annotated[Wanted, Depends(requested_list)]


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a request whose query has a parameter that its route does not know.

    Raises:
        ApiError: 422, with the names that look alike.
    """
    known = _parameters(request.scope["route"].dependant)
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise ApiError(
            422, "; ".join(f"{name[:100]}: unknown parameter{hint(name, known)}" for name in unknown[:5])
        )


Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
SkillsAtHand = Annotated[list[Name], Field(max_length=100, description="The skills at hand, in any case")]


class SkillGapRequest(BaseModel):
    """The skills at hand, and what they are compared with."""

    model_config = ConfigDict(extra="forbid")

    skills: SkillsAtHand
    industry: Name | None = Field(None, description="Compare with this industry, else with the whole market")
    limit: int = Field(10, ge=1, le=100, description="The greatest number of missing skills")


class RecommendationRequest(BaseModel):
    """The skills at hand."""

    model_config = ConfigDict(extra="forbid")

    skills: SkillsAtHand
    occupation: Name | None = Field(None, description="Recommend what it asks for more than the market does")
    limit: int = Field(10, ge=1, le=100, description="The greatest number of recommendations")


def _split(value: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


def accepted(accept: str) -> Format:
    """The first format of the header that there is; JSON where none is."""
    for part in accept.split(","):
        media_type = part.partition(";")[0].strip().lower()
        for name in ("json", "csv", "parquet", "arrow"):
            if MEDIA_TYPES[name] == media_type:
                return name
    return "json"


def _parameters(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*(_parameters(each) for each in dependant.dependencies))


class Names:
    """The names of one kind of thing."""

    def __init__(self, names: Iterable[str], spellings: Callable[[], Mapping[str, str]] | None = None) -> None:
        """Take the names that are known.

        Args:
            names: as the tables spell them; of names that differ by case alone, the last in order is found first.
            spellings: makes the table from other spellings, casefolded, to names; called when it is first needed.
        """
        self._names = frozenset(names)
        self._folded = {name.casefold(): name for name in sorted(self._names, reverse=True)}
        self._other_spellings = spellings

    @property
    def all(self) -> list[str]:
        """The names in ascending order."""
        return sorted(self._names)

    def find(self, name: str) -> str | None:
        """The name as the tables spell it, None where they don't have it."""
        if name in self._names:
            return name
        folded = name.strip().casefold()
        return self._folded.get(folded) or self._spellings.get(folded)

    def suggestions(self, name: str) -> list[str]:
        """Up to three known names that look like an unknown one, the most alike first."""
        known = {**self._spellings, **self._folded}
        alike = get_close_matches(name.strip().casefold(), known, n=2 * MOST_SUGGESTIONS, cutoff=0.7)
        return list(dict.fromkeys(known[each] for each in alike))[:MOST_SUGGESTIONS]

    def containing(self, part: str) -> set[str]:
        """The names in which a text occurs, whatever its case, and the one that it is another spelling of."""
        folded = part.strip().casefold()
        found = self.find(part)
        return {name for key, name in self._folded.items() if folded in key} | ({found} if found else set())

    @cached_property
    def _spellings(self) -> dict[str, str]:
        made = self._other_spellings() if self._other_spellings else {}
        return {spelling: name for spelling, name in made.items() if name in self._names}


def town_spellings(locations: Iterable[str]) -> dict[str, str]:
    """For each town ("berlin"), the first of the locations that begin with it ("Berlin, DE")."""
    found: dict[str, str] = {}
    for location in locations:
        town, comma, _ = location.partition(",")
        if comma:
            found.setdefault(town.strip().casefold(), location)
    return found


def hint(name: str, known: set[str] | list[str]) -> str:
    alike = get_close_matches(name[:100], sorted(known), n=1)
    return f"; did you mean {alike[0]}?" if alike else f" (known: {', '.join(sorted(known)) or 'none'})"
