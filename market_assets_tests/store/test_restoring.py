"""Months that come back from the archive, how long they stay, and what is forgotten for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.expiry import RESTORED_DAYS, count_expired, expire, forget, read_month, restore_month
from market_assets.store.skills import ensure_skills
from market_assets.store.tables.postings import (
    job_postings,
    posting_facts,
    posting_skill_facts,
    rejected_postings,
    skills,
)
from market_assets_tests.store.made_up_postings import (
    days_after,
    find_skills,
    number_of,
    stored,
    write_day,
)
from market_assets_tests.store.old_postings import (
    LONG_AGO,
    MONTHS,
    NOW,
    clean_up,
    everything,
    old_and_new,
    same,
    skills_in,
    write,
)

JANUARY, FEBRUARY = MONTHS[:2]
LEFT_ALONE = timedelta(days=RESTORED_DAYS)


def test_a_month_comes_back_into_another_database(connection: MarketConnection, tmp_path: Path) -> None:
    """Where skills have other ids, some are unknown, and nothing else is there."""
    write(connection, old_and_new())
    before, found = everything(connection), skills_in(connection)
    clean_up(connection, tmp_path, NOW)
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    schema.upgrade(other)
    with MarketConnection(other) as fresh:
        with fresh.transaction():
            ensure_skills(fresh, pl.DataFrame({"skill": ["Ada", "Python"], "category": ["x", "theirs"]}))
        for month in MONTHS:
            assert restore_month(fresh, tmp_path, month, NOW) == (3, 0)
        assert skills_in(fresh) == found
        assert same(before, everything(fresh))
        categories = dict(stored(fresh, skills).select("skill", "category").iter_rows())
        assert categories == {"Ada": "x", "Python": "theirs", "Docker": "Other"}


def test_restoring_twice_brings_nothing_twice(connection: MarketConnection, tmp_path: Path) -> None:
    write(connection, old_and_new())
    before = everything(connection)
    clean_up(connection, tmp_path, NOW)
    assert restore_month(connection, tmp_path, JANUARY, NOW) == (3, 0)
    assert restore_month(connection, tmp_path, JANUARY, NOW) == (0, 3)
    assert stored(connection, job_postings).height == 3
    for month in MONTHS[1:]:
        restore_month(connection, tmp_path, month, NOW)
    assert same(before, everything(connection))


def test_postings_whose_skills_were_not_found_yet_still_wait_for_them(
    connection: MarketConnection, tmp_path: Path
) -> None:
    write_day(connection, days_after(60), old_and_new())
    before = everything(connection)
    clean_up(connection, tmp_path, NOW)
    for month in MONTHS:
        restore_month(connection, tmp_path, month, NOW)
    assert same(before, everything(connection))
    find_skills(connection, days_after(60))
    assert len(skills_in(connection)) == 24


def test_restored_postings_are_left_alone_for_thirty_days(connection: MarketConnection, tmp_path: Path) -> None:
    write(connection, old_and_new())
    clean_up(connection, tmp_path, NOW)
    restore_month(connection, tmp_path, JANUARY, NOW)
    assert stored(connection, job_postings)["restored_at"].to_list() == [NOW] * 3
    for now in (NOW, NOW + LEFT_ALONE):
        assert count_expired(connection, NOW, now) == {}
        assert clean_up(connection, tmp_path, NOW, now) == 0
    later = NOW + LEFT_ALONE + timedelta(microseconds=1)
    assert count_expired(connection, NOW, later) == {JANUARY: 3}
    assert clean_up(connection, tmp_path, NOW, later) == 3
    assert read_month(tmp_path, JANUARY).height == 3


def test_what_is_seen_again_while_restored_is_not_lost(connection: MarketConnection, tmp_path: Path) -> None:
    """The archive has an older file of the same postings: it must not replace what they are now."""
    write(connection, old_and_new())
    clean_up(connection, tmp_path, NOW)
    restore_month(connection, tmp_path, JANUARY, NOW)
    changed = [{**seen, "title": "Kafka"} for seen in old_and_new()[:3]]
    write_day(connection, days_after(61), changed)
    find_skills(connection, days_after(61))
    assert stored(connection, job_postings)["restored_at"].to_list() == [NOW] * 3
    assert clean_up(connection, tmp_path, NOW, NOW + 2 * LEFT_ALONE) == 3
    restore_month(connection, tmp_path, JANUARY, NOW)
    assert stored(connection, job_postings)["title"].to_list() == ["Kafka"] * 3
    assert [skill for _, skill, _ in skills_in(connection)] == ["Kafka"] * 3


def test_postings_archived_but_not_deleted_yet_are_left_alone_too(
    connection: MarketConnection, tmp_path: Path
) -> None:
    write(connection, old_and_new())
    next(expire(connection, tmp_path, NOW, NOW))
    restore_month(connection, tmp_path, JANUARY, NOW - LEFT_ALONE)
    assert restore_month(connection, tmp_path, JANUARY, NOW) == (0, 3)
    clean_up(connection, tmp_path, NOW, NOW + timedelta(days=1))
    assert stored(connection, job_postings)["posted_at"].dt.month().to_list() == [1, 1, 1]


def test_a_month_that_is_not_in_the_archive_changes_nothing(connection: MarketConnection, tmp_path: Path) -> None:
    write(connection, old_and_new())
    clean_up(connection, tmp_path, datetime(2026, 2, 1, tzinfo=UTC))
    before = everything(connection)
    with pytest.raises(StoreError, match=r"nothing of 2026-02 is in the archive .* it holds: 2026-01"):
        restore_month(connection, tmp_path, FEBRUARY, NOW)
    assert same(before, everything(connection))


def test_fact_rows_stay_until_no_window_reaches_them(connection: MarketConnection, tmp_path: Path) -> None:
    write(connection, old_and_new())
    clean_up(connection, tmp_path, datetime(2026, 4, 1, tzinfo=UTC))
    edge = datetime(2026, 1, 7, tzinfo=UTC)
    assert forget(connection, LONG_AGO, LONG_AGO)[0] == 0
    assert forget(connection, edge, LONG_AGO)[0] == 2
    left = stored(connection, posting_facts)
    assert left["posted_at"].min() == edge
    assert left.height == 10
    first = dict(left.select("external_id", "first_of_job").iter_rows())
    assert [first[f"1-{month}"] for month in ("02", "03", "04")] == [True, False, False]
    assert forget(connection, NOW, LONG_AGO)[0] == 7
    assert stored(connection, posting_facts).equals(left.filter("in_store").with_columns(
        duplicate_of=pl.when(external_id="1-04").then(None).otherwise("duplicate_of"),
        first_of_job=pl.lit(True),
    ))  # fmt: skip
    assert stored(connection, job_postings).height == 3


def test_what_was_forgotten_comes_back_with_its_month(connection: MarketConnection, tmp_path: Path) -> None:
    write(connection, old_and_new())
    before, found = everything(connection), skills_in(connection)
    clean_up(connection, tmp_path, NOW)
    forget(connection, NOW, LONG_AGO)
    assert stored(connection, posting_facts).is_empty()
    assert stored(connection, posting_skill_facts).is_empty()
    for month in reversed(MONTHS):
        restore_month(connection, tmp_path, month, NOW)
    assert same(before, everything(connection))
    assert skills_in(connection) == found
    original = stored(connection, job_postings).filter(external_id="1-03")["duplicate_of"]
    assert original.to_list() == [number_of(connection, "1-01")]


def test_old_rejections_go(connection: MarketConnection) -> None:
    for number in range(3):
        write_day(connection, days_after(number), [], rejected=[("bad", "title is missing")])
    at_noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert forget(connection, LONG_AGO, at_noon)[1] == 1
    assert stored(connection, rejected_postings)["partition_date"].to_list() == [days_after(1), days_after(2)]
