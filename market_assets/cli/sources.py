"""`market-assets sources`: the configured sources of postings."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from market_assets.cli.command import CommandFailedError, pass_settings
from market_assets.postings.normalise import normalise
from market_assets.settings import Settings
from market_assets.sources.protocol import Source, SourceError

#: The fields whose filled share is printed.
_FIELDS = (
    "company",
    "location",
    "description",
    "url",
    "salary_min",
    "stated_posted_at",
    "employment_type",
    "industry",
)
#: Columns of the table where there is no terminal, so that problems stay on one line.
_WIDTH = 240


@click.group()
def sources() -> None:
    """Sources of postings."""


@sources.command("check")
@pass_settings
def check(settings: Settings) -> None:
    """Try every configured source and print the results."""
    check_sources(settings)


def check_sources(settings: Settings) -> None:
    """Read the first payload of every configured source and print a line for each; nothing is stored.

    That is one request for each source, two where a board has an index of its pages.

    Raises:
        CommandFailedError: a source has a problem.
    """
    from market_assets.checked_settings import configured_sources

    table = Table("source", "reachable", "postings", "rejected", "fields filled", "seconds")
    table.add_column("problem", overflow="fold")
    sources, failed = configured_sources(settings), []
    for source in sources:
        cells, problem = _check(source)
        table.add_row(source.name, *cells, escape(problem or ""))
        if problem:
            failed.append(source.name)
    Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH).print(table)
    if failed:
        raise CommandFailedError(f"{len(failed)} of {len(sources)} sources have a problem: {', '.join(failed)}")


def _check(source: Source) -> tuple[list[str], str | None]:
    """The cells of a source between its name and its problem, and the problem."""
    started, now = time.monotonic(), datetime.now(UTC)
    reachable, postings, rejected = False, 0, 0
    filled, problem = 0.0, None
    try:
        fetch = source.fetch(now.date(), now)
        if payload := next(fetch.payloads, None):
            with payload.open() as content:
                reachable = True
                batch = next(iter(source.read(payload.name, content)), None)
            if batch is not None:
                normalised = normalise(batch.frame, source=source.name, observed_at=fetch.observed_at)
                postings = normalised.postings.height
                rejected = normalised.rejected.height + len(batch.undecodable)
                values = postings * len(_FIELDS)
                counts = normalised.postings.select(_FIELDS).count().row(0)
                filled = sum(counts) / values if values else 0.0
        problem = None if postings else "it gave no posting"
    except (SourceError, OSError) as error:
        problem = str(error)
    seconds = f"{time.monotonic() - started:.2f}"
    cells = ["yes" if reachable else "no", f"{postings:,}", f"{rejected:,}", f"{filled:.0%}", seconds]
    return cells, problem
