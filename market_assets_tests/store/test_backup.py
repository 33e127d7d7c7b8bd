"""Backups: what was backed up comes back to the last row, and nothing is touched by one that can't be restored."""

from __future__ import annotations

import random
import shutil
import sqlite3
import stat
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from market_assets.sources.protocol import Fetch, Payload
from market_assets.store import audit, dumps, schema
from market_assets.store.backup import Restored, Site, count_stored, restore_backup, take_backup
from market_assets.store.backup_file import Backup, BackupError, Manifest
from market_assets.store.database import Database, StoreError, StoreUnavailableError
from market_assets.store.landing import Landing
from market_assets.store.lock import StoreBusyError, StoreLock
from market_assets.store.tables.postings import job_postings, skills
from market_assets.store.tables.results import skill_demand
from market_assets_tests.store.any_rows import Rows, everything, fill_every_table
from market_assets_tests.store.migrating import add_version, copied
from market_assets_tests.store.postgresql_programs import made_up, with_programs
from market_assets_tests.store.programs import program
from market_assets_tests.store.sharing import shared

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DAY = date(2026, 3, 4)

WRITER = """
    import sys
    from market_assets.store.connection import MarketConnection
    from market_assets.store.database import Database
    from market_assets_tests.store.made_up_postings import MARCH, days_after, posting, write_day
    with MarketConnection(Database(sys.argv[1])) as connection:
        for number in range(100_000):
            write_day(connection, days_after(number % 300), [posting(f"{number}-{n}") for n in range(40)])
            print("wrote", number)
"""


class Store:
    """A store with everything around it, in a folder of its own."""

    def __init__(self, database: Database, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.database = database
        self.folder = folder
        self.environment = environment or with_programs()
        self.archive = folder / "archive"
        self.history = folder / "dagster"
        self.landing = Landing(str(folder / "landing"))

    def furnish(self) -> None:
        """Archived postings, landed payloads and runs of Dagster, as far as a backup looks into them."""
        (self.archive / "month=2026-01").mkdir(parents=True)
        (self.archive / "month=2026-01" / "postings-1.parquet").write_bytes(b"archived")
        payload = Payload("all.json", lambda: BytesIO(b"landed"))
        self.landing.land("board", DAY, Fetch(NOW, iter([payload])))
        for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
            path = self.history / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("CREATE TABLE note (text)")
                connection.execute("INSERT INTO note VALUES (?)", (name,))

    def files(self) -> dict[str, Any]:
        """What lies around the database."""
        found: dict[str, Any] = {}
        for folder in (self.archive, self.folder / "landing"):
            found |= {str(path.relative_to(self.folder)): path.read_bytes() for path in folder.rglob("*.*")}
        for path in self.history.rglob("*.db"):
            with closing(sqlite3.connect(path)) as connection:
                found[str(path.relative_to(self.folder))] = connection.execute("SELECT * FROM note").fetchall()
        return found

    @property
    def site(self) -> Site:
        return Site(self.database, self.history, self.archive, self.landing, self.folder, self.environment)

    def take(self, path: Path, *, with_landing: bool = True) -> Manifest:
        return take_backup(
            self.site, path, NOW, program="1.2.3", left_out=("the rest",), with_landing=with_landing
        )

    def restore(self, path: Path) -> Restored:
        with Backup(path) as backup:
            return restore_backup(backup, self.site)


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Store:
    site = Store(database, tmp_path / "site")
    site.furnish()
    fill_every_table(database)
    return site


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "backup.zip"


def spoil(site: Store) -> Rows:
    """Change the store after a backup; returns what is in it then."""
    with site.database.engine().begin() as connection:
        connection.execute(job_postings.delete())
        connection.execute(skill_demand.update().values(rank=7))
        connection.execute(skills.insert().values(skill_id=1, skill="New", category="New"))
    return everything(site.database)


def a_new_database(site: Store, tmp_path: Path) -> Database:
    """A database without tables, of the same kind."""
    if site.database.is_sqlite:
        return Database(f"sqlite:///{tmp_path / 'elsewhere' / 'new.db'}")
    name = f"market_{uuid4().hex}"
    engine = site.database.engine().execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return Database(site.database.url.set(database=name).render_as_string(hide_password=False))


def test_everything_comes_back(site: Store, path: Path) -> None:
    before, files = everything(site.database), site.files()
    manifest = site.take(path)
    assert {table: rows for table, rows in manifest.tables.items() if table != "alembic_version"} == {
        table: len(rows) for table, rows in before.items()
    }
    assert spoil(site) != before
    shutil.rmtree(site.archive)
    shutil.rmtree(site.folder / "landing")
    with closing(sqlite3.connect(site.history / "history" / "runs.db")) as connection, connection:
        connection.execute("DELETE FROM note")
    (site.history / "history" / "runs" / "later.db").write_bytes(b"of a run after the backup")
    restored = site.restore(path)
    assert everything(site.database) == before
    assert site.files() == files
    assert restored == Restored(sum(manifest.tables.values()), 3, 1, 2, None)
    assert sorted(each.name for each in site.history.iterdir()) == ["history", "schedules"]


def test_a_new_machine_is_filled(site: Store, path: Path, tmp_path: Path) -> None:
    before, files = everything(site.database), site.files()
    site.take(path)
    new = Store(a_new_database(site, tmp_path), tmp_path / "new")
    assert count_stored(new.database) == 0
    new.restore(path)
    assert everything(new.database) == before
    assert new.files() == files
    assert schema.upgrade(new.database) is False
    with new.database.engine().begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM posting_skills")).scalar() is not None
    audit.record(new.database, who="ann", address="", action="", target="", result="")


def test_the_content_of_a_manifest(site: Store, path: Path) -> None:
    manifest = site.take(path, with_landing=False)
    assert manifest.created_at == NOW
    assert manifest.program == "1.2.3"
    assert manifest.schema_version == schema.newest_version()
    assert manifest.kind == ("sqlite" if site.database.is_sqlite else "postgresql")
    assert manifest.left_out == ("the rest",)
    with Backup(path) as backup:
        assert backup.manifest == manifest
        counts = {folder: len(backup.files(folder)) for folder in ("database", "dagster", "archive", "landing")}
    files = 2 if site.database.is_sqlite else 1
    assert counts == {"database": files, "dagster": 3, "archive": 1, "landing": 0}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path], "nothing else is left there"


def test_a_backup_never_replaces_another(site: Store, path: Path) -> None:
    site.take(path)
    first = path.read_bytes()
    with pytest.raises(BackupError, match=r"backup\.zip exists"):
        site.take(path)
    assert path.read_bytes() == first


@pytest.mark.slow
def test_a_backup_while_days_are_written_holds_whole_days(database: Database, tmp_path: Path) -> None:
    site = Store(database, tmp_path / "site")
    seen = set()
    with program(WRITER, database.url.render_as_string(hide_password=False)) as writer:
        for number in range(5):
            writer.expect("wrote")
            site.take(tmp_path / f"{number}.zip")
            writer.expect("wrote")
        writer.kill()
    for number in range(5):
        site.restore(tmp_path / f"{number}.zip")
        rows = everything(database)
        postings = {row[0] for row in rows["job_postings"]}
        assert len(postings) % 40 == 0
        assert postings == {row[0] for row in rows["posting_facts"]}
        (revision,) = [row[1] for row in rows["data_revision"] if row[0] == 1]
        assert revision == len(postings) // 40, "a day is counted with its postings"
        seen.add(len(postings))
    assert len(seen) > 1, "it was written meanwhile"


def test_a_backup_of_an_older_schema_is_upgraded(
    database: Database, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, older = fill_every_table(database), schema.newest_version()
    site = Store(database, tmp_path / "site")
    assert site.take(path).schema_version == older
    later = add_version(monkeypatch, tmp_path, "ALTER TABLE skills ADD COLUMN description TEXT")
    schema.upgrade(database)
    fill_every_table(database, first=5000)
    assert site.restore(path).upgraded_from == older
    assert schema.current_version(database) == later
    assert everything(database) == before | {"skills": [(*row, None) for row in before["skills"]]}


def test_a_newer_backup_is_refused(site: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        known = schema._known_versions()
        newer.setattr(schema, "_known_versions", lambda: [*known, "9999"])
        with site.database.engine().begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        site.take(path)
    before = spoil(site)
    with pytest.raises(StoreError, match=r"the backup .*backup\.zip is newer than this program \(version 9999"):
        site.restore(path)
    assert everything(site.database) == before


def test_the_other_kind_of_database_is_refused(site: Store, path: Path, tmp_path: Path) -> None:
    site.take(path)
    other = (
        "postgresql://someone@nowhere.invalid/market" if site.database.is_sqlite else f"sqlite:///{tmp_path}/o.db"
    )
    with pytest.raises(BackupError, match=r"another kind.*`market-assets db copy`"):
        Store(Database(other), tmp_path / "other").restore(path)
    assert not (tmp_path / "o.db").exists()


def test_a_store_in_use_is_left_alone(site: Store, path: Path) -> None:
    site.take(path)
    before = spoil(site)
    with (
        shared(StoreLock(site.database, "daily_sample_ingestion run 12345678")),
        pytest.raises(StoreBusyError, match="held by daily_sample_ingestion run 12345678"),
    ):
        site.restore(path)
    assert everything(site.database) == before
    site.restore(path)
    assert everything(site.database) != before


def test_an_empty_database_is_nothing_to_back_up(empty_database_url: str, tmp_path: Path, path: Path) -> None:
    with pytest.raises(BackupError, match="nothing to back up"):
        Store(Database(empty_database_url), tmp_path / "site").take(path)
    assert not path.exists()


def damaged(path: Path, position: int) -> Path:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x5A
    copy = path.with_name("damaged.zip")
    copy.write_bytes(content)
    return copy


@pytest.mark.one_database
def test_one_wrong_byte_is_refused_or_makes_no_difference(site: Store, path: Path, thorough: bool) -> None:
    site.take(path)
    before = everything(site.database)
    size = path.stat().st_size
    chosen = random.Random(5).sample(range(size), 40 if thorough else 12)
    positions, refused = (0, 1, size // 2, size - 1, size - 22, *chosen), 0
    for position in positions:
        try:
            site.restore(damaged(path, position))
        except StoreError as error:
            assert "damaged.zip" in str(error)
            assert "\n" not in str(error)
            refused += 1
        assert everything(site.database) == before
    assert refused > len(positions) / 2


@pytest.mark.one_database
@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_a_backup_that_is_cut_off_is_refused(site: Store, path: Path, kept: float) -> None:
    site.take(path)
    before = spoil(site)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    with pytest.raises(BackupError, match=r"backup\.zip"):
        site.restore(path)
    assert everything(site.database) == before


def test_a_file_outside_of_its_folder_is_refused(site: Store, path: Path, tmp_path: Path) -> None:
    site.take(path)
    before, files = spoil(site), site.files()
    outside = tmp_path / "outside.parquet"
    names = (
        f"archive/{outside}",
        f"landing/{outside}",
        "archive/../../outside.parquet",
        f"{outside}",
        "dagster/./../../outside",
        "landing/board/../outside.gz",
    )
    archived = "archive/month=2026-01/postings-1.parquet"
    for name in names:
        renamed = rewritten(path, tmp_path / "renamed.zip", archived, name)
        with pytest.raises(BackupError, match=r"renamed\.zip has a file outside of its folder: "):
            site.restore(renamed)
        assert not outside.exists()
    assert everything(site.database) == before
    assert site.files() == files


@pytest.mark.one_database
def test_a_link_on_the_way_out_of_a_folder_is_refused(site: Store, path: Path, tmp_path: Path) -> None:
    site.take(path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for folder in (site.archive / "month=2026-01", site.folder / "landing" / "board"):
        moved = folder.rename(tmp_path / "moved")
        folder.symlink_to(elsewhere, target_is_directory=True)
        with pytest.raises(
            BackupError, match=rf"backup\.zip has a file outside of its folder: .* would be {elsewhere}"
        ):
            site.restore(path)
        folder.unlink()
        moved.rename(folder)
    assert list(elsewhere.iterdir()) == []


def with_entry(path: Path, target: Path, entry: zipfile.ZipInfo, content: bytes) -> Path:
    """A copy of a backup with one file more."""
    shutil.copy(path, target)
    with zipfile.ZipFile(target, "a") as copy:
        copy.writestr(entry, content)
    return target


@pytest.mark.one_database
@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_are_refused(site: Store, path: Path, tmp_path: Path, kind: int) -> None:
    site.take(path)
    before, files = spoil(site), site.files()
    entry = zipfile.ZipInfo("archive/month=2026-01/other.parquet")
    entry.external_attr = (kind | 0o777) << 16
    hostile = with_entry(path, tmp_path / "hostile.zip", entry, b"/etc/passwd")
    with pytest.raises(BackupError, match=r"hostile\.zip has a link or a device, .*other\.parquet"):
        site.restore(hostile)
    assert (everything(site.database), site.files()) == (before, files)


@pytest.mark.one_database
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(site: Store, path: Path, tmp_path: Path) -> None:
    site.take(path)
    entry = zipfile.ZipInfo("archive/month=2026-01/postings-1.parquet")
    with pytest.raises(BackupError, match=r"hostile\.zip has two files of one name"):
        site.restore(with_entry(path, tmp_path / "hostile.zip", entry, b"another"))


def compressed(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["archive/month=2026-01/zeros.parquet", "zeros"])
def test_what_unpacks_to_hundreds_of_times_its_size_is_refused(
    site: Store, path: Path, tmp_path: Path, name: str
) -> None:
    site.take(path)
    files = site.files()
    bomb = with_entry(path, tmp_path / "bomb.zip", compressed(name), bytes(120_000_000))
    with pytest.raises(BackupError, match=r"bomb\.zip would unpack to 12. MB, over 250 times its size"):
        site.restore(bomb)
    assert site.files() == files


def test_a_manifest_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr(compressed("manifest.json"), b" " * 20_000_000)
    with pytest.raises(BackupError, match=r"bomb\.zip has a manifest of 20 MB"):
        Backup(bomb)


@pytest.mark.one_database
def test_a_file_that_is_longer_than_the_list_says_is_refused(site: Store, path: Path, tmp_path: Path) -> None:
    site.take(path)
    files = site.files()
    bomb = with_entry(path, tmp_path / "bomb.zip", compressed("archive/month=2026-01/a.parquet"), bytes(1_000_000))
    size = (1_000_000).to_bytes(4, "little")
    bomb.write_bytes(bomb.read_bytes().replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(BackupError, match=r"bomb\.zip is damaged"):
        site.restore(bomb)
    assert site.files() == files


def test_what_does_not_fit_on_the_disk_is_refused(site: Store, path: Path, tmp_path: Path) -> None:
    site.take(path)
    files, free = site.files(), shutil.disk_usage(tmp_path).free
    entry = compressed("archive/month=2026-01/a.parquet")
    large = with_entry(path, tmp_path / "large.zip", entry, random.Random(1).randbytes(1_000_000))
    with Backup(large) as backup:
        # The list names more than the disk has; nobody has to write that to find out.
        backup._archive.getinfo(entry.filename).file_size = 2 * free
        with pytest.raises(
            BackupError, match=r"large\.zip needs [\d,]+ MB in .*archive, where [\d,]+ MB are free"
        ):
            restore_backup(backup, site.site)
    assert site.files() == files


def rewritten(path: Path, target: Path, old: str, new: str) -> Path:
    """A copy of a backup in which a file has another name, sound but for that."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(zipfile.ZipInfo(new if name == old else name), source.read(name))
    return target


def test_a_missing_backup_and_another_zip(site: Store, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"there is no file .*missing\.zip"):
        site.restore(tmp_path / "missing.zip")
    shutil.make_archive(str(tmp_path / "other"), "zip", site.archive)
    with pytest.raises(BackupError, match="not a backup of market-assets"):
        site.restore(tmp_path / "other.zip")


def test_who_has_the_file_open_sees_what_was_restored(tmp_path: Path, migrated_sqlite: Path, path: Path) -> None:
    database = copied(migrated_sqlite, tmp_path / "market.db")
    fill_every_table(database)
    site = Store(database, tmp_path / "site")
    site.take(path)
    reader = database.pooled_engine()
    with reader.connect() as connection:
        count = sa.select(sa.func.count()).select_from(job_postings)
        spoil(site)
        assert connection.scalar(count) == 0
        connection.rollback()
        site.restore(path)
        assert connection.scalar(count) == 3
    reader.dispose()


@pytest.fixture
def postgresql_site(postgresql_url: str, tmp_path: Path) -> Store:
    database = Database(postgresql_url)
    schema.upgrade(database)
    fill_every_table(database)
    site = Store(database, tmp_path / "site")
    site.furnish()
    return site


@pytest.mark.postgresql
def test_programs_that_are_missing_or_older_than_the_server(
    postgresql_site: Store, path: Path, tmp_path: Path
) -> None:
    postgresql_site.environment = {"PATH": str(tmp_path)}
    with pytest.raises(BackupError, match="pg_dump is not on PATH: install PostgreSQL's client programs"):
        postgresql_site.take(path)
    complaint = "aborting because of server version mismatch; server version: 17.1; pg_dump version: 13.4"
    old = made_up(tmp_path / "old", "pg_dump", f"echo '{complaint}' >&2; exit 1")
    postgresql_site.environment = with_programs(old)
    with pytest.raises(
        StoreUnavailableError, match=r"version mismatch; server version: 17\.1; pg_dump version: 13"
    ):
        postgresql_site.take(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.postgresql
def test_a_password_is_no_argument(postgresql_site: Store, path: Path, tmp_path: Path) -> None:
    url = postgresql_site.database.url.set(password="geheim-123")
    shown = tmp_path / "shown"
    spy = made_up(
        tmp_path / "spy", "pg_dump", f'echo "$@" $PGPASSWORD >> {shown}\nPATH=${{PATH#*:}} exec pg_dump "$@"'
    )
    site = Store(Database(url.render_as_string(hide_password=False)), tmp_path / "site", with_programs(spy))
    site.take(path)
    assert [line.split()[-1] for line in shown.read_text().splitlines()] == ["geheim-123"]
    assert shown.read_text().count("geheim-123") == 1, "in the environment alone"


@pytest.mark.postgresql
def test_a_restore_that_breaks_off_leaves_what_was_there(
    postgresql_site: Store, path: Path, tmp_path: Path
) -> None:
    postgresql_site.take(path)
    before, files = spoil(postgresql_site), postgresql_site.files()
    half = made_up(
        tmp_path / "half",
        "pg_restore",
        'PATH=${PATH#*:} pg_restore "$@" | head -c 9000; exit 1',
    )
    postgresql_site.environment = with_programs(half)
    with pytest.raises(StoreUnavailableError, match="was left as it was"):
        postgresql_site.restore(path)
    assert everything(postgresql_site.database) == before
    assert postgresql_site.files() == files


@pytest.mark.postgresql
def test_a_restore_does_not_wait_for_readers_for_ever(
    postgresql_site: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql_site.take(path)
    before = spoil(postgresql_site)
    monkeypatch.setattr(dumps, "_LOCK_TIMEOUT", "200ms")
    with postgresql_site.database.engine().begin() as reader:
        reader.execute(sa.select(skills)).all()
        with pytest.raises(StoreUnavailableError, match=r"left as it was: .*lock timeout"):
            postgresql_site.restore(path)
    assert everything(postgresql_site.database) == before
