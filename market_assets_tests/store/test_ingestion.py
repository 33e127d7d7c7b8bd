"""A day's postings are written whole or not at all; what becomes of repeats, rejections and known postings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import polars as pl
import pytest
import sqlalchemy as sa

from market_assets.postings.ingest import IngestionCounts
from market_assets.postings.normalise import NormalisedBatch
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.ingestion import count_broken_links
from market_assets.store.ingestion import write_day as write_batches
from market_assets.store.posting_skills import count_pending
from market_assets.store.tables.postings import (
    data_revision,
    job_postings,
    posting_facts,
    posting_skill_facts,
    rejected_postings,
)
from market_assets_tests.store.made_up_postings import (
    MARCH,
    RATES,
    VERSION,
    batch,
    by_identity,
    clear,
    days_after,
    find_skills,
    observed_on,
    posting,
    stored,
    write_day,
)

NEXT = days_after(1)


def revision(connection: MarketConnection) -> int:
    with connection.transaction():
        return int(connection.scalar(sa.select(data_revision.c.revision)))


def write_all(connection: MarketConnection, batches: Iterable[NormalisedBatch]) -> IngestionCounts:
    return write_batches(connection, batches, ["sample"], day=MARCH, rates=RATES, currency="USD")


def only_row(connection: MarketConnection, table: sa.Table = job_postings) -> dict[str, object]:
    rows = stored(connection, table)
    assert rows.height == 1
    return rows.row(0, named=True)


def test_a_posting_twice_in_a_partition_is_taken_as_read_last(connection: MarketConnection) -> None:
    first = batch([posting("a", title="Old"), posting("b")], MARCH)
    then = batch([posting("a", title="New", salary_max=90_000.0, salary_currency="USD")], MARCH)
    result = write_all(connection, [first, then])
    assert (result.accepted, result.repeated, result.new, result.updated) == (3, 1, 2, 0)
    rows = stored(connection, job_postings).filter(external_id="a")
    assert rows.select("title", "annual_salary_max").rows() == [("New", 90_000.0)]


def test_counts_tell_new_from_updated(connection: MarketConnection) -> None:
    write_day(connection, MARCH, [posting("a"), posting("b", url_key=5)])
    result = write_day(connection, NEXT, [posting("b", url_key=5), posting("c", url_key=5)], nulled={"url": 2})
    assert (result.accepted, result.new, result.updated, result.duplicates) == (2, 1, 1, 1)
    assert result.nulled == {"url": 2}
    assert count_broken_links(connection) == 0


@pytest.mark.parametrize("known", [True, False])
def test_a_batch_that_raises_in_the_middle_leaves_the_database_as_it_was(
    connection: MarketConnection, known: bool
) -> None:
    if known:
        write_day(connection, MARCH, [posting("a")], rejected=[("bad", "title is missing")])
        find_skills(connection, MARCH)
    before = [
        stored(connection, table) for table in (job_postings, posting_facts, rejected_postings, data_revision)
    ]

    def batches() -> Iterator[NormalisedBatch]:
        yield batch([posting("a", title="Changed"), posting("b")], MARCH, rejected=[("worse", "title is missing")])
        raise ValueError("the payload ends in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        write_all(connection, batches())
    after = [
        stored(connection, table) for table in (job_postings, posting_facts, rejected_postings, data_revision)
    ]
    assert all(one.equals(other) for one, other in zip(before, after, strict=True))
    write_day(connection, MARCH, [posting("a"), posting("b")])
    assert stored(connection, job_postings).height == 2


def test_a_day_without_anything_is_no_error(connection: MarketConnection) -> None:
    write_day(connection, MARCH, [], rejected=[("bad", "title is missing")])
    assert stored(connection, rejected_postings).height == 1
    result = write_all(connection, [])
    assert (result.accepted, result.rejected) == (0, 0)
    assert stored(connection, rejected_postings).height == stored(connection, job_postings).height == 0


def test_every_write_counts_the_revision_up(connection: MarketConnection) -> None:
    revisions = [revision(connection)]
    for postings in ([posting("a")], [posting("a")], []):
        write_day(connection, MARCH, postings)
        revisions.append(revision(connection))
    find_skills(connection, MARCH)
    revisions.append(revision(connection))
    assert revisions == sorted(set(revisions))


def test_rejections_are_unique_and_replaced_when_the_partition_is_run_again(connection: MarketConnection) -> None:
    awkward = "it's 100% \0 'bad'\u2028 %s"
    rejected = [("one", "title is missing"), ("one", "title is missing"), (awkward, "no JSON")]
    assert write_day(connection, MARCH, [], rejected=rejected).rejected == 2
    write_day(connection, NEXT, [], rejected=rejected[:1])
    write_day(connection, MARCH, [], source="second", rejected=rejected[:1])
    assert stored(connection, rejected_postings).height == 4
    payloads = stored(connection, rejected_postings).filter(reason="no JSON")["payload"].to_list()
    assert payloads == [awkward.replace("\0", "\ufffd")]
    write_day(connection, MARCH, [], rejected=[("other", "title is missing")])
    left = stored(connection, rejected_postings).select("source", "partition_date", "payload").rows()
    assert sorted(left) == [("sample", MARCH, "other"), ("sample", NEXT, "one"), ("second", MARCH, "one")]


@pytest.mark.parametrize(
    ("change", "forgotten"),
    [
        ({}, False),
        ({"salary_max": 70_000.0, "industry": "Finance", "url": "https://a.example", "url_key": 3}, False),
        ({"title": "Docker"}, True),
        ({"description": "with Docker"}, True),
    ],
)
def test_only_a_changed_text_forgets_the_skills(
    connection: MarketConnection, change: dict[str, object], forgotten: bool
) -> None:
    seen = posting("a", title="Python SQL")
    write_day(connection, MARCH, [seen])
    assert count_pending(connection) == 1
    find_skills(connection, MARCH)
    known = stored(connection, posting_skill_facts)
    assert known.height == 2
    assert only_row(connection, posting_facts)["skills_version"] == VERSION
    write_day(connection, NEXT, [{**seen, **change}])
    assert only_row(connection, posting_facts)["skills_version"] == (None if forgotten else VERSION)
    assert stored(connection, posting_skill_facts).equals(known.clear() if forgotten else known)
    assert count_pending(connection) == count_pending(connection, [NEXT]) == int(forgotten)
    assert count_pending(connection, [MARCH]) == 0


def test_an_older_partition_moves_first_sight_and_with_it_the_rate(connection: MarketConnection) -> None:
    paid = posting("a", salary_max=50_000.0, salary_currency="EUR", salary_period="yearly")
    late, early = date(2026, 3, 12), date(2026, 3, 8)
    write_day(connection, late, [{**paid, "title": "New"}])
    assert only_row(connection)["annual_salary_max"] == 100_000.0
    write_day(connection, early, [{**paid, "title": "Old", "salary_max": 1.0}])
    row = only_row(connection)
    assert (row["title"], row["salary_max"], row["annual_salary_max"]) == ("New", 50_000.0, 50_000.0)
    assert row["posted_at"] == row["ingested_at"] == observed_on(early)
    assert (row["partition_date"], row["content_date"]) == (early, late)
    facts = only_row(connection, posting_facts)
    assert (facts["posted_at"], facts["salary"]) == (observed_on(early), 50_000.0)


def test_the_stated_time_gives_the_rate(connection: MarketConnection) -> None:
    stated = datetime(2026, 3, 9, 23, 59, tzinfo=UTC)
    paid = posting("a", salary_min=10.0, salary_max=30.0, salary_currency="EUR", salary_period="hourly")
    write_day(connection, date(2026, 3, 12), [{**paid, "stated_posted_at": stated}])
    row = only_row(connection)
    assert (row["posted_at"], row["annual_salary_min"], row["annual_salary_max"]) == (stated, 20_800.0, 62_400.0)
    assert only_row(connection, posting_facts)["salary"] == 41_600.0


def test_a_posting_that_has_been_archived_is_not_brought_back_by_its_old_day(connection: MarketConnection) -> None:
    write_day(connection, MARCH, [posting("a"), posting("b")])
    with connection.transaction():
        gone = posting_facts.c.external_id == "a"
        connection.execute(posting_facts.update().values(in_store=False).where(gone))
        connection.execute(job_postings.delete().where(job_postings.c.external_id == "a"))
    before = stored(connection, posting_facts)
    result = write_day(connection, MARCH, [posting("a"), posting("b")])
    assert (result.already_archived, result.new, result.updated) == (1, 0, 1)
    assert only_row(connection)["external_id"] == "b"
    assert stored(connection, posting_facts).equals(before)


def test_days_written_side_by_side_give_what_they_give_one_after_the_other(database: Database) -> None:
    days = [days_after(number) for number in range(8)]
    postings = {
        day: [posting(f"{place}", title=f"Job {day}", url_key=place % 3) for place in range(number, number + 4)]
        for number, day in enumerate(days)
    }

    def write(mine: list[date]) -> None:
        with MarketConnection(database) as connection:
            for day in mine:
                write_day(connection, day, postings[day], rejected=[(f"bad {day}", "title is missing")])

    def written() -> list[pl.DataFrame]:
        with MarketConnection(database) as connection:
            postings = [by_identity(stored(connection, table)) for table in (job_postings, posting_facts)]
            return [*postings, stored(connection, rejected_postings)]

    write(days)
    one_after_the_other = written()
    with MarketConnection(database) as connection:
        clear(connection)
    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(write, days[start::3]) for start in range(3)]:
            done.result()
    assert all(one.equals(other) for one, other in zip(one_after_the_other, written(), strict=True))


#: Makes a statement that writes a row of a table fail.
REFUSE = {
    "sqlite": "CREATE TRIGGER refuse_{event}_{table} AFTER {event} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'a row was written'); END",
    "postgresql": "CREATE TRIGGER refuse AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()",
}
REFUSING = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
REFUSING += "$$ BEGIN RAISE EXCEPTION 'a row was written'; END $$"


def refuse_writing(connection: MarketConnection) -> None:
    sqlite = connection.database.is_sqlite
    with connection.transaction():
        if not sqlite:
            connection.execute(REFUSING)
        for table in ("job_postings", "posting_facts", "posting_skill_facts", "posting_sketches"):
            for event in ("INSERT", "UPDATE", "DELETE") if sqlite else ("INSERT OR UPDATE OR DELETE",):
                statement = REFUSE["sqlite" if sqlite else "postgresql"]
                connection.execute(statement.format(table=table, event=event))


def test_a_day_that_is_run_again_writes_no_row_of_postings_or_skills(connection: MarketConnection) -> None:
    days = {MARCH: [posting("a", title="Python SQL", url_key=1), posting("b")], NEXT: [posting("c", url_key=1)]}
    for day, postings in days.items():
        write_day(connection, day, postings)
        find_skills(connection, day)
    refuse_writing(connection)
    for day, postings in days.items():
        assert write_day(connection, day, postings).updated == len(postings)
        find_skills(connection, day)
    with pytest.raises(StoreError) as raised:
        write_day(connection, NEXT, [posting("c", url_key=1, industry="Finance")])
    assert "a row was written" in str(raised.value.__cause__)
