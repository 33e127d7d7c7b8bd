"""Counters of runs, postings and failures: against what happened, over restarts, pruning and removal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from market_assets.defs.sensors.lost_retries import repeat_failures
from market_assets.operations.run_counters import Counters, update_counters
from market_assets.settings import Settings
from market_assets_tests.operations.alerts.monitored_location import FAULTS, monitored_location
from market_assets_tests.pipelines import ListedSource, Pipeline


def test_runs_by_job_and_status_and_their_time(tmp_path: Path) -> None:
    with monitored_location(tmp_path / "dagster") as location:
        assert update_counters(location.instance, ()).runs == {}
        FAULTS["hourly"] = "dry"
        for _ in range(3):
            location.run("hourly")
        FAULTS.clear()
        location.run("hourly")
        location.run("nightly")
        canceled = location.add_run("nightly", "STARTED")
        location.instance.report_run_canceled(canceled)
        counters = update_counters(location.instance, ())
        expected = {"hourly": {"failed": 3, "success": 1}, "nightly": {"success": 1, "canceled": 1}}
        assert counters.runs == expected
        records = location.instance.get_run_records(dg.RunsFilter(job_name="hourly"))
        seconds = [one.end_time - one.start_time for one in records if one.end_time and one.start_time]
        count, total = counters.durations["hourly"]
        assert (count, round(total, 6)) == (4, round(sum(seconds), 6))
        assert counters.newest["hourly"][1] == seconds[0]
        # Whatever is removed stays counted; what comes is counted once.
        for record in records:
            location.instance.delete_run(record.dagster_run.run_id)
        location.run("hourly")
        assert update_counters(location.instance, ()).runs["hourly"] == {"failed": 3, "success": 2}
        assert update_counters(location.instance, ()).runs["hourly"] == {"failed": 3, "success": 2}


def test_counters_never_go_down_when_all_history_is_removed(tmp_path: Path) -> None:
    with monitored_location(tmp_path / "dagster") as location:
        for _ in range(3):
            location.run("hourly")
        assert update_counters(location.instance, ()).runs == {"hourly": {"success": 3}}
        kept = location.instance.daemon_cursor_storage.get_cursor_values({"market_assets/counters"})
        location.instance.wipe()
        location.instance.daemon_cursor_storage.set_cursor_values(kept)
        update_counters(location.instance, ())
        location.run("hourly")
        assert update_counters(location.instance, ()).runs == {"hourly": {"success": 4}}


def test_a_failure_that_is_reported_again_is_counted_once(tmp_path: Path) -> None:
    with monitored_location(tmp_path / "dagster") as location:
        run = location.add_run("hourly", "FAILURE", {"dagster/max_retries": "1"})
        assert update_counters(location.instance, ()).runs == {"hourly": {"failed": 1}}
        assert repeat_failures(location.instance, location.now) == [run.run_id]
        assert update_counters(location.instance, ()).runs == {"hourly": {"failed": 1}}
        other = location.add_run("hourly", "FAILURE", {"dagster/max_retries": "1"})
        assert other.run_id in repeat_failures(location.instance, location.now)
        assert update_counters(location.instance, ()).runs == {"hourly": {"failed": 2}}


def test_a_run_whose_end_is_half_written_is_counted_when_it_is_whole(tmp_path: Path) -> None:
    from dagster._core.events import DagsterEvent, DagsterEventType

    with monitored_location(tmp_path / "dagster") as location:
        run = location.add_run("hourly", "STARTED")
        event = DagsterEvent(DagsterEventType.RUN_SUCCESS.value, "hourly")
        entry = dg.EventLogEntry(
            error_info=None,
            level=10,
            user_message="",
            run_id=run.run_id,
            timestamp=datetime.now(UTC).timestamp(),
            job_name="hourly",
            dagster_event=event,
        )
        location.instance.event_log_storage.store_event(entry)
        assert update_counters(location.instance, ()).runs == {}
        location.instance.run_storage.handle_run_event(run.run_id, event, datetime.now(UTC))
        assert update_counters(location.instance, ()).runs == {"hourly": {"success": 1}}


def test_postings_and_source_failures(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, MARKET_ASSETS_DATA_DIR=tmp_path / "data")
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in (2, 1, 0)]
    posting = {"title": "Engineer", "company": "Acme", "description": "Python and SQL"}
    good = ListedSource("good", {day: [posting | {"id": f"{day}-{n}"} for n in range(3)] for day in days})
    good.days[days[0]].append({"company": "no title"})
    bad = ListedSource("bad", failure="HTTP 503")
    sources = [dg.AssetKey(["raw_postings", name]) for name in ("good", "bad")]
    with Pipeline(settings, good, bad) as pipeline:
        first = pipeline.ingest(days[0])
        # One run of two days reports each of them with the figures of both.
        pipeline.ingest(days[1], days[2])
        counters = update_counters(pipeline.instance, sources)
        stored = len(pipeline.rows("job_postings"))
        rejected = len(pipeline.rows("rejected_postings"))
        assert first.success and (stored, rejected) == (9, 1)
        assert counters.postings["postings_in"] == 10 and counters.postings["rejected"] == 1
        assert counters.source_failures == {"good": 0, "bad": 2}
        assert update_counters(pipeline.instance, sources) == counters != Counters()
