"""`market-assets sources`: the configured sources of postings."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Finding:
    source: str
    reachable: bool
    postings: int
    rejected: int
    filled: float
    seconds: float
    problem: str | None


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
    from market_assets.defs.sources import configured_sources

    findings = [_check(source) for source in configured_sources(settings)]
    table = Table("source", "reachable", "postings", "rejected", "fields filled", "seconds")
    table.add_column("problem", overflow="fold")
    for found in findings:
        table.add_row(
            found.source,
            "yes" if found.reachable else "no",
            f"{found.postings:,}",
            f"{found.rejected:,}",
            f"{found.filled:.0%}",
            f"{found.seconds:.2f}",
            escape(found.problem or ""),
        )
    Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH).print(table)
    if failed := [found.source for found in findings if found.problem]:
        raise CommandFailedError(f"{len(failed)} of {len(findings)} sources have a problem: {', '.join(failed)}")


def _check(source: Source) -> _Finding:
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
    return _Finding(source.name, reachable, postings, rejected, filled, time.monotonic() - started, problem)
