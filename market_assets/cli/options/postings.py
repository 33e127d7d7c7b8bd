"""`market-assets sources`, `skills` and `salaries`: where postings come from, and what is found in them."""

from __future__ import annotations

import json
import sys

import click

from market_assets.settings import Settings


@click.group()
def sources() -> None:
    """Where postings come from."""


@sources.command("check")
@click.pass_obj
def sources_check(settings: Settings) -> None:
    """Try every configured source and print what came of it."""
    from market_assets.cli.sources import check_sources

    check_sources(settings)


@click.group()
def skills() -> None:
    """Skills in texts."""


@skills.command("extract")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of lines.")
@click.pass_obj
def skills_extract(settings: Settings, as_json: bool) -> None:
    """Print the skills found in the text on standard input, one a line."""
    from market_assets.skills.matching import skill_matcher
    from market_assets.skills.taxonomy import load_taxonomy

    found = skill_matcher(load_taxonomy(settings.taxonomy)).find(_standard_input())
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(found), nl=as_json or bool(found))


@skills.command("explain")
@click.argument("text", required=False)
@click.option("--title", default="", help="The posting's title, where the text is its description.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of all mentions instead.")
@click.pass_obj
def skills_explain(settings: Settings, text: str | None, title: str, as_json: bool) -> None:
    """Say which skills are found in a text (an argument, or standard input), where and why, and which are not."""
    from market_assets.cli.skills import print_explanation

    print_explanation(settings, title, _standard_input() if text is None else text, as_json=as_json)


@click.group()
def salaries() -> None:
    """Salaries in texts."""


@salaries.command("parse")
def salaries_parse() -> None:
    """Read one salary text a line, print one JSON object a line; null where there is no salary."""
    from market_assets.postings.salaries.parse import salary_record

    for line in _standard_input().splitlines():
        click.echo(json.dumps(salary_record(line), ensure_ascii=False))


def _standard_input() -> str:
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")
