"""Incidents, and the log of them: what is or was wrong, and what each recipient was sent about it.

The log is kept among Dagster's own cursors, not in the market database, whose failure is an incident itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

import dagster as dg
from pydantic import TypeAdapter

#: The log of the sensor, and that of the web process, which monitors what the sensor depends on.
DAEMON_LOG, WEB_LOG = "daemon", "web"
Kind = Literal["run", "check", "schedule", "sensor", "missed", "stale", "system"]
#: What a recipient was sent about an incident: nothing, that it began, that it is over.
Stage = Literal["", "begun", "over"]
#: For how long an incident that is over is kept, and how many of them at most.
KEPT = timedelta(days=7)
_MOST_KEPT = 200
_LONGEST_TITLE, _LONGEST_DETAIL = 200, 1_500


@dataclass(frozen=True)
class Incident:
    """Something that is wrong, from when it was detected until it is over."""

    key: str
    kind: Kind
    title: str
    detail: str
    begun_at: datetime
    over_at: datetime | None = None
    #: How it ended, in words; empty where the end is not announced.
    ending: str = ""
    #: The assets whose next materialization ends it, where no job's success does.
    assets: tuple[str, ...] = ()
    partition: str | None = None
    #: By recipient. One that was added later has no entry, and is sent the incident only while it is open.
    announced: Mapping[str, Stage] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, datetime]:
        return self.key, self.begun_at

    @property
    def is_open(self) -> bool:
        return self.over_at is None


@dataclass(frozen=True)
class Resolution:
    """The incident of a key is over, or what it is about is no longer monitored."""

    key: str
    at: datetime
    ending: str


Finding = Incident | Resolution


@dataclass(frozen=True)
class Recipient:
    """The state of deliveries to one URL, which is known by its host, since the rest may be secret."""

    host: str
    #: When messages were sent within the last hour.
    sent: tuple[datetime, ...] = ()
    failures: int = 0
    retry_at: datetime | None = None
    error: str | None = None
    error_at: datetime | None = None


@dataclass(frozen=True)
class IncidentLog:
    """Incidents, recipients by name, and how far Dagster's history has been evaluated."""

    incidents: tuple[Incident, ...] = ()
    recipients: Mapping[str, Recipient] = field(default_factory=dict)
    #: Schedule → its cron expression, and since when missed starts are counted by it.
    schedules: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    #: When the history was evaluated last.
    evaluated_at: datetime | None = None

    @property
    def open(self) -> list[Incident]:
        """The open incidents, oldest first."""
        return sorted((one for one in self.incidents if one.is_open), key=lambda one: (one.begun_at, one.key))

    @property
    def recently_over(self) -> list[Incident]:
        """The incidents that are over, the last to end first."""
        over = [one for one in self.incidents if not one.is_open]
        return sorted(over, key=lambda one: (one.over_at or one.begun_at, one.key), reverse=True)

    def newest(self, key: str) -> Incident | None:
        """The newest incident of a key, open or over."""
        of_key = [one for one in self.incidents if one.key == key]
        return max(of_key, key=lambda one: one.begun_at) if of_key else None

    def is_new(self, key: str, begun_at: datetime) -> bool:
        """Whether what began then is a new incident, and not part of one that is open or over already."""
        newest = self.newest(key)
        return newest is None or (newest.over_at is not None and begun_at > newest.over_at)

    def updated(self, findings: Iterable[Finding]) -> IncidentLog:
        """The log with findings, in their order: a key has one open incident at most."""
        log = self
        for finding in findings:
            if isinstance(finding, Resolution):
                newest = log.newest(finding.key)
                if newest is not None and newest.is_open and finding.at >= newest.begun_at:
                    over = replace(newest, over_at=finding.at, ending=finding.ending)
                    kept = tuple(over if one is newest else one for one in log.incidents)
                    log = replace(log, incidents=kept)
            elif log.is_new(finding.key, finding.begun_at):
                begun = replace(finding, announced=dict.fromkeys(self.recipients, ""))
                log = replace(log, incidents=(*log.incidents, begun))
        return log

    def pruned(self, now: datetime) -> IncidentLog:
        """Without incidents that have been over for `KEPT`, or that are too many."""
        kept = [one for one in self.recently_over if one.over_at and one.over_at > now - KEPT][:_MOST_KEPT]
        return replace(self, incidents=(*self.open, *reversed(kept)))


def incident(key: str, kind: Kind, title: str, detail: str, begun_at: datetime, **more: Any) -> Incident:
    """An incident, its texts shortened to a size that fits into a message."""
    title, detail = shortened(title, _LONGEST_TITLE), shortened(detail, _LONGEST_DETAIL)
    return Incident(key, kind, title, detail, begun_at, **more)


def shortened(text: str, longest: int) -> str:
    """The text, its middle left out where it is too long: the cause may be at either end."""
    if len(text) <= longest:
        return text
    half = (longest - 30) // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"


def listed(texts: Sequence[str], longest: int, separator: str = ", ", where: str = "") -> str:
    """The first texts, and how many more there are; `where` all of them are shown."""
    more = len(texts) - longest
    return separator.join([*texts[:longest], *([f"and {more} more{where}"] if more > 0 else [])])


def load_log(instance: dg.DagsterInstance, name: str) -> IncidentLog:
    """A log as it was saved last; an empty one where none was."""
    key = _storage_key(name)
    stored = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    return log_from_json(stored) if stored else IncidentLog()


def save_log(instance: dg.DagsterInstance, name: str, log: IncidentLog) -> None:
    """Replace a log as a whole."""
    instance.daemon_cursor_storage.set_cursor_values({_storage_key(name): log_to_json(log)})


def log_to_json(log: IncidentLog) -> str:
    return _json().dump_json(log).decode()


def log_from_json(text: str) -> IncidentLog:
    """The inverse of `log_to_json`; fields that this version does not know are left out."""
    return _json().validate_json(text)


@cache
def _json() -> TypeAdapter[IncidentLog]:
    return TypeAdapter(IncidentLog)


def _storage_key(name: str) -> str:
    return f"market_assets/incidents/{name}"
