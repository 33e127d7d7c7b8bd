"""A file of postings as a source."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

import polars as pl

from market_assets.compute.schemas import RAW_POSTING
from market_assets.sources.files.chunks import Chunk
from market_assets.sources.files.columns import apply_mapping
from market_assets.sources.files.decoding import decode, decoder_of
from market_assets.sources.protocol import Fetch, Payload, RawBatch, SourceError


class FileSource:
    """The postings of a CSV, JSON, JSON lines or Parquet file, whatever its columns are called.

    Args:
        name: the source's name in assets, folders and tables.
        path: the file; its ending tells the format.
        mapping: field of `RAW_POSTING` → column, for what the guess would get wrong; an empty column leaves
            the field out.
    """

    def __init__(self, name: str, path: Path, mapping: Mapping[str, str] | None = None) -> None:
        self._name = name
        self._path = path
        self._mapping = dict(mapping or {})

    @property
    def name(self) -> str:
        return self._name

    @property
    def any_day(self) -> bool:
        """A file is what it is now: past days are not filled from it."""
        return False

    def fetch(self, day: date, now: datetime) -> Fetch:  # noqa: ARG002
        """Give the file as it is now, whatever the day: one payload, opened when it is asked for.

        Raises:
            SourceError: the file is missing, empty, can't be opened, or has an ending that is not known.
        """
        self._open().close()
        return Fetch(observed_at=now, payloads=iter([Payload(self._path.name, self._open)]))

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
        """Field → column as it will be read, to show before the file is read.

        Raises:
            SourceError: as `fetch` and `read` do.
        """
        with self._open() as content:
            try:
                return self._resolve(self._path.name, content)[0]
            except SourceError as error:
                raise SourceError(f"{self._path.name}: {error}", permanent=error.permanent) from error

    def _open(self) -> BinaryIO:
        path = self._path
        try:
            if path.is_dir():
                raise SourceError("it is a folder; name a file in it")
            decoder_of(path.name)
            if path.stat().st_size == 0:
                raise SourceError("it is empty")
            return path.open("rb")
        except FileNotFoundError:
            raise SourceError(f"{path}: there is no such file") from None
        except OSError as error:
            raise SourceError(f"{path}: it can't be opened ({error.strerror or error})") from error
        except SourceError as error:
            raise SourceError(f"{path}: {error}") from error

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
