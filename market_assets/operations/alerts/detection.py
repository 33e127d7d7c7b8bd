"""Finding incidents: pure functions of what was seen and of the book so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from market_assets.defs.assets.raw_postings import FETCHED_CHECK
from market_assets.operations.alerts.incidents import Book, Hearing, Incident, incident
from market_assets.operations.alerts.monitored import Watched
from market_assets.operations.alerts.observation import EndedRun, Observed, SeenCheck, SeenSchedule

#: A schedule may be so late before a moment counts as missed.
PATIENCE = timedelta(minutes=10)
#: The job of runs that materialize assets by themselves, as from the UI.
ASSET_JOB = "__ASSET_JOB"
_TIME = "%Y-%m-%d %H:%M"
_LISTED = 10


@dataclass(frozen=True)
class End:
    """That what a key stands for is well again, or no longer watched."""

    key: str
    at: datetime
    ending: str


Finding = Incident | End


def note(book: Book, findings: Iterable[Finding], recipients: Iterable[str]) -> Book:
    """The book with new findings, in their order: a key has one open incident at most.

    Args:
        book: the book so far.
        findings: what was found since.
        recipients: who is to be told of what begins now.
    """
    incidents = list(book.incidents)
    untold = dict.fromkeys(recipients, Hearing())
    for finding in findings:
        newest = replace(book, incidents=tuple(incidents)).newest(finding.key)
        if isinstance(finding, End):
            if newest is not None and newest.is_open and finding.at >= newest.begun_at:
                incidents[incidents.index(newest)] = replace(newest, over_at=finding.at, ending=finding.ending)
        elif newest is None or (newest.over_at is not None and finding.begun_at > newest.over_at):
            incidents.append(replace(finding, told=untold))
    return replace(book, incidents=tuple(incidents))


def find(seen: Observed, watched: Watched, book: Book) -> Iterator[Finding]:
    """What began and what ended, by what was seen."""
    yield from _runs(seen, book)
    yield from _checks(seen)
    for tick in seen.ticks:
        what = f"the {tick.kind} {tick.name}"
        if tick.failed:
            title = f"{what} fails"
            detail = f"Its tick of {tick.at:{_TIME}} UTC failed: {tick.error}"
            yield incident(tick.key, "schedule" if tick.kind == "schedule" else "sensor", title, detail, tick.at)
        else:
            yield End(tick.key, tick.at, f"{what} ticked again at {tick.at:{_TIME}} UTC")
    for schedule in seen.schedules:
        yield from _missed(schedule, seen)
    yield from _stale(seen)
    yield from _gone(seen, watched, book)


def judged(schedule: SeenSchedule, seen: Observed) -> list[datetime]:
    """The moments of a schedule of which it can be said whether they were missed: the oldest, without a gap."""
    awake = seen.now - seen.awake_since >= PATIENCE
    newest = schedule.newest_tick
    told = []
    for moment in schedule.moments or ():
        passed_over = newest is not None and newest > moment
        if moment not in schedule.ticks and not passed_over and not (awake and seen.now - moment >= PATIENCE):
            break
        told.append(moment)
    return told


def _runs(seen: Observed, book: Book) -> Iterator[Finding]:
    for run in sorted(seen.runs, key=lambda run: run.at):
        if not run.succeeded:
            yield _failed(run)
        elif run.job != ASSET_JOB:
            yield End(f"run:{run.job}", run.at, _succeeded(run, book))
    for one in book.open:
        made = seen.made or {}
        if one.assets and all(asset in made and made[asset] > one.begun_at for asset in one.assets):
            at = max(made[asset] for asset in one.assets)
            yield End(one.key, at, f"{', '.join(one.assets[:_LISTED])} made again at {at:{_TIME}} UTC")


def _failed(run: EndedRun) -> Incident:
    about = f" on {run.partition}" if run.partition else ""
    of_assets = run.job == ASSET_JOB
    name = f"the run of {_listed(run.assets)}" if of_assets else run.job
    tried = f" {run.attempts} times" if run.attempts > 1 else ""
    return incident(
        f"run:{run.job}:{','.join(sorted(run.assets))}" if of_assets else f"run:{run.job}",
        "run",
        f"{name} failed{tried}{about}",
        f"{run.cause}\nRun {run.run_id} ended at {run.at:{_TIME}} UTC.",
        run.at,
        assets=tuple(sorted(run.assets)) if of_assets else (),
        partition=run.partition,
    )


def _succeeded(run: EndedRun, book: Book) -> str:
    failed = book.newest(f"run:{run.job}")
    ending = f"{run.job} succeeded at {run.at:{_TIME}} UTC, run {run.run_id}"
    if failed and failed.partition and run.partition and failed.partition != run.partition:
        ending += (
            f". That was about {run.partition}: {failed.partition}, which failed, may still be missing. "
            "Materialize it in the UI"
        )
    return ending


def _checks(seen: Observed) -> Iterator[Finding]:
    down = {
        check.asset.removeprefix("raw_postings/")
        for check in seen.checks
        if check.name == FETCHED_CHECK and not check.passed
    }
    for check in seen.checks:
        source = check.asset.removeprefix("raw_postings/") if check.name == FETCHED_CHECK else None
        what = f"the source {source}" if source else f"the check {check.name} of {check.asset}"
        if check.passed:
            yield End(
                check.key, check.at, f"{what} {'answered' if source else 'passed'} at {check.at:{_TIME}} UTC"
            )
        elif not (check.run_failed or _follows(check, down)):
            detail = f"{check.reason}\nEvaluated at {check.at:{_TIME}} UTC in run {check.run_id}."
            yield incident(check.key, "check", f"{what} failed", detail.strip(), check.at)


def _follows(check: SeenCheck, down: set[str]) -> bool:
    """Whether a check only repeats that sources failed, which the sources' own checks say."""
    return bool(check.sources) and set(check.sources) <= down


def _missed(schedule: SeenSchedule, seen: Observed) -> Iterator[Finding]:
    key, newest = f"missed:{schedule.name}", schedule.newest_tick
    missed = [moment for moment in judged(schedule, seen) if moment not in schedule.ticks]
    if missed:
        count = f"{len(missed)} starts" if len(missed) > 1 else "a start"
        last = f" to {missed[-1]:{_TIME}}" if len(missed) > 1 else ""
        detail = f"Due at {missed[0]:{_TIME}}{last} UTC, and neither started nor skipped: was the daemon down?"
        yield incident(key, "missed", f"{schedule.name} missed {count}", detail, missed[-1])
    if newest is not None and (not missed or newest > missed[-1]):
        yield End(key, newest, f"{schedule.name} ticked again for {newest:{_TIME}} UTC")


def _stale(seen: Observed) -> Iterator[Finding]:
    for table in seen.tables:
        key = f"stale:{table.asset}"
        if table.made_at is None:
            continue
        stale_at = table.made_at + table.fail_window
        if stale_at < seen.now:
            detail = f"Last made at {table.made_at:{_TIME}} UTC; it may be {_hours(table.fail_window)} old."
            yield incident(key, "stale", f"{table.asset} is stale", detail, stale_at)
        else:
            yield End(key, table.made_at, f"{table.asset} was made again at {table.made_at:{_TIME}} UTC")


def _gone(seen: Observed, watched: Watched, book: Book) -> Iterator[End]:
    """Ends incidents of what is no longer in the code; nobody is told of it."""
    present: dict[str, Callable[[], set[str]]] = {
        "run": lambda: {f"run:{job}" for job in watched.jobs},
        "check": lambda: {f"check:{key.asset_key.to_user_string()}:{key.name}" for key in watched.checks},
        "schedule": lambda: {f"schedule:{one.name}" for one in watched.schedules},
        "sensor": lambda: {f"sensor:{name}" for name in watched.sensors},
        "missed": lambda: {f"missed:{one.name}" for one in watched.schedules},
        "stale": lambda: {f"stale:{table.key.to_user_string()}" for table in watched.tables},
    }
    for one in book.open:
        if not one.assets and one.kind in present and one.key not in present[one.kind]():
            yield End(one.key, seen.now, "")


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "") or "assets"


def _hours(window: timedelta) -> str:
    hours = window.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 72 else f"{hours:g} hours"
