"""The sample source: postings that are made, not fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from io import BytesIO
from typing import BinaryIO

from market_assets.sources.protocol import Fetch, Payload, RawBatch, SourceError
from market_assets.sources.sample.generation import chunk_lines, chunk_sizes
from market_assets.sources.sample.reading import read_batches

FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class SampleSource:
    """Invented postings for any day from 2000 on, the same bytes each time (with the locked NumPy and Polars).

    What a day brings was posted on the day before. Besides at least `postings_per_day` originals, which their
    titles, companies and places tell apart, some 6 % turn up again on a second board, some 2 % are seen again
    with more pay, and some 1 % are faulty, as on real boards.

    Attributes:
        name: the source's name.
        postings_per_day: how many different jobs a day has at least; 1 or more.
        seed: another seed gives other postings; 0 or more.
    """

    name: str = "sample"
    postings_per_day: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        for setting, least in (("postings_per_day", 1), ("seed", 0)):
            value = getattr(self, setting)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise SourceError(
                    f"{self.name}: {setting} must be a whole number of at least {least}, not {value!r}"
                )

    @property
    def any_day(self) -> bool:
        return True

    def fetch(self, day: date, now: datetime) -> Fetch:
        """Make the postings of a day, in payloads of up to 5,000 which are made when they are opened.

        Raises:
            SourceError: the day is later than that of `now`, or before 2000.
        """
        today = (now.astimezone(UTC) if now.tzinfo else now).date()
        if day > today:
            raise SourceError(f"{self.name}: {day} is later than today ({today} UTC), so it has no postings yet")
        if day < FIRST_DAY:
            raise SourceError(f"{self.name}: {day} is before {FIRST_DAY}, the first day with postings")
        return Fetch(observed_at=datetime.combine(day, time(), UTC), payloads=self._payloads(day))

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:  # noqa: ARG002
        """Read the postings of a payload; a line that holds none is among the undecodable. Nothing is refused."""
        return read_batches(content)

    def _payloads(self, day: date) -> Iterator[Payload]:
        for chunk, originals in enumerate(chunk_sizes(self.postings_per_day)):
            yield Payload(name=f"postings-{chunk + 1:04d}.jsonl", open=partial(self._open, day, chunk, originals))

    def _open(self, day: date, chunk: int, originals: int) -> BinaryIO:
        return BytesIO(chunk_lines(self.seed, day, chunk, originals))
