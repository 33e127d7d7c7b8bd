"""A database of a newer program: every entry refuses it in one line and touches nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from market_assets.operations.names import CLEANUP, INGESTION, REBUILD, REFRESH
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.pipelines import Pipeline, failure_of
from market_assets_tests.store.any_rows import everything, fill_every_table
from market_assets_tests.store.migrating import copied

NEWER = "is newer than this program (version 9999"
COMMANDS = (
    ("db", "upgrade"),
    ("db", "copy", "data/market.db", "other.db"),
    ("backup",),
    ("run", "--days", "1"),
    ("summary",),
    ("recommend", "Python"),
    ("archive", "restore", "--month", "2026-01"),
    ("user", "list"),
    ("user", "add", "ann", "--role", "viewer", "--password-stdin"),
    ("serve",),
    ("web",),
)


def make_newer(database: Database) -> None:
    fill_every_table(database)
    with database.engine().begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))


@pytest.fixture
def newer(project: Path, migrated_sqlite: Path) -> Database:
    (project / "data").mkdir()
    database = copied(migrated_sqlite, project / "data" / "market.db")
    make_newer(database)
    return database


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_refuses(invoke: Invoke, newer: Database, project: Path, command: tuple[str, ...]) -> None:
    before = everything(newer)
    done = invoke(*command, stdin="a long enough password 1\n")
    assert done.exit_code == 1
    assert NEWER in done.output.splitlines()[-1]
    assert "install the newer program" in done.output.splitlines()[-1]
    assert everything(newer) == before
    assert schema.current_version(newer) == "9999"
    assert not (project / "other.db").exists()
    assert not (project / "data" / "backups").exists()


@pytest.mark.parametrize("job", [INGESTION, REFRESH, CLEANUP, REBUILD])
def test_every_job_refuses(database: Database, settings: Settings, job: str) -> None:
    make_newer(database)
    before = everything(database)
    with Pipeline(settings, SampleSource(postings_per_day=2)) as pipeline:
        assert NEWER in failure_of(pipeline.run(job))
    assert everything(database) == before
