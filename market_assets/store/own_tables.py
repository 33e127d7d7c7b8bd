"""Users' frames, and the tables that their assets make of them: each is replaced whole. Any table by its name.

pandas and PyArrow are imported only where their frames are asked for; frames are recognised without it. pandas'
are converted by way of NumPy, since Polars' own conversions need PyArrow, which is not installed with the program.

The tables are declared nowhere: their columns are those of the frame, and the database knows their types.
"""

from __future__ import annotations

import difflib
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_args

import polars as pl
import sqlalchemy as sa

from market_assets.postings.schemas import UTC_DATETIME
from market_assets.store.connection import MarketConnection
from market_assets.store.database import StoreError
from market_assets.store.tables.administration import accounts
from market_assets.store.tables.catalog import VIEWS, metadata
from market_assets.store.tables.columns import UtcDateTime, arrow_schema
from market_assets.store.tables.postings import posting_locations, posting_skills

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


#: PostgreSQL cuts longer names off.
_LONGEST_NAME = 63
#: Names that the databases and the migrations keep for themselves.
_RESERVED = re.compile(r"alembic_version|(sqlite|pg)_.*", re.IGNORECASE)
#: What the databases' types are as columns; of others, which only people's own tables have, the text is read.
_TYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(("bigint", "integer", "smallint"), pl.Int64()),
    **dict.fromkeys(("float", "double precision", "real", "numeric"), pl.Float64()),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    **dict.fromkeys(("datetime", "timestamp with time zone"), UTC_DATETIME),
    **dict.fromkeys(("blob", "bytea"), pl.Binary()),
}


class NoSuchTableError(StoreError):
    """The store has no table of a name."""


def declared_tables() -> dict[str, sa.Table]:
    """Every table and view that the program itself makes, by its name."""
    return {table.name: table for table in (*metadata.tables.values(), posting_locations, posting_skills, *VIEWS)}


def tables_named_in(query: str) -> set[str]:
    """The program's tables that a query reads, its own and those behind the views that it names.

    A table is read where its name is a word of the query, so one or the other may be too many.
    """
    known = declared_tables()
    named = known.keys() & set(re.findall(r"\w+", query.lower()))
    views = {view.name: view.info["query"] for view in VIEWS if view.name in named}
    return (named - views.keys()).union(*map(tables_named_in, views.values()))


def read_any(connection: MarketConnection, name: str) -> pl.DataFrame:
    """All rows of a table or view: one of the program's, or one that an asset of the user's has made.

    Raises:
        NoSuchTableError: there is none.
    """
    declared = declared_tables().get(name)
    if declared is not None:
        return connection.read(sa.select(*declared.columns), arrow_schema(declared))
    types = _column_types(connection, name)
    if not types:
        raise NoSuchTableError(_unknown(connection, name))
    columns: list[sa.ColumnClause[Any]] = [sa.column(_quoted(column)) for column in types]
    return connection.read(sa.select(*columns).select_from(sa.table(_quoted(name))), types)


def replace_own(connection: MarketConnection, name: str, rows: pl.DataFrame) -> sa.Table:
    """Put a frame into the place of a table, whole or not at all; the table is made where it is missing.

    Returns:
        The table's declaration.

    Raises:
        StoreError: the program has a table of that name, or the name is reserved; nothing has changed.
        FrameError: a column can't be stored; nothing has changed.
    """
    kept = {*declared_tables(), *(table.name for table in accounts.sorted_tables)}
    if name in kept or _RESERVED.fullmatch(name) or len(name) > _LONGEST_NAME:
        reason = "is too long" if len(name) > _LONGEST_NAME else "is kept by the program"
        raise StoreError(f"the name {name} {reason}: give the asset another")
    table = sa.Table(_quoted(name), sa.MetaData(), *(_column(column) for column in rows.iter_columns()))
    stored = _storable(rows, table)
    with connection.transaction():
        connection.execute(sa.schema.DropTable(table, if_exists=True))
        connection.execute(sa.schema.CreateTable(table))
        connection.append(table, stored)
    return table


def _quoted(name: str) -> str:
    """The name, always in quotes in SQL: not every keyword of the databases is known to SQLAlchemy."""
    return sa.quoted_name(name, quote=True)


def _column(values: pl.Series) -> sa.Column[Any]:
    if not values.name or len(values.name) > _LONGEST_NAME:
        raise FrameError(f"a column can't be called {values.name!r}: 1 to {_LONGEST_NAME} characters")
    dtype = values.dtype
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null):
        kind: sa.types.TypeEngine[Any] = sa.Text()
    elif dtype.is_integer():
        kind = sa.BigInteger()
    elif dtype.is_float() or dtype.is_decimal():
        kind = sa.Float(53)
    elif dtype == pl.Boolean:
        kind = sa.Boolean()
    elif dtype == pl.Date:
        kind = sa.Date()
    elif isinstance(dtype, pl.Datetime):
        kind = UtcDateTime()
    elif dtype == pl.Binary:
        kind = sa.LargeBinary()
    else:
        raise FrameError(f"the column {values.name} holds {dtype}, which a table can't: make it text or numbers")
    return sa.Column(_quoted(values.name), kind)


def _storable(rows: pl.DataFrame, table: sa.Table) -> pl.DataFrame:
    """The columns in the types that they have in a table; times without a zone are taken as UTC."""
    try:
        return rows.with_columns(
            pl.col(name).cast(dtype)
            if rows.schema[name] != pl.Datetime
            else _as_utc(pl.col(name), rows.schema[name])
            for name, dtype in arrow_schema(table).items()
        )
    except pl.exceptions.PolarsError as error:
        raise FrameError(" ".join(str(error).split())) from error


def _as_utc(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    assert isinstance(dtype, pl.Datetime)
    zoned = column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
    return zoned.dt.cast_time_unit("us")


def _column_types(connection: MarketConnection, name: str) -> pl.Schema:
    """The columns of a table that is not declared, in their order; none where there is no such table."""
    query: sa.Select[Any]
    if connection.database.is_sqlite:
        listed = sa.func.pragma_table_info(name).table_valued("name", "type")
        query = sa.select(listed.c.name, listed.c.type)
    else:
        columns = sa.table(
            "columns",
            *(sa.column(each) for each in ("column_name", "data_type", "table_name", "table_schema")),
            sa.column("ordinal_position", sa.Integer()),
            schema="information_schema",
        )
        query = (
            sa.select(columns.c.column_name.label("name"), columns.c.data_type.label("type"))
            .where(columns.c.table_name == name, columns.c.table_schema == sa.func.current_schema())
            .order_by(columns.c.ordinal_position)
        )
    found = connection.read(query, pl.Schema({"name": pl.String(), "type": pl.String()}))
    return pl.Schema({column: _TYPES.get(kind.lower(), pl.String()) for column, kind in found.iter_rows()})


def _unknown(connection: MarketConnection, name: str) -> str:
    close = difflib.get_close_matches(name, declared_tables(), n=1)
    return f"there is no table {name} in {connection.database.name}" + (
        f"; did you mean {close[0]}?" if close else ""
    )
