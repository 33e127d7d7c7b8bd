"""Files decoded into frames of text under the file's own column names: one function per format."""

from __future__ import annotations

import gzip
import io
import itertools
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Any, BinaryIO, cast

import polars as pl

from market_assets.sources.files.records import (
    CHUNK_RECORDS,
    Chunk,
    Row,
    compact_json,
    find_postings,
    json_beginning,
    load,
    row_chunks,
    row_of,
    unique_names,
)
from market_assets.sources.files.text import (
    CsvRecord,
    CsvRecords,
    TextRecord,
    lines,
    shortened,
    sniff_delimiter,
    text_chunks,
    without_line_end,
)
from market_assets.sources.protocol import SourceError, Undecodable


def read_batches(content: BinaryIO, size: int) -> Iterator[pl.DataFrame]:
    """The records of a Parquet file, at most `size` at a time.

    Raises:
        SourceError: it is empty, no Parquet file, cut off or damaged, or two columns have one name.
    """
    # A Parquet file has its metadata at the end, so that a stream without seeking is read whole.
    file = content if content.seekable() else io.BytesIO(content.read())
    try:
        if not file.read(1):
            raise SourceError("it is empty")
        file.seek(0)
        yield from pl.scan_parquet(file).collect_batches(chunk_size=size, lazy=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError("it can't be read as Parquet", quoted=f": {reason}") from error


_HEAD_CHARACTERS = 65_536


def decode(name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode a file by the ending of its name.

    Raises:
        SourceError: the ending is unknown, or the file is not of that format, damaged or unreadable.
    """
    compressed = name.lower().endswith(".gz")
    plain = cast(BinaryIO, gzip.GzipFile(fileobj=content, mode="rb")) if compressed else content
    check_known(name)
    decoder = _DECODERS[PurePath(name.lower().removesuffix(".gz")).suffix]
    try:
        yield from decoder(name, plain)
    except SourceError as error:
        raise error.of_file(name) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{name}: it is not a whole gzip file", quoted=f" ({error})") from error
    except OSError as error:
        raise SourceError(f"{name}: it can't be read ({error.strerror or error})") from error
    except RecursionError as error:
        raise SourceError(f"{name}: it is nested too deeply") from error
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"{name}: a column has a type that can't be read", quoted=f" ({error})") from error


def is_known(name: str) -> bool:
    """Whether a file is of a known format, by the ending of its name."""
    return name.lower().endswith(_ENDINGS)


def check_known(name: str) -> None:
    """Check the ending of a file's name.

    Raises:
        SourceError: it is not known.
    """
    if not is_known(name):
        raise SourceError(
            f"{name}: its ending is not known; known are {', '.join(_DECODERS)} (text also with .gz)"
        )


def decode_csv(name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode separated values whose first record names the columns, streamed.

    A record with more or fewer fields than the header is undecodable.
    """
    chunks = text_chunks(name, content)
    first = next(chunks, "")
    stated = re.match(r"sep=([^\r\n])(\r\n|\r|\n)", first)
    first = first[stated.end() :] if stated else first
    delimiter = stated[1] if stated else sniff_delimiter(first[:_HEAD_CHARACTERS])
    records = iter(CsvRecords(itertools.chain([first], chunks), delimiter))
    header = next(records, None)
    if header is None:
        raise SourceError("it is empty")
    if header.problem:
        raise SourceError(f"its header can't be read: {header.problem}")
    names = unique_names(name.strip() or f"column_{at}" for at, name in enumerate(header.fields, 1))
    return row_chunks((_csv_row(names, record) for record in records), names)


def _csv_row(names: list[str], record: CsvRecord) -> Row | Undecodable:
    if record.problem is None and len(record.fields) == len(names):
        return row_of({name: value or None for name, value in zip(names, record.fields, strict=True)})
    width = f"line {record.line} has {len(record.fields)} fields where the header has {len(names)}"
    return Undecodable(shortened(record.text), record.problem or width)


def decode_jsonl(name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode one JSON object a line, streamed; a file that begins with a bracket is a JSON document."""
    chunks = text_chunks(name, content)
    first = next(chunks, "")
    everything = itertools.chain([first], chunks)
    if first.lstrip().startswith("["):
        return _decode_document("".join(everything))
    return _decode_lines(everything)


def decode_json(name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode a JSON document that is or holds a list of postings, read whole; or JSON lines."""
    return _decode_document("".join(text_chunks(name, content)))


def _decode_document(text: str) -> Iterator[Chunk]:
    if not text.strip():
        raise SourceError("it is empty")
    try:
        document = load(text)
    except ValueError as error:
        if isinstance(_line_row(TextRecord(1, text.strip().split("\n", 1)[0])), Undecodable):
            raise SourceError(f"it is not JSON: {error}") from error
        return _decode_lines([text])
    entries = find_postings(document)
    return row_chunks(_entry_row(position, entry) for position, entry in enumerate(entries, 1))


def _decode_lines(chunks: Iterable[str]) -> Iterator[Chunk]:
    return row_chunks(_line_row(line) for line in lines(chunks) if line.text.strip())


def _line_row(line: TextRecord) -> Row | Undecodable:
    if line.problem:
        return Undecodable(line.text, line.problem)
    text = without_line_end(line.text)
    try:
        value = load(text)
    except ValueError as error:
        reason = re.sub(r" at line \d+ column", " at column", str(error))
        return Undecodable(shortened(text), f"line {line.line} is not JSON: {reason}")
    if not isinstance(value, dict):
        return Undecodable(shortened(text), f"line {line.line} is not an object but {json_beginning(value)}")
    return row_of(value, text)


def _entry_row(position: int, entry: Any) -> Row | Undecodable:
    if isinstance(entry, dict):
        return row_of(entry)
    reason = f"entry {position} is not an object but {json_beginning(entry)}"
    return Undecodable(shortened(compact_json(entry)), reason)


def decode_parquet(_name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode a Parquet file, a batch of records at a time.

    Nested columns are flattened as in JSON; times become ISO 8601.
    """
    for batch in read_batches(content, CHUNK_RECORDS):
        # Through text, since 1.1 in 32 bits is 1.10000002384 in 64.
        frame = batch.with_columns(pl.col(pl.Float32).cast(pl.String).cast(pl.Float64))
        plain = [name for name, dtype in frame.schema.items() if not dtype.is_nested()]
        yield from row_chunks(map(row_of, frame.iter_rows(named=True)), plain)


_DECODERS: dict[str, Callable[[str, BinaryIO], Iterator[Chunk]]] = {
    ".csv": decode_csv,
    ".tsv": decode_csv,
    ".json": decode_json,
    ".jsonl": decode_jsonl,
    ".ndjson": decode_jsonl,
    ".parquet": decode_parquet,
}
_ENDINGS = (*_DECODERS, *(f"{ending}.gz" for ending in _DECODERS if ending != ".parquet"))
