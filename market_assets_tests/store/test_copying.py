"""Copying a store between databases of either kind: the same rows, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from market_assets.store import audit, schema
from market_assets.store.connection import MarketConnection
from market_assets.store.copying import CopyError, copy_store
from market_assets.store.database import Database, StoreError
from market_assets.store.lock import StoreBusyError, StoreLock
from market_assets.store.reading import read_batches
from market_assets.store.tables.administration import accounts
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.postings import data_revision, job_postings, skills
from market_assets_tests.databases import database_of_kind
from market_assets_tests.store.any_rows import everything, fill_every_table
from market_assets_tests.store.made_up_postings import MARCH, days_after, find_skills, posting, write_day
from market_assets_tests.store.migrating import add_version, copied
from market_assets_tests.store.sharing import shared


def silently(_table: str, _rows: int) -> None:
    pass


@pytest.fixture(
    params=[
        pytest.param(("sqlite", "postgresql"), marks=pytest.mark.postgresql),
        pytest.param(("postgresql", "sqlite"), marks=pytest.mark.postgresql),
        pytest.param(("sqlite", "sqlite"), marks=pytest.mark.thorough),
        pytest.param(("postgresql", "postgresql"), marks=[pytest.mark.postgresql, pytest.mark.thorough]),
    ],
    ids="-".join,
)
def kinds(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The kinds of `database` and `target`; at full depth also two of one kind."""
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture
def kind_of_database(kinds: tuple[str, str]) -> str:
    return kinds[0]


@pytest.fixture
def target(
    kinds: tuple[str, str], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database with empty tables beside `database`."""
    with database_of_kind(request, tmp_path_factory, kinds[1]) as database:
        yield database


@pytest.fixture
def without_tables(kinds: tuple[str, str], request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database without tables beside `database`."""
    if kinds[1] == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'copy.db'}")
    return Database(request.getfixturevalue("postgresql_url"))


def test_every_row_of_every_table_arrives(database: Database, without_tables: Database) -> None:
    before = fill_every_table(database)
    progress: dict[str, int] = {}
    copied = copy_store(database, without_tables, batch=2, progress=progress.__setitem__)
    assert everything(without_tables) == everything(database) == before
    assert copied == {table: len(rows) for table, rows in before.items()}
    assert progress == copied
    assert copied.keys() == {table.name for table in (*metadata.sorted_tables, *accounts.sorted_tables)}
    assert schema.current_version(without_tables) == schema.newest_version()


def test_numbers_go_on_after_the_highest(database: Database, target: Database) -> None:
    fill_every_table(database)
    copy_store(database, target, batch=100, progress=silently)
    audit.record(target, who="ann", address="", action="", target="", result="")
    assert audit.read(target, 1)[0]["audit_id"] == 1003


def test_a_copied_store_goes_on(database: Database, target: Database) -> None:
    """What is written after the move is what would have been written without it."""
    with MarketConnection(database) as connection:
        write_day(connection, MARCH, [posting("a", title="Python SQL"), posting("b", title="Docker")])
        find_skills(connection, MARCH)
    copy_store(database, target, batch=100, progress=silently)
    for each in (database, target):
        with MarketConnection(each) as connection:
            write_day(connection, days_after(1), [posting("b", title="Kafka"), posting("c")])
            find_skills(connection, days_after(1))
    of_target, of_source = everything(target), everything(database)
    for rows in (of_target, of_source):
        # Its numbers are random.
        rows.pop("fact_blocks")
    assert of_target == of_source


@pytest.mark.parametrize("batch", [1, 3, 7, 1000])
def test_batches_neither_lose_nor_repeat(database: Database, batch: int) -> None:
    rows = [("Ä", "b"), ("Ä", "a"), ("a", "Z"), ("a", "z"), ("Z", ""), ("", "a"), ("a b", "c")]
    frame = pl.DataFrame(
        [(a, b, 1) for a, b in rows], schema=["skill_a", "skill_b", "co_occurrences"], orient="row"
    )
    table = metadata.tables["skill_pairs"]
    with MarketConnection(database) as connection:
        with connection.transaction():
            connection.append(table, frame)
        read = list(read_batches(connection, table, batch))
    assert all(0 < each.height <= batch for each in read)
    assert sorted(pl.concat(read).select("skill_a", "skill_b").rows()) == sorted(rows)


def spoil_on_the_way(append: Callable[..., None]) -> Callable[..., None]:
    def spoiled(self: MarketConnection, table: sa.Table, frame: pl.DataFrame) -> None:
        if table is skills and frame.height:
            frame = frame.with_columns(category=pl.lit("another"))
        append(self, table, frame)

    return spoiled


def test_what_arrives_otherwise_than_it_was_sent_is_not_kept(
    database: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_every_table(database)
    monkeypatch.setattr(MarketConnection, "append", spoil_on_the_way(MarketConnection.append))
    with pytest.raises(CopyError, match="skills arrived"):
        copy_store(database, target, batch=100, progress=silently)
    kept = everything(target)
    assert kept.pop("data_revision") == [(1, 0)]
    assert not any(kept.values())
    monkeypatch.undo()
    copy_store(database, target, batch=100, progress=silently)
    assert everything(target) == everything(database)


def test_a_copy_that_breaks_off_leaves_an_empty_target(database: Database, target: Database) -> None:
    fill_every_table(database)

    def break_off(table: str, _rows: int) -> None:
        if table == "skills":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_store(database, target, batch=1, progress=break_off)
    assert sum(map(len, everything(target).values())) == 1
    copy_store(database, target, batch=100, progress=silently)
    assert everything(target) == everything(database)


def test_the_source_may_change_meanwhile(database: Database, target: Database) -> None:
    before = fill_every_table(database)

    def change(table: str, _rows: int) -> None:
        if table == metadata.sorted_tables[0].name:
            with changing.connect() as connection:
                connection.execute(job_postings.delete())
                connection.execute(skills.update().values(category="changed"))
                connection.commit()

    # Another SQLite library must not close the file that this process reads: its handle stays open.
    changing = database.pooled_engine()
    copy_store(database, target, batch=1, progress=change)
    assert everything(target) == before
    assert everything(database) != before
    changing.dispose()


def test_a_filled_target_is_refused(database: Database, target: Database) -> None:
    fill_every_table(database)
    before = fill_every_table(target, rows=1)
    with pytest.raises(CopyError, match=r"is not empty \(\d+ rows in .*skills"):
        copy_store(database, target, batch=100, progress=silently)
    assert everything(target) == before


def test_a_target_in_use_is_refused(database: Database, target: Database) -> None:
    fill_every_table(database)
    with shared(StoreLock(target, "ingestion")), pytest.raises(StoreBusyError, match="held by ingestion"):
        copy_store(database, target, batch=100, progress=silently)


def test_databases_that_do_not_fit(
    database: Database, without_tables: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CopyError, match="into itself"):
        copy_store(
            database, Database(database.url.render_as_string(hide_password=False)), batch=1, progress=silently
        )
    with pytest.raises(CopyError, match="nothing to copy"):
        copy_store(without_tables, database, batch=1, progress=silently)
    schema.upgrade(without_tables)
    older = schema.current_version(without_tables)
    add_version(monkeypatch, tmp_path, "SELECT 1")
    schema.upgrade(database)
    for one, other in ((database, without_tables), (without_tables, database)):
        with pytest.raises(StoreError, match=f"at version {older}, the code needs"):
            copy_store(one, other, batch=1, progress=silently)
    assert schema.current_version(without_tables) == older
    link = tmp_path / "link.db"
    if database.is_sqlite:
        link.symlink_to(database.path)
        with pytest.raises(CopyError, match="into itself"):
            copy_store(database, Database(f"sqlite:///{link}"), batch=1, progress=silently)


def test_revisions_are_those_of_the_source(database: Database, target: Database) -> None:
    with MarketConnection(database) as connection:
        for number in range(3):
            write_day(connection, days_after(number), [posting("a")])
    copy_store(database, target, batch=100, progress=silently)
    with target.engine().connect() as connection:
        assert connection.execute(sa.select(data_revision)).all() == [(1, 3)]


def test_text_that_the_target_can_not_hold(tmp_path: Path, migrated_sqlite: Path, postgresql_url: str) -> None:
    source = copied(migrated_sqlite, tmp_path / "market.db")
    with source.engine().begin() as connection:
        connection.execute(skills.insert().values(skill_id=1, skill="a\x00b", category=""))
    with pytest.raises(StoreError, match="0x00"):
        copy_store(source, Database(postgresql_url), batch=1, progress=silently)
    assert sum(map(len, everything(Database(postgresql_url)).values())) == 1
