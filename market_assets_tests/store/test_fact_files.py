"""What is read by way of files is what is in the tables, whatever happens to either."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.store import facts, revisions
from market_assets.store.connection import MarketConnection
from market_assets.store.expiry import forget, restore_month
from market_assets.store.facts import Counted, CountedPostings, read_counted, read_window
from market_assets.store.skills import ensure_skills
from market_assets.store.tables.postings import posting_facts
from market_assets_tests.store.made_up_postings import days_after, find_skills, write_day
from market_assets_tests.store.old_postings import LONG_AGO, MONTHS, NOW, clean_up, old_and_new, write
from market_assets_tests.store.test_facts import assert_same

#: Before the months of `old_and_new`, and long after them.
START, END = LONG_AGO, NOW + timedelta(days=400)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (facts, revisions):
        monkeypatch.setattr(module, "BLOCK", 4)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "facts"


def read(connection: MarketConnection, files: Path) -> CountedPostings:
    with connection.transaction():
        return read_counted(connection, START, END, files)


def assert_right(connection: MarketConnection, files: Path) -> None:
    """What is read by way of files is what the tables hold."""
    counted = read(connection, files)
    for each in Counted:
        with connection.transaction():
            window = read_window(connection, START, END, each)
        assert_same(counted.since(START, each), window)


@contextmanager
def nothing_stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("a block that has not changed was read and stored again")

    with monkeypatch.context() as patch:
        patch.setattr(facts, "_store_part", refuse)
        yield


def test_what_has_not_changed_is_not_read_again(
    connection: MarketConnection, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(connection, old_and_new())
    assert_right(connection, files)
    with nothing_stored(monkeypatch):
        assert_right(connection, files)
        write_day(connection, days_after(60), old_and_new())
        assert_right(connection, files)
    assert len(list(files.iterdir())) == 4


def test_every_change_shows(connection: MarketConnection, files: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write_day(connection, days_after(60), old_and_new())
    assert_right(connection, files)
    changes: list[Callable[[], object]] = [
        lambda: find_skills(connection, days_after(60)),
        lambda: write_day(connection, days_after(61), [{**each, "title": "Kafka"} for each in old_and_new()[:3]]),
        lambda: find_skills(connection, days_after(61)),
        lambda: write_day(connection, days_after(59), old_and_new()[5:]),
        lambda: clean_up(connection, archive, NOW),
        lambda: forget(connection, NOW, LONG_AGO),
        lambda: restore_month(connection, archive, MONTHS[2], NOW),
        lambda: restore_month(connection, archive, MONTHS[0], NOW),
    ]
    for change in changes:
        change()
        assert_right(connection, files)


def test_rows_that_were_deleted_by_hand_are_not_counted(connection: MarketConnection, files: Path) -> None:
    write(connection, old_and_new())
    assert_right(connection, files)
    with connection.transaction():
        connection.execute(posting_facts.delete().where(posting_facts.c.posting_id == 2))
    assert_right(connection, files)


@pytest.mark.parametrize("damage", [b"", b"PAR1 no parquet at all PAR1"])
@pytest.mark.parametrize("name", ["postings.parquet", "skills.parquet"])
def test_a_damaged_file_is_written_again(
    connection: MarketConnection, files: Path, name: str, damage: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(connection, old_and_new())
    assert_right(connection, files)
    for path in files.rglob(name):
        path.write_bytes(damage)
    assert_right(connection, files)
    with nothing_stored(monkeypatch):
        assert_right(connection, files)


def test_without_a_place_for_files_rows_are_read(connection: MarketConnection, files: Path) -> None:
    write(connection, old_and_new())
    files.write_text("a file in the way")
    assert_right(connection, files)


def test_files_are_their_owners_alone(connection: MarketConnection, files: Path) -> None:
    write(connection, old_and_new())
    before = os.umask(0)
    try:
        assert_right(connection, files)
    finally:
        os.umask(before)
    folders = [files, *files.iterdir()]
    assert len(folders) > 1
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_another_version_of_what_is_known_of_skills_is_read_again(
    connection: MarketConnection, files: Path
) -> None:
    write(connection, old_and_new())
    assert_right(connection, files)
    with connection.transaction():
        # Comes before all others in the order of names, by which codes are given.
        ensure_skills(connection, pl.DataFrame({"skill": ["#"], "category": ["Other"]}))
    assert_right(connection, files)


def test_a_window_is_cut_out_of_what_files_hold(connection: MarketConnection, files: Path) -> None:
    write(connection, old_and_new())
    assert_right(connection, files)
    times = sorted(read(connection, files).window.postings["posted_at"])
    start, end = times[1], times[-2]
    with connection.transaction():
        counted, window = read_counted(connection, start, end, files), read_window(connection, start, end)
    assert_same(counted.since(start, Counted.ORIGINALS), window)
