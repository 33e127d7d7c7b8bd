"""The I/O manager: inputs named like tables arrive as frames, and frames that assets return become tables."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.result_asset import preview
from market_assets.defs.resources import MarketStore

if TYPE_CHECKING:
    import sqlalchemy as sa

    from market_assets.store.frames import FrameKind


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
        from market_assets.store.frames import FrameError, from_any_kind, kind_of_class
        from market_assets.store.own_tables import replace_own

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
        from market_assets.store.frames import as_kind
        from market_assets.store.own_tables import NoSuchTableError, read_any

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
    from market_assets.store.frames import kind_of_class

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
