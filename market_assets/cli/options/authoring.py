"""`market-assets new`: a task or a source of your own, begun from a template."""

from __future__ import annotations

import click

from market_assets.settings import Settings


@click.group()
def new() -> None:
    """Begin a task or a source of your own from a template that works as it is."""


_name = click.argument("name")


@new.command("task")
@_name
@click.pass_obj
def new_task(settings: Settings, name: str) -> None:
    """Write a scheduled task into MARKET_ASSETS_CUSTOM_DIR, else into market_assets/custom."""
    from market_assets.cli.authoring import write_task

    write_task(settings, name)


@new.command("source")
@_name
def new_source(name: str) -> None:
    """Write a job board into market_assets/sources/boards, and its test."""
    from market_assets.cli.authoring import write_source

    write_source(name)
