"""What is wrong, in words: a pure function of facts. `/health`, `market-assets status` and alerts share it."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from market_assets.operations.alerts.incidents import Incident, Recipient

#: Less free space than the first is a reason to worry, less than the second stops the pipeline.
_LITTLE_SPACE, _NO_SPACE = 2 << 30, 256 << 20
_NOT_LOOKED = timedelta(minutes=10)
_TIME = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class JobFacts:
    """A job that has a schedule."""

    job: str
    schedule: str
    cron: str
    #: Whether the schedule starts runs, and where it does not, why.
    is_on: bool
    off_because: str | None = None
    #: queued, running, success, failed or canceled; None where the job never ran.
    last_status: str | None = None
    last_run: datetime | None = None
    last_success: datetime | None = None
    next_run: datetime | None = None
    #: The last moment by which it was due, long enough ago for the run to have ended.
    due: datetime | None = None
    is_active: bool = False

    @property
    def is_late(self) -> bool:
        """Whether it has not succeeded since it was due, and is not about to."""
        if not self.is_on or self.is_active or self.due is None:
            return False
        return self.last_success is None or self.last_success < self.due


@dataclass(frozen=True)
class TableFacts:
    """A table that must not grow old."""

    table: str
    made_at: datetime | None
    fail_window: timedelta

    def is_stale(self, now: datetime) -> bool:
        return self.made_at is not None and self.made_at + self.fail_window < now


@dataclass(frozen=True)
class DaemonFacts:
    name: str
    is_alive: bool
    heard_at: datetime | None


@dataclass(frozen=True)
class HistoryFacts:
    """What Dagster's storage tells."""

    jobs: tuple[JobFacts, ...] = ()
    daemons: tuple[DaemonFacts, ...] = ()
    tables: tuple[TableFacts, ...] = ()
    queued: int = 0
    running: int = 0
    incidents: tuple[Incident, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    #: When the sensor `alerts` looked for incidents last.
    looked_at: datetime | None = None


@dataclass(frozen=True)
class DatabaseFacts:
    """The market database: its schema's version, None where it is empty, and the one that the code needs."""

    name: str
    version: str | None
    needed: str


@dataclass(frozen=True)
class DiskFacts:
    """The file system of the data folder, in bytes."""

    folder: str
    free: int
    total: int


@dataclass(frozen=True)
class Facts:
    """All that is known; a part that could not be read is None, and `errors` says why, by the part's name."""

    now: datetime
    history: HistoryFacts | None = None
    database: DatabaseFacts | None = None
    disk: DiskFacts | None = None
    #: By `code`, `history`, `database`, `disk`.
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reason:
    """Something that is wrong: a short name for what, and a line for a person."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


@dataclass(frozen=True)
class Health:
    """What stops the pipeline or hides that it stopped (`reasons`), and what else is wrong (`warnings`)."""

    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]

    @property
    def is_ok(self) -> bool:
        return not self.reasons


def judge(facts: Facts) -> Health:
    """What is wrong, by the facts alone."""
    reasons = tuple(_reasons(facts))
    # What the web process has told of, and what still is, is one thing.
    told = {f"system:{reason.name}" for reason in reasons}
    return Health(reasons, tuple(_warnings(facts, told)))


_NOT_READ = {
    "code": "the code location does not load",
    "history": "Dagster's storage does not answer",
    "database": "the market database does not answer",
    "disk": "the data folder can't be looked at",
}


def _reasons(facts: Facts) -> Iterator[Reason]:
    for part, error in facts.errors.items():
        yield Reason(part, f"{_NOT_READ[part]}: {error}")
    if facts.history is not None:
        yield from _silent_daemons(facts.history)
        for job in facts.history.jobs:
            if job.is_late:
                yield Reason("job", _late(job))
        for one in facts.history.recipients:
            if one.error is not None:
                yield Reason("alerts", f"{one.host} can't be told of incidents: {one.error}")
        yield from _not_looked(facts.history, facts.now)
    if facts.database is not None and facts.database.version != facts.database.needed:
        yield Reason("database", _wrong_version(facts.database))
    if facts.disk is not None and facts.disk.free < _NO_SPACE:
        yield Reason("disk", _space(facts.disk))


def _warnings(facts: Facts, said: Set[str]) -> Iterator[Reason]:
    if facts.history is not None:
        told = {one.key for one in facts.history.incidents}
        for one in facts.history.incidents:
            if one.key in said:
                continue
            cause = one.detail.splitlines()[0] if one.detail else ""
            yield Reason(
                one.kind, f"{one.title}, since {one.begun_at:{_TIME}} UTC" + (f": {cause}" if cause else "")
            )
        for table in facts.history.tables:
            if table.is_stale(facts.now) and f"stale:{table.table}" not in told:
                yield Reason("stale", f"{table.table} is stale: last made at {table.made_at:{_TIME}} UTC")
    if facts.disk is not None and _NO_SPACE <= facts.disk.free < _LITTLE_SPACE:
        yield Reason("disk", _space(facts.disk))


def _silent_daemons(history: HistoryFacts) -> Iterator[Reason]:
    silent = [daemon for daemon in history.daemons if not daemon.is_alive]
    if not silent:
        return
    heard = max((one.heard_at for one in silent if one.heard_at), default=None)
    since = f"since {heard:{_TIME}} UTC" if heard else "yet"
    if len(silent) == len(history.daemons):
        text = f"the daemon has not been heard from {since}, so that no schedule starts anything: is it running?"
    else:
        text = f"not heard from {since}: {', '.join(one.name for one in silent)}"
    yield Reason("daemon", text)


def _not_looked(history: HistoryFacts, now: datetime) -> Iterator[Reason]:
    alive = all(daemon.is_alive for daemon in history.daemons)
    if alive and history.looked_at is not None and now - history.looked_at > _NOT_LOOKED:
        since = f"{history.looked_at:{_TIME}} UTC"
        yield Reason("alerts", f"nobody has looked for incidents since {since}: is the sensor `alerts` stopped?")


def _late(job: JobFacts) -> str:
    assert job.due is not None
    since = f"since {job.last_success:{_TIME}} UTC" if job.last_success else "yet"
    last = f"; its last run is {job.last_status}" if job.last_status not in (None, "success") else ""
    return f"{job.job} was due at {job.due:{_TIME}} UTC and has not succeeded {since}{last}"


def _wrong_version(database: DatabaseFacts) -> str:
    if database.version is None:
        return f"{database.name} has no tables yet: run `market-assets db upgrade`"
    if database.version > database.needed:
        return f"{database.name} is newer ({database.version}) than this program ({database.needed}): update it"
    return (
        f"{database.name} is at version {database.version}, the code needs {database.needed}: "
        "run `market-assets db upgrade`"
    )


def _space(disk: DiskFacts) -> str:
    return f"{disk.free / 2**30:.2f} GiB of {disk.total / 2**30:.0f} GiB are free under {disk.folder}"
