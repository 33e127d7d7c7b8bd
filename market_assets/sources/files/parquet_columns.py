"""The columns of a Parquet file as those few types that have one form in JSON and in text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from market_assets.sources.protocol import SourceError


def read_batches(content: BinaryIO, size: int) -> Iterator[pa.RecordBatch]:
    """The records of a Parquet file, at most `size` at a time.

    Raises:
        SourceError: it is empty, no Parquet file, cut off or damaged.
    """
    # The directory of a Parquet file is at its end, so a stream that can't seek is read whole.
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
    """The columns as text, whole numbers, 64-bit floats, truth values or, where nested, as they are."""
    frame = pl.DataFrame([_series(name, column) for name, column in zip(names, columns, strict=True)])
    return frame.select(_plain(name, dtype) for name, dtype in frame.schema.items())


def _series(name: str, column: pa.Array) -> pl.Series:
    try:
        series = pl.Series(name, pl.from_arrow(column))
    except (pl.exceptions.PolarsError, pa.ArrowException, TypeError, ValueError):
        # Types that Polars does not know, such as calendar intervals.
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
        # By way of text, since 1.1 in 32 bits is 1.10000002384 in 64.
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
