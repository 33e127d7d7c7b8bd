"""`market-assets user` and `tokens`: who may sign in to the web process, and the programs of theirs."""

from __future__ import annotations

import contextlib
import getpass
import sys
from collections.abc import Iterator
from dataclasses import fields
from operator import attrgetter

import click

from market_assets.cli.command import CommandFailedError, open_database, pass_settings, print_rows, rows_options
from market_assets.settings import Settings
from market_assets.store import audit, users
from market_assets.store.database import Database
from market_assets.store.tables.administration import SCOPES
from market_assets.web.auth.credentials import PasswordError, hash_password, random_password

FIRST_ADMIN = "admin"

_role_option = click.option(
    "--role", type=click.Choice(["admin", "viewer"]), required=True, help="What the user may do."
)
_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)


@click.group()
def user() -> None:
    """Users of the web process, and their roles."""


@user.command()
@click.argument("name")
@_role_option
@_password_option
@pass_settings
def add(settings: Settings, name: str, role: str, password_stdin: bool) -> None:
    """Add a user; asks for the password."""
    database = open_database(settings)
    if users.find_user(database, name) is not None:
        raise CommandFailedError(f"there is a user {name} already; see `market-assets user passwd`")
    with audited(database, "user.add", name, role):
        users.add_user(database, name, role, hash_password(_password(name, from_stdin=password_stdin)))
    click.echo(f"{name} may sign in as {role}")


@user.command("list")
@rows_options
@pass_settings
def list_users(settings: Settings, as_csv: bool, as_json: bool) -> None:
    """Print every user and role."""
    found = users.list_users(open_database(settings))
    rows = [(user.name, user.role, user.created_at.isoformat()) for user in found]
    print_rows(("name", "role", "created_at"), rows, as_csv=as_csv, as_json=as_json)
    if not found:
        click.echo("no users yet: market-assets user add NAME --role admin", err=True)


@user.command()
@click.argument("name")
@_password_option
@pass_settings
def passwd(settings: Settings, name: str, password_stdin: bool) -> None:
    """Change a password; every session of the user ends."""
    database = open_database(settings)
    if users.find_user(database, name) is None:
        raise CommandFailedError(f"there is no user {name}")
    with audited(database, "user.passwd", name):
        users.set_password(database, name, hash_password(_password(name, from_stdin=password_stdin)))
    click.echo(f"{name} has a new password; every session of {name} has ended")


@user.command("role")
@click.argument("name")
@_role_option
@pass_settings
def change_role(settings: Settings, name: str, role: str) -> None:
    """Change a role; every session of the user ends."""
    database = open_database(settings)
    with audited(database, "user.role", name, role):
        users.set_role(database, name, role)
    click.echo(f"{name} is {role} now; every session of {name} has ended")


@user.command()
@click.argument("name")
@pass_settings
def remove(settings: Settings, name: str) -> None:
    """Remove a user; every session of the user ends."""
    database = open_database(settings)
    with audited(database, "user.remove", name):
        users.remove_user(database, name)
    click.echo(f"{name} can't sign in any more")


@click.group()
def tokens() -> None:
    """Personal access tokens, by which programs sign in."""


@tokens.command()
@click.argument("user")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scope", type=click.Choice(SCOPES), default="read", show_default=True, help="What it may do.")
@click.option(
    "--days", type=click.IntRange(1, users.LONGEST_TOKEN_DAYS), default=90, show_default=True, help="For how long."
)
@pass_settings
def create(settings: Settings, user: str, name: str, scope: str, days: int) -> None:
    """Make a token of USER and print it; it is shown this once."""
    database = open_database(settings)
    with audited(database, "token.create", user, f"{scope}, {days} days: {name}"):
        made, secret = users.add_access_token(database, user, name, scope, days)
    click.echo(secret)
    click.echo(f"{made.token_id} holds until {made.expires_at:%Y-%m-%d %H:%M} UTC", err=True)


@tokens.command("list")
@rows_options
@pass_settings
def list_tokens(settings: Settings, as_csv: bool, as_json: bool) -> None:
    """Print every token that holds, without its secret."""
    found = users.list_access_tokens(open_database(settings))
    columns = [field.name for field in fields(users.AccessToken)]
    print_rows(columns, map(attrgetter(*columns), found), as_csv=as_csv, as_json=as_json)
    if not found:
        click.echo("no tokens: market-assets tokens create USER --name …", err=True)


@tokens.command()
@click.argument("token_id")
@pass_settings
def revoke(settings: Settings, token_id: str) -> None:
    """End a token at once, by the id that `list` shows."""
    database = open_database(settings)
    with audited(database, "token.revoke", token_id):
        token = users.revoke_access_token(database, token_id)
    click.echo(f"the token {token.name} of {token.user} is worth nothing any more")


def make_first_admin(database: Database) -> str | None:
    """Add the user `admin` where there is no admin yet; returns its password, which is stored as a hash only."""
    if users.has_admin(database):
        return None
    password = random_password()
    try:
        with audited(database, "user.add", FIRST_ADMIN, "admin"):
            users.add_user(database, FIRST_ADMIN, "admin", hash_password(password))
    except CommandFailedError:
        # There is a viewer of that name: who becomes an admin is not for this program to decide.
        return None
    return password


def _password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        # Only the end of the line is removed: spaces may be part of the password.
        return sys.stdin.buffer.readline().decode("utf-8", errors="replace").rstrip("\r\n")
    password: str = click.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True)
    return password


@contextlib.contextmanager
def audited(database: Database, action: str, name: str, detail: str = "") -> Iterator[None]:
    """Record the change of the block in the audit log, or that it was refused and why."""

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
        # The user id of a container may have no name.
        return "(unnamed)"
