"""Ingesting a day: what becomes of good and bad postings, of days, and of sources that fail."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from market_assets import parallel
from market_assets.operations.names import (
    INGESTION,
    PARTITION_RANGE_END_TAG,
    PARTITION_RANGE_START_TAG,
    PARTITION_TAG,
)
from market_assets.settings import Settings
from market_assets.sources import reading
from market_assets.store import ingestion, posting_skills
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.revisions import count_up_postings
from market_assets_tests.pipelines import (
    INGESTED,
    ListedSource,
    Pipeline,
    done,
    failed_checks,
    failure_of,
    figures,
)

DAY = date(2024, 2, 28)
NEXT = DAY + timedelta(days=1)
TAGS = {PARTITION_TAG: DAY.isoformat()}
COOK = {"id": "job-1", "title": "Cook", "company": "Inn", "description": "HACCP and Excel"}
NURSE = {"id": "job-2", "title": "Nurse", "company": "Ward", "description": "Nursing and English"}
BOTH = (COOK, NURSE)
INGESTION_ASSETS = {("raw_postings", "listed"), ("job_postings",), ("posting_skills",)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(MARKET_ASSETS_DATA_DIR=tmp_path / "data", _env_file=None)


@pytest.fixture
def source() -> ListedSource:
    return ListedSource(days={DAY: [COOK, NURSE]})


@pytest.fixture
def pipeline(settings: Settings, source: ListedSource) -> Iterator[Pipeline]:
    with Pipeline(settings, source) as pipeline:
        yield pipeline


def partitions(result: dg.ExecuteInProcessResult) -> dict[tuple[str, ...], list[str | None]]:
    found: dict[tuple[str, ...], list[str | None]] = {}
    for event in result.get_asset_materialization_events():
        found.setdefault(tuple(event.asset_key.path), []).append(event.partition)
    return found


def titles(pipeline: Pipeline) -> set[str]:
    return {row["title"] for row in pipeline.rows("job_postings")}


# --- days ----------------------------------------------------------------------------------------


def test_a_job_without_a_partition_does_today_and_says_so(pipeline: Pipeline) -> None:
    before = datetime.now(UTC).date()
    result = done(pipeline.run(INGESTION))
    possible = {before.isoformat(), datetime.now(UTC).date().isoformat()}
    found = partitions(result)
    assert found.keys() == INGESTION_ASSETS
    assert all(len(days) == 1 and set(days) <= possible for days in found.values())
    for asset in found:
        ready = pipeline.instance.get_materialized_partitions(dg.AssetKey(asset))
        assert len(ready) == 1
        assert ready <= possible


def test_a_range_does_every_day_in_one_run(pipeline: Pipeline) -> None:
    result = pipeline.ingest(DAY, NEXT)
    assert set(map(tuple, partitions(result).values())) == {(DAY.isoformat(), NEXT.isoformat())}
    assert figures(result, "raw_postings/listed")["days_fetched"] == 2


def test_a_landed_day_is_kept_until_it_is_fetched_again(pipeline: Pipeline, source: ListedSource) -> None:
    pipeline.ingest(DAY)
    source.days[DAY] = [{**COOK, "title": "Head Cook"}]
    kept = pipeline.ingest(DAY)
    assert figures(kept, "raw_postings/listed")["days_kept"] == 1
    assert titles(pipeline) == {"Cook", "Nurse"}
    fetched = pipeline.ingest(DAY, refetch=True)
    assert figures(fetched, "raw_postings/listed")["days_fetched"] == 1
    assert titles(pipeline) == {"Head Cook", "Nurse"}


@pytest.mark.parametrize("asset", ["raw_postings/listed", "job_postings", "posting_skills"])
def test_a_day_that_is_no_partition_is_refused_in_one_line(settings: Settings, asset: str) -> None:
    with Pipeline(settings, ListedSource()) as pipeline:
        for tags in (
            {PARTITION_TAG: "2019-12-31"},
            {PARTITION_RANGE_START_TAG: "2019-12-31", PARTITION_RANGE_END_TAG: "2020-01-02"},
        ):
            refused = failure_of(pipeline.materialize(asset, tags=tags))
            assert refused.startswith("2019-12-31 is no daily partition: they are 2020-01-01 to ")
            assert "MARKET_ASSETS_START" in refused
            assert "\n" not in refused


def test_postings_without_landing_first_is_refused(pipeline: Pipeline) -> None:
    failure = failure_of(pipeline.materialize("job_postings", tags=TAGS))
    assert failure == f"nothing was landed for {DAY}: materialize raw_postings first"


def test_a_day_without_postings_is_no_failure(pipeline: Pipeline) -> None:
    result = pipeline.ingest(NEXT)
    assert figures(result, "job_postings")["postings_in"] == 0
    assert failed_checks(result) == set()
    assert pipeline.rows("job_postings") == []


# --- postings ------------------------------------------------------------------------------------

ODD = {
    "id": "job-3",
    "title": "Baker\u0007",
    "salary_min": -5,
    "salary_max": 1e12,
    "salary_currency": "QQQ",
    "posted_at": "2199-01-01",
}
ODDER = {"id": "job-4", "title": "Miller", "salary_min": 1e12, "posted_at": "1970-01-01"}


def test_bad_fields_become_empty_and_are_counted(pipeline: Pipeline, source: ListedSource) -> None:
    source.days[DAY] = [ODD, ODDER]
    result = figures(pipeline.ingest(DAY), "job_postings")
    assert (result["postings_in"], result["rejected"]) == (2, 0)
    assert result["fields_emptied"] == {"posted_at": 2, "salary": 3, "salary_currency": 1}
    for row in pipeline.rows("job_postings"):
        assert row["posted_at"] == row["ingested_at"] == datetime(2024, 2, 28, 12, tzinfo=UTC)
        empty = ("salary_min", "salary_max", "annual_salary_min", "annual_salary_max", "salary_currency")
        assert {row[name] for name in empty} == {None}
        assert row["title"].isprintable()


def test_rejected_postings_are_kept_once_with_the_reason(pipeline: Pipeline, source: ListedSource) -> None:
    huge = {"id": "job-5", "title": "Dev", "description": "python " * 200_000}
    source.days[DAY] = [COOK, {"id": "job-6", "title": " "}, {"id": "job-6", "title": " "}, huge]
    result = figures(pipeline.ingest(DAY), "job_postings")
    assert (result["accepted"], result["rejected"]) == (1, 2)
    first = pipeline.rows("rejected_postings")
    assert sorted(row["reason"].split(" ")[0] for row in first) == ["record", "title"]
    assert {(row["source"], row["partition_date"]) for row in first} == {("listed", DAY)}
    pipeline.ingest(DAY)
    pipeline.ingest(DAY, refetch=True)
    assert pipeline.rows("rejected_postings") == first

    source.days[DAY] = [COOK]
    pipeline.ingest(DAY, refetch=True)
    assert pipeline.rows("rejected_postings") == [], "what was mended is no longer rejected"


# --- sources that fail ---------------------------------------------------------------------------


def test_a_source_that_fails_is_left_out_and_seen(settings: Settings, source: ListedSource) -> None:
    broken = ListedSource("broken", failure="the service does not answer")
    with Pipeline(settings, broken, source) as pipeline:
        result = pipeline.ingest(DAY)
        assert partitions(result).keys() == INGESTION_ASSETS, "what failed is not materialized, the rest goes on"
        assert failed_checks(result) == {
            ("raw_postings/broken", "fetched", "ERROR"),
            ("job_postings", "every_source_was_read", "ERROR"),
        }
        causes = {check.check_name: check.description for check in result.get_asset_check_evaluations()}
        assert causes["every_source_was_read"] == "ingested without broken: the service does not answer"
        assert figures(result, "job_postings")["sources_failed"] == {"broken": "the service does not answer"}
        assert titles(pipeline) == {"Cook", "Nurse"}

        broken.failure, broken.days = None, {DAY: [{"id": "job-9", "title": "Baker"}]}
        mended = pipeline.ingest(DAY)
        assert failed_checks(mended) == set()
        assert partitions(mended).keys() == {*INGESTION_ASSETS, ("raw_postings", "broken")}
        assert figures(mended, "job_postings")["sources_failed"] == {}
        assert titles(pipeline) == {"Cook", "Nurse", "Baker"}


class OnOneDay(ListedSource):
    """A source that fails on one day alone."""

    def fetch(self, day: date, now: datetime) -> Any:
        self.failure = "nothing for that day" if day == DAY else None
        return super().fetch(day, now)


def test_of_a_range_the_days_that_did_not_fail_are_materialized(settings: Settings, source: ListedSource) -> None:
    with Pipeline(settings, OnOneDay("moody"), source) as pipeline:
        result = pipeline.ingest(DAY, NEXT)
        found = partitions(result)
        assert found["raw_postings", "moody"] == [NEXT.isoformat()]
        assert found["job_postings",] == [DAY.isoformat(), NEXT.isoformat()]


def test_days_before_one_that_can_not_be_ingested_are_written(pipeline: Pipeline) -> None:
    pipeline.materialize("raw_postings/listed", tags=TAGS)
    both = {PARTITION_RANGE_START_TAG: DAY.isoformat(), PARTITION_RANGE_END_TAG: NEXT.isoformat()}
    failure = failure_of(pipeline.materialize("job_postings", tags=both))
    assert failure == f"nothing was landed for {NEXT}: materialize raw_postings first"
    assert titles(pipeline) == {"Cook", "Nurse"}


class Unread(ListedSource):
    """A source with a bug that shows at some postings."""

    def read(self, name: str, content: Any) -> Any:
        for batch in super().read(name, content):
            if self.failure and self.failure in batch.frame["title"]:
                raise ZeroDivisionError("a bug of the source")
            yield batch


def test_days_before_one_that_fails_unexpectedly_are_written(settings: Settings) -> None:
    both = {PARTITION_RANGE_START_TAG: DAY.isoformat(), PARTITION_RANGE_END_TAG: NEXT.isoformat()}
    source = Unread(days={DAY: [COOK], NEXT: [NURSE]})
    with Pipeline(settings, source) as pipeline:
        done(pipeline.materialize("raw_postings/listed", tags=both))
        source.failure = "Nurse"
        assert "ZeroDivisionError" in failure_of(pipeline.materialize("job_postings", tags=both))
        assert titles(pipeline) == {"Cook"}


def test_new_days_are_ingested_while_others_write(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    done(pipeline.materialize("raw_postings/listed", tags=TAGS))
    read_raw = reading.read_raw

    def while_another_writes(landed: Any, failures: Any) -> Any:
        with MarketConnection(Database(pipeline.settings.market_url)) as other, other.transaction():
            count_up_postings(other)
        return read_raw(landed, failures)

    monkeypatch.setattr(reading, "read_raw", while_another_writes)
    result = done(pipeline.materialize("job_postings", tags=TAGS))
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


def test_when_every_source_fails_the_run_does_and_says_why(settings: Settings) -> None:
    sources = [ListedSource("one", failure="no route"), ListedSource("two", failure="bad credentials")]
    with Pipeline(settings, *sources) as pipeline:
        result = pipeline.run(INGESTION, TAGS)
        assert failure_of(result) == (f"nothing could be ingested for {DAY}: one: no route; two: bad credentials")
        assert {check[:2] for check in failed_checks(result)} == {
            ("raw_postings/one", "fetched"),
            ("raw_postings/two", "fetched"),
        }
        assert ("posting_skills",) not in partitions(result)


def test_a_failure_loses_nothing_that_was_there(pipeline: Pipeline, source: ListedSource) -> None:
    pipeline.ingest(DAY)
    before = pipeline.everything(INGESTED)
    source.failure = "the service does not answer"
    assert not pipeline.run(INGESTION, {PARTITION_TAG: NEXT.isoformat()}).success
    assert pipeline.everything(INGESTED) == before
    again = pipeline.ingest(DAY, refetch=True)
    assert ("raw_postings/listed", "fetched", "ERROR") in failed_checks(again)
    assert pipeline.everything(INGESTED) == before, "what was landed before still counts"


class Garbled(ListedSource):
    """A source that gives what it can't read itself."""

    def read(self, name: str, content: Any) -> Any:  # noqa: ARG002
        yield from super().read("postings.parquet", content)


def test_a_source_that_cant_be_read_fails_alone(settings: Settings, source: ListedSource) -> None:
    garbled = Garbled("garbled", days={DAY: [COOK]})
    with Pipeline(settings, garbled, source) as pipeline:
        failures = figures(pipeline.ingest(DAY), "job_postings")["sources_failed"]
        assert failures.keys() == {"garbled"}
        assert "Parquet" in failures["garbled"]
        assert titles(pipeline) == {"Cook", "Nurse"}
    with Pipeline(settings, garbled) as pipeline:
        assert "garbled: " in failure_of(pipeline.run(INGESTION, TAGS))
        assert titles(pipeline) == {"Cook", "Nurse"}


def test_the_processes_that_help_have_ended_when_the_last_day_is_written(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    alive_at_writing: list[int] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    def written(*arguments: Any) -> None:
        alive_at_writing.append(sum(each.poll() is None for each in started))
        write_postings(*arguments)

    write_postings = ingestion._write_postings
    monkeypatch.setattr(ingestion, "_write_postings", written)
    monkeypatch.setattr(parallel, "Processes", partial(parallel.Processes, most=2, little=0))
    monkeypatch.setattr("market_assets.parallel.subprocess.Popen", Noted)
    pipeline.ingest(DAY)
    assert started
    assert alive_at_writing == [0]


def test_the_skills_of_a_large_day_are_written_in_parts(
    pipeline: Pipeline, source: ListedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.ingest(DAY)
    at_once = skills_by_title(pipeline)
    assert at_once.keys() == {"Cook", "Nurse"}
    monkeypatch.setattr(posting_skills, "read_texts", partial(posting_skills.read_texts, batch=3))
    monkeypatch.setattr("market_assets.defs.assets.posting_skills._WRITTEN_TOGETHER", 2)
    source.days[NEXT] = [
        {**posting, "id": f"{number}-{posting['id']}"} for number in range(10) for posting in BOTH
    ]
    result = figures(pipeline.ingest(NEXT), "posting_skills")
    assert (result["postings_searched"], result["postings_without_skills"]) == (20, 0)
    eleven_times = {title: Counter(dict.fromkeys(skills, 11)) for title, skills in at_once.items()}
    assert skills_by_title(pipeline) == eleven_times


def skills_by_title(pipeline: Pipeline) -> dict[str, Counter[int]]:
    """How many postings of each title have each skill."""
    titles = {row["posting_id"]: row["title"] for row in pipeline.rows("job_postings")}
    found: dict[str, Counter[int]] = {title: Counter() for title in titles.values()}
    for row in pipeline.rows("posting_skill_facts"):
        found[titles[row["posting_id"]]][row["skill_id"]] += 1
    return found


def test_skills_that_no_posting_shows_any_more_are_found_anew(pipeline: Pipeline, source: ListedSource) -> None:
    pipeline.ingest(DAY)
    source.days[DAY] = [{**COOK, "description": "Python only"}, NURSE]
    result = figures(pipeline.ingest(DAY, refetch=True), "posting_skills")
    assert (result["postings"], result["postings_without_skills"]) == (2, 0)
    again = figures(pipeline.ingest(DAY), "posting_skills")
    assert again == {**result, "postings_searched": 0}
    assert result["postings_searched"] == 1
