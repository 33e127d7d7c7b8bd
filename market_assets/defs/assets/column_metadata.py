"""What Dagster shows of a table's columns, from the table's declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    import sqlalchemy as sa


def column_schema(table: sa.Table) -> dict[str, dg.TableSchema]:
    """The metadata that shows the columns of a table: what each is, its type, and what must be true of it."""
    from market_assets.store.tables.columns import unique_keys, value_rules

    keys = unique_keys(table)
    columns = [
        dg.TableColumn(
            column.name,
            str(column.type).lower(),
            column.comment,
            dg.TableColumnConstraints(
                nullable=bool(column.nullable), unique=[column.name] in keys, other=value_rules(column)
            ),
        )
        for column in table.columns
    ]
    unique = dg.TableConstraints([f"unique: {', '.join(key)}" for key in keys])
    return {"dagster/column_schema": dg.TableSchema(columns, unique)}
