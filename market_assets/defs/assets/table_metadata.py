"""How assets show their tables in the UI: column schemas and previews."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    import polars as pl

_PREVIEW_ROWS = 10
_PREVIEW_WIDTH = 60


def column_schema(table: str) -> dict[str, dg.TableSchema]:
    """The metadata that shows the columns of a market table, from the table's declaration."""
    from market_assets.store.tables.catalog import metadata

    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                str(column.type).lower(),
                constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
            )
            for column in metadata.tables[table].columns
        ]
    )
    return {"dagster/column_schema": schema}


def preview(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """The first rows as a Markdown table."""
    lines = [" | ".join(rows.columns), " | ".join("---" for _ in rows.columns)]
    lines += [" | ".join(_cell(value) for value in row) for row in rows.head(_PREVIEW_ROWS).iter_rows()]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else str(value)
    text = f"{value:,.0f}" if isinstance(value, float) and abs(value) >= 1000 else text
    return text.replace("|", "\\|").replace("\n", " ")[:_PREVIEW_WIDTH]
