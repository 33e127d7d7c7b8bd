"""From landed payloads to batches: what each source gives, and that one which can't be read fails alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from io import BytesIO
from typing import BinaryIO

import polars as pl
import pytest

from market_assets.postings.normalise import NormalisedBatch
from market_assets.postings.schemas import NORMALISED_POSTING, RAW_POSTING, REJECTED_POSTING
from market_assets.sources import reading
from market_assets.sources.protocol import Fetch, Payload, RawBatch, SourceError, SourceKind, Undecodable
from market_assets.sources.reading import (
    EverySourceFailedError,
    LandedBatch,
    LandedSource,
    normalise_pack,
    packed,
    read_raw,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass
class Board:
    """A source whose payloads are lists of titles; a payload 'broken' breaks off with the given error."""

    name: str
    error: Exception = field(default_factory=lambda: SourceError("it is garbled"))
    any_day: bool = True
    origins: tuple[str, ...] = ()
    kind: SourceKind = "file"

    def fetch(self, day: date, now: datetime) -> Fetch:  # noqa: ARG002
        raise AssertionError("what is landed is read, and nothing is fetched")

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        if name == "broken":
            raise self.error
        records = json.load(content)
        frame = pl.DataFrame(
            {column: [record.get(column) for record in records] for column in RAW_POSTING}, schema=RAW_POSTING
        )
        undecodable = [Undecodable("{tit", "it breaks off")] if name == "torn" else []
        yield RawBatch(frame, undecodable)


def landed(board: Board, *payloads: tuple[str, list[dict[str, str]]]) -> LandedSource:
    given = [Payload(name, partial(BytesIO, json.dumps(records).encode())) for name, records in payloads]
    return LandedSource(board, NOON, given)


def read_batches(sources: list[LandedSource], failures: dict[str, str]) -> Iterator[NormalisedBatch]:
    for pack in packed([read_raw(sources, failures)]):
        yield from (batch for batch in normalise_pack(pack) if batch is not None)


def titles(batches: list[NormalisedBatch]) -> list[tuple[str, list[str]]]:
    return [(batch.source, batch.postings["title"].to_list()) for batch in batches]


def test_batches_come_in_order_and_normalised() -> None:
    failures: dict[str, str] = {}
    first = landed(Board("first"), ("a", [{"title": " Cook "}]), ("b", [{"title": "Baker"}]))
    second = landed(Board("second"), ("c", [{"title": "Nurse", "posted_at": "2026-01-01"}]))
    batches = list(read_batches([first, second], failures))
    assert titles(batches) == [("first", ["Cook"]), ("first", ["Baker"]), ("second", ["Nurse"])]
    assert failures == {}
    for batch in batches:
        assert batch.observed_at == NOON
        assert batch.postings.schema == NORMALISED_POSTING
        assert batch.rejected.schema == REJECTED_POSTING
        assert batch.rejected.is_empty()


def test_what_is_wrong_with_a_posting_is_counted_or_rejected() -> None:
    records = [{"title": "Cook", "posted_at": "2199-01-01", "salary_min": "-5"}, {"title": "  "}]
    (batch,) = read_batches([landed(Board("first"), ("torn", records))], {})
    assert batch.postings.height == 1
    assert batch.nulled == {"posted_at": 1, "salary": 1}
    assert batch.rejected["reason"].to_list() == ["title is missing", "it breaks off"]
    assert batch.rejected["payload_hash"].n_unique() == 2


@pytest.mark.parametrize(
    "error", [SourceError("it is garbled"), OSError("it is garbled"), EOFError("it is garbled")]
)
def test_a_source_that_cant_be_read_fails_alone(error: Exception) -> None:
    failures: dict[str, str] = {}
    broken = landed(Board("broken", error), ("broken", []))
    sound = landed(Board("sound"), ("a", [{"title": "Cook"}]))
    for order in ([broken, sound], [sound, broken]):
        failures.clear()
        assert titles(list(read_batches(order, failures))) == [("sound", ["Cook"])]
        assert failures == {"broken": "it is garbled"}


def test_a_source_that_gave_nothing_is_told_beside_the_others() -> None:
    failures = {"absent": "no answer"}
    assert titles(list(read_batches([landed(Board("sound"), ("a", [{"title": "Cook"}]))], failures)))
    assert failures == {"absent": "no answer"}


def test_when_every_source_failed_all_reasons_are_told() -> None:
    broken = landed(Board("broken"), ("a", [{"title": "Cook"}]), ("broken", []))
    with pytest.raises(EverySourceFailedError, match=r"^absent: no answer; broken: it is garbled$"):
        list(read_batches([broken], {"absent": "no answer"}))
    with pytest.raises(EverySourceFailedError, match=r"^absent: no answer$"):
        list(read_batches([], {"absent": "no answer"}))


def test_a_source_without_postings_is_no_failure() -> None:
    failures: dict[str, str] = {}
    assert list(read_batches([landed(Board("quiet"))], failures)) == []
    (batch,) = read_batches([landed(Board("quiet"), ("a", []))], failures)
    assert batch.postings.is_empty()
    assert failures == {}


def test_a_mistake_of_ours_is_not_taken_for_the_sources() -> None:
    with pytest.raises(KeyError):
        list(read_batches([landed(Board("broken", KeyError("ours")), ("broken", []))], {}))


def test_payloads_are_opened_one_at_a_time_and_closed() -> None:
    opened: list[BytesIO] = []

    def opening() -> BinaryIO:
        assert all(content.closed for content in opened)
        opened.append(BytesIO(b'[{"title": "Cook"}]'))
        return opened[-1]

    source = LandedSource(Board("first"), NOON, [Payload(name, opening) for name in "abc"])
    assert len(list(read_batches([source], {}))) == 3
    assert all(content.closed for content in opened)


def test_small_days_are_packed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "POSTINGS_TOGETHER", 2)

    def day(*titles: str) -> Iterator[LandedBatch]:
        payloads = [(title, [{"title": title}]) for title in titles]
        return read_raw([landed(Board("board"), *payloads)], {})

    packs = [normalise_pack(pack) for pack in packed([day("a"), day(), day("b", "c", "d"), day("e"), day()])]
    shown = [[batch and batch.postings["title"][0] for batch in pack] for pack in packs]
    assert shown == [["a", None, None, "b"], ["c", "d", None], ["e", None]]
