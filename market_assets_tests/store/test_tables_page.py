"""docs/tables.md has every table and column that users query."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from market_assets.store.tables import results
from market_assets.store.tables.administration import job_executions
from market_assets.store.tables.postings import job_postings, rejected_postings
from market_assets_tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "tables.md").read_text(encoding="utf-8")
RESULTS = [table for table in vars(results).values() if isinstance(table, sa.Table)]
NAMED_IN_TEXT = [job_postings, rejected_postings, job_executions, results.skill_candidates]


def described(table: sa.Table) -> str:
    """What the page says of a table: its row, or its paragraph."""
    row = re.search(rf"^\| `{table.name}` \|.*$", PAGE, re.MULTILINE)
    paragraph = re.search(rf"^(?:\*\*|`){table.name}(?:\*\*|`).*?(?:\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    found = paragraph if table in NAMED_IN_TEXT else row
    assert found, f"docs/tables.md lacks {table.name}"
    return found[0]


@pytest.mark.parametrize("table", list(dict.fromkeys([*RESULTS, *NAMED_IN_TEXT])), ids=lambda table: table.name)
def test_each_column_is_described(table: sa.Table) -> None:
    words = set(re.findall(r"\w+", described(table)))
    assert {column.name for column in table.columns} - words == set()
