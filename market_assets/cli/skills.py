"""`market-assets skills explain`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby

import click
import polars as pl

from market_assets.postings.texts import plain_columns
from market_assets.settings import Settings
from market_assets.skills.explain import Mention, explain
from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import load_taxonomy


def print_explanation(settings: Settings, title: str, text: str, *, as_json: bool) -> None:
    """Print every mention of a skill in a posting's title and text (plain or HTML), with the reason."""
    # As postings are read: a lone surrogate, as a terminal can pass on, has no UTF-8 form.
    stated = pl.DataFrame({"text": [part.encode("utf-8", "replace").decode() for part in (title, text)]})
    plain = plain_columns(stated)["text"]
    mentions = explain(skill_matcher(load_taxonomy(settings.taxonomy)), plain[0], plain[1])
    if as_json:
        click.echo(json.dumps([mention.to_dict() for mention in mentions], ensure_ascii=False))
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
        version = next((f" {mention.version}" for mention in alike if mention.version), "")
        click.echo(
            f"{click.style(skill, bold=True)}{version} ({best.category}): {best.weight:.2f}, {best.meaning}"
        )
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
