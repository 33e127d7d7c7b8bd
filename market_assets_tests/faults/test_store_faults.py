"""Faults of the machine under the store: power, disk, folder. The long form of some: `benchmarks/faults`."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.store.backup_file import BackupError
from market_assets.store.connection import MarketConnection
from market_assets.store.copying import copy_store
from market_assets.store.database import Database, StoreUnavailableError
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import make_project
from market_assets_tests.faults.mounts import SmallDisk, small_disk
from market_assets_tests.faults.power_cut import WRITER, assert_goes_on, assert_whole_days, cuts, undisturbed
from market_assets_tests.faults.soundness import assert_sound
from market_assets_tests.pipelines import RESULTS, Pipeline, Row, failure_of
from market_assets_tests.store.any_rows import everything, fill_every_table
from market_assets_tests.store.made_up_postings import MARCH, posting, write_day
from market_assets_tests.store.migrating import copied
from market_assets_tests.store.programs import program
from market_assets_tests.store.test_backup import Store

DAYS = (date(2024, 3, 1), date(2024, 3, 2))
AS_OF = datetime(2024, 3, 2, 18, tzinfo=UTC)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", "64m") as disk:
        yield disk


def sample() -> SampleSource:
    return SampleSource(postings_per_day=300, seed=5)


def bulky(number: int) -> list[dict[str, Any]]:
    """Postings of 4 KB that hardly compress."""
    return [posting(str(n), description=os.urandom(2000).hex()) for n in range(number)]


def settings_in(folder: Path) -> Settings:
    return Settings(MARKET_ASSETS_DATA_DIR=folder, MARKET_ASSETS_RETENTION_DAYS=36_500, _env_file=None)


@pytest.mark.slow
def test_the_power_goes_while_days_are_written(tmp_path: Path, migrated_sqlite: Path, thorough: bool) -> None:
    live = Path(shutil.copy(migrated_sqlite, tmp_path / "live.db"))
    draw, seen = random.Random(), set()
    with program(WRITER, f"sqlite:///{live}") as writer:
        for number, cut in enumerate(cuts(writer, live, tmp_path, draw, 30 if thorough else 8)):
            days = assert_whole_days(cut)
            seen.add(days)
            if number % 8 == 3:
                twin = Path(shutil.copy(migrated_sqlite, tmp_path / f"twin{number}.db"))
                assert_goes_on(cut, days, lambda days, twin=twin: undisturbed(twin, days))  # type: ignore[misc]
        writer.kill()
    assert len(seen) > 3
    assert assert_sound(f"sqlite:///{live}")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """All tables after both days, on a disk with room."""
    with Pipeline(settings_in(tmp_path_factory.mktemp("twin")), sample()) as twin:
        for day in DAYS:
            twin.ingest(day)
        twin.refresh(AS_OF)
        return twin.everything()


@pytest.mark.parametrize(
    "room", ["1m", *(pytest.param(room, marks=pytest.mark.thorough) for room in ("0.2m", "3m"))]
)
def test_the_disk_is_full_in_the_middle_of_ingestion(
    disk: SmallDisk, expected: dict[str, list[Row]], room: str
) -> None:
    settings = settings_in(disk.folder / "data")
    with Pipeline(settings, sample()) as pipeline:
        pipeline.ingest(DAYS[0])
        before = pipeline.everything()
        disk.fill()
        filler = disk.folder / "filler"
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - int(float(room[:-1]) * 2**20))
        failed = pipeline.run("daily_sample_ingestion", {"dagster/partition": DAYS[1].isoformat()})
        message = failure_of(failed)
        assert any(words in message for words in ("is full", "No space left")), message
        assert str(disk.folder) in message
        # A little room again, without which the tables can't even be read.
        filler.unlink()
        assert_sound(settings.market_url)
        postings = len(pipeline.rows("job_postings"))
        assert postings in (len(before["job_postings"]), len(expected["job_postings"])), "days are whole"
        assert pipeline.everything(RESULTS) == {name: before[name] for name in RESULTS}
        pipeline.ingest(DAYS[1])
        pipeline.refresh(AS_OF)
        assert pipeline.everything() == expected


def test_a_full_disk_during_a_backup_leaves_no_half_file(
    disk: SmallDisk, tmp_path: Path, migrated_sqlite: Path
) -> None:
    database = copied(migrated_sqlite, tmp_path / "market.db")
    with MarketConnection(database) as connection:
        write_day(connection, MARCH, bulky(500))
    site = Store(database, tmp_path / "site")
    path = disk.folder / "backup.zip"
    whole = database.path.stat().st_size // 2**20
    assert whole >= 1
    for room in (0, 1, whole + 1):
        disk.fill()
        filler = disk.folder / "filler"
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - room * 2**20)
        with pytest.raises(StoreUnavailableError, match=r"full|No space left"):
            site.take(path)
        assert [each.name for each in disk.folder.iterdir()] == ["filler"]
        filler.unlink()


def test_a_full_disk_during_a_restore_leaves_what_was_there(
    disk: SmallDisk, tmp_path: Path, migrated_sqlite: Path
) -> None:
    full = copied(migrated_sqlite, tmp_path / "market.db")
    with MarketConnection(full) as connection:
        write_day(connection, MARCH, bulky(1500))
    path = tmp_path / "backup.zip"
    Store(full, tmp_path / "site").take(path)
    target = copied(migrated_sqlite, disk.folder / "market.db")
    before = fill_every_table(target)
    site = Store(target, disk.folder / "site")
    size = full.path.stat().st_size // 2**20
    refused = 0
    for room in range(3 * size + 4):
        disk.fill()
        filler = disk.folder / "filler"
        with filler.open("r+b") as file:
            file.truncate(max(filler.stat().st_size - room * 2**20, 0))
        try:
            site.restore(path)
            break
        except (StoreUnavailableError, BackupError) as error:
            assert any(words in str(error) for words in ("full", "No space left", "disk I/O", "needs"))
            refused += 1
            filler.unlink()
            assert everything(target) == before
            assert not list(disk.folder.glob(".restore-*"))
    filler.unlink()
    assert refused >= 2 * size - 1, "the database is there twice for a moment: as a file and in the log"
    assert everything(target) == everything(full)


def test_a_copy_onto_a_full_disk_is_not_made(disk: SmallDisk, tmp_path: Path, migrated_sqlite: Path) -> None:
    source = copied(migrated_sqlite, tmp_path / "market.db")
    with MarketConnection(source) as connection:
        write_day(connection, MARCH, bulky(500))
    target = copied(migrated_sqlite, disk.folder / "market.db")
    disk.fill()
    with pytest.raises(StoreUnavailableError, match=r"market\.db failed: .*full"):
        copy_store(source, target, batch=100, progress=lambda _table, _rows: None)
    (disk.folder / "filler").unlink()
    copy_store(source, target, batch=100, progress=lambda _table, _rows: None)
    assert everything(target) == everything(source)


def test_a_folder_that_became_read_only(disk: SmallDisk) -> None:
    settings = settings_in(disk.folder)
    with Pipeline(settings, sample()) as pipeline:
        pipeline.ingest(DAYS[0])
        pipeline.refresh(AS_OF)
        before = pipeline.everything()
        disk.make_read_only()
        for job, tags in (
            ("daily_sample_ingestion", {"dagster/partition": DAYS[1].isoformat()}),
            ("refresh_market_stats", {}),
        ):
            message = failure_of(pipeline.run(job, tags))
            assert str(disk.folder) in message
            assert any(words in message.lower() for words in ("read-only", "readonly")), message
        disk.make_writable()
        assert pipeline.everything() == before
        pipeline.ingest(DAYS[1])
        assert len(pipeline.rows("job_postings")) > len(before["job_postings"])


def test_commands_on_a_read_only_folder_end_in_one_line(disk: SmallDisk, invoke: Invoke) -> None:
    make_project(disk.folder / "project")
    data = disk.folder / "data"
    assert invoke("run", "--days", "1", MARKET_ASSETS_DATA_DIR=str(data)).exit_code == 0
    disk.make_read_only()
    for command in ("summary", "backup", "run"):
        done = invoke(command, MARKET_ASSETS_DATA_DIR=str(data))
        assert done.exit_code == 1, command
        line = done.output.splitlines()[-1]
        assert str(data) in line
        assert any(words in line.lower() for words in ("read-only", "readonly"))


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("summary",),
        ("db", "upgrade"),
        ("user", "list"),
        ("recommend", "Python"),
        ("archive", "restore", "--month", "2026-01"),
        ("backup",),
        ("serve",),
        ("web",),
    ],
    ids=" ".join,
)
def test_a_server_that_is_not_there_is_one_line(invoke: Invoke, command: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = invoke(*command, DATABASE_URL=f"postgresql://someone:geheim-123@127.0.0.1:{port}/market")
    assert done.exit_code == 1
    line = done.output.splitlines()[-1]
    assert line.startswith(f"market-assets: the database postgresql://someone:***@127.0.0.1:{port}/market failed")
    assert "refused" in line
    assert "geheim" not in done.output


def test_a_file_that_was_cut_short_is_told(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with Pipeline(settings, sample()) as pipeline:
        pipeline.ingest(DAYS[0])
        path = Database(settings.market_url).path
        with closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as content:
            content.truncate(path.stat().st_size // 3)
        message = failure_of(pipeline.run("refresh_market_stats", {}))
        assert "malformed" in message
        assert str(path) in message
