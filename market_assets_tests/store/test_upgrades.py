"""An upgrade keeps every row, or the old version where it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from market_assets.store import schema
from market_assets.store.database import Database, StoreError, StoreUnavailableError
from market_assets_tests.store.any_rows import columns, everything, fill_every_table
from market_assets_tests.store.migrating import add_version

MORE = "ALTER TABLE skills ADD COLUMN description TEXT"


def test_rows_of_an_earlier_schema_survive(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = fill_every_table(database), schema.newest_version()
    later = add_version(monkeypatch, tmp_path, MORE)
    assert schema.current_version(database) == version
    with pytest.raises(StoreError, match=f"at version {version}, the code needs {later}: .*`market-assets db up"):
        schema.ensure_current(database)
    assert schema.upgrade(database) is True
    schema.ensure_current(database)
    assert schema.current_version(database) == later
    assert columns(database)["skills"][-1] == "description"
    assert everything(database) == before | {"skills": [(*row, None) for row in before["skills"]]}


def test_an_empty_database_gets_all_versions(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(empty_database_url)
    later = add_version(monkeypatch, tmp_path, MORE)
    assert schema.upgrade(database) is True
    assert schema.current_version(database) == later
    assert columns(database)["skills"][-1] == "description"


def test_an_upgrade_that_fails_leaves_the_old_version(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = fill_every_table(database), schema.newest_version()
    add_version(monkeypatch, tmp_path, MORE, "DELETE FROM job_postings", "no SQL at all")
    with pytest.raises(StoreUnavailableError, match="syntax error"):
        schema.upgrade(database)
    assert schema.current_version(database) == version
    assert everything(database) == before
