"""Frames of other libraries: what readers of the store ask for, and what users' assets return.

pandas and PyArrow are imported only where their frames are asked for; frames are recognised without it. pandas'
are converted by way of NumPy, since Polars' own conversions need PyArrow, which is not installed with the program.
"""

from __future__ import annotations

from importlib.util import find_spec
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
    """The rows as a frame of a library.

    Raises:
        FrameError: pandas' or PyArrow's is asked for, and it is not installed.
    """
    if kind == "polars":
        return rows
    if kind == "pandas":
        if find_spec("pandas") is None:
            raise FrameError(
                "a pandas.DataFrame needs pandas, which is not installed: pip install 'market-assets[pandas]', "
                "or ask for another: the annotation polars.DataFrame of an input, read(…, 'polars')"
            )
        return _to_pandas(rows)
    if find_spec("pyarrow") is None:
        raise FrameError("a pyarrow.Table needs PyArrow, which is not installed: pip install pyarrow")
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())


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
        return _from_pandas(frame)
    except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
        raise FrameError(" ".join(str(error).split())) from error


def _to_pandas(rows: pl.DataFrame) -> pd.DataFrame:
    import pandas as pd

    def column(values: pl.Series) -> pd.Series[Any]:
        if values.dtype == pl.String:
            return pd.Series(values.to_list(), dtype="str")
        if values.dtype == pl.Date:
            values = values.cast(pl.Datetime("ms"))
        converted = pd.Series(values.to_numpy())
        zone = getattr(values.dtype, "time_zone", None)
        return converted.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else converted

    return pd.DataFrame({values.name: column(values) for values in rows.iter_columns()})


def _from_pandas(frame: pd.DataFrame) -> pl.DataFrame:
    named = [name for name in frame.index.names if name is not None]
    columns = (frame.reset_index(named) if named else frame).rename(columns=str)
    return pl.DataFrame([_from_pandas_column(str(name), values) for name, values in columns.items()])


def _from_pandas_column(name: str, values: pd.Series[Any]) -> pl.Series:
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    kind = getattr(values.dtype, "kind", "O")
    if kind == "M":
        has_zone = isinstance(values.dtype, pd.DatetimeTZDtype)
        naive = values.dt.tz_convert("UTC").dt.tz_localize(None) if has_zone else values
        times = pl.Series(name, naive.dt.as_unit("us").to_numpy())
        return times.dt.replace_time_zone("UTC") if has_zone else times
    if kind in "biuf" and not pd.api.types.is_extension_array_dtype(values.dtype):
        return pl.Series(name, values.to_numpy(), nan_to_null=True)
    return pl.Series(name, values.astype(object).where(values.notna(), None).tolist())
