"""What a page is made with: the request, the newest figures, and its template."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from market_assets.settings import Settings
from market_assets.skills.taxonomy import Skill, load_taxonomy
from market_assets.statistics.window import Segment, Window
from market_assets.store.database import Database
from market_assets.web.explorer import parameters as addresses
from market_assets.web.explorer.late_parts import SIGN_OUT, NewestPostings
from market_assets.web.explorer.parameters import Filters, Link, PageProblem, Parameters, closest
from market_assets.web.explorer.tables import Table, by_name, csv_response
from market_assets.web.explorer.templates import environment
from market_assets.web.market.counted_postings import Companies, CountedPostings
from market_assets.web.market.snapshot import MarketSnapshot


class Explorer:
    """What all pages share.

    Attributes:
        state: of the API, whose `market` is the cache of the tables.
        postings: the counted postings in memory, which the API uses too.
        newest: the newest postings of pages.
    """

    def __init__(self, state: State, settings: Settings, database: Database) -> None:
        self.state, self.settings = state, settings
        self.postings: CountedPostings = state.postings
        self.newest = NewestPostings(database)

    @cached_property
    def taxonomy(self) -> dict[str, Skill]:
        """The skills that are searched for, by name."""
        return {skill.name: skill for skill in load_taxonomy(self.settings.taxonomy).skills}


@dataclass(frozen=True)
class View:
    """A request for a page and the figures to answer it with."""

    explorer: Explorer
    request: Request
    market: MarketSnapshot

    @property
    def min_sample(self) -> int:
        return self.explorer.settings.min_sample

    @property
    def currency(self) -> str:
        return self.explorer.settings.currency

    def parameters(self, *known: str, repeated: Collection[str] = ()) -> Parameters:
        """The parameters of the request; `known` are the page's own.

        Raises:
            PageProblem: one is wrong.
        """
        return Parameters(
            addresses.path_of(self.request), self.request.query_params, (*known, "format", "table"), repeated
        )

    def window(self) -> Window:
        """The counted postings.

        Raises:
            ApiError: nothing has been counted yet.
        """
        return self.explorer.postings.window(self.market)

    @property
    def companies(self) -> Companies:
        """The employers of the counted postings."""
        return self.explorer.postings.companies(self.market)

    def segment(self, filters: Filters, **more: str | int | None) -> Segment:
        """The part of the market that filters leave; `more` are further fields of it."""
        return filters.segment(self.market.bounds[1], **more)

    def known_skill(self, name: str) -> str:
        """The skill of a name or of another spelling, as the tables spell it.

        Raises:
            PageProblem: 404, no table has it; with suggestions.
        """
        found = self.market.skills.find(name)
        if found is None:
            links = [Link(one, self.skill_page(one)) for one in closest(name, self.market.skills)]
            raise PageProblem(404, "Skill not found", f"No counted posting asks for “{name}”.", links)
        return found

    def other_spellings(self, skill: str) -> tuple[str, ...]:
        """How postings write a skill besides its name."""
        known = self.explorer.taxonomy.get(skill)
        return known.other_spellings if known else ()

    def skill_page(self, name: str, filters: Filters | None = None) -> str:
        return addresses.page_of("skills", name, filters.chosen if filters else None)

    def answer(
        self, template: str, parameters: Parameters, tables: Sequence[Table] = (), **context: Any
    ) -> Response:
        """The page, or with `format=csv` one of its tables: the one that `table` names, else the first.

        Raises:
            PageProblem: 422, it has no such table.
        """
        named = by_name(tables)
        chosen = parameters.one_of("table", named) if named else None
        if parameters.one_of("format", ("csv",) if named else ()):
            return csv_response(named[chosen or next(iter(named))])
        return self.page(template, parameters=parameters, tables=named, **context)

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """The page for everybody: `late_parts.filled` puts in what is not the same for all."""
        shared = {
            "view": self,
            "summary": self.market.summary,
            "currency": self.currency,
            "sign_out": SIGN_OUT,
        }
        return HTMLResponse(environment().get_template(template).render(**shared, **context), status)
