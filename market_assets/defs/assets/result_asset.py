"""How a result table becomes an asset: inputs are read, a function computes rows, the table is replaced whole."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import COUNTED_FROM, code_in, column_lineage, column_schema
from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.partitions import OWNERS, POOL, as_of
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    import polars as pl

    from market_assets.statistics.window import Window

DECLARED_CHECK, ROWS_CHECK, USUAL_CHECK = "as_declared", "has_rows", "usual"
#: A run with this tag computes a weekly table only where the table is empty.
KEEP_WEEKLY_TAG = ".dagster/market_assets_keep_weekly_tables"
_PREVIEW_ROWS, _PREVIEW_WIDTH = 10, 60


@dataclass(frozen=True)
class Input:
    """An argument of the function that computes a table.

    Attributes:
        read: gives the argument, for the time that a run is about.
        assets: the assets that write what is read.
    """

    read: Callable[[MarketReader], Any]
    assets: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResultTable:
    """Declaration of a table that is computed from the store and replaced whole.

    Attributes:
        name: of the table, of its asset, and of the function that computes it.
        module: where that function is, within `market_assets`; imported when the asset is materialized.
        inputs: the arguments of the function, by parameter.
        description: as shown in the UI.
        first: puts the most interesting rows first, for the preview.
        rows_expected: whether an empty table must be a mistake, given the input `window`; None: never.
        weekly: computed by the weekly rebuild; a refresh does it only where the table is empty.
        keeps_window: whether the input `window` is kept as files, for those who count parts of the market.
        may_be_empty: whether an empty table is ordinary, and nothing to warn of.
        metadata: further metadata of a materialization, from the inputs and the rows.
        warnings: what is unusual about the inputs, in words; shown by a second check.
        warns_of: the description of that check.
    """

    name: str
    module: str
    inputs: Mapping[str, Input]
    description: str
    first: "Callable[[pl.DataFrame], pl.DataFrame]"
    rows_expected: "Callable[[Window], bool] | None" = None
    weekly: bool = False
    keeps_window: bool = False
    may_be_empty: bool = False
    metadata: "Callable[[Mapping[str, Any], pl.DataFrame], dict[str, Any]] | None" = None
    warnings: Callable[[MarketReader, Mapping[str, Any]], list[str]] | None = None
    warns_of: str = ""

    @property
    def assets(self) -> list[str]:
        """The assets that write what the table is computed from."""
        return sorted({asset for each in self.inputs.values() for asset in each.assets})


def result_asset(table: ResultTable, group: str, freshness: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    """The asset of a result table, in a group; `freshness` limits its age."""

    @dg.asset(
        name=table.name,
        deps=table.assets,
        group_name=group,
        owners=OWNERS,
        pool=POOL,
        kinds={"sql", "table"},
        tags={"computed": "weekly" if table.weekly else "at_every_refresh"},
        metadata={"dagster/table_name": table.name, **code_in(table.module)},
        description=table.description,
        freshness_policy=freshness,
        output_required=False,
        check_specs=_check_specs(table),
    )
    @retry_transient_errors
    def asset(context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]) -> Iterator[Any]:
        from market_assets.store.results import InvariantError, replace_table
        from market_assets.store.tables.catalog import metadata

        with store.alone() as connection:
            market = MarketReader(store, connection, as_of(context))
            keeps_weekly = context.run.tags.get(KEEP_WEEKLY_TAG) == "true"
            kept = market.count(table.name) if table.weekly and keeps_weekly else 0
            if kept:
                context.log.info(f"{table.name} is left as it is: the weekly rebuild replaces it")
                yield from _checks(table, kept)
                return
            inputs = {parameter: each.read(market) for parameter, each in table.inputs.items()}
            rows = _computed(table, inputs)
            expected = table.rows_expected is not None and table.rows_expected(inputs["window"])
            try:
                replace_table(connection, metadata.tables[table.name], rows, expect_rows=expected)
            except InvariantError as error:
                yield _declared(table, error.problems)
                raise dg.Failure(str(error), allow_retries=False) from error
            if table.keeps_window:
                try:
                    market.keep_window()
                except OSError as error:
                    context.log.warning(f"The counted postings are not kept as files: {error}")
        counted = {"postings_counted": len(inputs["window"])} if "window" in inputs else {}
        noted = table.metadata(inputs, rows) if table.metadata else {}
        yield dg.MaterializeResult(metadata={**_described(market, table, rows), **counted, **noted})
        yield from _checks(table, rows.height)
        if table.warnings:
            unusual = table.warnings(market, inputs)
            yield dg.AssetCheckResult(
                asset_key=dg.AssetKey(table.name),
                check_name=USUAL_CHECK,
                passed=not unusual,
                severity=dg.AssetCheckSeverity.WARN,
                description="; ".join(unusual) or None,
            )

    return asset


def _check_specs(table: ResultTable) -> list[dg.AssetCheckSpec]:
    specs = {DECLARED_CHECK: "Columns, types, keys and ranges are as declared."}
    if not table.may_be_empty:
        specs[ROWS_CHECK] = "The table has a row at least."
    if table.warnings:
        specs[USUAL_CHECK] = table.warns_of
    return [dg.AssetCheckSpec(name, asset=table.name, description=what) for name, what in specs.items()]


def _computed(table: ResultTable, inputs: Mapping[str, Any]) -> "pl.DataFrame":
    """The rows of a table.

    Raises:
        dg.Failure: one of the inputs is a table that was counted over other postings.
    """
    from market_assets.statistics.window import OtherPostingsError

    compute = getattr(import_module(f"market_assets.{table.module}"), table.name)
    try:
        rows: pl.DataFrame = compute(**inputs)
    except OtherPostingsError as error:
        reason = f"{table.name} was not replaced: {error}; materialize {error.table} first"
        raise dg.Failure(reason, allow_retries=False) from error
    return rows


def _checks(table: ResultTable, rows: int) -> Iterator[dg.AssetCheckResult]:
    """The results of a table that is as declared; an empty one is worth a warning."""
    yield _declared(table, [])
    if not table.may_be_empty:
        yield dg.AssetCheckResult(
            asset_key=dg.AssetKey(table.name),
            check_name=ROWS_CHECK,
            passed=rows > 0,
            severity=dg.AssetCheckSeverity.WARN,
            description=None if rows else "the table is empty",
            metadata={"rows": rows},
        )


def _declared(table: ResultTable, problems: Sequence[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(table.name),
        check_name=DECLARED_CHECK,
        passed=not problems,
        description="; ".join(problems) or None,
    )


def _described(market: MarketReader, table: ResultTable, rows: "pl.DataFrame") -> dict[str, Any]:
    from market_assets.store.tables.catalog import metadata

    declared = metadata.tables[table.name]
    return {
        "dagster/row_count": rows.height,
        **column_schema(declared),
        **column_lineage(declared, COUNTED_FROM if "window" in table.inputs else {}),
        "preview": preview(table.first(rows)),
        "as_of": dg.MetadataValue.timestamp(market.as_of),
        "window_start": dg.MetadataValue.timestamp(market.window_start),
    }


def preview(rows: "pl.DataFrame") -> dg.MarkdownMetadataValue:
    """The first rows as a Markdown table; texts, which may be anybody's, as code: no link or image is live."""
    lines = [" | ".join(rows.columns), " | ".join("---" for _ in rows.columns)]
    lines += [" | ".join(_cell(value) for value in row) for row in rows.head(_PREVIEW_ROWS).iter_rows()]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, bool | int | date):
        return str(value)
    text = str(value)
    if text.startswith('[{"value": '):
        text = ", ".join(each["value"] for each in json.loads(text))
    # A backtick would end the code, and a bar the cell.
    text = " ".join(text.replace("`", "'").split()).replace("|", "¦")
    shown = text if len(text) <= _PREVIEW_WIDTH else f"{text[: _PREVIEW_WIDTH - 1]}…"
    return f"`{shown}`" if shown else ""
