"""The component MarketStatistic: a table of the store that a SQL query makes, declared in a `defs.yaml`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import dagster as dg
from pydantic import Field

from market_assets.defs.partitions import POOL
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    import polars as pl

NOT_NULL_CHECK, UNIQUE_CHECK = "not_null", "unique"
#: What `dg scaffold defs` writes.
SCAFFOLDED = """\
type: {type}

attributes:
  name: {name}
  description: How many original postings there are in each country.
  sql: |
    SELECT country, COUNT(*) AS postings
    FROM job_postings
    WHERE duplicate_of IS NULL AND country IS NOT NULL
    GROUP BY country
  columns:
    - name: country
      description: The country's two letters.
      not_null: true
    - name: postings
      description: Its original postings.
  unique: [country]
"""


class StatisticColumn(dg.Model, dg.Resolvable):
    """A column of a statistic."""

    name: str
    description: str | None = None
    type: Annotated[
        Literal["text", "integer", "number", "boolean", "date", "time"] | None,
        Field(description="Left out: what the database answers, so on SQLite text for times and dates."),
    ] = None
    not_null: Annotated[bool, Field(description="Whether every row has a value.")] = False


class _Scaffolder(dg.Scaffolder):
    """Writes a `defs.yaml` that works unchanged."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        text = SCAFFOLDED.format(type=request.type_name, name=request.target_path.name)
        (request.target_path / "defs.yaml").write_text(text, encoding="utf-8")


@dg.scaffold_with(_Scaffolder)
class MarketStatistic(dg.Component, dg.Model, dg.Resolvable):
    """A table of the market database that a SQL query makes, and replaces whole at each materialization.

    It waits for the assets whose tables the query names. Rows that break a check are not written.
    """

    name: Annotated[str, Field(description="Of the table and of its asset.")]
    sql: Annotated[str, Field(description="One SELECT, in words that your database knows.")]
    description: str | None = None
    group_name: Annotated[
        str, Field(description="refresh_market_stats materializes the groups statistics and relationships.")
    ] = "statistics"
    columns: Annotated[
        Sequence[StatisticColumn], Field(description="Those to describe; others are stored too.")
    ] = ()
    unique: Annotated[Sequence[str], Field(description="Columns that together are different in every row.")] = ()
    deps: Annotated[Sequence[str], Field(description="More assets to wait for: those of your own tables.")] = ()

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002
        """The asset, with its checks."""
        from market_assets.store.own_tables import read_any, tables_named_in

        out = dg.AssetOut(
            group_name=self.group_name,
            kinds={"sql", "table"},
            description=self.description,
            metadata={
                "dagster/table_name": self.name,
                "dagster/column_schema": self._column_schema(),
                "query": dg.MetadataValue.md(f"```sql\n{self.sql}\n```"),
            },
            is_required=False,
        )

        # The asset may be left out of a run of its own checks, which Dagster then runs by themselves.
        @dg.multi_asset(
            name=self.name,
            outs={self.name: out},
            deps=sorted({*tables_named_in(self.sql), *self.deps}),
            pool=POOL,
            check_specs=self._check_specs(),
            can_subset=True,
        )
        @retry_transient_errors
        def statistic(context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]) -> Iterator[Any]:
            replaces = bool(context.selected_asset_keys)
            # When it is replaced, nobody else writes until the run ends: the rows are of one state of the tables.
            with store.alone() if replaces else store.reading() as connection:
                rows = self._rows(store) if replaces else read_any(connection, self.name)
            problems = {spec.name: self._problem(spec.name, rows) for spec in self._check_specs()}
            for key in context.selected_asset_check_keys:
                problem = problems[key.name]
                yield dg.AssetCheckResult(check_name=key.name, passed=problem is None, description=problem)
            if replaces:
                if found := [problem for problem in problems.values() if problem]:
                    raise dg.Failure(f"{self.name} was not replaced: {'; '.join(found)}", allow_retries=False)
                yield dg.Output(rows, self.name)

        return dg.Definitions(assets=[statistic])

    def _rows(self, store: MarketStore) -> "pl.DataFrame":
        """The rows of the query, in the types that are declared.

        Raises:
            dg.Failure: the query lacks a declared column, or gives one that can't have its type.
        """
        import polars as pl

        from market_assets.postings.schemas import UTC_DATETIME
        from market_assets.store.read_only import selected
        from market_assets.store.reading import as_declared

        rows = selected(store.database, self.sql)
        named = {*self.unique, *(column.name for column in self.columns)}
        if missing := sorted(named.difference(rows.columns)):
            raise dg.Failure(
                f"{self.name} was not replaced: the query gives no column {missing[0]}", allow_retries=False
            )
        kinds: dict[str, pl.DataType] = {
            "text": pl.String(),
            "integer": pl.Int64(),
            "number": pl.Float64(),
            "boolean": pl.Boolean(),
            "date": pl.Date(),
            "time": UTC_DATETIME,
        }
        types = {column.name: kinds[column.type] for column in self.columns if column.type}
        try:
            return as_declared(rows, pl.Schema({**rows.schema, **types}))
        except pl.exceptions.PolarsError as error:
            reason = " ".join(str(error).split())
            raise dg.Failure(f"{self.name} was not replaced: {reason}", allow_retries=False) from error

    def _column_schema(self) -> dg.TableSchema:
        return dg.TableSchema(
            [
                dg.TableColumn(
                    column.name,
                    column.type or "",
                    column.description,
                    dg.TableColumnConstraints(nullable=not column.not_null, unique=self.unique == [column.name]),
                )
                for column in self.columns
            ]
        )

    def _check_specs(self) -> list[dg.AssetCheckSpec]:
        specs = {}
        if self._not_null:
            specs[NOT_NULL_CHECK] = f"Every row has a value in {', '.join(self._not_null)}."
        if self.unique:
            specs[UNIQUE_CHECK] = f"{', '.join(self.unique)}: together different in every row."
        return [dg.AssetCheckSpec(name, asset=self.name, description=what) for name, what in specs.items()]

    def _problem(self, check: str, rows: "pl.DataFrame") -> str | None:
        """What a check finds wrong with the rows; None where it passes."""
        if check == UNIQUE_CHECK:
            repeated = rows.height - rows.n_unique(self.unique) if rows.height else 0
            return f"{repeated} rows repeat {', '.join(self.unique)}" if repeated else None
        empty = {name: rows[name].null_count() for name in self._not_null if rows[name].null_count()}
        return ", ".join(f"{count} rows have no {name}" for name, count in empty.items()) or None

    @property
    def _not_null(self) -> list[str]:
        return [column.name for column in self.columns if column.not_null]
