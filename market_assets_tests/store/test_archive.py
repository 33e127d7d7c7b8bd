"""The archive keeps what it was given: whole files, never overwritten, the newest of a posting read back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from market_assets.store.database import StoreError, StoreUnavailableError
from market_assets.store.expiry import ARCHIVED, read_month, write_month

MONTH = "2026-01"
POSTED = datetime(2026, 1, 15, 12, 0, 0, 123_456, tzinfo=UTC)


def archived(*rows: dict[str, Any]) -> pl.DataFrame:
    plain = {
        **dict.fromkeys(("posted_at", "ingested_at", "last_seen_at"), POSTED),
        **dict.fromkeys(("partition_date", "content_date"), date(2026, 1, 15)),
        "source": "board",
        "title": "100% 'Ünï'",
        "skill_names": ["C++"],
        "skill_weights": [70],
    }
    return pl.DataFrame([{**plain, "external_id": str(row["posting_id"]), **row} for row in rows], schema=ARCHIVED)


def files(archive: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in archive.rglob("*") if path.is_file()}


ROWS = archived(
    {"posting_id": 2**62}, {"posting_id": 1, "salary_min": 0.1, "skill_names": [], "skill_weights": []}
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = write_month(tmp_path, MONTH, ROWS)
    assert path.parent == tmp_path / "month=2026-01"
    assert read_month(tmp_path, MONTH).sort("posting_id").equals(ROWS.sort("posting_id"))


def test_the_name_of_a_folder_is_no_pattern(tmp_path: Path) -> None:
    archive = tmp_path / "archive [1]*"
    write_month(archive, MONTH, ROWS)
    assert read_month(archive, MONTH).equals(ROWS)


def test_the_same_postings_make_no_second_file(tmp_path: Path) -> None:
    path = write_month(tmp_path, MONTH, ROWS)
    before, place = files(tmp_path), path.stat().st_ino
    again = ROWS.reverse().with_columns(restored_at=pl.lit(POSTED), duplicate_of=pl.lit(5, pl.Int64()))
    assert write_month(tmp_path, MONTH, again) == path
    assert files(tmp_path) == before
    assert path.stat().st_ino == place


def test_the_name_of_a_file_does_not_change_with_libraries(tmp_path: Path) -> None:
    assert write_month(tmp_path, MONTH, ROWS).name == "postings-c82b2e750b2d950f.parquet"


@pytest.mark.parametrize(
    "change",
    [{"title": "Other"}, {"salary_max": 5.0}, {"skill_weights": [100]}, {"content_date": date(2026, 2, 1)}],
)
def test_a_posting_that_has_changed_is_kept_beside_what_it_was(tmp_path: Path, change: dict[str, Any]) -> None:
    write_month(tmp_path, MONTH, archived({"posting_id": 1}, {"posting_id": 2}))
    before = files(tmp_path)
    write_month(tmp_path, MONTH, archived({"posting_id": 1, **change}, {"posting_id": 2}))
    assert len(files(tmp_path)) == 2
    assert files(tmp_path).items() > before.items()
    read = read_month(tmp_path, MONTH).sort("posting_id")
    assert read.equals(archived({"posting_id": 1, **change}, {"posting_id": 2}))


def test_what_was_archived_last_counts_though_its_file_is_the_older(tmp_path: Path) -> None:
    first, then = archived({"posting_id": 1, "title": "A"}), archived({"posting_id": 1, "title": "B"})
    for rows in (first, then, first):
        write_month(tmp_path, MONTH, rows)
    assert read_month(tmp_path, MONTH)["title"].to_list() == ["A"]


def test_a_file_that_was_never_finished_does_not_count(tmp_path: Path) -> None:
    path = write_month(tmp_path, MONTH, ROWS)
    path.rename(path.with_suffix(".part"))
    with pytest.raises(StoreError, match=r"nothing of 2026-01 is in the archive"):
        read_month(tmp_path, MONTH)
    write_month(tmp_path, MONTH, ROWS)
    assert list(files(tmp_path)) == [path.name]


def test_a_month_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nothing of 2026-02 .* it holds: nothing"):
        read_month(tmp_path / "missing", "2026-02")
    for month in ("2026-01", "2025-12"):
        write_month(tmp_path, month, ROWS)
    with pytest.raises(StoreError, match="it holds: 2025-12, 2026-01"):
        read_month(tmp_path, "2026-02")


@pytest.mark.parametrize("damage", [b"", b"PAR1 no parquet at all PAR1"])
def test_a_damaged_file_is_named_and_not_taken_for_whole(tmp_path: Path, damage: bytes) -> None:
    path = write_month(tmp_path, MONTH, ROWS)
    path.write_bytes(damage)
    with pytest.raises(StoreError, match=path.name):
        write_month(tmp_path, MONTH, ROWS)
    with pytest.raises(StoreError, match=path.name):
        read_month(tmp_path, MONTH)


def test_a_file_with_too_few_postings_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = write_month(tmp_path, MONTH, ROWS)
    ROWS.head(1).write_parquet(path)
    with pytest.raises(StoreError, match="holds 1 postings instead of 2; nothing was deleted"):
        write_month(tmp_path, MONTH, ROWS)


@pytest.mark.parametrize("in_the_way", ["archive", "archive/month=2026-01"])
def test_a_place_that_can_not_be_written_is_named(tmp_path: Path, in_the_way: str) -> None:
    blocked = tmp_path / in_the_way
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file")
    with pytest.raises(StoreUnavailableError, match=r"can't write .*month=2026-01"):
        write_month(tmp_path / "archive", MONTH, ROWS)


def test_months_lie_apart(tmp_path: Path) -> None:
    later = archived({"posting_id": 3, "posted_at": POSTED + timedelta(days=31)})
    write_month(tmp_path, MONTH, ROWS)
    write_month(tmp_path, "2026-02", later)
    assert read_month(tmp_path, "2026-02").equals(later)
    assert read_month(tmp_path, MONTH).height == 2
