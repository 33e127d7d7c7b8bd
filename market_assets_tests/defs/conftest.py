"""What tests of sensors and schedules share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets.settings import Settings
from market_assets.sources.files.inbox import Inbox, InboxSource
from market_assets_tests.defs.inbox_world import TODAY, World
from market_assets_tests.pipelines import ListedSource, Pipeline
from market_assets_tests.store.migrating import copied


@pytest.fixture
def other() -> ListedSource:
    return ListedSource("other", days={TODAY: [{"title": "Driver"}]})


@pytest.fixture
def world(tmp_path: Path, migrated_sqlite: Path, other: ListedSource) -> Iterator[World]:
    folder = tmp_path / "inbox"
    folder.mkdir()
    copied(migrated_sqlite, tmp_path / "market.db")
    settings = Settings(
        DATABASE_URL=f"sqlite:///{tmp_path / 'market.db'}",
        MARKET_ASSETS_DATA_DIR=tmp_path / "data",
        MARKET_ASSETS_INBOX=folder,
        _env_file=None,
    )
    with Pipeline(settings, other, InboxSource(Inbox(folder))) as pipeline:
        yield World(folder, pipeline)
