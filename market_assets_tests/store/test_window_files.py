"""The counted postings as files: the same as in the database, of one refresh alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from market_assets.statistics.window import Window
from market_assets.store.database import Database
from market_assets.store.window_files import WindowFiles
from market_assets_tests.statistics.markets import random_market
from market_assets_tests.web.explorer.made_up_store import weighed

AS_OF = datetime(2026, 11, 24, 2, 30, 0, 123456, tzinfo=UTC)
URL = "sqlite:////nowhere/market.db"


@pytest.fixture
def window() -> Window:
    return weighed(random_market(3, postings=60, skills=20, categories=3))


def assert_same(found: Window | None, expected: Window) -> None:
    assert found is not None
    for name, value in vars(expected).items():
        kept = getattr(found, name)
        if isinstance(value, pl.DataFrame):
            assert kept.schema == value.schema and kept.equals(value), name
        else:
            assert kept.dtype == value.dtype and np.array_equal(kept, value), name


def test_what_was_written_is_read(tmp_path: Path, window: Window) -> None:
    files = WindowFiles(tmp_path, Database(URL))
    nothing = window.only(np.zeros(len(window), dtype=bool))
    for revision, expected in enumerate((window, nothing, window.of_skill("no such skill"))):
        files.write(AS_OF, revision, expected)
        assert_same(files.read(AS_OF, revision), expected)


def test_only_the_newest_refresh_of_each_database_is_kept(tmp_path: Path, window: Window) -> None:
    files, others = (
        WindowFiles(tmp_path, Database(URL)),
        WindowFiles(tmp_path, Database("sqlite:////else/market.db")),
    )
    files.write(AS_OF, 1, window)
    others.write(AS_OF, 1, window)
    early = files.read(AS_OF, 1)
    fewer = window.only(np.arange(len(window)) < 10)
    files.write(AS_OF, 2, fewer)
    files.write(AS_OF, 2, fewer)
    assert files.read(AS_OF, 1) is None and files.read(AS_OF + timedelta(microseconds=1), 2) is None
    assert_same(files.read(AS_OF, 2), fewer)
    assert_same(others.read(AS_OF, 1), window)
    # Whoever had them open keeps them.
    assert_same(early, window)
    assert len(list((tmp_path / "windows").glob("*/*"))) == 2


def test_files_that_are_damaged_or_of_another_version_count_as_none(tmp_path: Path, window: Window) -> None:
    files = WindowFiles(tmp_path, Database(URL))
    files.write(AS_OF, 1, replace(window, postings=window.postings.drop("language")))
    assert files.read(AS_OF, 1) is None
    for name in ("postings", "codes.npy"):
        files.write(AS_OF, 1, window)
        (path,) = (tmp_path / "windows").glob(f"*/*/{name}")
        path.write_bytes(b"")
        assert files.read(AS_OF, 1) is None
        path.unlink()
        assert files.read(AS_OF, 1) is None
