"""What is found in a real instance: runs, retries, checks, ticks, stale tables, and their ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from market_assets.operations.alerts.detection import find, note
from market_assets.operations.alerts.incidents import Book
from market_assets.operations.alerts.observation import Observed, SeenTable
from market_assets_tests.operations.alerts.watching import FAULTS, HOUR, MINUTE, Watching, watching

RETRIES = {"run_retries": {"enabled": True, "max_retries": 2}}


@pytest.fixture
def retrying(tmp_path: Path) -> Iterator[Watching]:
    with watching(tmp_path / "dagster", **RETRIES) as watched:
        watched.look()
        yield watched


# --- runs --------------------------------------------------------------------------------------


def test_a_job_that_fails_for_ever_is_one_incident(seen: Watching) -> None:
    FAULTS["hourly"] = "the well is dry"
    for _ in range(4):
        seen.run("hourly")
        seen.look()
    (one,) = seen.book.incidents
    assert (one.title, one.kind, one.is_open) == ("hourly failed", "run", True)
    assert one.detail.startswith("hourly_task failed: the well is dry\nRun ")
    seen.run("nightly")
    seen.look()
    assert seen.open == ["hourly failed"]
    FAULTS.clear()
    result = seen.run("hourly")
    seen.look()
    (one,) = seen.book.incidents
    assert not one.is_open and result.run_id in one.ending


def test_a_failure_and_its_end_between_two_looks(seen: Watching) -> None:
    FAULTS["hourly"] = "once"
    seen.run("hourly")
    FAULTS.clear()
    seen.run("hourly")
    seen.look()
    (one,) = seen.book.incidents
    assert not one.is_open and "once" in one.detail


def test_an_instance_without_runs_and_one_whose_history_was_removed(seen: Watching) -> None:
    assert seen.look().book.incidents == ()
    for _ in range(5):
        seen.run("hourly")
    seen.look()
    seen.instance.wipe()
    FAULTS["hourly"] = "after the removal"
    seen.run("hourly")
    seen.look()
    assert seen.open == ["hourly failed"]


def test_the_first_look_tells_of_what_failed_lately_and_of_nothing_older(tmp_path: Path) -> None:
    with watching(tmp_path / "dagster") as watched:
        FAULTS["hourly"] = "lately"
        watched.run("hourly")
        FAULTS.clear()
        watched.run("nightly")
        assert [one.title for one in watched.look().book.open] == ["hourly failed"]
    with watching(tmp_path / "other") as watched:
        FAULTS["hourly"] = "long ago"
        watched.run("hourly")
        watched.later = timedelta(days=2)
        assert watched.look().book.open == []
        FAULTS["nightly"] = "now"
        watched.later = timedelta()
        watched.run("nightly")
        assert [one.title for one in watched.look().book.open] == ["nightly failed"]


def test_a_run_that_will_be_retried_is_not_told_of(retrying: Watching) -> None:
    first = retrying.add_run("hourly", "FAILURE")
    assert retrying.instance.get_run_by_id(first.run_id).tags["dagster/will_retry"] == "true"  # type: ignore[union-attr]
    assert retrying.look().book.incidents == ()
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
            assert retrying.look().book.incidents == ()
            retrying.instance.add_run_tags(retry.run_id, {"dagster/auto_retry_run_id": "y"})
    retrying.look()
    (one,) = retrying.book.incidents
    assert one.title == "hourly failed 3 times" and "the process was killed" in one.detail
    assert retrying.book.cursor.waiting == ()


def test_a_retry_that_succeeds_is_no_incident(retrying: Watching) -> None:
    first = retrying.add_run("hourly", "FAILURE")
    retrying.look()
    retrying.instance.add_run_tags(first.run_id, {"dagster/auto_retry_run_id": "x"})
    retrying.add_run("hourly", "SUCCESS", root_run_id=first.run_id, parent_run_id=first.run_id)
    retrying.look()
    retrying.later = HOUR
    assert retrying.look().book.incidents == ()


def test_a_retry_that_never_comes_is_told_of(retrying: Watching) -> None:
    retrying.add_run("hourly", "FAILURE")
    assert retrying.look().book.incidents == ()
    retrying.later = 14 * MINUTE
    assert retrying.look().book.incidents == ()
    retrying.later = 16 * MINUTE
    assert [one.title for one in retrying.look().book.open] == ["hourly failed"]


def test_a_retry_that_never_comes_but_somebody_ran_it_by_hand(retrying: Watching) -> None:
    retrying.add_run("hourly", "FAILURE")
    retrying.look()
    retrying.run("hourly")
    retrying.look()
    retrying.later = 16 * MINUTE
    assert retrying.look().book.incidents == ()


def test_before_dagster_has_said_whether_it_retries_nothing_is_said(retrying: Watching) -> None:
    run = retrying.add_run("hourly", "FAILURE", {"dagster/max_retries": "0"})
    assert retrying.instance.get_run_by_id(run.run_id).tags["dagster/will_retry"] == "false"  # type: ignore[union-attr]
    with retrying.instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("DELETE FROM run_tags WHERE key = 'dagster/will_retry'")
        body = connection.exec_driver_sql("SELECT run_body FROM runs").scalar()
        tagless = json.loads(body)
        del tagless["tags"]["dagster/will_retry"]
        connection.exec_driver_sql("UPDATE runs SET run_body = ?", (json.dumps(tagless),))
    assert retrying.look().book.incidents == ()
    assert retrying.book.cursor.waiting == (run.run_id,)
    retrying.instance.add_run_tags(run.run_id, {"dagster/will_retry": "false"})
    assert [one.title for one in retrying.look().book.open] == ["hourly failed"]


def test_a_run_by_hand_is_over_when_its_tables_are_made_by_whomever(seen: Watching) -> None:
    FAULTS["stock"] = "no stock"
    job = seen.repository.get_job("__ASSET_JOB")
    job.execute_in_process(instance=seen.instance, asset_selection=[dg.AssetKey("stock")], raise_on_error=False)
    seen.look()
    (one,) = seen.book.open
    assert one.title == "the run of stock failed" and "no stock" in one.detail
    FAULTS.clear()
    seen.run("hourly")
    assert seen.look().book.open == [one]
    seen.run("shop", partition_key="2026-03-04")
    assert seen.look().book.open == []


def test_another_days_success_says_that_the_failed_day_is_missing(seen: Watching) -> None:
    FAULTS["prices"] = "no prices"
    seen.run("shop", partition_key="2026-03-04")
    seen.look()
    assert seen.open == ["shop failed on 2026-03-04"]
    FAULTS.clear()
    seen.run("shop", partition_key="2026-03-05")
    seen.look()
    (one,) = seen.book.incidents
    assert not one.is_open and "2026-03-04, which failed, may still be missing" in one.ending


def test_a_huge_error_is_cut(seen: Watching) -> None:
    FAULTS["hourly"] = "x" * 1_000_000
    seen.run("hourly")
    (one,) = seen.look().book.open
    assert len(one.detail) <= 1_500 and "characters" in one.detail


def test_canceled_runs_are_nobodys_failure(seen: Watching) -> None:
    run = seen.add_run("hourly", "STARTED")
    seen.instance.report_run_canceled(run)
    assert seen.look().book.incidents == ()


# --- checks ------------------------------------------------------------------------------------


def test_a_failed_check_of_a_run_that_succeeded(seen: Watching) -> None:
    FAULTS["complete"] = "yes"
    for day in ("2026-03-04", "2026-03-05", "2026-03-06"):
        assert seen.run("shop", partition_key=day).success
        seen.look()
    (one,) = seen.book.incidents
    assert (one.title, one.kind) == ("the check complete of stock failed", "check")
    assert "missing: 7" in one.detail
    FAULTS.clear()
    seen.run("shop", partition_key="2026-03-07")
    assert seen.look().book.open == []


def test_a_warning_is_no_incident(seen: Watching) -> None:
    FAULTS["neat"] = "yes"
    seen.run("shop", partition_key="2026-03-04")
    assert seen.look().book.incidents == ()


def test_a_failed_check_of_a_run_that_failed_is_told_with_the_run(seen: Watching) -> None:
    FAULTS.update(complete="yes", prices="no prices")
    seen.run("shop", partition_key="2026-03-04")
    seen.look()
    assert seen.open == ["shop failed on 2026-03-04"]
    del FAULTS["prices"]
    seen.run("shop", partition_key="2026-03-05")
    seen.look()
    assert seen.open == ["the check complete of stock failed"]


def test_a_check_that_is_no_more_is_over_without_a_word(seen: Watching) -> None:
    FAULTS.update(complete="yes", hourly="too")
    seen.run("shop", partition_key="2026-03-04")
    seen.run("hourly")
    seen.look()
    seen.repository = dg.Definitions(jobs=[seen.repository.get_job("nightly")]).get_repository_def()
    seen.look()
    assert {(one.is_open, one.ending) for one in seen.book.incidents} == {(False, "")}


# --- ticks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["schedule", "sensor"])
def test_failing_ticks_are_one_incident_until_one_succeeds(seen: Watching, kind: str) -> None:
    name = {"schedule": "hourly_schedule", "sensor": "inbox"}[kind]
    if kind == "schedule":
        seen.set_schedule(name, seen.now - HOUR)
    else:
        seen.set_sensor(name)
    start = seen.now - 5 * MINUTE
    seen.add_tick(name, start, "SKIPPED")
    assert seen.look().book.incidents == ()
    for minutes in range(1, 4):
        seen.add_tick(name, start + minutes * MINUTE, "FAILURE", "no such folder")
        seen.add_tick(name, start + minutes * MINUTE + timedelta(seconds=1), "STARTED")
        seen.look()
    (one,) = seen.book.incidents
    assert (one.title, one.kind) == (f"the {kind} {name} fails", kind)
    assert "no such folder" in one.detail
    seen.add_tick(name, start + 4 * MINUTE, "SKIPPED")
    seen.look()
    assert seen.open == []


def test_ticks_of_what_somebody_stopped_are_nobodys(seen: Watching) -> None:
    seen.set_schedule("hourly_schedule", seen.now - HOUR)
    seen.add_tick("hourly_schedule", seen.now, "FAILURE", "no such folder")
    seen.set_schedule("hourly_schedule", seen.now, "STOPPED")
    assert seen.look().book.incidents == ()


# --- stale tables ------------------------------------------------------------------------------


def test_a_table_is_stale_when_its_window_has_passed(seen: Watching) -> None:
    seen.later = timedelta(days=9)
    assert seen.look().book.incidents == (), "what was never made is not stale"
    seen.later = timedelta()
    seen.run("shop", partition_key="2026-03-04")
    made = seen.now
    assert seen.look(made + 25 * HOUR).book.incidents == ()
    (one,) = seen.look(made + 27 * HOUR).book.open
    assert (one.title, one.kind) == ("stock is stale", "stale")
    assert "26 hours old" in one.detail
    assert seen.look(made + 40 * HOUR).book.open == [one]
    again = Observed(
        now=made + 42 * HOUR,
        awake_since=made,
        tables=(SeenTable("stock", made + 41 * HOUR, 26 * HOUR),),
    )
    (end,) = note(seen.book, find(again, seen.watched, seen.book), ()).incidents
    assert not end.is_open and "stock was made again" in end.ending


# --- the book ----------------------------------------------------------------------------------


def test_the_book_survives_a_restart_and_a_copy(seen: Watching, tmp_path: Path) -> None:
    FAULTS["hourly"] = "the well is dry"
    seen.run("hourly")
    book = seen.look().book
    shutil.copytree(tmp_path / "dagster", tmp_path / "copy")
    with dg.DagsterInstance.local_temp(str(tmp_path / "copy")) as instance:
        copied = Watching(instance, seen.repository)
        assert copied.book == book != Book()
        assert [one.title for one in copied.look().book.incidents] == ["hourly failed"]
