"""Every column says what it is, and docs/tables.md lists what is declared.

`python -m market_assets_tests.test_tables_document` writes that list anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from market_assets.definitions import build_defs
from market_assets.settings import Settings
from market_assets.store.tables.administration import accounts
from market_assets.store.tables.catalog import VIEWS, metadata
from market_assets.store.tables.columns import unique_keys, value_rules
from market_assets.store.tables.postings import posting_locations, posting_skills

DOCUMENT = Path(__file__).parents[1] / "docs" / "tables.md"
HEADING = "## Every column\n"
TABLES = [*metadata.tables.values(), *accounts.tables.values(), posting_locations, posting_skills, *VIEWS]


def described(table: sa.Table, description: str | None) -> str:
    lines = [f"### {table.name}", "", *([description, ""] if description else [])]
    if table.comment:
        lines += [f"A view: {table.comment}", ""]
    elif "query" in table.info:
        source, _, condition = table.info["query"].partition(" FROM ")[2].partition(" WHERE ")
        lines += [f"A view of `{source}` where `{condition}`.", ""]
    keys = ["(" + ", ".join(f"`{name}`" for name in key) + ")" for key in unique_keys(table)]
    lines += [f"Unique: {', '.join(keys)}.", ""] if keys else []
    lines += ["| column | type | what it is |", "|---|---|---|"]
    for column in table.columns:
        kind = [str(column.type).lower(), *value_rules(column), *(["or null"] if column.nullable else [])]
        lines.append(f"| `{column.name}` | {', '.join(kind)} | {column.comment} |")
    return "\n".join(lines) + "\n"


def every_column() -> str:
    specs = build_defs(Settings(_env_file=None)).resolve_all_asset_specs()
    descriptions = {spec.key.to_user_string(): spec.description for spec in specs}
    sections = [
        described(table, descriptions.get(table.name)) for table in sorted(TABLES, key=lambda each: each.name)
    ]
    return "\n".join([HEADING, *sections])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_says_in_a_sentence_what_it_is(table: sa.Table) -> None:
    for column in table.columns:
        assert column.comment, column.name
        assert column.comment.endswith("."), column.name


def test_the_document_shows_what_is_declared() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text[text.index(HEADING) :] == every_column(), f"run python -m {__name__}"


if __name__ == "__main__":
    written = DOCUMENT.read_text(encoding="utf-8").partition(HEADING)[0]
    DOCUMENT.write_text(written + every_column(), encoding="utf-8")
