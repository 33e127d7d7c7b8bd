"""`market-assets skills` and `salaries`: what is found in texts.

What finds skills takes longer to import than salaries take to be read, so each command imports its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from market_assets.cli.command import json_option, pass_settings, standard_input
from market_assets.settings import Settings

if TYPE_CHECKING:
    from market_assets.skills.explain import Mention


@click.group()
def salaries() -> None:
    """Salaries in texts."""


@salaries.command()
def parse() -> None:
    """Read one salary text a line, print one JSON object a line; null where there is no salary."""
    from market_assets.postings.salaries.parse import salary_records

    for record in salary_records(standard_input().splitlines()):
        click.echo(json.dumps(record, ensure_ascii=False))


@click.group()
def skills() -> None:
    """Skills in texts."""


@skills.command()
@json_option("Print a JSON list instead of lines.")
@click.option("--each-line", is_flag=True, help="Each line is a text of its own; print a JSON list for each.")
@pass_settings
def extract(settings: Settings, as_json: bool, each_line: bool) -> None:
    """Print the skills found in the text on standard input, one a line."""
    from market_assets.skills.matching import skill_matcher
    from market_assets.skills.taxonomy import load_taxonomy

    matcher = skill_matcher(load_taxonomy(settings.taxonomy))
    if each_line:
        for of_line in matcher.find_each(standard_input().splitlines()):
            click.echo(json.dumps(of_line, ensure_ascii=False))
        return
    found = matcher.find(standard_input())
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(found), nl=as_json or bool(found))


@skills.command("explain")
@click.argument("text", required=False)
@click.option("--title", default="", help="The posting's title, where the text is its description.")
@json_option("Print a JSON list of all mentions instead.")
@pass_settings
def explain_text(settings: Settings, text: str | None, title: str, as_json: bool) -> None:
    """Print which skills are found in a text, where and why, and which mentions do not count.

    The text is an argument or standard input, plain or HTML.
    """
    import polars as pl

    from market_assets.postings.texts import plain_columns
    from market_assets.skills.explain import explain
    from market_assets.skills.matching import skill_matcher
    from market_assets.skills.taxonomy import load_taxonomy

    text = standard_input() if text is None else text
    # Lone surrogates, which a terminal can pass on, have no UTF-8 form.
    stated = pl.DataFrame({"text": [part.encode("utf-8", "replace").decode() for part in (title, text)]})
    plain = plain_columns(stated)["text"]
    mentions = explain(skill_matcher(load_taxonomy(settings.taxonomy)), plain[0], plain[1])
    if as_json:
        click.echo(json.dumps([asdict(mention) for mention in mentions], ensure_ascii=False))
        return
    found = [mention for mention in mentions if mention.counted]
    _print_found(sorted(found, key=lambda mention: mention.skill))
    _print_others(mention for mention in mentions if not mention.counted)


def _print_found(mentions: list[Mention]) -> None:
    """A line for each skill with its greatest weight, then a line for each mention."""
    if not mentions:
        click.echo("no skill found")
    for skill, of_skill in groupby(mentions, key=lambda mention: mention.skill):
        alike = list(of_skill)
        best = max(alike, key=lambda mention: mention.weight)
        click.echo(f"{click.style(skill, bold=True)} ({best.category}): {best.weight:.2f}, {best.meaning}")
        for mention in alike:
            click.echo(f"    {mention.place}: {_snippet(mention)}")
            spelled = "" if mention.spelling == skill else f"spelled {mention.spelling}; "
            click.echo(f"        {spelled}{mention.meaning}: {mention.reason}")


def _print_others(mentions: Iterable[Mention]) -> None:
    for number, mention in enumerate(mentions):
        if number == 0:
            click.echo("not counted:")
        meaning = f"{mention.meaning}: " if mention.meaning else ""
        click.echo(f"    {mention.skill}: {_snippet(mention)}")
        click.echo(f"        {meaning}{mention.reason}")


def _snippet(mention: Mention) -> str:
    return f"…{mention.before}[{mention.written}]{mention.after}…"
