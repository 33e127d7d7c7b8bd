"""The users in the store, on both databases, and the commands that change them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from market_assets import checked_settings
from market_assets.cli.accounts import make_first_admin
from market_assets.cli.main import main
from market_assets.settings import Settings
from market_assets.store import audit, schema, users
from market_assets.store.database import Database
from market_assets.store.tables.administration import users as users_table
from market_assets.store.users import UserError
from market_assets.web.auth.credentials import is_right

HASH = "not a hash, but the store does not mind"


def test_a_user_is_found_whatever_the_case_of_the_name(database: Database) -> None:
    users.add_user(database, "Zoë.Straße", "viewer", HASH)
    for spelling in ("Zoë.Straße", "ZOË.STRASSE", "zoë.strasse", "Zoe\u0308.Straße"):
        found = users.find_user(database, spelling)
        assert found is not None and found.name == "Zoë.Straße", spelling
    assert users.find_user(database, "zoe.strasse") is None


def test_no_two_users_differ_by_case_alone(database: Database) -> None:
    users.add_user(database, "Ann", "admin", HASH)
    for again in ("ann", "ANN", "\uff21nn"):
        with pytest.raises(UserError, match="there is a user Ann already"):
            users.add_user(database, again, "viewer", HASH)


NO_NAMES = ["", " ", "a b", "a\n", "a\0b", "\ud800", "a:b", "<b>", "a" * 65, "a/b"]


def test_names_that_cannot_be_any(database: Database) -> None:
    for name in NO_NAMES:
        with pytest.raises(UserError, match="can't be a name"):
            users.add_user(database, name, "viewer", HASH)
        assert users.find_user(database, name) is None
    assert users.list_users(database) == []


def test_there_are_two_roles(database: Database) -> None:
    users.add_user(database, "ann", "admin", HASH)
    for change in (
        lambda: users.add_user(database, "bob", "root", HASH),
        lambda: users.set_role(database, "ann", "ADMIN"),
    ):
        with pytest.raises(UserError, match="admin or viewer"):
            change()


def test_a_new_password_or_role_makes_old_tokens_worthless(database: Database) -> None:
    first = users.add_user(database, "ann", "admin", HASH)
    users.add_user(database, "bob", "admin", HASH)
    second = users.set_password(database, "ANN", "another")
    third = users.set_role(database, "ann", "viewer")
    assert (second.password_hash, third.role) == ("another", "viewer")
    assert first.token_version < second.token_version < third.token_version
    assert users.find_user(database, "ann") == third


def test_a_user_of_the_same_name_is_somebody_else(database: Database) -> None:
    users.add_user(database, "ann", "admin", HASH)
    earlier = users.add_user(database, "bob", "viewer", HASH)
    users.remove_user(database, "bob")
    assert users.find_user(database, "bob") is None
    assert users.add_user(database, "bob", "viewer", HASH).token_version != earlier.token_version


@pytest.mark.parametrize("change", [users.remove_user, lambda store, name: users.set_role(store, name, "viewer")])
def test_the_last_admin_stays(database: Database, change: Callable[[Database, str], object]) -> None:
    users.add_user(database, "ann", "admin", HASH)
    users.add_user(database, "vic", "viewer", HASH)
    with pytest.raises(UserError, match="ann is the last admin and can't be"):
        change(database, "ann")
    users.set_role(database, "ann", "admin")
    users.add_user(database, "bob", "admin", HASH)
    change(database, "ann")
    with pytest.raises(UserError, match="bob is the last admin"):
        change(database, "bob")


def test_two_admins_who_remove_each_other_at_once(database: Database) -> None:
    """One of the two stays, whoever is first: neither decides by what the other has just changed."""
    users.add_user(database, "keeper", "viewer", HASH)
    for _ in range(5):
        names = ("ann", "bob")
        for name in names:
            users.add_user(database, name, "admin", HASH)
        start = threading.Barrier(2)
        refused: list[str] = []

        def remove(name: str, start: threading.Barrier = start, refused: list[str] = refused) -> None:
            start.wait()
            try:
                users.remove_user(database, name)
            except UserError:
                refused.append(name)

        threads = [threading.Thread(target=remove, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        assert [user.name for user in users.list_users(database) if user.role == "admin"] == refused
        with database.accounts.engine().begin() as connection:
            connection.execute(sa.delete(users_table).where(users_table.c.role == "admin"))


def test_a_session_that_was_ended_is_no_more(database: Database) -> None:
    users.add_user(database, "ann", "admin", HASH)
    now = datetime.now(UTC)
    users.end_session(database, "old", now - timedelta(seconds=1))
    users.end_session(database, "one", now + timedelta(hours=1))
    users.end_session(database, "one", now + timedelta(hours=1))
    assert users.find_session(database, "ann", "one") is None
    assert users.find_session(database, "ann", "another") is not None
    # Forgotten, since no token of it holds any more: the table does not grow for ever.
    assert users.find_session(database, "ann", "old") is not None


def test_the_audit_log_reads_the_newest_first(database: Database) -> None:
    for number in range(5):
        audit.record(database, who=f"u{number % 2}", address="::1", action="a", target=str(number), result="ok")
    entries = audit.read(database, limit=3)
    assert [entry["target"] for entry in entries] == ["4", "3", "2"]
    assert abs(datetime.now(UTC) - entries[0]["at"]) < timedelta(minutes=5)
    older = audit.read(database, before_id=entries[-1]["audit_id"])
    assert [entry["target"] for entry in older] == ["1", "0"]


def test_the_audit_log_takes_whatever_was_sent(database: Database) -> None:
    audit.record(database, who="a\0\ud800", address="", action="x", target="é" * 9_999, result="ok")
    (entry,) = audit.read(database)
    assert entry["who"].startswith("a") and len(entry["target"]) == 2_000


def test_the_first_admin_is_made_once(database: Database) -> None:
    password = make_first_admin(database)
    assert password is not None
    (admin,) = users.list_users(database)
    assert (admin.name, admin.role) == ("admin", "admin")
    assert is_right(password, admin.password_hash)
    assert make_first_admin(database) is None
    assert password not in str(audit.read(database))


def test_a_viewer_named_admin_is_not_made_one(database: Database) -> None:
    users.add_user(database, "Admin", "viewer", HASH)
    assert make_first_admin(database) is None
    assert [user.role for user in users.list_users(database)] == ["viewer"]


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Run `market-assets` with some arguments and standard input."""
    monkeypatch.setenv("DATABASE_URL", settings.market_url)
    monkeypatch.setenv("MARKET_ASSETS_DATA_DIR", str(settings.data_dir))
    checked_settings.get_settings.cache_clear()
    yield lambda *arguments, typed="": CliRunner().invoke(main, list(arguments), input=typed)
    checked_settings.get_settings.cache_clear()


def test_users_by_command(command: Callable[..., Result], settings: Settings) -> None:
    added = command("user", "add", "ann", "--role", "admin", "--password-stdin", typed="a good password\n")
    assert (added.exit_code, added.output) == (0, "ann may sign in as admin\n")
    typed = command("user", "add", "bob", "--role", "viewer", typed="typed twice over\ntyped twice over\n")
    assert typed.exit_code == 0 and "typed twice over" not in typed.output
    listed = json.loads(command("user", "list", "--json").stdout)
    assert [(user["name"], user["role"]) for user in listed] == [("ann", "admin"), ("bob", "viewer")]
    changed = command("user", "passwd", "BOB", "--password-stdin", typed=" with spaces \r\n")
    assert changed.exit_code == 0
    bob = users.find_user(Database(settings.market_url), "bob")
    assert bob is not None and is_right(" with spaces ", bob.password_hash)
    assert command("user", "role", "bob", "--role", "admin").exit_code == 0
    assert command("user", "remove", "ann").exit_code == 0
    entries = audit.read(Database(settings.market_url))
    assert [entry["action"] for entry in entries] == [
        *("user.remove", "user.role", "user.passwd", "user.add", "user.add")
    ]
    assert all(entry["who"].startswith("cli:") and entry["result"] == "ok" for entry in entries)


REFUSED = [
    (("remove", "ann"), "", "ann is the last admin and can't be removed"),
    (("role", "ann", "--role", "viewer"), "", "ann is the last admin and can't be made a viewer"),
    (("remove", "zoe"), "", "there is no user zoe"),
    (("passwd", "zoe", "--password-stdin"), "a good password\n", "there is no user zoe"),
    (("add", "Ann", "--role", "viewer", "--password-stdin"), "a good password\n", "there is a user Ann"),
    (("add", "zoe", "--role", "viewer", "--password-stdin"), "short\n", "8 to 1,000 characters, not 5"),
    (("add", "zoe", "--role", "viewer", "--password-stdin"), "", "8 to 1,000 characters, not 0"),
    (("add", "a b", "--role", "viewer", "--password-stdin"), "a good password\n", "can't be a name"),
]


def test_commands_that_are_refused(command: Callable[..., Result], settings: Settings) -> None:
    database = Database(settings.market_url)
    schema.upgrade(database)
    users.add_user(database, "ann", "admin", HASH)
    for arguments, typed, said in REFUSED:
        result = command("user", *arguments, typed=typed)
        assert result.exit_code == 1, arguments
        assert said in result.stderr.splitlines()[-1]
    assert [user.name for user in users.list_users(database)] == ["ann"]
