"""`market-assets tokens`: personal access tokens, for programs."""

from __future__ import annotations

import json

import click

from market_assets.cli.command import json_option, open_database, pass_settings
from market_assets.cli.users import audited
from market_assets.settings import Settings
from market_assets.store import access_tokens
from market_assets.store.tables.accounts import SCOPES


@click.group()
def tokens() -> None:
    """Personal access tokens, by which programs sign in."""


@tokens.command()
@click.argument("user")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scope", type=click.Choice(SCOPES), default="read", show_default=True, help="What it may do.")
@click.option(
    "--days",
    type=click.IntRange(1, access_tokens.LONGEST_DAYS),
    default=90,
    show_default=True,
    help="For how long.",
)
@pass_settings
def create(settings: Settings, user: str, name: str, scope: str, days: int) -> None:
    """Make a token of USER and print it; it is shown this once."""
    database = open_database(settings)
    with audited(database, "token.create", user, f"{scope}, {days} days: {name}"):
        made, secret = access_tokens.add_access_token(database, user, name, scope, days)
    click.echo(secret)
    click.echo(f"{made.token_id} holds until {made.expires_at:%Y-%m-%d %H:%M} UTC", err=True)


@tokens.command("list")
@json_option("Print a JSON list instead of lines.")
@pass_settings
def list_tokens(settings: Settings, as_json: bool) -> None:
    """Print every token that holds, without its secret."""
    found = access_tokens.list_access_tokens(open_database(settings))
    if as_json:
        rows = [{name: str(value) for name, value in vars(token).items()} for token in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for token in found:
        click.echo(
            f"{token.token_id}  {token.scope:<5}  until {token.expires_at:%Y-%m-%d}  {token.user}: {token.name}"
        )
    if not found:
        click.echo("no tokens: market-assets tokens create USER --name …", err=True)


@tokens.command()
@click.argument("token_id")
@pass_settings
def revoke(settings: Settings, token_id: str) -> None:
    """End a token at once, by the id that `list` shows."""
    database = open_database(settings)
    with audited(database, "token.revoke", token_id):
        token = access_tokens.revoke_access_token(database, token_id)
    click.echo(f"the token {token.name} of {token.user} is worth nothing any more")
