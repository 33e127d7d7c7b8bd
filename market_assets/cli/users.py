"""`market-assets user`: who may sign in, and as what."""

from __future__ import annotations

import contextlib
import getpass
import json
import sys
from collections.abc import Iterator

import click

from market_assets.cli.errors import CommandFailedError
from market_assets.settings import Settings
from market_assets.store import audit, schema, users
from market_assets.store.database import Database
from market_assets.web.auth.passwords import PasswordError, hash_password, random_password

FIRST_ADMIN = "admin"


def add(settings: Settings, name: str, role: str, *, password_stdin: bool) -> None:
    """Add a user."""
    database = _database(settings)
    if users.find_user(database, name) is not None:
        raise CommandFailedError(f"there is a user {name} already; see `market-assets user passwd`")
    with _audited(database, "user.add", name, role):
        users.add_user(database, name, role, hash_password(_password(name, from_stdin=password_stdin)))
    click.echo(f"{name} may sign in as {role}")


def show(settings: Settings, *, as_json: bool) -> None:
    """Print every user."""
    found = users.list_users(_database(settings))
    if as_json:
        rows = [{"name": u.name, "role": u.role, "created_at": u.created_at.isoformat()} for u in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    width = max((len(user.name) for user in found), default=0)
    for user in found:
        click.echo(f"{user.name:<{width}}  {user.role:<6}  since {user.created_at:%Y-%m-%d}")
    if not found:
        click.echo("nobody yet: market-assets user add NAME --role admin", err=True)


def change_password(settings: Settings, name: str, *, password_stdin: bool) -> None:
    """Change a user's password, which ends every session of the user."""
    database = _database(settings)
    if users.find_user(database, name) is None:
        raise CommandFailedError(f"there is no user {name}")
    with _audited(database, "user.passwd", name):
        users.set_password(database, name, hash_password(_password(name, from_stdin=password_stdin)))
    click.echo(f"{name} has a new password; every session of {name} has ended")


def change_role(settings: Settings, name: str, role: str) -> None:
    """Change a user's role, which ends every session of the user."""
    database = _database(settings)
    with _audited(database, "user.role", name, role):
        users.set_role(database, name, role)
    click.echo(f"{name} is {role} now; every session of {name} has ended")


def remove(settings: Settings, name: str) -> None:
    """Remove a user, which ends every session of the user."""
    database = _database(settings)
    with _audited(database, "user.remove", name):
        users.remove_user(database, name)
    click.echo(f"{name} can't sign in any more")


def make_first_admin(database: Database) -> str | None:
    """Make the user `admin` where there is no admin yet; returns its password, which is kept nowhere."""
    if users.has_admin(database):
        return None
    password = random_password()
    try:
        with _audited(database, "user.add", FIRST_ADMIN, "admin"):
            users.add_user(database, FIRST_ADMIN, "admin", hash_password(password))
    except CommandFailedError:
        # Somebody made a viewer of that name; only they know who should be the admin.
        return None
    return password


def _database(settings: Settings) -> Database:
    database = Database(settings.market_url)
    schema.ensure_current(database)
    return database


def _password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        # The line's end is not part of it; spaces may well be.
        return sys.stdin.buffer.readline().decode("utf-8", errors="replace").rstrip("\r\n")
    password: str = click.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True)
    return password


@contextlib.contextmanager
def _audited(database: Database, action: str, name: str, detail: str = "") -> Iterator[None]:
    """Write down what is done, or that it was refused and why."""

    def record(result: str, detail: str) -> None:
        who = f"cli:{_operating_system_user()}"
        audit.record(database, who=who, address="", action=action, target=name, result=result, detail=detail)

    try:
        yield
    except (users.UserError, PasswordError) as error:
        record("refused", str(error))
        raise CommandFailedError(str(error)) from error
    record("ok", detail)


def _operating_system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return "(unnamed)"
