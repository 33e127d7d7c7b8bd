"""`market_assets.read`: a table of the store as a frame, in a notebook or a program of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from market_assets.store.own_tables import FrameKind


@overload
def read(table: str, as_: Literal["pandas"] = "pandas", *, database: str | None = None) -> pd.DataFrame: ...
@overload
def read(table: str, as_: Literal["polars"], *, database: str | None = None) -> pl.DataFrame: ...
@overload
def read(table: str, as_: Literal["arrow"], *, database: str | None = None) -> pa.Table: ...


def read(
    table: str, as_: FrameKind = "pandas", *, database: str | None = None
) -> pd.DataFrame | pl.DataFrame | pa.Table:
    """A table of the store, whole. It waits for nobody, and nobody waits for it.

    Args:
        table: its name; `docs/tables.md` has all that the program makes, and assets of yours make more.
        as_: "pandas", "polars" or "arrow" (a `pyarrow.Table`).
        database: `sqlite:///path` or `postgresql://…`; by default that of the settings, so of the current folder.

    Raises:
        ValueError: there is no such kind of frame.
        FrameError: its library is not installed.
        StoreError: there is no such table, or the database can't be read.
    """
    from market_assets.checked_settings import get_settings
    from market_assets.store.connection import MarketConnection
    from market_assets.store.database import Database
    from market_assets.store.own_tables import FRAME_KINDS, as_kind, read_any

    if as_ not in FRAME_KINDS:
        raise ValueError(f"as_ must be one of {', '.join(FRAME_KINDS)}, not {as_!r}")
    with MarketConnection(Database(database or get_settings().market_url)) as connection:
        rows = read_any(connection, table)
    return as_kind(rows, as_)
