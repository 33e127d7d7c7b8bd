"""`market-assets sources`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from market_assets.commands.errors import CommandFailedError
from market_assets.compute.postings import normalise
from market_assets.definitions import configured_sources
from market_assets.settings import Settings
from market_assets.sources.protocol import Source, SourceError

#: The fields whose presence says whether a source's postings are worth having.
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


@dataclass(frozen=True)
class _Finding:
    source: str
    postings: int
    rejected: int
    filled: float
    seconds: float
    problem: str | None


def check_sources(settings: Settings) -> None:
    """Try every configured source and print what came; the first payload of each is read, nothing is stored.

    Raises:
        CommandFailedError: a source has a problem.
    """
    findings = [_check(source) for source in configured_sources(settings)]
    table = Table("source", "reachable", "postings", "rejected", "fields filled", "seconds", "problem")
    for found in findings:
        table.add_row(
            found.source,
            "no" if found.problem else "yes",
            f"{found.postings:,}",
            f"{found.rejected:,}",
            f"{found.filled:.0%}",
            f"{found.seconds:.2f}",
            found.problem or "",
        )
    Console(soft_wrap=True, highlight=False).print(table)
    if failed := [found.source for found in findings if found.problem]:
        raise CommandFailedError(f"{len(failed)} of {len(findings)} sources have a problem: {', '.join(failed)}")


def _check(source: Source) -> _Finding:
    started, now = time.monotonic(), datetime.now(UTC)
    postings = rejected = 0
    filled, problem = 0.0, None
    try:
        fetch = source.fetch(now.date(), now)
        if payload := next(fetch.payloads, None):
            with payload.open() as content:
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
    return _Finding(source.name, postings, rejected, filled, time.monotonic() - started, problem)
