"""What was seen of the instance at one look, in plain records: all that findings are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class EndedRun:
    """A run that succeeded, or failed and will not be tried again."""

    run_id: str
    job: str
    succeeded: bool
    at: datetime
    cause: str = ""
    #: How often it was tried.
    attempts: int = 1
    partition: str | None = None
    #: What a run that is of no job was to make.
    assets: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeenCheck:
    """The newest evaluation of an asset check."""

    asset: str
    name: str
    passed: bool
    at: datetime
    run_id: str
    #: Whether the run that evaluated it failed: then the run is told of, which names the cause.
    run_failed: bool = False
    reason: str = ""
    #: The sources that the check names as failed; their own checks come before it.
    sources: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"check:{self.asset}:{self.name}"


@dataclass(frozen=True)
class SeenTick:
    """The newest finished tick of a schedule or sensor."""

    kind: str
    name: str
    failed: bool
    at: datetime
    error: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class SeenSchedule:
    """A schedule that runs: the moments that came since it was last judged, and when it ticked."""

    name: str
    cron: str
    #: None where it is seen for the first time, or with another cron expression: then only what follows counts.
    moments: tuple[datetime, ...] | None
    ticks: frozenset[datetime]

    @property
    def newest_tick(self) -> datetime | None:
        return max(self.ticks, default=None)


@dataclass(frozen=True)
class SeenTable:
    """An asset with a freshness policy; one that was never made is not stale."""

    asset: str
    made_at: datetime | None
    fail_window: timedelta


@dataclass(frozen=True)
class Observed:
    """One look; every part holds what was read since the last one, or the newest of each."""

    now: datetime
    #: Since when looks have followed one another without a gap.
    awake_since: datetime
    runs: tuple[EndedRun, ...] = ()
    checks: tuple[SeenCheck, ...] = ()
    ticks: tuple[SeenTick, ...] = ()
    schedules: tuple[SeenSchedule, ...] = ()
    tables: tuple[SeenTable, ...] = ()
    #: When the assets that open incidents wait for were made last.
    made: Mapping[str, datetime] | None = None
