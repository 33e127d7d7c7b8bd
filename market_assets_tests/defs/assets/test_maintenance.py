"""Old postings: reported, archived, deleted, and only by those who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from market_assets.operations.names import CLEANUP
from market_assets.settings import Settings
from market_assets_tests.pipelines import INGESTED, ListedSource, Pipeline, Row, done, figures

TODAY = datetime.now(UTC).date()
DAY = TODAY - timedelta(days=2)
#: id → days since the posting: the retention of 30 days begins at midnight.
AGES = {"a": 3, "b": 29, "c": 32, "d": 75, "e": 200}
CONFIRM, REFUSE = ({"ops": {"expired_postings": {"config": {"confirm": answer}}}} for answer in (True, False))


def posting(name: str, age: int) -> dict[str, str]:
    posted = f"{TODAY - timedelta(days=age)}T12:00:00Z"
    return {"id": name, "title": f"Developer {name}", "description": "Python and SQL", "posted_at": posted}


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    settings = settings.model_copy(
        update={"retention_days": 30, "landing_days": 1, "window_days": 60, "trend_days": 90}
    )
    days = {DAY: [posting(name, age) for name, age in AGES.items()] + [{"id": "r", "title": ""}]}
    with Pipeline(settings, ListedSource(days=days)) as pipeline:
        pipeline.ingest(DAY)
        yield pipeline


def names(rows: list[Row]) -> set[str]:
    return {row["external_id"] for row in rows}


def archived(settings: Settings) -> dict[Path, list[Row]]:
    files = sorted(settings.archive_dir.rglob("*.parquet"))
    return {path: pq.ParquetFile(path).read().to_pylist() for path in files}


@pytest.mark.parametrize("how", ["by itself", "refused in cleanup_old_data"])
def test_without_confirmation_nothing_is_deleted(pipeline: Pipeline, how: str) -> None:
    before = pipeline.everything(INGESTED)
    if how == "refused in cleanup_old_data":
        run = pipeline.run(CLEANUP, config=REFUSE)
    else:
        run = pipeline.materialize("expired_postings")
    reported = figures(done(run), "expired_postings")
    assert reported["would_delete"] == 3
    months = {(TODAY - timedelta(days=age)).strftime("%Y-%m") for age in (32, 75, 200)}
    assert reported["months"].keys() == months
    assert pipeline.everything(INGESTED) == before
    assert archived(pipeline.settings) == {}


@pytest.mark.parametrize("how", ["confirm", "cleanup_old_data"])
def test_who_confirms_and_the_job_archive_and_delete(pipeline: Pipeline, how: str) -> None:
    before = {row["external_id"]: row for row in pipeline.rows("job_postings")}
    run = pipeline.materialize("expired_postings", config=CONFIRM) if how == "confirm" else pipeline.cleanup()
    reported = figures(done(run), "expired_postings")
    assert reported["deleted"] == 3
    assert names(pipeline.rows("job_postings")) == {"a", "b"}
    files = archived(pipeline.settings)
    rows = [row for found in files.values() for row in found]
    assert names(rows) == {"c", "d", "e"}
    for row in rows:
        stored = before[row["external_id"]]
        assert {name: row[name] for name in stored} == stored
        assert sorted(row["skill_names"]) == ["Python", "SQL"]
    for path, found in files.items():
        assert {row["posted_at"].strftime("month=%Y-%m") for row in found} == {path.parent.name}


@pytest.mark.both_databases
def test_fact_rows_stay_as_long_as_a_window_reaches_them(pipeline: Pipeline) -> None:
    reported = figures(pipeline.cleanup(), "expired_postings")
    assert names(pipeline.rows("posting_facts")) == {"a", "b", "c", "d"}
    assert reported["fact_rows_deleted"] == 1


def test_landed_payloads_go_after_their_own_time(pipeline: Pipeline) -> None:
    landed = Path(pipeline.settings.landing) / "listed"
    assert [path.name for path in landed.iterdir()] == [DAY.isoformat()]
    pipeline.ingest(TODAY)
    assert figures(pipeline.cleanup(), "expired_postings")["landed_days_deleted"] == 1
    assert [path.name for path in landed.iterdir()] == [TODAY.isoformat()]


def test_a_second_clean_up_finds_nothing_to_do(pipeline: Pipeline) -> None:
    pipeline.cleanup()
    before = (pipeline.everything(INGESTED), archived(pipeline.settings))
    assert figures(pipeline.cleanup(), "expired_postings")["deleted"] == 0
    assert (pipeline.everything(INGESTED), archived(pipeline.settings)) == before


def test_an_archive_that_cant_be_written_deletes_nothing(pipeline: Pipeline) -> None:
    before = pipeline.everything(INGESTED)
    pipeline.settings.archive_dir.parent.mkdir(parents=True, exist_ok=True)
    pipeline.settings.archive_dir.write_text("a file where the folder should be")
    run = pipeline.materialize("expired_postings", config=CONFIRM)
    assert not run.success
    assert pipeline.everything(INGESTED) == before


def test_the_database_is_optimised_and_whole(pipeline: Pipeline) -> None:
    pipeline.cleanup()
    before = pipeline.everything(INGESTED)
    reported = figures(done(pipeline.materialize("database_maintenance")), "database_maintenance")
    assert 0 < reported["bytes_after"] <= reported["bytes_before"] * 2
    assert pipeline.everything(INGESTED) == before


def test_a_rerun_of_an_old_day_does_not_bring_archived_postings_back(pipeline: Pipeline) -> None:
    settings = pipeline.settings.model_copy(update={"landing_days": 90})
    with Pipeline(settings, ListedSource(days={DAY: [posting(name, age) for name, age in AGES.items()]})) as same:
        same.cleanup()
        again = figures(same.ingest(DAY), "job_postings")
        assert (again["already_archived"], again["new"]) == (2, 1)
        assert names(same.rows("job_postings")) == {"a", "b", "e"}, "only of e nothing is known any more"
