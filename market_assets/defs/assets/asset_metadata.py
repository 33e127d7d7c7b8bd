"""What Dagster shows of an asset beside its figures: its columns, what they come from, where its code is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import sqlalchemy as sa

_PACKAGE = Path(__file__).parents[2]
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
