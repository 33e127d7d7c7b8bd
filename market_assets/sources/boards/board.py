"""What a job board is: its requests, where the postings are in its answers, and what their fields are.

A new board is one subclass of `Board` in its own file; paging, landing, decoding and errors are handled here. The
boards import nothing heavy, since every process reads `sources.yaml`.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, BinaryIO, ClassVar

from pydantic import AfterValidator, Field

from market_assets.sources.boards.fields import FieldPaths, Fields, fields_at, record_list
from market_assets.sources.protocol import (
    Entry,
    Fetch,
    Payload,
    RawBatch,
    Request,
    Source,
    SourceError,
    SourceKind,
    Tools,
    Undecodable,
    without_queries,
)

_BATCH_ROWS = 10_000


def _web_address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("it must begin with https:// or http://")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]


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


class NoPostingError(Exception):
    """A record is no posting; the message is the reason in the rejected postings."""


class Board(Entry):
    """A board. Its fields are the settings of its entry in `sources.yaml`."""

    #: The keys that lead to the list of records in an answer.
    record_path: ClassVar[tuple[str, ...]] = ()
    #: Where the fields of a posting are in its record.
    field_paths: ClassVar[FieldPaths] = {}
    #: Whether all its postings are remote.
    remote_only: ClassVar[bool] = False

    #: How long its pages are fetched for; those that are left then are not.
    fetch_minutes: int = Field(default=60, ge=1, le=1_440)

    @abstractmethod
    def first_pages(self, tools: Tools) -> Iterator[Page]:
        """The first page of each list of postings; most boards have one."""

    def next_page(self, page: Page, document: Any) -> Page | None:  # noqa: ARG002
        """The page after one with this content; None for the last."""
        return None

    def document(self, content: bytes) -> Any:
        """Decode an answer.

        Raises:
            ValueError: it is not of the format at all.
        """
        return json.loads(content)

    def records(self, document: Any) -> list[dict[str, Any]]:
        """The records in a decoded answer.

        Raises:
            SourceError: it is not of the expected shape.
        """
        return record_list(document, *self.record_path)

    def posting(self, record: dict[str, Any], file: str) -> Fields | None:  # noqa: ARG002
        """The fields of `RAW_POSTING` out of a record, as they are stated; None for a record to be skipped.

        Raises:
            NoPostingError: the record is no posting.
        """
        return self.stated_fields(record)

    def stated_fields(self, record: dict[str, Any]) -> Fields:
        """The fields at `field_paths`."""
        fields = fields_at(record, self.field_paths)
        return {**fields, "workplace": "remote"} if self.remote_only else fields

    def make(self, tools: Tools) -> Source:
        return BoardSource(self.source_name, self, tools)


class ListBoard(Board):
    """A board with one list of postings at its address."""

    #: The settings that are query parameters of the request where they have a value.
    query: ClassVar[tuple[str, ...]] = ()

    url: WebAddress

    def first_pages(self, tools: Tools) -> Iterator[Page]:  # noqa: ARG002
        yield Page("postings", Request(self.url, given(**{name: getattr(self, name) for name in self.query})))


class PagedBoard(ListBoard):
    """A board whose list of postings comes in pages."""

    #: The most pages of a list that are read.
    pages: int = Field(default=10, ge=1, le=1_000)

    @abstractmethod
    def next_request(self, page: Page, document: Any) -> Request | None:
        """The request for the next page; None if there is none."""

    def next_page(self, page: Page, document: Any) -> Page | None:
        request = self.next_request(page, document) if page.number < self.pages else None
        return Page(page.name, request, page.number + 1) if request else None


def given(**params: str | int | None) -> dict[str, str]:
    """The query parameters that have a value, as text."""
    return {name: str(value) for name, value in params.items() if value not in (None, "")}


def page_name(url: str) -> str:
    """A name for the answer of an address: readable, safe in any file system and different for each address."""
    readable = re.sub(r"[^a-z0-9]+", "-", without_queries(url).lower().split("://", 1)[-1]).strip("-")
    return f"{readable[:60].strip('-')}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class BoardSource:
    """The current postings of a board."""

    name: str
    board: Board
    tools: Tools
    any_day: ClassVar[bool] = False
    kind: ClassVar[SourceKind] = "board"

    @property
    def origins(self) -> tuple[str, ...]:
        """The addresses among the board's settings."""
        return self.board.origins

    def fetch(self, day: date, now: datetime) -> Fetch:
        """Return the board's pages, each of which is requested when its payload is opened.

        Raises:
            SourceError: the day is not today; while payloads are drawn or opened: the board can't be reached.
        """
        if day != now.date():
            raise SourceError(f"{self.name} has only its current postings, so it has nothing for {day}")
        return Fetch(observed_at=now, payloads=self._payloads())

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of a page; records that are none are among the undecodable.

        Raises:
            SourceError: the page is not of the expected shape.
        """
        try:
            records = _checked_records(self.board, _decoded(self.board, content.read()), name)
        except SourceError as error:
            raise SourceError(f"{name}: {error}", permanent=error.permanent) from error
        for start in range(0, len(records), _BATCH_ROWS):
            yield _batch(self.board, records[start : start + _BATCH_ROWS], name)

    def _payloads(self) -> Iterator[Payload]:
        minutes = self.board.fetch_minutes
        end = self.tools.clock() + 60 * minutes
        for first in self.board.first_pages(self.tools):
            page: Page | None = first
            while page is not None:
                if self.tools.clock() > end:
                    raise SourceError(
                        f"{page.request.shown}: the source took longer than {minutes} minutes (`fetch_minutes`), "
                        "so this page and those after it were not fetched",
                        permanent=False,
                    )
                answer = _Answer(self.board, page, self.tools.get)
                yield Payload(page.file, answer.open, answer.get_problem)
                # Unknown, and so None, where the page was not opened or could not be fetched.
                page = answer.next_page


class _Answer:
    """The answer to a page's request, decoded once, for its check and for the next page."""

    def __init__(self, board: Board, page: Page, get: Callable[[Request], bytes]) -> None:
        self._board, self._page, self._get = board, page, get
        self._problem: str | None = None
        self.next_page: Page | None = None

    def open(self) -> BinaryIO:
        """Send the request.

        Raises:
            SourceError: there is no answer, or it is not of the board's format at all and not worth landing.
        """
        page = self._page
        content = self._get(page.request)
        try:
            document = _decoded(self._board, content)
        except SourceError as error:
            message = page.request.redacted(f"{page.request.shown}: {error}")
            raise SourceError(message, permanent=error.permanent) from None
        # An answer of another shape is landed all the same, to be read once the code understands it.
        try:
            _checked_records(self._board, document, page.file)
        except SourceError as error:
            self._problem = f"{page.file}: {error}"
        self.next_page = self._board.next_page(page, document)
        return io.BytesIO(content)

    def get_problem(self) -> str | None:
        return self._problem


def _decoded(board: Board, content: bytes) -> Any:
    try:
        return board.document(content)
    except (ValueError, RecursionError) as error:
        beginning = " ".join(content[:60].decode("utf-8", "replace").split())
        message = f"the answer is not in the board's format ({error}); it begins with {beginning!r}"
        raise SourceError(message, permanent=False) from None


def _checked_records(board: Board, document: Any, file: str) -> list[Any]:
    """The records of a document, of which one at least has a title if there are several postings."""
    records, postings = board.records(document), 0
    for record in records:
        try:
            fields = board.posting(record, file) if isinstance(record, dict) else None
        except NoPostingError:
            continue
        if fields is not None and fields.get("title") is not None:
            return records
        postings += fields is not None
    if postings > 1:
        keys = ", ".join(next(record for record in records if isinstance(record, dict)))[:200]
        raise SourceError(f"its format has changed: no posting has a title among its fields ({keys})")
    return records


def _batch(board: Board, records: list[Any], file: str) -> RawBatch:
    import polars as pl

    from market_assets.postings.schemas import RAW_POSTING
    from market_assets.sources.files.records import compact_json, without_lone_surrogates
    from market_assets.sources.files.text import shortened

    rows: list[dict[str, str | None]] = []
    undecodable: list[Undecodable] = []
    for record in records:
        payload = without_lone_surrogates(compact_json(record))
        try:
            if not isinstance(record, dict):
                raise NoPostingError("the record is no object")
            fields = board.posting(record, file)
        except NoPostingError as error:
            undecodable.append(Undecodable(shortened(payload), str(error)))
            continue
        if fields is not None:
            # Databases refuse NUL characters and halves of surrogate pairs.
            texts = {
                name: text and without_lone_surrogates(text.replace("\0", "")) for name, text in fields.items()
            }
            rows.append({**texts, "payload": payload})
    return RawBatch(pl.DataFrame(rows, schema=RAW_POSTING, orient="row"), undecodable)
