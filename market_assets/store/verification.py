"""What must hold for a table's rows, checked from the table's own declaration."""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.store.column_types import arrow_schema


def problems_of(table: sa.Table, rows: pl.DataFrame) -> list[str]:
    """Everything that is wrong with rows for a table, in words: columns, types, nulls, ranges, keys."""
    expected = arrow_schema(table)
    missing = [name for name in expected if name not in rows.columns]
    if missing:
        return [f"column {name} is missing" for name in missing]
    problems = [
        f"column {name} holds {rows.schema[name]} instead of {dtype}"
        for name, dtype in expected.items()
        if rows.schema[name] != dtype
    ]
    if problems or rows.is_empty():
        return problems
    for column in table.columns:
        problems.extend(_column_problems(column, rows[column.name]))
    return problems + _key_problems(table, rows)


def _column_problems(column: sa.Column[Any], values: pl.Series) -> list[str]:
    problems = []
    if not column.nullable and values.null_count():
        problems.append(f"{column.name} is empty in {values.null_count()} rows")
    if values.dtype.is_float() and (bad := int((~values.drop_nulls().is_finite()).sum())):
        problems.append(f"{column.name} is not a finite number in {bad} rows")
    minimum, maximum = column.info.get("minimum"), column.info.get("maximum")
    if minimum is not None and (below := int((values < minimum).sum())):
        problems.append(f"{column.name} is below {minimum} in {below} rows")
    if maximum is not None and (above := int((values > maximum).sum())):
        problems.append(f"{column.name} is above {maximum} in {above} rows")
    if choices := column.info.get("choices"):
        unknown = values.drop_nulls().filter(~values.drop_nulls().is_in(list(choices))).unique().sort()
        problems.extend(f"{column.name} has the unknown value {value!r}" for value in unknown.head(3))
    return problems


def _key_problems(table: sa.Table, rows: pl.DataFrame) -> list[str]:
    key = list(table.info.get("key") or (column.name for column in table.primary_key))
    repeated = rows.height - rows.select(key).n_unique()
    return [f"{repeated} rows repeat a key ({', '.join(key)})"] if repeated else []
