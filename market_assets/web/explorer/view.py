"""What a page is made with: the request, the newest figures, its tables and its template.

Pages are kept for all who ask. Who is signed in, and postings as the store has them by now, are not: a page is
made with marks in these places, and each answer is filled in anew.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from markupsafe import Markup
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from market_assets.settings import Settings
from market_assets.skills.taxonomy import Skill, load_taxonomy
from market_assets.statistics.segments import Segment
from market_assets.statistics.window import Window
from market_assets.store.database import Database
from market_assets.store.posting_queries import ShownPosting, read_shown_postings
from market_assets.web.auth.credentials import identity_of
from market_assets.web.auth.cross_site import CSRF_COOKIE
from market_assets.web.explorer import parameters as addresses
from market_assets.web.explorer.parameters import Filters, Link, PageProblem, Parameters, closest
from market_assets.web.market.counted_postings import Companies, CountedPostings
from market_assets.web.market.responses import copied
from market_assets.web.market.snapshot import MarketSnapshot
from market_assets.web.pages import environment, render

SAMPLE = 5
#: So long are the postings of a page shown again without a look into the store.
_KEPT_SECONDS = 1.0
#: Pages whose postings are kept; those of all are forgotten when there are more.
_MOST_KEPT = 1_000
#: Pages read postings in few threads, fewer than there are connections, and not in those that count.
_READERS = CapacityLimiter(4)
#: No posting can state it, since it is in no answer.
_MARK = secrets.token_hex(16)
SIGN_OUT = Markup(f"{_MARK}-sign-out")
_POSTINGS = re.compile(rf"{_MARK}-postings-([\d,]*)-".encode())
#: Programs for tables would run a text that begins with one of these.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: the key in each row, and the heading in CSV.
        heading: as shown.
        show: formats a number; None for a column of text.
        link: the address that a text leads to.
        secondary: leave it out on the narrowest screens.
    """

    name: str
    heading: str
    show: Callable[[Any], str] | None = None
    link: Callable[[str], str] | None = None
    secondary: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a page: `name` is how `?table=` calls it, the first column names the row."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]

    def to_csv(self) -> str:
        """All rows with their columns, numbers as they are; a text that would be a formula begins with '."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(column.name for column in self.columns)
        writer.writerows([_cell(row[column.name]) for column in self.columns] for row in self.rows)
        return text.getvalue()


def csv_response(table: Table) -> Response:
    """A table as a file to download."""
    headers = {"Content-Disposition": f'attachment; filename="{table.name}.csv"'}
    return Response(table.to_csv(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


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
        named = {table.name: table for table in tables}
        chosen = parameters.one_of("table", named) if named else None
        if parameters.one_of("format", ("csv",) if named else ()):
            return csv_response(named[chosen or next(iter(named))])
        return self.page(template, parameters=parameters, tables=named, **context)

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """The page for everybody: `filled` puts in what is not the same for all."""
        shared: dict[str, Any] = {
            "view": self,
            "summary": self.market.summary,
            "currency": self.currency,
            "sign_out": SIGN_OUT,
            "MARKET": addresses.MARKET,
            "page_of": addresses.page_of,
        }
        return render(template, status_code=status, **shared, **context)


class PostingLine(NamedTuple):
    """A posting of a page; `href` is its link where that is one for browsers."""

    posting: ShownPosting
    href: str | None


def newest_postings(window: Window) -> Markup:
    """The place of the newest postings of a window."""
    newest = window.postings.select("posted_at", "posting_id").top_k(SAMPLE, by=["posted_at", "posting_id"])
    return Markup(f"{_MARK}-postings-{','.join(map(str, newest['posting_id']))}-")


class NewestPostings:
    """The newest postings of pages, as they show them: of a page that many ask for, one a second reads them.

    Those that have left the store are left out, two seconds later at most.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[bytes, tuple[float, bytes]] = {}

    async def put_in(self, body: bytes) -> bytes:
        """A page with its postings in their places."""
        shown = {mark: self._fresh(mark) for mark in _POSTINGS.findall(body)}
        if None in shown.values():
            return await to_thread.run_sync(_POSTINGS.sub, self._read, body, limiter=_READERS)
        return _POSTINGS.sub(lambda mark: shown[mark[1]] or b"", body)

    def _fresh(self, posting_ids: bytes) -> bytes | None:
        until, shown = self._kept.get(posting_ids, (0.0, None))
        now = time.monotonic()
        if shown is None or now < until:
            return shown
        # One reads them anew; the others are shown what was read before meanwhile.
        self._kept[posting_ids] = now + _KEPT_SECONDS, shown
        return None

    def _read(self, mark: re.Match[bytes]) -> bytes:
        posting_ids = [int(number) for number in mark[1].split(b",") if number]
        with self._database.pooled_engine().connect() as connection:
            found = read_shown_postings(connection, posting_ids)
        lines = [PostingLine(posting, web_address(posting.url)) for posting in found]
        shown: Markup = environment().get_template("macros.html").module.sample(lines)  # type: ignore[attr-defined]
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[mark[1]] = time.monotonic() + _KEPT_SECONDS, shown.encode()
        return shown.encode()


async def filled(page: Response, request: Request, newest: NewestPostings) -> Response:
    """An answer for one user, made of one for all.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store can't be read.
    """
    identity = identity_of(request)
    sign_out = (
        environment()
        .get_template("sign_out.html")
        .render(csrf_token=request.cookies.get(CSRF_COOKIE), user=identity.name if identity else None)
    )
    body = bytes(page.body).replace(SIGN_OUT.encode(), sign_out.encode())
    return copied(page, await newest.put_in(body))


def web_address(url: str | None) -> str | None:
    """The link of a posting if it is one of the web; None for any other, such as one that would run a script."""
    if url is None or any(letter.isspace() or not letter.isprintable() for letter in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme.lower() in ("http", "https") and parts.netloc else None
