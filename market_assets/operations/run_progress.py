"""How far runs are: which of their steps have ended, and which is at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster import RunRecord

_STEP_EVENTS = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SKIPPED,
}


@dataclass(frozen=True)
class Progress:
    """Steps of a run: how many have ended, how many there are (None where nobody knows), which are at work."""

    ended: int
    steps: int | None
    at_work: tuple[str, ...]


def progress_of(instance: dg.DagsterInstance, record: RunRecord) -> Progress:
    """How far a run is, by its events."""
    run = record.dagster_run
    at_work: dict[str, None] = {}
    ended = set()
    for entry in instance.all_logs(run.run_id, of_type=_STEP_EVENTS):
        event = entry.get_dagster_event()
        step = str(event.step_key).replace("__", "/")
        if event.event_type is dg.DagsterEventType.STEP_START:
            at_work[step] = None
        else:
            at_work.pop(step, None)
            ended.add(step)
    steps = run.step_keys_to_execute
    if steps is None and run.execution_plan_snapshot_id:
        snapshot = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
        steps = snapshot.step_keys_to_execute
    return Progress(len(ended), len(steps) if steps else None, tuple(at_work))
