"""Decoding of postings that are written as JSON, one a line, whatever else the lines may hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

import polars as pl

from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.files.text import RECORD_LIMIT, over_limit, shortened
from market_assets.sources.protocol import RawBatch, Undecodable

BATCH_ROWS = 10_000
BATCH_BYTES = 64_000_000
_BLOCK_BYTES = 1_000_000
_FIELDS = pl.Schema({name: dtype for name, dtype in RAW_POSTING.items() if name != "payload"})


def read_batches(content: BinaryIO) -> Iterator[RawBatch]:
    """Read postings in batches of at most 10,000; lines that hold none come as undecodable, with a reason."""
    lines: list[bytes] = []
    undecodable: list[Undecodable] = []
    size = 0
    for line, length in _lines(content):
        if length > RECORD_LIMIT:
            undecodable.append(_undecodable(line, over_limit(length)))
        elif line.strip():
            lines.append(line)
        size += len(line)
        if len(lines) + len(undecodable) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield _batch(lines, undecodable)
            lines, undecodable, size = [], [], 0
    if lines or undecodable:
        yield _batch(lines, undecodable)


def _lines(content: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Each line, without its end, and its length; of an over-long line only the beginning is held and given."""
    beginning, length = b"", 0
    while block := content.read(_BLOCK_BYTES):
        first, *others = block.split(b"\n")
        beginning, length = _continued(beginning, first), length + len(first)
        for piece in others:
            yield beginning, length
            beginning, length = piece, len(piece)
    if length:
        yield beginning, length


def _continued(beginning: bytes, piece: bytes) -> bytes:
    return beginning + piece[: max(0, RECORD_LIMIT + 1 - len(beginning))]


def _batch(lines: list[bytes], undecodable: list[Undecodable]) -> RawBatch:
    column = pl.Series("payload", lines, dtype=pl.Binary)
    plain = _looks_plain(column)
    try:
        frame, rest = _read_plain(column.filter(plain)), column.filter(~plain)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        frame, rest = RAW_POSTING.to_frame(), column
    if len(rest):
        read, refused = _read_one_by_one(rest)
        frame, undecodable = pl.concat([frame, read]), undecodable + refused
    return RawBatch(frame, undecodable)


def _looks_plain(lines: pl.Series) -> pl.Series:
    """Which lines polars may read: it refuses all lines for one, and takes half a surrogate pair for a NUL."""
    whole = lines.bin.starts_with(b"{") & (lines.bin.ends_with(b"}") | lines.bin.ends_with(b"}\r"))
    return whole & ~(lines.bin.contains(b"\\ud") | lines.bin.contains(b"\\uD"))


def _read_plain(lines: pl.Series) -> pl.DataFrame:
    if lines.is_empty():
        return RAW_POSTING.to_frame()
    frame = pl.read_ndjson(b"\n".join(lines), schema=_FIELDS)
    if frame.height != len(lines):
        raise pl.exceptions.ShapeError("a line held more or less than one posting")
    return frame.with_columns(lines.cast(pl.String).str.strip_chars_end("\r"))


def _read_one_by_one(lines: pl.Series) -> tuple[pl.DataFrame, list[Undecodable]]:
    records: list[dict[str, str | None]] = []
    undecodable: list[Undecodable] = []
    for line in lines:
        try:
            records.append(_record(line))
        except UnicodeDecodeError as error:
            undecodable.append(_undecodable(line, f"not UTF-8: byte {error.start + 1} can't be decoded"))
        except RecursionError:
            undecodable.append(_undecodable(line, "not decodable: brackets are nested too deeply"))
        except ValueError as error:
            undecodable.append(_undecodable(line, str(error)))
    return pl.DataFrame(records, schema=RAW_POSTING, orient="row"), undecodable


def _record(line: bytes) -> dict[str, str | None]:
    text = line.decode("utf-8").removesuffix("\r")
    try:
        posting = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    if not isinstance(posting, dict):
        raise ValueError("not a posting: the line is JSON but not an object")
    return {name: _text(posting.get(name)) for name in _FIELDS} | {"payload": text}


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant} is not a number of JSON")


def _text(value: Any) -> str | None:
    """A value of JSON as text; half a surrogate pair, which is no character, becomes a question mark."""
    if value is None:
        return None
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def _undecodable(line: bytes, reason: str) -> Undecodable:
    # No database takes a NUL.
    return Undecodable(shortened(line.decode("utf-8", "replace").replace("\0", "\ufffd")), reason)
