"""What a source of postings is, and what an entry of `sources.yaml` is that configures one.

Fetching and reading are separate steps: what was fetched is landed byte for byte, and postings are read from what
was landed, so that a day can be run again without fetching it again.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Literal, Protocol
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import polars as pl

_NAME = r"^[a-z][a-z0-9_]*$"
_URL = re.compile(
    r"(?i)\b([a-z][a-z0-9+.-]*://)(?:[^/?#\s\"'<>]*@)?([^\s?#\"'<>]*)(?:\?[^\s\"'<>]*)?(?:#[^\s\"'<>]*)?"
)


#: What the postings of a source are: a board's list of the jobs that are open, what somebody collected in files,
#: or made up.
SourceKind = Literal["board", "file", "sample"]


class SourceError(Exception):
    """A source could not be fetched or read; the message names what to do about it.

    Attributes:
        permanent: it is not worth a retry (bad credentials, a missing file, a bad setting).
        quoted: the end of the message, where it repeats something of a file's content.
    """

    def __init__(self, message: str, *, permanent: bool = True, quoted: str = "") -> None:
        super().__init__(message + quoted)
        self.permanent = permanent
        self.quoted = quoted

    def of_file(self, name: str) -> SourceError:
        """This error with the name of the file before it."""
        message = f"{name}: {self}".removesuffix(self.quoted)
        return SourceError(message, permanent=self.permanent, quoted=self.quoted)

    def without_quotes(self) -> SourceError:
        """This error without anything of a file's content."""
        return SourceError(str(self).removesuffix(self.quoted), permanent=self.permanent)


@dataclass(frozen=True)
class Payload:
    """One answer of a source as it came.

    Attributes:
        name: unique within the source and day.
        open: opens the content; of a source it fetches it first.
        problem: why no postings can be read from the content, None if they can. Known once the content was opened,
            and found without reading it again; such a payload is landed all the same.
    """

    name: str
    open: Callable[[], BinaryIO]
    problem: Callable[[], str | None] = lambda: None


@dataclass(frozen=True)
class Fetch:
    """The payloads of a source for a day, and the time (UTC) at which they were observed."""

    observed_at: datetime
    payloads: Iterator[Payload]


@dataclass(frozen=True)
class Undecodable:
    """A record that is no posting: its text (shortened) and the reason."""

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
        """Whether the postings of a past day can be fetched; most sources only have the current ones."""
        ...

    @property
    def kind(self) -> SourceKind:
        """What its postings are."""
        ...

    @property
    def origins(self) -> tuple[str, ...]:
        """Where they come from, for people: web addresses without keys, or a path; empty for made-up ones."""
        ...

    def fetch(self, day: date, now: datetime) -> Fetch:
        """Fetch the payloads of a day.

        Raises:
            SourceError: the source can't be reached, or has nothing for that day.
        """
        ...

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of a landed payload, in batches of at most some ten thousand rows.

        Raises:
            SourceError: the payload is not of the expected shape.
        """
        ...


@dataclass(frozen=True)
class Request:
    """A GET request.

    Attributes:
        url: the address; a query in it is kept.
        params: further query parameters, as text.
        headers: further headers.
        secret_params: query parameters that must not appear in messages, logs and files.
        secret_headers: headers of the same kind.
        key_names: the environment variables of the secrets, named in the message when they are refused.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_names: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The address for messages and logs."""
        return without_queries(self.url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret values, also as they are written in addresses and in JSON; the longest first."""
        values = {*self.secret_params.values(), *self.secret_headers.values()} - {""}
        written = {form for value in values for form in (value, quote(value, safe=""), value.replace("/", "\\/"))}
        return tuple(sorted(written, key=len, reverse=True))

    def redacted(self, text: str) -> str:
        """A text with the secrets of this request replaced."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return without_queries(text)

    def redacted_body(self, content: bytes) -> bytes:
        """An answer without the secrets of the request, which some servers repeat."""
        for secret in self.secrets:
            content = content.replace(secret.encode(), b"***")
        return content


def without_queries(text: str) -> str:
    """A text whose URLs have neither user, query nor fragment, which may contain keys."""
    return _URL.sub(r"\1\2", text)


@dataclass(frozen=True)
class Tools:
    """What sources are made with.

    Attributes:
        get: returns the body of the answer to a request, as `http_client.HttpClient.get` does.
        keys: environment variable → key of an account at a board.
        clock: seconds that never decrease.
    """

    get: Callable[[Request], bytes]
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Callable[[], float] = time.monotonic


class Entry(BaseModel, ABC):
    """An entry of `sources.yaml`, one subclass per `type`. What is heavy is imported in `make` only."""

    # Built on first use: most kinds of entries are in no file.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    #: The environment variables with the keys that the source needs.
    needed_keys: ClassVar[tuple[str, ...]] = ()
    #: See `Source.any_day` and `Source.kind`.
    any_day: ClassVar[bool] = False
    kind: ClassVar[SourceKind] = "board"

    type: str
    name: str | None = Field(default=None, pattern=_NAME, max_length=60)
    #: Whether the hosts in its settings may be at private addresses; a host that is such an address always may.
    private_network: bool = False

    @property
    def source_name(self) -> str:
        return self.name or self.type

    @property
    def addresses(self) -> tuple[str, ...]:
        """The web addresses among its settings."""
        values = (value if isinstance(value, list) else [value] for value in dict(self).values())
        texts = (each for listed in values for each in listed if isinstance(each, str))
        return tuple(text for text in texts if text.startswith(("http://", "https://")))

    @property
    def origins(self) -> tuple[str, ...]:
        """See `Source.origins`."""
        return tuple(without_queries(address) for address in self.addresses)

    @abstractmethod
    def make(self, tools: Tools) -> Source:
        """Make the source."""
