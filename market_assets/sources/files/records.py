"""The postings in a JSON document, and nested records as frames of text."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

import polars as pl

from market_assets.postings.normalise import MAX_RECORD_BYTES, over_limit
from market_assets.sources.files.text import shortened, utf8_size
from market_assets.sources.protocol import SourceError, Undecodable


def load(text: str) -> Any:
    """The value of a JSON text; NaN and Infinity, which JSON has not, are null.

    Raises:
        ValueError: the text is not JSON, or nested too deeply; the message has the position.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno} column {error.colno}") from None


def _no_value(_constant: str) -> None:
    return None


#: Made once: a call of `json.loads` with an option makes one each time.
_DECODER = json.JSONDecoder(parse_constant=_no_value)


def json_beginning(value: Any) -> str:
    """The beginning of a value as JSON, for messages."""
    text = compact_json(value)
    return text if len(text) <= 80 else text[:80] + "…"


def find_postings(document: Any) -> list[Any]:
    """The entries of the list of postings that a document is or holds.

    That is the document itself; or the rows of a table that was written column by column, as by pandas; or the
    values of an object of objects that have the same keys; or the longest list of objects in the
    object or one level down, the first of several; or the values of any other object of objects.

    Raises:
        SourceError: there is none.
    """
    if isinstance(document, list) and _has_objects(document):
        return document
    if isinstance(document, dict) and document:
        if _written_by_column(document):
            return _rows_of_columns(document)
        if _alike(document):
            return list(document.values())
        lists = list(_lists_of_objects(document))
        if lists:
            return max(lists, key=len)
        if all(isinstance(value, dict) for value in document.values()):
            return list(document.values())
    raise SourceError(
        "neither a list of postings nor an object that holds one", quoted=f"; it is {json_beginning(document)}"
    )


def _has_objects(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict) for entry in value)


def _lists_of_objects(document: dict[str, Any]) -> Iterator[list[Any]]:
    for value in document.values():
        nested = list(value.values()) if isinstance(value, dict) else []
        yield from (found for found in (value, *nested) if _has_objects(found))


def _alike(document: dict[str, Any]) -> bool:
    """Whether the values are two objects or more that share keys, as records do and sections don't."""
    values = list(document.values())
    if len(values) < 2 or not all(isinstance(value, dict) and value for value in values):
        return False
    shared = set(values[0]).intersection(*values[1:])
    return len(shared) > 1 or all(len(value) == len(shared) for value in values)


def _written_by_column(document: dict[str, Any]) -> bool:
    """{"title": {"0": …, "1": …}, "company": {"0": …, "1": …}}."""
    columns = list(document.values())
    return (
        all(isinstance(column, dict) and column for column in columns)
        and not any(name.isdigit() for name in document)
        and all(row.isdigit() for column in columns for row in column)
        and all(not isinstance(value, dict) for value in columns[0].values())
    )


def _rows_of_columns(document: dict[str, Any]) -> list[Any]:
    rows: dict[str, dict[str, Any]] = {}
    for name, column in document.items():
        for row, value in column.items():
            rows.setdefault(row, {})[name] = value
    return list(rows.values())


#: Nested fields are named by their path, `jobLocation.address.addressLocality`, up to this many dots.
_DOTS = 2


def compact_json(value: Any) -> str:
    """A value as JSON text without spaces.

    Values that JSON has not are written by `value_text`; NaN and infinite numbers are null.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=value_text, allow_nan=False)
    except ValueError:
        finite = json.loads(json.dumps(value, default=value_text), parse_constant=_no_value)
        return json.dumps(finite, ensure_ascii=False, separators=(",", ":"))


def without_lone_surrogates(text: str) -> str:
    """A text in which halves of surrogate pairs, which no encoding can hold, are U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def flatten(record: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a record by their paths: {"company": {"name": "Acme"}} has company.name.

    Lists of plain values are joined by "; ", other lists are JSON text, missing and empty values are left
    out. Of equal paths the first counts.
    """
    flat: dict[str, str] = {}
    _add(flat, "", record, _DOTS)
    return flat


def _add(flat: dict[str, str], prefix: str, record: Mapping[str, Any], dots: int) -> None:
    for key, value in record.items():
        name = prefix + key
        if isinstance(value, dict) and value and dots:
            _add(flat, name + ".", value, dots - 1)
        else:
            text = value if isinstance(value, str) else value_text(value)
            if text:
                flat.setdefault(name, text)


def value_text(value: Any) -> str | None:
    """A value as text without loss; None where there is none.

    Whole floats are written as integers, other floats in the shortest form that reads back the same, truth
    values as JSON does, times in ISO 8601, lists of plain values joined by "; ", and objects as JSON.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0") if math.isfinite(value) else None
    if isinstance(value, list):
        return _list_text(value)
    if isinstance(value, dict):
        return compact_json(value) if value else None
    if isinstance(value, date | time):
        return value.isoformat()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _list_text(values: list[Any]) -> str | None:
    if any(isinstance(value, list | dict) for value in values):
        return compact_json(values)
    return "; ".join(text for text in map(value_text, values) if text) or None


#: The texts of a record by their paths, and its payload.
Row = tuple[dict[str, str], str]

#: The most records in a chunk, and the length of their text at which it ends early.
CHUNK_RECORDS = 5_000
CHUNK_CHARACTERS = 16_000_000
#: Further columns of a chunk of nested records are in the payload only.
MOST_COLUMNS = 1_000


@dataclass(frozen=True)
class Chunk:
    """Some records of a file.

    Attributes:
        frame: one row a record; every column is text, null where missing or empty.
        payload: for each row the record as JSON text.
        undecodable: the records that could not be decoded, with the reason.
    """

    frame: pl.DataFrame
    payload: pl.Series
    undecodable: list[Undecodable]


def unique_names(names: Iterable[str]) -> list[str]:
    """The names of columns made unique: a second `title` is `title_2`."""
    unique: dict[str, None] = {}
    for name in names:
        tries = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        unique[next(candidate for candidate in tries if candidate not in unique)] = None
    return list(unique)


def row_chunks(rows: Iterable[Row | Undecodable], names: Sequence[str] = ()) -> Iterator[Chunk]:
    """Chunks of rows, of which each may have other fields.

    Args:
        rows: the rows.
        names: columns that each chunk has, even without a value.
    """
    flat: list[dict[str, str]] = []
    payloads: list[str] = []
    undecodable: list[Undecodable] = []
    size = 0
    for row in rows:
        if isinstance(row, Undecodable):
            undecodable.append(row)
        else:
            flat.append(row[0])
            payloads.append(row[1])
            size += len(row[1])
        if len(flat) + len(undecodable) >= CHUNK_RECORDS or size >= CHUNK_CHARACTERS:
            yield _chunk(flat, payloads, names, undecodable)
            flat, payloads, undecodable, size = [], [], [], 0
    if flat or undecodable:
        yield _chunk(flat, payloads, names, undecodable)


def row_of(record: dict[str, Any], written: str | None = None) -> Row | Undecodable:
    """The row of a record of any shape; its payload is what was written, else compact JSON."""
    try:
        payload = compact_json(record) if written is None else written
        flat = flatten(record)
    except RecursionError:
        return Undecodable("", "the record is nested too deeply")
    size = utf8_size(payload)
    return Undecodable(shortened(payload), over_limit(size)) if size > MAX_RECORD_BYTES else (flat, payload)


def _chunk(flat: list[dict[str, str]], payloads: list[str], names: Sequence[str], bad: list[Undecodable]) -> Chunk:
    try:
        return Chunk(_text_frame(flat, names), pl.Series(payloads, dtype=pl.String), bad)
    except UnicodeEncodeError:
        whole = without_lone_surrogates
        rows = [{whole(name): whole(text) for name, text in row.items()} for row in flat]
        return _chunk(rows, list(map(whole, payloads)), names, bad)


def _text_frame(flat: list[dict[str, str]], stated: Sequence[str]) -> pl.DataFrame:
    names = dict.fromkeys(itertools.chain(stated, *flat))
    columns = {
        name: pl.Series([row.get(name) for row in flat], dtype=pl.String)
        for name in itertools.islice(names, MOST_COLUMNS)
    }
    return pl.DataFrame(columns or None, height=len(flat))
