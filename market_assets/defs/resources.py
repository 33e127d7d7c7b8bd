"""The market store as a resource, one for each run, and the I/O manager over it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import preview
from market_assets.operations.background import BoundedThreads
from market_assets.settings import Settings

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from market_assets.sources.protocol import Source
    from market_assets.statistics.window import Window
    from market_assets.store.connection import MarketConnection
    from market_assets.store.facts import Counted, CountedPostings
    from market_assets.store.landing import Landing
    from market_assets.store.own_tables import FrameKind

#: Sources that a run fetches at a time; a payload may have 100 MB.
FETCHED_AT_ONCE = 4
#: Windows that a run keeps in memory, besides what they are cut out of.
WINDOWS_KEPT = 2


class MarketStore:
    """Everything that an asset reads from and writes to.

    Imports of the data path are made on first use, so that loading the code location stays cheap.
    """

    def __init__(
        self,
        settings: Settings,
        holder: str,
        log: dg.DagsterLogManager | None = None,
        sources: Sequence[Source] = (),
    ) -> None:
        from market_assets.store.database import Database
        from market_assets.store.lock import StoreLock

        self.settings = settings
        self.sources = sources
        self.database = Database(settings.market_url)
        self._lock = StoreLock(self.database, holder, notice=log.info if log else print)
        #: What the run fetches, by source: the days that were tried, and the end of it. A few sources at a time,
        #: so that memory has room for their payloads.
        self.fetches: dict[str, tuple[dict[date, Any], Future[None]]] = {}
        self.fetching = BoundedThreads(FETCHED_AT_ONCE)
        self._ready = False
        self._counted: tuple[datetime, datetime, CountedPostings] | None = None
        self._windows: dict[tuple[datetime, datetime, Counted], Window] = {}

    @property
    def landing(self) -> Landing:
        from market_assets.store.landing import Landing

        return Landing(self.settings.landing)

    def ingesting(self) -> AbstractContextManager[MarketConnection]:
        """A connection to write postings with, beside the ingestion of other days."""
        return self._open(exclusive=False)

    def alone(self) -> AbstractContextManager[MarketConnection]:
        """A connection to write with while nobody else writes."""
        return self._open(exclusive=True)

    @contextlib.contextmanager
    def reading(self) -> Iterator[MarketConnection]:
        """A connection to read with; it waits for nobody."""
        from market_assets.store.connection import MarketConnection

        self._make_ready()
        with MarketConnection(self.database) as connection:
            if not self.database.is_sqlite:
                # What is read up to the end of the first transaction is of one state, as on SQLite.
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield connection

    def window(self, connection: MarketConnection, start: datetime, end: datetime, counted: Counted) -> Window:
        """The counted postings of a window, cut out of what is read once while this run has the tables alone."""
        key = (start, end, counted)
        if key not in self._windows:
            postings = self._counted_postings(connection, start, end)
            # Two are kept: that which most tables are about, and another.
            if len(self._windows) == WINDOWS_KEPT:
                self._windows.pop(next(iter(self._windows)))
            self._windows[key] = postings.since(start, counted)
        else:
            self._windows[key] = self._windows.pop(key)
        return self._windows[key]

    def _counted_postings(self, connection: MarketConnection, start: datetime, end: datetime) -> CountedPostings:
        """What windows with an end are cut out of: as far back as any setting reaches, at least."""
        from market_assets.statistics.window import window_start
        from market_assets.store.facts import fact_files, read_counted

        if self._counted is None or self._counted[1] != end or self._counted[0] > start:
            self._forget_windows()
            reach = max(self.settings.window_days, self.settings.trend_days)
            first = min(start, window_start(end, reach))
            files = fact_files(self.database, self.settings.data_dir)
            self._counted = first, end, read_counted(connection, first, end, files)
        return self._counted[2]

    def _forget_windows(self) -> None:
        self._counted = None
        self._windows.clear()

    def exchange_rates(self) -> pl.DataFrame:
        from market_assets.postings.salaries.currencies import load_exchange_rates

        return load_exchange_rates(self.settings.exchange_rates)

    def close(self) -> None:
        self.fetching.close()
        self._lock.release()
        self._forget_windows()

    @contextlib.contextmanager
    def _open(self, *, exclusive: bool) -> Iterator[MarketConnection]:
        from market_assets.store.connection import MarketConnection

        self._make_ready()
        taken_anew = self._lock.acquire(exclusive=exclusive)
        if taken_anew or not exclusive:
            self._forget_windows()
        with MarketConnection(self.database) as connection:
            yield connection

    def _make_ready(self) -> None:
        """Make an empty database, refuse one of another version; once in a run."""
        from market_assets.store.schema import ensure_current

        if not self._ready:
            ensure_current(self.database)
            self._ready = True


def store_resource(settings: Settings, sources: Sequence[Source]) -> dg.ResourceDefinition:
    """The store for a run; what it holds is let go when the run ends, however it ends."""

    @contextlib.contextmanager
    def open_store(context: dg.InitResourceContext) -> Iterator[MarketStore]:
        run = context.run
        holder = f"{run.job_name} run {run.run_id[:8]}" if run else "a program"
        store = MarketStore(settings, holder, context.log, sources)
        try:
            yield store
        finally:
            store.close()

    return dg.ResourceDefinition(open_store, description="The market database, landing area and lock")


class StoreIOManager(dg.IOManager):
    """Frames go to and come from the store; other values, such as those between ops, are pickled as usual.

    Args:
        store: the run's store.
        values: keeps what is no frame.
    """

    def __init__(self, store: MarketStore, values: dg.IOManager) -> None:
        self._store = store
        self._values = values

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Put a frame into the place of the asset's table, and describe it in the metadata.

        Raises:
            dg.Failure: the frame can't be a table, or the asset has partitions.
        """
        from market_assets.store.own_tables import FrameError, from_any_kind, kind_of_class, replace_own

        if obj is None:
            return
        if not context.has_asset_key or kind_of_class(type(obj)) is None:
            self._values.handle_output(context, obj)
            return
        name = _table_of(context.asset_key)
        if context.has_asset_partitions:
            reason = "a frame replaces its table whole, and this asset has partitions: write them with the store"
            raise dg.Failure(f"{name} was not written: {reason}", allow_retries=False)
        try:
            rows = from_any_kind(obj)
            with self._store.alone() as connection:
                table = replace_own(connection, name, rows)
        except FrameError as error:
            raise dg.Failure(f"{name} was not written: {error}", allow_retries=False) from error
        context.add_output_metadata(
            {
                "dagster/row_count": rows.height,
                "dagster/table_name": name,
                "dagster/column_schema": _columns(table, context.definition_metadata),
                "preview": preview(rows),
            }
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """A table as the frame of the input's annotation, pandas' where there is none; else what was pickled.

        Raises:
            dg.Failure: there is no such table.
        """
        from market_assets.store.own_tables import NoSuchTableError, as_kind, read_any

        kind = _kind_of(context)
        if kind is None or not context.has_asset_key:
            return self._values.load_input(context)
        try:
            with self._store.reading() as connection:
                rows = read_any(connection, _table_of(context.asset_key))
        except NoSuchTableError as error:
            if context.dagster_type.typing_type is Any:
                with contextlib.suppress(FileNotFoundError):
                    return self._values.load_input(context)
            raise dg.Failure(f"the input {context.name}: {error}", allow_retries=False) from error
        return rows.lazy() if _wants_lazy(context) else as_kind(rows, kind)


@dg.io_manager(required_resource_keys={"store"}, description="Frames as tables of the market database")
def store_io_manager(context: dg.InitResourceContext) -> StoreIOManager:
    """The I/O manager of a run."""
    return StoreIOManager(context.resources.store, dg.FilesystemIOManager().create_io_manager(context))


def _table_of(key: dg.AssetKey) -> str:
    return "__".join(key.path)


def _kind_of(context: dg.InputContext) -> FrameKind | None:
    """The library whose frame an input wants; None where it is annotated with something else."""
    from market_assets.store.own_tables import kind_of_class

    wanted = context.dagster_type.typing_type
    return "pandas" if wanted is Any else kind_of_class(wanted)


def _wants_lazy(context: dg.InputContext) -> bool:
    return getattr(context.dagster_type.typing_type, "__name__", "") == "LazyFrame"


def _columns(table: sa.Table, definition: Mapping[str, Any]) -> dg.TableSchema:
    """The columns as they are in the database, with what the asset's definition says of them."""
    stated = definition.get("dagster/column_schema")
    described = {column.name: column for column in stated.columns} if isinstance(stated, dg.TableSchema) else {}
    columns = []
    for column in table.columns:
        kind = str(column.type).lower()
        known = described.get(column.name, dg.TableColumn(column.name))
        columns.append(dg.TableColumn(column.name, kind, known.description, known.constraints, known.tags))
    return dg.TableSchema(columns)
