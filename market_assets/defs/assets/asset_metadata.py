"""What Dagster shows of an asset beside its figures: columns, what they come from, first rows, plots, its code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

_PACKAGE = Path(__file__).parents[2]
_PREVIEW_ROWS, _PREVIEW_WIDTH = 10, 60
#: As many rows as are drawn; of trending skills, as many that grow, decline or are new.
_PLOTTED_ROWS, _PLOTTED_OF_TREND = 15, 6
_ANNUAL_PAY = ("job_postings", "annual_salary_min"), ("job_postings", "annual_salary_max")
_SKILL = (("posting_skills", "skill"),)
#: Which columns of the postings a column of a counted table comes from, as (table, column).
COUNTED_FROM: dict[str, Sequence[tuple[str, str]]] = {
    **dict.fromkeys(("skill", "skill_a", "skill_b", "recommended_skill", "top_skill"), _SKILL),
    **{
        name: (("job_postings", name),)
        for name in ("industry", "location", "country", "seniority", "employment_type")
    },
    "top_sources": (("job_postings", "source"),),
    "top_industries": (("job_postings", "industry"),),
    "top_locations": (("job_postings", "location"),),
    "month": (("job_postings", "posted_at"),),
    **dict.fromkeys(
        ("average_salary", "median_salary", "min_salary", "max_salary", "p10", "p25", "p75", "p90"), _ANNUAL_PAY
    ),
}


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


def column_lineage(
    table: sa.Table, origins: Mapping[str, Sequence[tuple[str, str]]]
) -> dict[str, dg.TableColumnLineage]:
    """The metadata that links the columns of a table to those that they come from.

    Args:
        table: the table.
        origins: column → the (table, column) that one of this name comes from; others have no link.
    """
    dependencies = {
        column.name: [dg.TableColumnDep(dg.AssetKey(asset), name) for asset, name in origins[column.name]]
        for column in table.columns
        if column.name in origins
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(dependencies)}


def code_at(spec: dg.AssetSpec, url: str) -> dg.AssetSpec:
    """The asset with links to its code at an address of the repository, in place of files of this machine."""
    files = spec.metadata.get("dagster/code_references")
    if not isinstance(files, dg.CodeReferencesMetadataValue):
        return spec
    references: list[Any] = [
        dg.UrlCodeReference(
            url=f"{url.rstrip('/')}/{Path(file.file_path).relative_to(_PACKAGE.parent)}", label=file.label
        )
        for file in files.code_references
        if isinstance(file, dg.LocalFileCodeReference)
    ]
    linked = dg.CodeReferencesMetadataValue(code_references=references)
    return spec.merge_attributes(metadata={"dagster/code_references": linked})


def code_in(*modules: str) -> dict[str, Any]:
    """The metadata that links an asset to the files of its code, as modules within `market_assets`."""
    references: list[Any] = [
        dg.LocalFileCodeReference(file_path=f"{_PACKAGE / module.replace('.', '/')}.py", label=module)
        for module in modules
    ]
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=references)}


def plot(drawing: str | None) -> dict[str, dg.MarkdownMetadataValue]:
    """The metadata that shows an inline drawing of the report as an image; none where there is no drawing."""
    if drawing is None:
        return {}
    from market_assets.report.svg import image

    return {"plot": dg.MetadataValue.md(f"![plot]({image(drawing)})")}


def preview(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
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


def demand_plot(rows: pl.DataFrame, currency: str) -> str | None:
    """The most asked skills, with their median pay (skill_demand)."""
    from market_assets.report.plots import demand_bars

    top = rows.filter(rows["industry"].is_null()).sort("rank", "skill").head(_PLOTTED_ROWS)
    return demand_bars(top, currency) if top.height else None


def pay_plot(rows: pl.DataFrame, currency: str) -> str | None:
    """The percentiles of pay of the skills with most known salaries, in all countries (salary_statistics)."""
    from market_assets.report.plots import pay_ranges
    from market_assets.statistics.pay import of_all_postings

    known = of_all_postings(rows).drop_nulls(["p10", "p25", "median_salary", "p75", "p90"])
    most_known = known.sort("postings_with_salary", "skill", descending=[True, False]).head(_PLOTTED_ROWS)
    shown = most_known.sort("median_salary", "skill", descending=[True, False])
    return pay_ranges(shown, currency) if shown.height else None


def growth_plot(rows: pl.DataFrame, currency: str) -> str | None:  # noqa: ARG001
    """The skills that grow and decline most, and the new ones (trending_skills)."""
    import polars as pl

    from market_assets.report.plots import growth_bars

    def of_trend(trend: str, column: str, *, descending: bool) -> pl.DataFrame:
        return (
            rows.filter(rows["trend"] == trend)
            .sort(column, "skill", descending=[descending, False])
            .head(_PLOTTED_OF_TREND)
        )

    growing = of_trend("growing", "growth", descending=True)
    declining = of_trend("declining", "growth", descending=False).reverse()
    emerging = of_trend("emerging", "recent_postings", descending=True)
    moving = pl.concat([growing, declining])
    return growth_bars(moving, emerging) if moving.height + emerging.height else None
