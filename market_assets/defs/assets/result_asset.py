"""How a result table becomes an asset: inputs are read, a function computes rows, the table is replaced whole.

Its checks belong to the asset, so that rows that break them are not written; run by themselves, the same checks
look at the table as it is stored.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import (
    COUNTED_FROM,
    code_in,
    column_lineage,
    column_schema,
    plot,
    preview,
)
from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.partitions import OWNERS, POOL, as_of
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    import polars as pl

    from market_assets.statistics.window import Window

DECLARED_CHECK, ROWS_CHECK = "schema_keys_and_ranges", "has_rows"
#: A run with this tag computes a weekly table only where the table is empty.
KEEP_WEEKLY_TAG = ".dagster/market_assets_keep_weekly_tables"
#: Inputs with the assets that write what they are read from; others come from settings.
_WRITTEN_BY = {
    **dict.fromkeys(("window", "compared"), "posting_skills"),
    **dict.fromkeys(("duplicates", "rejections", "read"), "job_postings"),
}


@dataclass(frozen=True)
class ResultTable:
    """Declaration of a table that is computed from the store and replaced whole.

    Attributes:
        name: of the table, of its asset, and of the function that computes it.
        module: where that function is, within `market_assets`; imported when the asset is materialized.
        description: as shown in the UI.
        inputs: the function's parameters that `MarketReader` has an attribute for.
        tables: its other parameters, and the result tables that they are.
        window: the attribute of `MarketReader` that the parameter `window` is.
        first: puts the most interesting rows first, for the preview.
        rows_expected: whether an empty table must be a mistake, given the input `window`; None: never.
        weekly: computed by the weekly rebuild; a refresh does it only where the table is empty.
        priority: of the tables that a run may compute next, it computes that of the highest.
        may_be_empty: whether an empty table is ordinary, and nothing to warn of.
        metadata: further metadata of a materialization, from the inputs and the rows.
        draws: draws the rows, with pay in a currency; None where there is nothing to draw.
        warning: a further check's name and description, and what finds in words what it warns of.
    """

    name: str
    module: str
    description: str
    first: "Callable[[pl.DataFrame], pl.DataFrame]"
    inputs: Sequence[str] = ("window",)
    tables: Mapping[str, str] = field(default_factory=dict)
    window: str = "window"
    rows_expected: "Callable[[Window], bool] | None" = None
    weekly: bool = False
    priority: int = 0
    may_be_empty: bool = False
    metadata: "Callable[[Mapping[str, Any], pl.DataFrame], dict[str, Any]] | None" = None
    draws: "Callable[[pl.DataFrame, str], str | None] | None" = None
    warning: tuple[str, str, Callable[[MarketReader], list[str]]] | None = None

    @property
    def assets(self) -> list[str]:
        """The other assets that write what the table is computed from."""
        written = {_WRITTEN_BY[each] for each in self.inputs if each in _WRITTEN_BY}
        return sorted({*written, *self.tables.values()} - {self.name})

    def read(self, market: MarketReader) -> dict[str, Any]:
        """The arguments of the function."""
        arguments = {each: getattr(market, self.window if each == "window" else each) for each in self.inputs}
        return {**arguments, **{parameter: market.table(name) for parameter, name in self.tables.items()}}


def result_asset(table: ResultTable, group: str, freshness: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    """The asset of a result table, in a group; `freshness` limits its age."""
    spec = dg.AssetSpec(
        table.name,
        deps=table.assets,
        group_name=group,
        owners=OWNERS,
        kinds={"sql", "table"},
        tags={"computed": "weekly" if table.weekly else "at_every_refresh"},
        metadata={"dagster/table_name": table.name, **code_in(table.module)},
        description=table.description,
        freshness_policy=freshness,
        skippable=True,
    )

    # An asset that may be left out of a run of its own checks: Dagster runs those by themselves.
    @dg.multi_asset(
        name=table.name,
        specs=[spec],
        check_specs=_check_specs(table),
        can_subset=True,
        pool=POOL,
        op_tags={"dagster/priority": str(table.priority)},
    )
    @retry_transient_errors
    def asset(context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]) -> Iterator[Any]:
        with store.alone() if context.selected_asset_keys else store.reading() as connection:
            market = MarketReader(store, connection, as_of(context))
            keeps_weekly = table.weekly and context.run.tags.get(KEEP_WEEKLY_TAG) == "true"
            if not context.selected_asset_keys or (keeps_weekly and market.count(table.name)):
                if context.selected_asset_keys:
                    context.log.info(f"{table.name} is left as it is: the weekly rebuild replaces it")
                results = list(_check_results(table, market, market.table(table.name)))
            else:
                results = yield from _replace(table, market)
        selected = {key.name for key in context.selected_asset_check_keys}
        yield from (result for result in results if result.check_name in selected)

    return asset


def _check_specs(table: ResultTable) -> list[dg.AssetCheckSpec]:
    specs = [
        dg.AssetCheckSpec(
            DECLARED_CHECK,
            asset=table.name,
            blocking=True,
            description="Columns, types, keys and ranges are as declared; rows that are not are not written.",
        )
    ]
    if not table.may_be_empty:
        specs.append(dg.AssetCheckSpec(ROWS_CHECK, asset=table.name, description="The table has a row at least."))
    if table.warning:
        name, description, _find = table.warning
        specs.append(dg.AssetCheckSpec(name, asset=table.name, description=description))
    return specs


def _replace(table: ResultTable, market: MarketReader) -> Generator[Any, None, list[dg.AssetCheckResult]]:
    """Compute the rows and swap them for those that are stored; returns the results of the checks.

    Raises:
        dg.Failure: the rows break what the table's declaration promises, or an input was counted over other
            postings.
    """
    from market_assets.statistics.window import OtherPostingsError
    from market_assets.store.results import InvariantError, replace_table
    from market_assets.store.tables.catalog import metadata

    inputs = table.read(market)
    compute = getattr(import_module(f"market_assets.{table.module}"), table.name)
    try:
        rows = compute(**inputs)
        expected = table.rows_expected is not None and table.rows_expected(inputs["window"])
        replace_table(market.connection, metadata.tables[table.name], rows, expect_rows=expected)
    except OtherPostingsError as error:
        reason = f"{table.name} was not replaced: {error}; materialize {error.table} first"
        raise dg.Failure(reason, allow_retries=False) from error
    except InvariantError as error:
        yield _check_result(table, DECLARED_CHECK, error.problems)
        raise dg.Failure(str(error), allow_retries=False) from error
    counted = {"postings_counted": len(inputs["window"])} if "window" in inputs else {}
    noted = table.metadata(inputs, rows) if table.metadata else {}
    yield dg.MaterializeResult(
        asset_key=table.name, metadata={**_described(market, table, rows), **counted, **noted}
    )
    return list(_check_results(table, market, rows))


def _check_results(
    table: ResultTable, market: MarketReader, rows: "pl.DataFrame"
) -> Iterator[dg.AssetCheckResult]:
    """What the checks find in rows, those of the table or those that were written just now."""
    from market_assets.store.results import problems_of
    from market_assets.store.tables.catalog import metadata

    yield _check_result(table, DECLARED_CHECK, problems_of(metadata.tables[table.name], rows))
    if not table.may_be_empty:
        empty = ["the table is empty"] if rows.is_empty() else []
        yield _check_result(table, ROWS_CHECK, empty, dg.AssetCheckSeverity.WARN, rows=rows.height)
    if table.warning:
        name, _description, find = table.warning
        yield _check_result(table, name, find(market), dg.AssetCheckSeverity.WARN)


def _check_result(
    table: ResultTable,
    check: str,
    problems: Sequence[str],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **metadata: int,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(table.name),
        check_name=check,
        passed=not problems,
        severity=severity,
        description="; ".join(problems) or None,
        metadata=metadata,
    )


def _described(market: MarketReader, table: ResultTable, rows: "pl.DataFrame") -> dict[str, Any]:
    from market_assets.store.tables.catalog import metadata

    declared = metadata.tables[table.name]
    return {
        "dagster/row_count": rows.height,
        **column_schema(declared),
        **column_lineage(declared, COUNTED_FROM if "window" in table.inputs else {}),
        "preview": preview(table.first(rows)),
        **plot(table.draws(rows, market.currency) if table.draws else None),
        "as_of": dg.MetadataValue.timestamp(market.as_of),
        "window_start": dg.MetadataValue.timestamp(market.window_start),
    }
