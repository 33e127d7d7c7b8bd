"""Frames of other libraries: what readers of the store ask for, and what users' assets return.

pandas and PyArrow are imported only where their frames are asked for; frames are recognised without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import polars as pl

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FrameKind = Literal["pandas", "polars", "arrow"]
FRAME_KINDS: tuple[str, ...] = get_args(FrameKind)
#: The classes of frames, by the package and the name of each.
_CLASSES: dict[tuple[str, str], FrameKind] = {
    ("pandas", "DataFrame"): "pandas",
    ("polars", "DataFrame"): "polars",
    ("polars", "LazyFrame"): "polars",
    ("pyarrow", "Table"): "arrow",
}


class FrameError(Exception):
    """A frame can't be a table; the message names the column and what is wrong."""


def kind_of_class(kind: Any) -> FrameKind | None:
    """Which library's frame a class is; None for anything else."""
    package = getattr(kind, "__module__", "").partition(".")[0]
    return _CLASSES.get((package, getattr(kind, "__name__", "")))


def as_kind(rows: pl.DataFrame, kind: FrameKind) -> pd.DataFrame | pl.DataFrame | pa.Table:
    """The rows as a frame of a library."""
    if kind == "pandas":
        return rows.to_pandas()
    return rows if kind == "polars" else rows.to_arrow(compat_level=pl.CompatLevel.oldest())


def from_any_kind(frame: Any) -> pl.DataFrame:
    """A frame of any of the libraries as Polars'.

    Levels of a pandas index that have a name become columns; an index without one is left out.

    Raises:
        FrameError: it can't be converted; two columns of one name, for example.
        TypeError: it is no frame.
    """
    kind = kind_of_class(type(frame))
    if kind is None:
        raise TypeError(f"a {type(frame).__name__} is no frame of pandas, Polars or Arrow")
    try:
        if kind == "polars":
            rows: pl.DataFrame = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
            return rows
        if kind == "arrow":
            converted = pl.from_arrow(frame)
            assert isinstance(converted, pl.DataFrame)
            return converted
        has_names = any(name is not None for name in frame.index.names)
        return pl.from_pandas(frame.rename(columns=str), include_index=has_names)
    except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
        raise FrameError(" ".join(str(error).split())) from error
