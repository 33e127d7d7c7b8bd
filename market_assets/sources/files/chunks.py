"""Records of a file, some thousands at a time, as text under the file's own column names."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from market_assets.sources.files import json_documents
from market_assets.sources.files.flattening import compact_json, flatten, without_lone_surrogates
from market_assets.sources.files.text import RECORD_LIMIT, TextRecord, over_limit, shortened, utf8_size
from market_assets.sources.protocol import Undecodable

#: A chunk is at most so many records, and ends early once their text is so long.
CHUNK_RECORDS = 10_000
CHUNK_CHARACTERS = 32_000_000
#: Further names in a chunk of nested records are found in the payload only.
MOST_COLUMNS = 1_000


@dataclass(frozen=True)
class Chunk:
    """Some records of a file.

    Attributes:
        frame: one row a record; every column is text, null where missing or empty.
        payload: for each row the record as compact JSON text.
        undecodable: the records that are none, with the reason.
    """

    frame: pl.DataFrame
    payload: pl.Series
    undecodable: list[Undecodable]


def unique_names(names: Iterable[str]) -> list[str]:
    """The names of columns, each but once: a second `title` is `title_2`."""
    unique: dict[str, None] = {}
    for name in names:
        tries = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        unique[next(candidate for candidate in tries if candidate not in unique)] = None
    return list(unique)


def record_chunks(records: Iterable[dict[str, Any] | Undecodable]) -> Iterator[Chunk]:
    """Chunks of records of any shape.

    A loop over them, since each may have fields of its own, nested in its own way.
    """
    flat: list[dict[str, str]] = []
    payloads: list[str] = []
    undecodable: list[Undecodable] = []
    size = 0
    for record in records:
        taken = record if isinstance(record, Undecodable) else _row(record)
        if isinstance(taken, Undecodable):
            undecodable.append(taken)
        else:
            flat.append(taken[0])
            payloads.append(taken[1])
            size += len(taken[1])
        if len(flat) + len(undecodable) >= CHUNK_RECORDS or size >= CHUNK_CHARACTERS:
            yield Chunk(_text_frame(flat), pl.Series(payloads, dtype=pl.String), undecodable)
            flat, payloads, undecodable, size = [], [], [], 0
    if flat or undecodable:
        yield Chunk(_text_frame(flat), pl.Series(payloads, dtype=pl.String), undecodable)


def _row(record: dict[str, Any]) -> tuple[dict[str, str], str] | Undecodable:
    try:
        payload = compact_json(record)
    except RecursionError:
        return Undecodable("", "the record is nested too deeply")
    try:
        size = len(payload.encode())
    except UnicodeEncodeError:
        payload = without_lone_surrogates(payload)
        record, size = json_documents.load(payload), utf8_size(payload)
    return Undecodable(shortened(payload), over_limit(size)) if size > RECORD_LIMIT else (flatten(record), payload)


def _text_frame(flat: list[dict[str, str]]) -> pl.DataFrame:
    names = dict.fromkeys(itertools.chain.from_iterable(flat))
    columns = {
        name: pl.Series([row.get(name) for row in flat], dtype=pl.String)
        for name in itertools.islice(names, MOST_COLUMNS)
    }
    return pl.DataFrame(columns or None, height=len(flat))


def in_batches(records: Iterable[TextRecord]) -> Iterator[list[TextRecord]]:
    """The records of a text, as many at a time as one chunk holds."""
    batch: list[TextRecord] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.text)
        if len(batch) >= CHUNK_RECORDS or size >= CHUNK_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
