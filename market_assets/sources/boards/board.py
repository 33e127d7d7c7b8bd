"""What a job board is: what to ask it for, where the postings are in its answers, and what their fields mean.

A new board is one subclass of `Board` in a file of its own; asking, paging, landing, decoding and errors are
`board_source.py`'s. This module and the boards load nothing heavy, since `sources.yaml` is read by every process.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from market_assets.sources.entry import Entry, Tools
from market_assets.sources.protocol import SourceError
from market_assets.sources.request import Request, without_queries

if TYPE_CHECKING:
    from market_assets.sources.protocol import Source

Fields = Mapping[str, str | None]


def _web_address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("it must begin with https:// or http://")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
#: A company as it is called in the addresses of its boards.
Company = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$")]


@dataclass(frozen=True)
class Page:
    """One request for a list of postings, or for its `number`th page."""

    name: str
    request: Request
    number: int = 1

    @property
    def file(self) -> str:
        """The name under which the answer is landed: unique within the source and day."""
        return f"{self.name}.json" if self.number == 1 else f"{self.name}-{self.number}.json"


@dataclass(frozen=True)
class Asking:
    """What a board can use to say what it asks for.

    Attributes:
        day: the day, which is today.
        keys: environment variable → key.
        get: gets what a request asks for, for a board that must look where its pages are.
    """

    day: date
    keys: Mapping[str, str]
    get: Callable[[Request], bytes]


class NoPostingError(Exception):
    """A record is no posting; the message says why, for the rejected postings."""


class Board(Entry):
    """A board. Its fields are the settings of its entry in `sources.yaml`."""

    @abstractmethod
    def first_pages(self, asking: Asking) -> Iterator[Page]:
        """The first page of each list of postings; most boards have one."""

    def next_page(self, page: Page, document: Any) -> Page | None:  # noqa: ARG002
        """The page after one whose content is known; None where it is the last."""
        return None

    def document(self, content: bytes) -> Any:
        """An answer decoded.

        Raises:
            ValueError: it is not of the format at all.
        """
        return json.loads(content)

    @abstractmethod
    def records(self, document: Any) -> list[dict[str, Any]]:
        """The records in a decoded answer.

        Raises:
            SourceError: it is not of the shape that the board promises (`record_list` checks that).
        """

    @abstractmethod
    def posting(self, record: dict[str, Any], file: str) -> Fields | None:
        """The fields of `RAW_POSTING` out of a record, as they are stated; None for what is not meant to be read.

        Raises:
            NoPostingError: the record is no posting.
        """

    def make(self, tools: Tools) -> Source:
        from market_assets.sources.boards.board_source import BoardSource

        return BoardSource(self, tools)


class PagedBoard(Board):
    """A board whose list of postings comes in pages."""

    #: How many pages of a list are read at most.
    pages: int = Field(default=10, ge=1, le=1_000)

    @abstractmethod
    def next_request(self, page: Page, document: Any) -> Request | None:
        """What is asked for to get the next page; None where there is none."""

    def next_page(self, page: Page, document: Any) -> Page | None:
        request = self.next_request(page, document) if page.number < self.pages else None
        return Page(page.name, request, page.number + 1) if request else None


class CompanyBoards(Board):
    """Boards of companies at one provider. A company that can't be read fails alone."""

    #: The names in the boards' addresses; with a colon, what the company is called: `matchgroup: Match Group`.
    companies: dict[Company, str] | list[Company] = Field(min_length=1)

    def first_pages(self, asking: Asking) -> Iterator[Page]:  # noqa: ARG002
        for company in dict.fromkeys(self.companies):
            yield Page(company, self.request(company))

    @abstractmethod
    def request(self, company: str) -> Request:
        """What is asked for to get all of a company's postings."""

    def company_of(self, file: str) -> str:
        """What the company of a page is called, as far as is known."""
        company = file.removesuffix(".json")
        return self.companies.get(company, company) if isinstance(self.companies, dict) else company


def page_name(url: str) -> str:
    """A name for the answer of an address: readable, safe in any file system and another one for each address."""
    readable = re.sub(r"[^a-z0-9]+", "-", without_queries(url).lower().split("://", 1)[-1]).strip("-")
    return f"{readable[:60].strip('-')}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def record_list(document: Any, *path: str) -> list[dict[str, Any]]:
    """The list of objects at the end of a path into a document.

    Raises:
        SourceError: there is something else.
    """
    found, way = document, "the answer"
    for key in path:
        if not isinstance(found, dict) or key not in found:
            raise SourceError(f"its format has changed: {way} has no `{key}` but is {_kind(found)}")
        found, way = found[key], f"`{key}`"
    if not isinstance(found, list):
        raise SourceError(f"its format has changed: {way} is not a list but {_kind(found)}")
    if found and not any(isinstance(record, dict) for record in found):
        raise SourceError(f"its format has changed: {way} holds no objects but {_kind(found[0])}")
    return found


def at(record: Any, *path: str) -> Any:
    """What stands at the end of a path into a record; None where the path ends before."""
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def stated(value: Any) -> str | None:
    """A plain value as text, a list of such joined by "; "; None for what is empty or nested."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value).removesuffix(".0")
    if isinstance(value, list):
        return "; ".join(text for item in value if not isinstance(item, list) and (text := stated(item))) or None
    return None


def with_country(location: str | None, country: str | None) -> str | None:
    """A location with the country that a field of its own names, unless it says so already."""
    if location is None or country is None or country.lower() in location.lower():
        return location or country
    return f"{location}, {country}"


def pay(value: Any) -> str | None:
    """An amount as text; None for 0, which stands for an amount that is not known."""
    text = stated(value)
    return None if text in ("0", "-1", "0.0") else text


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object with {', '.join(list(map(str, value))[:5]) or 'nothing'}"[:100]
    return {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}.get(type(value), "a number")
