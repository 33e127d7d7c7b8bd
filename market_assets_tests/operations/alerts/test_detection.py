"""What is detected in a real instance: runs, retries, checks, ticks, stale tables, and their ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from market_assets.operations.alerts.detection import detect
from market_assets.operations.alerts.incidents import IncidentLog, incident
from market_assets.operations.monitored import Monitored
from market_assets_tests.operations.alerts.monitored_location import (
    FAULTS,
    HOUR,
    MINUTE,
    MonitoredLocation,
    monitored_location,
)

RETRIES = {"run_retries": {"enabled": True, "max_retries": 2}}


@pytest.fixture
def retrying(tmp_path: Path) -> Iterator[MonitoredLocation]:
    with monitored_location(tmp_path / "dagster", **RETRIES) as location:
        location.evaluate()
        yield location


# --- runs --------------------------------------------------------------------------------------


def test_a_job_that_fails_for_ever_is_one_incident(location: MonitoredLocation) -> None:
    FAULTS["hourly"] = "the well is dry"
    for _ in range(4):
        location.run("hourly")
        location.evaluate()
    (one,) = location.log.incidents
    assert (one.title, one.kind, one.is_open) == ("hourly failed", "run", True)
    assert one.detail.startswith("hourly_task failed: the well is dry\nRun ")
    location.run("nightly")
    location.evaluate()
    assert location.open == ["hourly failed"]
    FAULTS.clear()
    result = location.run("hourly")
    location.evaluate()
    (one,) = location.log.incidents
    assert not one.is_open and result.run_id in one.ending


def test_a_failure_and_its_end_between_two_evaluations(location: MonitoredLocation) -> None:
    FAULTS["hourly"] = "once"
    location.run("hourly")
    FAULTS.clear()
    location.run("hourly")
    location.evaluate()
    (one,) = location.log.incidents
    assert not one.is_open and "once" in one.detail


def test_an_instance_without_runs_and_one_whose_history_was_removed(location: MonitoredLocation) -> None:
    assert location.evaluate().log.incidents == ()
    for _ in range(5):
        location.run("hourly")
    location.evaluate()
    location.instance.wipe()
    FAULTS["hourly"] = "after the removal"
    location.run("hourly")
    location.evaluate()
    assert location.open == ["hourly failed"]


def test_the_first_evaluation_covers_a_day(tmp_path: Path) -> None:
    with monitored_location(tmp_path / "dagster") as location:
        FAULTS["hourly"] = "lately"
        location.run("hourly")
        FAULTS.clear()
        location.run("nightly")
        assert [one.title for one in location.evaluate().log.open] == ["hourly failed"]
    with monitored_location(tmp_path / "other") as location:
        FAULTS["hourly"] = "long ago"
        location.run("hourly")
        location.later = timedelta(days=2)
        assert location.evaluate().log.open == []
        FAULTS["nightly"] = "now"
        with freeze_time(location.now):
            location.run("nightly")
        assert [one.title for one in location.evaluate().log.open] == ["nightly failed"]


def test_a_run_that_will_be_retried_is_no_incident(retrying: MonitoredLocation) -> None:
    first = retrying.add_run("hourly", "FAILURE")
    assert retrying.instance.get_run_by_id(first.run_id).tags["dagster/will_retry"] == "true"  # type: ignore[union-attr]
    assert retrying.evaluate().log.incidents == ()
    # The daemon launches the retry; it fails too, and is the last.
    retrying.instance.add_run_tags(first.run_id, {"dagster/auto_retry_run_id": "x"})
    group = {"dagster/root_run_id": first.run_id, "dagster/parent_run_id": first.run_id}
    for number in (1, 2):
        retry = retrying.add_run(
            "hourly",
            "FAILURE",
            {**group, "dagster/retry_number": str(number)},
            root_run_id=first.run_id,
            parent_run_id=first.run_id,
        )
        if number == 1:
            assert retrying.evaluate().log.incidents == ()
            retrying.instance.add_run_tags(retry.run_id, {"dagster/auto_retry_run_id": "y"})
    retrying.evaluate()
    (one,) = retrying.log.incidents
    assert one.title == "hourly failed 3 times" and "the process was killed" in one.detail
    assert retrying.log.newest("run:hourly") == one


def test_a_retry_that_succeeds_is_no_incident(retrying: MonitoredLocation) -> None:
    first = retrying.add_run("hourly", "FAILURE")
    retrying.evaluate()
    retrying.instance.add_run_tags(first.run_id, {"dagster/auto_retry_run_id": "x"})
    retrying.add_run("hourly", "SUCCESS", root_run_id=first.run_id, parent_run_id=first.run_id)
    retrying.evaluate()
    retrying.later = HOUR
    assert retrying.evaluate().log.incidents == ()


def test_a_retry_that_never_comes_is_an_incident(retrying: MonitoredLocation) -> None:
    retrying.add_run("hourly", "FAILURE")
    assert retrying.evaluate().log.incidents == ()
    retrying.later = 14 * MINUTE
    assert retrying.evaluate().log.incidents == ()
    retrying.later = 16 * MINUTE
    assert [one.title for one in retrying.evaluate().log.open] == ["hourly failed"]


def test_a_retry_that_never_comes_but_somebody_ran_it_by_hand(retrying: MonitoredLocation) -> None:
    retrying.add_run("hourly", "FAILURE")
    retrying.evaluate()
    retrying.run("hourly")
    retrying.evaluate()
    retrying.later = 16 * MINUTE
    assert retrying.evaluate().log.incidents == ()


def test_before_dagster_has_decided_whether_it_retries_there_is_no_incident(retrying: MonitoredLocation) -> None:
    run = retrying.add_run("hourly", "FAILURE", {"dagster/max_retries": "0"})
    assert retrying.instance.get_run_by_id(run.run_id).tags["dagster/will_retry"] == "false"  # type: ignore[union-attr]
    with retrying.instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("DELETE FROM run_tags WHERE key = 'dagster/will_retry'")
        body = connection.exec_driver_sql("SELECT run_body FROM runs").scalar()
        tagless = json.loads(body)
        del tagless["tags"]["dagster/will_retry"]
        connection.exec_driver_sql("UPDATE runs SET run_body = ?", (json.dumps(tagless),))
    assert retrying.evaluate().log.incidents == ()
    retrying.instance.add_run_tags(run.run_id, {"dagster/will_retry": "false"})
    assert [one.title for one in retrying.evaluate().log.open] == ["hourly failed"]


def test_a_failed_run_of_single_assets_is_over_when_they_are_materialized(location: MonitoredLocation) -> None:
    FAULTS["stock"] = "no stock"
    job = location.repository.get_job("__ASSET_JOB")
    job.execute_in_process(
        instance=location.instance, asset_selection=[dg.AssetKey("stock")], raise_on_error=False
    )
    location.evaluate()
    (one,) = location.log.open
    assert one.title == "the run of stock failed" and "no stock" in one.detail
    FAULTS.clear()
    location.run("hourly")
    assert location.evaluate().log.open == [one]
    location.run("shop", partition_key="2026-03-04")
    assert location.evaluate().log.open == []


def test_the_success_of_another_day_names_the_missing_day(location: MonitoredLocation) -> None:
    FAULTS["prices"] = "no prices"
    location.run("shop", partition_key="2026-03-04")
    location.evaluate()
    assert location.open == ["shop failed on 2026-03-04"]
    FAULTS.clear()
    location.run("shop", partition_key="2026-03-05")
    location.evaluate()
    (one,) = location.log.incidents
    assert not one.is_open and "2026-03-04, which failed, may still be missing" in one.ending


def test_a_huge_error_is_cut(location: MonitoredLocation) -> None:
    FAULTS["hourly"] = "x" * 1_000_000
    location.run("hourly")
    (one,) = location.evaluate().log.open
    assert len(one.detail) <= 1_500 and "characters" in one.detail


def test_canceled_runs_are_no_failure(location: MonitoredLocation) -> None:
    run = location.add_run("hourly", "STARTED")
    location.instance.report_run_canceled(run)
    assert location.evaluate().log.incidents == ()


# --- checks ------------------------------------------------------------------------------------


def test_a_failed_check_of_a_run_that_succeeded(location: MonitoredLocation) -> None:
    FAULTS["complete"] = "yes"
    for day in ("2026-03-04", "2026-03-05", "2026-03-06"):
        assert location.run("shop", partition_key=day).success
        location.evaluate()
    (one,) = location.log.incidents
    assert (one.title, one.kind) == ("the check complete of stock failed", "check")
    assert "missing: 7" in one.detail
    FAULTS.clear()
    location.run("shop", partition_key="2026-03-07")
    assert location.evaluate().log.open == []


def test_a_warning_is_no_incident(location: MonitoredLocation) -> None:
    FAULTS["neat"] = "yes"
    location.run("shop", partition_key="2026-03-04")
    assert location.evaluate().log.incidents == ()


def test_a_failed_check_of_a_failed_run_is_part_of_its_incident(location: MonitoredLocation) -> None:
    FAULTS.update(complete="yes", prices="no prices")
    location.run("shop", partition_key="2026-03-04")
    location.evaluate()
    assert location.open == ["shop failed on 2026-03-04"]
    del FAULTS["prices"]
    location.run("shop", partition_key="2026-03-05")
    location.evaluate()
    assert location.open == ["the check complete of stock failed"]


def test_the_incident_of_a_removed_check_is_over(location: MonitoredLocation) -> None:
    FAULTS.update(complete="yes", hourly="too")
    location.run("shop", partition_key="2026-03-04")
    location.run("hourly")
    location.evaluate()
    location.repository = dg.Definitions(jobs=[location.repository.get_job("nightly")]).get_repository_def()
    location.evaluate()
    assert {(one.is_open, one.ending) for one in location.log.incidents} == {(False, "")}


def test_whatever_is_removed_ends_its_incidents_and_no_others(location: MonitoredLocation) -> None:
    keys = [
        *("run:hourly", "check:stock:complete", "schedule:hourly_schedule", "missed:hourly_schedule"),
        *("sensor:inbox", "stale:stock"),
    ]
    begun = [incident(key, "system", key, "", location.now) for key in [*keys, "another:kind"]]
    log = IncidentLog(evaluated_at=location.now, incidents=tuple(begun))
    findings, _log = detect(location.instance, location.monitored, log, location.now)
    assert findings == [], "everything is still there"
    nothing = Monitored()
    findings, _log = detect(location.instance, nothing, log, location.now)
    assert sorted(one.key for one in findings) == sorted(keys)


# --- ticks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["schedule", "sensor"])
def test_failing_ticks_are_one_incident_until_one_succeeds(location: MonitoredLocation, kind: str) -> None:
    name = {"schedule": "hourly_schedule", "sensor": "inbox"}[kind]
    if kind == "schedule":
        location.set_schedule(name, location.now - HOUR)
    else:
        location.set_sensor(name)
    start = location.now - 5 * MINUTE
    location.add_tick(name, start, "SKIPPED")
    assert location.evaluate().log.incidents == ()
    for minutes in range(1, 4):
        location.add_tick(name, start + minutes * MINUTE, "FAILURE", "no such folder")
        location.add_tick(name, start + minutes * MINUTE + timedelta(seconds=1), "STARTED")
        location.evaluate()
    (one,) = location.log.incidents
    assert (one.title, one.kind) == (f"the {kind} {name} fails", kind)
    assert "no such folder" in one.detail
    location.add_tick(name, start + 4 * MINUTE, "SKIPPED")
    location.evaluate()
    assert location.open == []


def test_ticks_of_a_stopped_schedule_are_no_incident(location: MonitoredLocation) -> None:
    location.set_schedule("hourly_schedule", location.now - HOUR)
    location.add_tick("hourly_schedule", location.now, "FAILURE", "no such folder")
    location.set_schedule("hourly_schedule", location.now, "STOPPED")
    assert location.evaluate().log.incidents == ()


# --- stale tables ------------------------------------------------------------------------------


def test_a_table_is_stale_when_its_window_has_passed(location: MonitoredLocation) -> None:
    location.later = timedelta(days=9)
    assert location.evaluate().log.incidents == (), "what was never made is not stale"
    location.later = timedelta()
    location.run("shop", partition_key="2026-03-04")
    made = location.now
    assert location.evaluate(made + 25 * HOUR).log.incidents == ()
    (one,) = location.evaluate(made + 27 * HOUR).log.open
    assert (one.title, one.kind) == ("stock is stale", "stale")
    assert "26 hours old" in one.detail
    assert location.evaluate(made + 40 * HOUR).log.open == [one]
    with freeze_time(made + 41 * HOUR):
        location.run("shop", partition_key="2026-03-05")
    location.evaluate(made + 42 * HOUR)
    (one,) = location.log.incidents
    assert not one.is_open and "stock was materialized again" in one.ending


# --- the log ----------------------------------------------------------------------------------


def test_the_log_survives_a_restart_and_a_copy(location: MonitoredLocation, tmp_path: Path) -> None:
    FAULTS["hourly"] = "the well is dry"
    location.run("hourly")
    log = location.evaluate().log
    shutil.copytree(tmp_path / "dagster", tmp_path / "copy")
    with dg.DagsterInstance.local_temp(str(tmp_path / "copy")) as instance:
        copied = MonitoredLocation(instance, location.repository)
        assert copied.log == log != IncidentLog()
        assert [one.title for one in copied.evaluate().log.incidents] == ["hourly failed"]
