"""A board as a source: asks it page by page, and reads its postings out of what was landed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO

import polars as pl

from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.boards.board import Asking, Board, NoPostingError, Page
from market_assets.sources.entry import Tools
from market_assets.sources.files.flattening import compact_json, without_lone_surrogates
from market_assets.sources.files.text import shortened
from market_assets.sources.protocol import Fetch, Payload, RawBatch, SourceError, Undecodable

_BATCH_ROWS = 10_000


class BoardSource:
    """The postings that a board has now."""

    def __init__(self, board: Board, tools: Tools) -> None:
        self._board = board
        self._tools = tools

    @property
    def name(self) -> str:
        return self._board.source_name

    @property
    def any_day(self) -> bool:
        return False

    def fetch(self, day: date, now: datetime) -> Fetch:
        """Ask for the pages one after the other, each when its payload is opened.

        Raises:
            SourceError: the day is not today. While payloads are drawn or opened: the board can't be reached.
        """
        if day != now.date():
            raise SourceError(f"{self.name} only knows what there is now, so it has nothing for {day}")
        return Fetch(observed_at=now, payloads=self._payloads(day))

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of a page; a record that is none is among the undecodable.

        Raises:
            SourceError: the page is not of the shape that the board promises.
        """
        try:
            records = self._board.records(self._decoded(content.read()))
        except SourceError as error:
            raise SourceError(f"{name}: {error}", permanent=error.permanent) from error
        for start in range(0, len(records), _BATCH_ROWS):
            yield self._batch(records[start : start + _BATCH_ROWS], name)

    def _payloads(self, day: date) -> Iterator[Payload]:
        client = self._tools.client()
        for first in self._board.first_pages(Asking(day, self._tools.keys, client.get)):
            page: Page | None = first
            while page is not None:
                answer = _Answer(self, page)
                yield Payload(page.file, answer.open)
                # What was not opened, or could not be, does not tell where the next page is.
                page = answer.next_page

    def _decoded(self, content: bytes) -> Any:
        try:
            return self._board.document(content)
        except (ValueError, RecursionError) as error:
            begins = " ".join(content[:60].decode("utf-8", "replace").split())
            message = f"the answer is not what was asked for ({error}); it begins with {begins!r}"
            raise SourceError(message, permanent=False) from None

    def _batch(self, records: list[Any], file: str) -> RawBatch:
        rows: list[dict[str, str | None]] = []
        undecodable: list[Undecodable] = []
        for record in records:
            payload = without_lone_surrogates(compact_json(record))
            if not isinstance(record, dict):
                undecodable.append(Undecodable(shortened(payload), "the record is no object"))
                continue
            try:
                fields = self._board.posting(record, file)
            except NoPostingError as error:
                undecodable.append(Undecodable(shortened(payload), str(error)))
                continue
            if fields is not None:
                rows.append({**{name: _storable(text) for name, text in fields.items()}, "payload": payload})
        if len(rows) > 1 and all(row.get("title") is None for row in rows):
            keys = ", ".join(next(record for record in records if isinstance(record, dict)))[:200]
            raise SourceError(f"{file}: its format has changed: no posting has a title among its fields ({keys})")
        return RawBatch(pl.DataFrame(rows, schema=RAW_POSTING, orient="row"), undecodable)


class _Answer:
    """The answer to a page's request, which is sent when it is opened."""

    def __init__(self, source: BoardSource, page: Page) -> None:
        self._source = source
        self._page = page
        self.next_page: Page | None = None

    def open(self) -> BinaryIO:
        """Ask.

        Raises:
            SourceError: there is no answer, or it is not even of the format; such a one is not worth landing.
        """
        source = self._source
        content = source._tools.client().get(self._page.request)
        try:
            document = source._decoded(content)
        except SourceError as error:
            message = f"{self._page.request.shown}: {error}"
            raise SourceError(self._page.request.redacted(message), permanent=error.permanent) from None
        # One of another shape is landed all the same: once it is understood, the day can be read again.
        try:
            self.next_page = source._board.next_page(self._page, document)
        except SourceError:
            self.next_page = None
        return io.BytesIO(content)


def _storable(text: str | None) -> str | None:
    """A text without NUL and halves of surrogate pairs, which no database takes."""
    if text is None:
        return None
    return without_lone_surrogates(text.replace("\0", ""))
