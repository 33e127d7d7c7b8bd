"""Landed payloads read into batches, source by source; one that can't be read fails alone. Then normalised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from market_assets.postings.normalise import (
    NormalisedBatch,
    StatedBatch,
    normalise_each,
    rejected_frame,
    without_payloads,
)
from market_assets.sources.protocol import Payload, RawBatch, Source, SourceError


@dataclass(frozen=True)
class LandedSource:
    """A source with its landed payloads of a day."""

    source: Source
    observed_at: datetime
    payloads: Sequence[Payload]


@dataclass(frozen=True)
class LandedBatch:
    """Some postings of a source, named, and when they were observed."""

    source: str
    observed_at: datetime
    raw: RawBatch


class EverySourceFailedError(Exception):
    """No source could be read; the message has the reasons, source by source."""

    def __init__(self, failures: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in failures.items()))


def read_raw(landed: Iterable[LandedSource], failures: dict[str, str]) -> Iterator[LandedBatch]:
    """Read what was landed, batch by batch.

    Args:
        landed: the sources with something landed for the day.
        failures: source → reason, for those without; those that can't be read are added.

    Raises:
        EverySourceFailedError: there are failures and no source was read.
    """
    read = 0
    for each in landed:
        try:
            for payload in each.payloads:
                with payload.open() as content:
                    for batch in each.source.read(payload.name, content):
                        yield LandedBatch(each.source.name, each.observed_at, batch)
            read += 1
        except (SourceError, OSError, EOFError) as error:
            failures[each.source.name] = str(error)
    if failures and not read:
        raise EverySourceFailedError(failures)


def unreadable(source: Source, payloads: Iterable[Payload]) -> list[str]:
    """The problems of those payloads that can't be read. Only their first postings are read.

    Args:
        source: their source.
        payloads: landed payloads that could not be read when they were fetched; the code may read them by now.
    """
    problems = []
    for payload in payloads:
        try:
            with payload.open() as content:
                next(iter(source.read(payload.name, content)), None)
        except (SourceError, OSError, EOFError) as error:
            problems.append(str(error))
    return problems


#: So many postings are normalised together: twice as many take hardly less time, small days alone three times.
POSTINGS_TOGETHER = 5_000


def packed(days: Iterable[Iterable[LandedBatch]]) -> Iterator[list[LandedBatch | None]]:
    """The batches of days in packs of up to `POSTINGS_TOGETHER`; None is between the batches of two days.

    A batch that is larger has a pack of its own. Payloads that nobody will need are left out, as packs may have to
    go to other processes.
    """
    pack: list[LandedBatch | None] = []
    size = 0
    for number, day in enumerate(days):
        if number:
            pack.append(None)
        for batch in day:
            height = batch.raw.frame.height
            if size and size + height > POSTINGS_TOGETHER:
                yield pack
                pack, size = [], 0
            raw = replace(batch.raw, frame=without_payloads(batch.raw.frame))
            pack.append(replace(batch, raw=raw))
            size += height
    yield pack


def normalise_pack(pack: Sequence[LandedBatch | None]) -> list[NormalisedBatch | None]:
    """Normalise the batches of a pack together; what could not be decoded is among the rejected."""
    batches = [batch for batch in pack if batch is not None]
    stated = [StatedBatch(batch.source, batch.observed_at, batch.raw.frame) for batch in batches]
    normalised = map(_with_undecodable, normalise_each(stated), batches)
    return [None if batch is None else next(normalised) for batch in pack]


def _with_undecodable(normalised: NormalisedBatch, landed: LandedBatch) -> NormalisedBatch:
    undecodable = landed.raw.undecodable
    rejected = rejected_frame([each.payload for each in undecodable], [each.reason for each in undecodable])
    return replace(normalised, rejected=pl.concat([normalised.rejected, rejected]))
