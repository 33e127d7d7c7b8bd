"""Cleaning up moves postings into the archive and back without losing, doubling or changing any."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.store import expiry
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.expiry import count_expired, expire, read_month, restore_month
from market_assets.store.facts import Counted, read_window
from market_assets.store.tables.postings import job_postings
from market_assets_tests.store.made_up_postings import (
    clear,
    database_examples,
    number_of,
    posting,
    stored,
)
from market_assets_tests.store.old_postings import (
    LONG_AGO,
    MONTHS,
    NOW,
    clean_up,
    everything,
    numbers,
    old_and_new,
    same,
    skills_in,
    write,
)
from market_assets_tests.store.programs import program

KEYS = st.none() | st.integers(1, 2)
POSTINGS = st.lists(
    st.builds(
        posting,
        external_id=st.sampled_from("abcdefgh"),
        title=st.sampled_from(["Python SQL", "Clerk"]),
        salary_max=st.sampled_from([None, 50_000.0]),
        salary_currency=st.just("EUR"),
        stated_posted_at=st.integers(1, 100).map(lambda days: NOW - timedelta(days=days)),
        url_key=KEYS,
        job_key=KEYS,
    ),
    max_size=8,
    unique_by=lambda made_up: made_up["external_id"],
)

#: Cleans up, and is killed at the given place.
KILLED = """
    import os, signal, sys
    from datetime import datetime
    from pathlib import Path
    from market_assets.store import expiry
    from market_assets.store.connection import MarketConnection
    from market_assets.store.database import Database

    url, folder, now, place = sys.argv[1:]
    def kill(*arguments):
        os.kill(os.getpid(), signal.SIGKILL)
    if place == "before the file has its name":
        Path.rename = kill
    elif place == "between archive and delete":
        expiry._delete = kill
    elif place == "before the delete is committed":
        expiry.relink_stored = kill
    with MarketConnection(Database(url)) as connection:
        now = datetime.fromisoformat(now)
        for step in expiry.expire(connection, Path(folder), now, now):
            pass
"""


def first_of_jobs(connection: MarketConnection) -> tuple[pl.DataFrame, list[int], list[int]]:
    with connection.transaction():
        facts = read_window(connection, LONG_AGO, NOW, Counted.FIRST_OF_JOB)
    return facts.postings, facts.offsets.tolist(), facts.codes.tolist()


@pytest.mark.slow
@database_examples(8)
@given(postings=POSTINGS, days=st.integers(0, 100))
def test_history_is_the_same_after_a_clean_up_and_all_of_it_can_be_brought_back(
    connection: MarketConnection,
    tmp_path_factory: pytest.TempPathFactory,
    postings: list[dict[str, object]],
    days: int,
) -> None:
    archive, cutoff = tmp_path_factory.mktemp("archive"), NOW - timedelta(days=days)
    clear(connection)
    write(connection, postings)
    before, history, skills = everything(connection), first_of_jobs(connection), skills_in(connection)
    numbered = numbers(connection)
    expired = [made_up for made_up in postings if made_up["stated_posted_at"] < cutoff]
    assert clean_up(connection, archive, cutoff) == len(expired)
    assert stored(connection, job_postings).height == len(postings) - len(expired)
    after = first_of_jobs(connection)
    assert after[0].equals(history[0])
    assert after[1:] == history[1:]
    for month in sorted({f"{made_up['stated_posted_at']:%Y-%m}" for made_up in expired}):
        restore_month(connection, archive, month, NOW)
    assert same(before, everything(connection))
    assert skills_in(connection) == skills
    assert numbers(connection) == numbered


def test_postings_go_into_the_archive_month_by_month_as_they_were(
    connection: MarketConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "_BATCH", 2)
    write(connection, old_and_new())
    before, cutoff = stored(connection, job_postings), datetime(2026, 3, 4, tzinfo=UTC)
    assert count_expired(connection, cutoff, NOW) == {"2026-01": 3, "2026-02": 3, "2026-03": 1}
    steps = list(expire(connection, tmp_path, cutoff, NOW))
    assert steps == [("2026-01", 2), ("2026-01", 1), ("2026-02", 2), ("2026-02", 1), ("2026-03", 1)]
    kept = stored(connection, job_postings)
    assert kept["posted_at"].min() == cutoff
    archived = pl.concat(read_month(tmp_path, month) for month in MONTHS[:3])
    unlinked = pl.all().exclude("duplicate_of")
    gone = before.join(kept, on="posting_id", how="anti").select(unlinked)
    assert archived.select(gone.columns).sort("posting_id").equals(gone)
    assert archived["skill_names"].list.sort().to_list() == [["Docker", "Python"]] * 7
    assert count_expired(connection, cutoff, NOW) == {}
    assert clean_up(connection, tmp_path, cutoff) == 0
    assert len(skills_in(connection)) == 2 * kept.height


def test_the_next_oldest_stands_in_for_an_original_that_went(connection: MarketConnection, tmp_path: Path) -> None:
    write(connection, old_and_new())
    clean_up(connection, tmp_path, datetime(2026, 3, 1, tzinfo=UTC))
    originals = dict(stored(connection, job_postings).select("external_id", "duplicate_of").iter_rows())
    assert originals["1-03"] is None
    assert originals["1-04"] == number_of(connection, "1-03")


def test_months_are_parted_at_midnight(connection: MarketConnection, tmp_path: Path) -> None:
    february = datetime(2026, 2, 1, tzinfo=UTC)
    times = {"last": february - timedelta(microseconds=1), "first": february}
    write(connection, [posting(name, stated_posted_at=time) for name, time in times.items()])
    clean_up(connection, tmp_path, NOW)
    assert read_month(tmp_path, "2026-01")["external_id"].to_list() == ["last"]
    assert read_month(tmp_path, "2026-02")["external_id"].to_list() == ["first"]


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("before the file has its name", marks=pytest.mark.one_database),
        pytest.param("between archive and delete", marks=pytest.mark.one_database),
        "before the delete is committed",
    ],
)
def test_a_kill_loses_nothing_and_doubles_nothing(database: Database, tmp_path: Path, place: str) -> None:
    with MarketConnection(database) as connection:
        write(connection, old_and_new())
        before, numbered = everything(connection), numbers(connection)
    url = database.url.render_as_string(hide_password=False)
    with program(KILLED, url, str(tmp_path), NOW.isoformat(), place) as killed:
        assert killed.end() == -signal.SIGKILL, killed.output()
    with MarketConnection(database) as connection:
        assert same(before, everything(connection))
        assert clean_up(connection, tmp_path, NOW) == 12
        assert stored(connection, job_postings).is_empty()
        in_files = [pl.read_parquet(path, hive_partitioning=False) for path in tmp_path.rglob("*.parquet")]
        assert sorted(pl.concat(in_files)["posting_id"]) == sorted(numbered.values())
        assert list(tmp_path.rglob("*.part")) == []
        for month in MONTHS:
            assert restore_month(connection, tmp_path, month, NOW) == (3, 0)
        assert same(before, everything(connection))


@pytest.mark.parametrize("in_the_way", ["archive", "archive/month=2026-02"])
def test_an_archive_that_can_not_be_written_deletes_nothing_of_that_month(
    connection: MarketConnection, tmp_path: Path, in_the_way: str
) -> None:
    write(connection, old_and_new())
    blocked = tmp_path / in_the_way
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("a file")
    with pytest.raises(StoreError, match=r"can't write .*month="):
        clean_up(connection, tmp_path / "archive", NOW)
    left = stored(connection, job_postings)
    assert left.filter(pl.col("posted_at") >= datetime(2026, 2, 1, tzinfo=UTC)).height == 9
    blocked.unlink()
    assert clean_up(connection, tmp_path / "archive", NOW) == left.height
    assert sum(read_month(tmp_path / "archive", month).height for month in MONTHS) == 12
