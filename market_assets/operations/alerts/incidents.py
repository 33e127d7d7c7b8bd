"""The book of incidents: what is or was wrong, who has been told of it, and how far the history has been read.

It is kept among Dagster's own cursors, not in the market database, whose failure is one of the things to tell of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import dagster as dg

Kind = Literal["run", "check", "schedule", "sensor", "missed", "stale", "system"]
#: What a recipient has heard of an incident: nothing, that it began, that it is over.
Heard = Literal["", "begun", "over"]
#: An incident that is over is kept for so long, for those who look later.
KEPT = timedelta(days=7)
_MOST_KEPT = 200
_LONGEST_TITLE, _LONGEST_DETAIL = 200, 1_500

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class Hearing:
    """How far a recipient has been told of an incident."""

    heard: Heard = ""
    #: What is being sent; it stays where the process was cut off meanwhile.
    sending: Heard = ""
    #: Whether that is the repetition of something of which nobody knows whether it arrived.
    again: bool = False


@dataclass(frozen=True)
class Incident:
    """Something that is wrong, from when it was found until it is over."""

    key: str
    kind: Kind
    title: str
    detail: str
    begun_at: datetime
    over_at: datetime | None = None
    #: How it ended, in words; empty where nobody needs to be told of the end.
    ending: str = ""
    #: The assets whose new materialization ends it, where no job's success does.
    assets: tuple[str, ...] = ()
    partition: str | None = None
    #: By recipient; one who was not there when it began hears of it while it is open.
    told: Mapping[str, Hearing] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, datetime]:
        return self.key, self.begun_at

    @property
    def is_open(self) -> bool:
        return self.over_at is None


@dataclass(frozen=True)
class Recipient:
    """What is known of one who is told: by the address's host, since the rest may be secret."""

    host: str
    #: When single messages were sent within the last hour.
    sent: tuple[datetime, ...] = ()
    digest_at: datetime | None = None
    failures: int = 0
    retry_at: datetime | None = None
    error: str | None = None
    error_at: datetime | None = None


@dataclass(frozen=True)
class Cursor:
    """How far the history has been read."""

    #: The event log's ids of the newest end of a run that was read, by the kind of end.
    ends: Mapping[str, int] = field(default_factory=dict)
    #: Failed runs of which it is not known yet whether they will be retried.
    waiting: tuple[str, ...] = ()
    #: Schedule → its cron expression and the last moment that was judged.
    moments: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    #: When this was looked at last, and since when it has been looked at without a gap.
    looked_at: datetime | None = None
    awake_since: datetime | None = None


@dataclass(frozen=True)
class Book:
    incidents: tuple[Incident, ...] = ()
    recipients: Mapping[str, Recipient] = field(default_factory=dict)
    cursor: Cursor = field(default_factory=Cursor)

    @property
    def open(self) -> list[Incident]:
        """The open incidents, oldest first."""
        return sorted((one for one in self.incidents if one.is_open), key=lambda one: (one.begun_at, one.key))

    @property
    def recently_over(self) -> list[Incident]:
        """The incidents that are over, the last to end first."""
        over = [one for one in self.incidents if not one.is_open]
        return sorted(over, key=lambda one: (one.over_at or one.begun_at, one.key), reverse=True)

    def read_up_to(self, cursor: Cursor) -> Book:
        """The book once what was seen up to a cursor has been noted."""
        return replace(self, cursor=cursor)

    def newest(self, key: str) -> Incident | None:
        """The newest incident of a key, open or over."""
        of_key = [one for one in self.incidents if one.key == key]
        return max(of_key, key=lambda one: one.begun_at) if of_key else None

    def tidied(self, now: datetime) -> Book:
        """Without what nobody needs any more."""
        kept = [one for one in self.recently_over if one.over_at and one.over_at > now - KEPT][:_MOST_KEPT]
        return replace(self, incidents=(*self.open, *reversed(kept)))


def incident(key: str, kind: Kind, title: str, detail: str, begun_at: datetime, **more: Any) -> Incident:
    """An incident, its texts cut to a size that fits into a message."""
    return Incident(key, kind, cut(title, _LONGEST_TITLE), cut(detail, _LONGEST_DETAIL), begun_at, **more)


def cut(text: str, longest: int) -> str:
    """The text, its middle left out where it is too long: the cause may stand at either end."""
    if len(text) <= longest:
        return text
    half = (longest - 30) // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"


def load_book(instance: dg.DagsterInstance, name: str) -> Book:
    """A book as it was saved last; an empty one where none was."""
    key = _storage_key(name)
    stored = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    return read_book(stored) if stored else Book()


def save_book(instance: dg.DagsterInstance, name: str, book: Book) -> None:
    """Replace a book, whole."""
    instance.daemon_cursor_storage.set_cursor_values({_storage_key(name): write_book(book)})


def write_book(book: Book) -> str:
    """A book as JSON."""
    import json

    return json.dumps(asdict(book), ensure_ascii=False, default=datetime.isoformat)


def read_book(text: str) -> Book:
    """What `write_book` wrote; what another version of it knows and this one does not is left out."""
    import json

    stored = json.loads(text)
    cursor = dict(stored.get("cursor", {}))
    cursor["moments"] = {
        name: (cron, datetime.fromisoformat(moment)) for name, (cron, moment) in cursor.get("moments", {}).items()
    }
    return Book(
        tuple(_record(Incident, one) for one in stored.get("incidents", ())),
        {name: _record(Recipient, one) for name, one in stored.get("recipients", {}).items()},
        _record(Cursor, cursor),
    )


def _record(kind: type[_Record], stored: Mapping[str, Any]) -> _Record:
    values = {}
    for known in fields(kind):  # type: ignore[arg-type]
        value = stored.get(known.name)
        if known.name in stored and value is not None:
            values[known.name] = _restored(known.name, value)
    return kind(**values)


def _restored(name: str, value: Any) -> Any:
    if isinstance(value, str) and (name.endswith("_at") or name == "awake_since"):
        return datetime.fromisoformat(value).astimezone(UTC)
    if name == "told":
        return {recipient: _record(Hearing, hearing) for recipient, hearing in value.items()}
    if name == "sent":
        return tuple(datetime.fromisoformat(moment).astimezone(UTC) for moment in value)
    return tuple(value) if isinstance(value, list) else value


def _storage_key(name: str) -> str:
    return f"market_assets/incidents/{name}"
