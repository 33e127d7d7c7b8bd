"""Files of postings as a source."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.files.chunks import Chunk
from market_assets.sources.files.columns import apply_mapping
from market_assets.sources.files.decoding import decode
from market_assets.sources.files.finding import find_files
from market_assets.sources.protocol import Fetch, Payload, RawBatch, SourceError

if TYPE_CHECKING:
    from market_assets.sources.http_client import HttpClient


class FileSource:
    """The postings of CSV, JSON, JSON lines or Parquet files, whatever their columns are called.

    Args:
        name: the source's name in assets, folders and tables.
        path: a file, whose ending tells the format, or a folder of such; a path or any URL that fsspec knows.
        mapping: field of `RAW_POSTING` → column, for what the guess would get wrong; an empty column leaves
            the field out.
        client: gives the HTTP client, for a file at a web address.
    """

    def __init__(
        self,
        name: str,
        path: Path | str,
        mapping: Mapping[str, str] | None = None,
        client: Callable[[], HttpClient] | None = None,
    ) -> None:
        self._name = name
        self._path = str(path)
        self._client = client
        self._mapping = dict(mapping or {})

    @property
    def name(self) -> str:
        return self._name

    @property
    def any_day(self) -> bool:
        """A file is what it is now: past days are not filled from it."""
        return False

    def fetch(self, day: date, now: datetime) -> Fetch:  # noqa: ARG002
        """Give the files as they are now, whatever the day: one payload each, opened when it is asked for.

        Raises:
            SourceError: the file is missing, empty, can't be opened, or has an ending that is not known; the same
                when a payload of a folder is opened.
        """
        found = find_files(self._path, self._client)
        return Fetch(observed_at=now, payloads=(Payload(file.name, file.open) for file in found))

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of the file, in batches of at most ten thousand rows.

        Raises:
            SourceError: it is not of its ending's format, has no posting, or no column for the title.
        """
        try:
            mapping, chunks = self._resolve(name, content)
            for chunk in chunks:
                yield RawBatch(_raw_postings(chunk, mapping), chunk.undecodable)
        except SourceError as error:
            raise SourceError(f"{name}: {error}", permanent=error.permanent) from error

    def mapping_shown(self) -> dict[str, str]:
        """Field → column as it will be read, to show before the file (of a folder the first) is read.

        Raises:
            SourceError: as `fetch` and `read` do.
        """
        file = find_files(self._path, self._client)[0]
        with file.open() as content:
            try:
                return self._resolve(file.name, content)[0]
            except SourceError as error:
                raise SourceError(f"{file.name}: {error}", permanent=error.permanent) from error

    def _resolve(self, name: str, content: BinaryIO) -> tuple[dict[str, str], Iterator[Chunk]]:
        """The mapping, which the first records decide, and all the records."""
        chunks = decode(name, content)
        first = next(chunks, None)
        if first is None:
            raise SourceError("there is no posting in it")
        if first.payload.is_empty():
            raise SourceError(f"there is no posting in it that can be read; {first.undecodable[0].reason}")
        mapping = apply_mapping(first.frame.columns, first.frame, self._mapping)
        return mapping, itertools.chain([first], chunks)


def _raw_postings(chunk: Chunk, mapping: Mapping[str, str]) -> pl.DataFrame:
    """The chunk under the names of `RAW_POSTING`. Of nested records a chunk may lack a column."""
    known = set(chunk.frame.columns)
    fields = {
        # JSON can state a NUL, which means nothing in text and which no database takes.
        field: pl.col(column).str.replace_all("\0", "", literal=True)
        for field, column in mapping.items()
        if column in known
    }
    missing = pl.lit(None, pl.String)
    return chunk.frame.select(
        (chunk.payload if field == "payload" else fields.get(field, missing)).alias(field) for field in RAW_POSTING
    )
