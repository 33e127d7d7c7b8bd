"""Files decoded into frames of text under the file's own column names: one function per format."""

from __future__ import annotations

import gzip
import io
import itertools
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from market_assets.sources.files.csv_records import CsvRecords, rows, sniff_delimiter
from market_assets.sources.files.records import (
    CHUNK_RECORDS,
    Chunk,
    compact_json,
    find_postings,
    in_batches,
    kind,
    load,
    record_chunks,
    unique_names,
)
from market_assets.sources.files.text import RECORD_LIMIT, TextRecord, lines, over_limit, shortened, text_chunks
from market_assets.sources.protocol import SourceError, Undecodable


def read_batches(content: BinaryIO, size: int) -> Iterator[pa.RecordBatch]:
    """The records of a Parquet file, at most `size` at a time.

    Raises:
        SourceError: it is empty, no Parquet file, cut off or damaged.
    """
    # A Parquet file has its metadata at the end, so that a stream without seeking is read whole.
    file = content if content.seekable() else io.BytesIO(content.read())
    try:
        if not file.read(1):
            raise SourceError("it is empty")
        file.seek(0)
        batches = pq.ParquetFile(file).iter_batches(batch_size=size)
        while (batch := next(batches, None)) is not None:
            batch.validate(full=True)
            if not batch.num_columns:
                raise SourceError("it has no columns")
            yield batch
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(f"it is not a whole Parquet file: {reason}") from error


def plain_frame(names: Sequence[str], columns: Sequence[pa.Array]) -> pl.DataFrame:
    """The columns as text, integers, 64-bit floats, booleans or, where nested, unchanged."""
    frame = pl.DataFrame([_series(name, column) for name, column in zip(names, columns, strict=True)])
    return frame.select(_plain(name, dtype) for name, dtype in frame.schema.items())


def _series(name: str, column: pa.Array) -> pl.Series:
    try:
        series = pl.Series(name, pl.from_arrow(column))
    except (pl.exceptions.PolarsError, pa.ArrowException, TypeError, ValueError):
        # Types that Polars has not, such as calendar intervals.
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        return pl.Series(name, texts, dtype=pl.String)
    if series.dtype == pl.Binary:
        texts = [None if value is None else value.decode("utf-8", "replace") for value in series]
        return pl.Series(name, texts, dtype=pl.String)
    return series


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype in (pl.String, pl.Boolean) or dtype.is_integer() or dtype.is_nested():
        return column
    if dtype.is_float():
        # Through text, since 1.1 in 32 bits is 1.10000002384 in 64.
        column = column if dtype == pl.Float64 else column.cast(pl.String).cast(pl.Float64)
        return pl.when(column.is_finite()).then(column).alias(name)
    if isinstance(dtype, pl.Datetime):
        text = column.dt.cast_time_unit("us").dt.to_string("iso:strict")
        return text.str.replace(r"\.0+([+-].*)?$", "${1}")
    if dtype in (pl.Date, pl.Time, pl.Duration):
        return column.dt.to_string("iso:strict")
    return column.cast(pl.String)


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column of a plain frame as text without loss: whole floats as integers."""
    text = pl.col(name).cast(pl.String)
    return text.str.strip_suffix(".0") if dtype.is_float() else text


_HEAD_CHARACTERS = 65_536


def decode(name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode a file by the ending of its name.

    Raises:
        SourceError: the ending is unknown, or the file is not of that format, damaged or unreadable. The message
            does not name the file.
    """
    decoder = decoder_of(name)
    compressed = name.lower().endswith(".gz")
    plain = cast(BinaryIO, gzip.GzipFile(fileobj=content, mode="rb")) if compressed else content
    try:
        yield from decoder(name, plain)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"it is not a whole gzip file ({error})") from error
    except OSError as error:
        raise SourceError(f"it can't be read ({error.strerror or error})") from error
    except RecursionError as error:
        raise SourceError("it is nested too deeply") from error


def decoder_of(name: str) -> Callable[[str, BinaryIO], Iterator[Chunk]]:
    """The decoder of a file by the ending of its name.

    Raises:
        SourceError: the ending is unknown.
    """
    lowered = name.lower()
    for ending, decoder in _DECODERS.items():
        compressed = () if ending == ".parquet" else (ending + ".gz",)
        if lowered.endswith((ending, *compressed)):
            return decoder
    raise SourceError(f"its ending is not known; known are {', '.join(_DECODERS)} (text also with .gz)")


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
    stated_names = next(rows([header.text], delimiter))
    names = unique_names(name.strip() or f"column_{at}" for at, name in enumerate(stated_names, 1))
    for batch in in_batches(records):
        yield _csv_chunk(names, batch, delimiter)


def _csv_chunk(names: list[str], records: list[TextRecord], delimiter: str) -> Chunk:
    undecodable, whole = [], []
    sound = [record for record in records if record.problem is None]
    for record, values in zip(sound, rows((record.text for record in sound), delimiter), strict=True):
        if len(values) == len(names):
            whole.append(values)
        else:
            reason = f"line {record.line} has {len(values)} fields where the header has {len(names)}"
            undecodable.append(Undecodable(shortened(record.text), reason))
    undecodable += [Undecodable(record.text, record.problem) for record in records if record.problem]
    columns = zip(*whole, strict=True) if whole else ((),) * len(names)
    frame = pl.DataFrame(
        {name: pl.Series(column, dtype=pl.String) for name, column in zip(names, columns, strict=True)}
    ).with_columns(pl.all().replace("", None))
    payload = frame.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    return Chunk(frame, payload, undecodable)


def decode_jsonl(name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode one JSON object a line, streamed; a file that begins with a bracket is a JSON document."""
    chunks = text_chunks(name, content)
    first = next(chunks, "")
    everything = itertools.chain([first], chunks)
    if first.lstrip().startswith("["):
        return _decode_document("".join(everything))
    return record_chunks(map(_line_value, lines(everything)))


def decode_json(name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode a JSON document that is or holds a list of postings, read whole; or JSON lines."""
    return _decode_document("".join(text_chunks(name, content)))


def _decode_document(text: str) -> Iterator[Chunk]:
    if not text.strip():
        raise SourceError("it is empty")
    try:
        document = load(text)
    except ValueError as error:
        if isinstance(_line_value(TextRecord(1, text.strip().split("\n", 1)[0])), Undecodable):
            raise SourceError(f"it is not JSON: {error}") from error
        return record_chunks(map(_line_value, lines([text])))
    entries = find_postings(document)
    return record_chunks(_entry_value(position, entry) for position, entry in enumerate(entries, 1))


def _line_value(line: TextRecord) -> dict[str, Any] | Undecodable:
    if line.problem:
        return Undecodable(line.text, line.problem)
    try:
        value = load(line.text)
    except ValueError as error:
        reason = re.sub(r" at line \d+ column", " at column", str(error))
        return Undecodable(shortened(line.text), f"line {line.line} is not JSON: {reason}")
    if isinstance(value, dict):
        return value
    return Undecodable(shortened(line.text), f"line {line.line} is not an object but {kind(value)}")


def _entry_value(position: int, entry: Any) -> dict[str, Any] | Undecodable:
    if isinstance(entry, dict):
        return entry
    reason = f"entry {position} is not an object but {kind(entry)}"
    return Undecodable(shortened(compact_json(entry)), reason)


def decode_parquet(_name: str, content: BinaryIO) -> Iterator[Chunk]:
    """Decode a Parquet file, a batch of records at a time.

    Nested columns are flattened as in JSON; times become ISO 8601.
    """
    for batch in read_batches(content, CHUNK_RECORDS):
        frame = plain_frame(unique_names(batch.schema.names), batch.columns)
        if any(dtype.is_nested() for dtype in frame.dtypes):
            yield from record_chunks(frame.iter_rows(named=True))
        else:
            yield _plain_chunk(frame)


def _plain_chunk(frame: pl.DataFrame) -> Chunk:
    payload = frame.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    sizes = payload.str.len_bytes()
    fits = sizes <= RECORD_LIMIT
    undecodable = [
        Undecodable(shortened(text), over_limit(size))
        for text, size in zip(payload.filter(~fits), sizes.filter(~fits), strict=True)
    ]
    texts = frame.filter(fits).select(as_text(name, dtype) for name, dtype in frame.schema.items())
    return Chunk(texts.with_columns(pl.all().replace("", None)), payload.filter(fits), undecodable)


_DECODERS: dict[str, Callable[[str, BinaryIO], Iterator[Chunk]]] = {
    ".csv": decode_csv,
    ".tsv": decode_csv,
    ".json": decode_json,
    ".jsonl": decode_jsonl,
    ".ndjson": decode_jsonl,
    ".parquet": decode_parquet,
}
