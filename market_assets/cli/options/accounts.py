"""`market-assets user`: who may sign in."""

from __future__ import annotations

import click

from market_assets.settings import Settings


@click.group()
def user() -> None:
    """Who may sign in to the web process, and as what."""


_role_option = click.option(
    "--role", type=click.Choice(["admin", "viewer"]), required=True, help="What the user may do."
)
_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)


@user.command("add")
@click.argument("name")
@_role_option
@_password_option
@click.pass_obj
def user_add(settings: Settings, name: str, role: str, password_stdin: bool) -> None:
    """Add a user, and ask for the password."""
    from market_assets.cli.users import add

    add(settings, name, role, password_stdin=password_stdin)


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of lines.")
@click.pass_obj
def user_list(settings: Settings, as_json: bool) -> None:
    """Print every user and role."""
    from market_assets.cli.users import show

    show(settings, as_json=as_json)


@user.command("passwd")
@click.argument("name")
@_password_option
@click.pass_obj
def user_passwd(settings: Settings, name: str, password_stdin: bool) -> None:
    """Change a password; every session of the user ends."""
    from market_assets.cli.users import change_password

    change_password(settings, name, password_stdin=password_stdin)


@user.command("role")
@click.argument("name")
@_role_option
@click.pass_obj
def user_role(settings: Settings, name: str, role: str) -> None:
    """Change a role; every session of the user ends."""
    from market_assets.cli.users import change_role

    change_role(settings, name, role)


@user.command("remove")
@click.argument("name")
@click.pass_obj
def user_remove(settings: Settings, name: str) -> None:
    """Remove a user; every session of the user ends."""
    from market_assets.cli.users import remove

    remove(settings, name)
