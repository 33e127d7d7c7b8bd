"""Files and folders in an object store, by the URLs that fsspec knows."""

from __future__ import annotations

from datetime import UTC, datetime

import fsspec
import pytest

from market_assets.sources.files.source import FileSource
from market_assets.sources.protocol import SourceError
from market_assets_tests.object_store import bucket

__all__ = ["bucket"]

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def titles(path: str) -> dict[str, list[str]]:
    """The titles of each file that a source at a path gives."""
    source = FileSource("ours", path)
    found = {}
    for payload in source.fetch(NOW.date(), NOW).payloads:
        with payload.open() as content:
            batches = list(source.read(payload.name, content))
        found[payload.name] = [title for batch in batches for title in batch.frame["title"]]
    return found


def test_a_file_and_a_folder(bucket: str) -> None:
    store = fsspec.filesystem("s3")
    store.pipe(f"{bucket}/jobs/one.csv", b"title,company\nCook,Inn\n")
    store.pipe(f"{bucket}/jobs/two.jsonl", b'{"title": "Baker"}\n{"title": "Nurse"}\n')
    store.pipe(f"{bucket}/other/three.csv", b"title\nPilot\n")
    assert titles(f"{bucket}/jobs/one.csv") == {"one.csv": ["Cook"]}
    assert titles(f"{bucket}/jobs") == {"one.csv": ["Cook"], "two.jsonl": ["Baker", "Nurse"]}


def test_what_is_not_there_is_named(bucket: str) -> None:
    with pytest.raises(SourceError, match=f"{bucket}/none.csv: there is no such file"):
        titles(f"{bucket}/none.csv")
