"""What every source of postings is: it fetches payloads of a day and reads postings out of them.

Fetching and reading are apart because what was fetched is landed, byte for byte, before anything
looks at it: a day that is run again reads what was landed and fetches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    import polars as pl


class SourceError(Exception):
    """A source could not be fetched or read; the message tells a person what to do.

    `permanent` errors (bad credentials, a missing file, a bad setting) are not worth a retry.
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True)
class Payload:
    """One answer of a source as it came. `name` is unique within the source and day."""

    name: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True)
class Fetch:
    """What a source gave for a day, and the moment (UTC) at which it was observed."""

    observed_at: datetime
    payloads: Iterator[Payload]


@dataclass(frozen=True)
class Undecodable:
    """A record that is not even a posting: its text (shortened) and the reason in words."""

    payload: str
    reason: str


@dataclass(frozen=True)
class RawBatch:
    """Some postings of a payload: `frame` has the schema `postings.schemas.RAW_POSTING`."""

    frame: pl.DataFrame
    undecodable: list[Undecodable] = field(default_factory=list)


class Source(Protocol):
    """A provider of postings."""

    @property
    def name(self) -> str:
        """The source's name in assets, folders and tables: lower case, digits and underscores."""
        ...

    @property
    def any_day(self) -> bool:
        """Whether it can give the postings of a past day; most only know what there is now."""
        ...

    def fetch(self, day: date, now: datetime) -> Fetch:
        """Fetch the payloads of a day.

        Raises:
            SourceError: the source can't be reached, or can't give that day.
        """
        ...

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of a landed payload, in batches of at most some ten thousand rows.

        Raises:
            SourceError: the payload is not of the shape that the source promises.
        """
        ...
