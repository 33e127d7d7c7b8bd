"""How a result table becomes an asset: computed from the market, replaced whole, reported."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.table_metadata import column_schema, preview
from market_assets.defs.partitions import OWNERS, POOL, as_of
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    import polars as pl

VALID_CHECK = "valid"


def result_asset(
    name: str,
    compute: Callable[[MarketReader], "pl.DataFrame"],
    *,
    group: str,
    deps: Sequence[str],
    description: str,
    must_have_rows: Callable[[MarketReader], bool] = lambda _market: False,
    freshness: dg.FreshnessPolicy | None = None,
    skip: Callable[[dg.AssetExecutionContext, MarketReader], str | None] = lambda _context, _market: None,
    may_be_empty: bool = False,
) -> dg.AssetsDefinition:
    """An asset that computes the table of its name.

    Args:
        name: of the asset and the table.
        compute: the table's rows from the market.
        group: the asset group.
        deps: the assets it is computed from.
        description: what the UI says of it.
        must_have_rows: whether an empty table would be a mistake, by what counts.
        freshness: how old it may become.
        skip: why this run should leave the table as it is; None where it should not.
        may_be_empty: whether a table without rows is nothing to warn of.
    """

    @dg.asset(
        name=name,
        deps=list(deps),
        group_name=group,
        owners=OWNERS,
        pool=POOL,
        kinds={"sql", "table"},
        description=description,
        freshness_policy=freshness,
        output_required=False,
        check_specs=[
            dg.AssetCheckSpec(
                VALID_CHECK,
                asset=name,
                description="Columns, types, keys and ranges are as declared; a warning where there is no row.",
            )
        ],
    )
    @retry_transient_errors
    def asset(context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]) -> Iterator[Any]:
        from market_assets.store.results import InvariantError, replace_table
        from market_assets.store.tables.catalog import metadata

        table = metadata.tables[name]
        with store.alone() as connection:
            market = MarketReader(store, connection, as_of(context))
            if reason := skip(context, market):
                context.log.info(f"{name} is left as it is: {reason}")
                yield _check(name, [], market.count(table), may_be_empty)
                return
            rows = compute(market)
            try:
                replace_table(connection, table, rows, expect_rows=must_have_rows(market))
            except InvariantError as error:
                yield _check(name, error.problems, rows.height, may_be_empty)
                raise dg.Failure(str(error), allow_retries=False) from error
            counted = len(market.window)
        yield dg.MaterializeResult(metadata={**_described(market, name, rows), "postings_counted": counted})
        yield _check(name, [], rows.height, may_be_empty)

    return asset


def _check(name: str, problems: Sequence[str], rows: int, may_be_empty: bool) -> dg.AssetCheckResult:
    """What the check of a table comes to; no rows at all are worth a warning, even where nothing counts."""
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(name),
        check_name=VALID_CHECK,
        passed=not problems and (rows > 0 or may_be_empty),
        severity=dg.AssetCheckSeverity.ERROR if problems else dg.AssetCheckSeverity.WARN,
        description="; ".join(problems) or (None if rows else "the table is empty"),
        metadata={"problems": list(problems), "rows": rows},
    )


def _described(market: MarketReader, name: str, rows: "pl.DataFrame") -> dict[str, Any]:
    return {
        "dagster/row_count": rows.height,
        **column_schema(name),
        "preview": preview(rows),
        "as_of": dg.MetadataValue.timestamp(market.as_of),
        "window_start": dg.MetadataValue.timestamp(market.window_start),
    }
