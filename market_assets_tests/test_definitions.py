"""The code location as a table: which assets there are, what they stand on, which jobs run them, and when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from market_assets import definitions
from market_assets.definitions import build_defs
from market_assets.operations.names import REEXTRACTION, REFRESH
from market_assets.settings import Settings, SettingsError
from market_assets.sources.files.source import FileSource
from market_assets.sources.protocol import Source
from market_assets.sources.sample.source import SampleSource
from market_assets_tests.cli.programs import PROJECT

_REPORTED = (
    "market_summary skill_demand salary_statistics employment_salaries salary_trends industry_skills "
    "location_salaries occupation_demand occupation_skills occupation_salaries trending_skills "
    "posting_statistics posting_coverage skill_relationships "
    "category_relationships"
)
#: asset | group | the assets whose tables it reads | its greatest age
ASSETS = f"""
sources/other           | sources       |                                      | -
sources/sample          | sources       |                                      | -
raw_postings/other      | ingestion     | sources/other                        | 50 h
raw_postings/sample     | ingestion     | sources/sample                       | 50 h
job_postings            | ingestion     | raw_postings/other raw_postings/sample | 50 h
posting_skills          | ingestion     | job_postings                         | 50 h
skill_demand            | statistics    | posting_skills                       | 26 h
salary_statistics       | statistics    | posting_skills                       | 26 h
employment_salaries     | statistics    | posting_skills                       | 26 h
salary_trends           | statistics    | posting_skills                       | 26 h
industry_skills         | statistics    | posting_skills                       | 26 h
location_salaries       | statistics    | posting_skills                       | 26 h
occupation_demand       | statistics    | posting_skills                       | 26 h
occupation_skills       | statistics    | posting_skills                       | 26 h
occupation_salaries     | statistics    | posting_skills                       | 26 h
trending_skills         | statistics    | posting_skills                       | 26 h
skill_history           | statistics    | posting_skills                       | 26 h
posting_statistics      | statistics    | posting_skills                       | 26 h
posting_coverage        | statistics    | posting_skills                       | 26 h
market_summary          | statistics    | job_postings posting_skills trending_skills | 26 h
market_report           | statistics    | job_postings {_REPORTED}             | 26 h
skill_pairs             | relationships | posting_skills                       | 26 h
skill_relationships     | relationships | posting_skills skill_pairs           | 26 h
category_relationships  | relationships | posting_skills                       | 26 h
skill_recommendations   | relationships | posting_skills skill_pairs           | 216 h
skill_affinities        | relationships | posting_skills skill_pairs           | 216 h
skill_communities       | relationships | skill_relationships                  | 216 h
skill_candidates        | taxonomy      | job_postings                         | 216 h
expired_postings        | maintenance   | job_postings                         | 216 h
database_maintenance    | maintenance   | expired_postings                     | 216 h
"""
JOBS = {
    "daily_sample_ingestion": {"ingestion"},
    "refresh_market_stats": {"statistics", "relationships"},
    "cleanup_old_data": {"maintenance"},
    "rebuild_skill_relationships": {"relationships", "taxonomy"},
}
#: Schedule → cron expression, of the settings' defaults.
SCHEDULES = {
    "daily_sample_ingestion_schedule": "0 2 * * *",
    "refresh_market_stats_schedule": "30 2,14 * * *",
    "cleanup_old_data_schedule": "0 3 * * 0",
    "rebuild_skill_relationships_schedule": "0 4 * * 0",
    "prune_history_schedule": "0 5 * * *",
}


@cache
def code_location(**settings: str) -> dg.Definitions:
    """The code location with two sources, one of which is a file."""
    sources = [SampleSource(), FileSource("other", Path("other.csv"))]
    return build_defs(Settings(**settings, _env_file=None), sources)


def rows() -> list[tuple[str, str, set[str], str]]:
    split = [[cell.strip() for cell in line.split("|")] for line in ASSETS.strip().splitlines()]
    return [(asset, group, set(parents.split()), age) for asset, group, parents, age in split]


def hours(policy: dg.FreshnessPolicy | None) -> str:
    if policy is None:
        return "-"
    window: timedelta = policy.fail_window.to_timedelta()  # type: ignore[attr-defined]
    return f"{window // timedelta(hours=1)} h"


def test_the_assets_are_those_of_the_table() -> None:
    graph = code_location().resolve_asset_graph()
    found = [
        (
            node.key.to_user_string(),
            node.group_name,
            {parent.to_user_string() for parent in node.parent_keys},
            hours(node.freshness_policy),
        )
        for node in map(graph.get, graph.get_all_asset_keys())
    ]
    assert sorted(found) == sorted(rows())


def test_what_wants_the_tables_alone_waits_in_the_queue() -> None:
    graph = code_location().resolve_asset_graph()
    for node in map(graph.get, graph.get_all_asset_keys()):
        if node.is_executable:
            assert node.pools == (set() if node.group_name == "ingestion" else {"market_tables"}), node.key


def test_ingestion_has_daily_partitions_up_to_today_and_nothing_else_has() -> None:
    graph = code_location().resolve_asset_graph()
    for node in map(graph.get, graph.get_all_asset_keys()):
        daily = node.partitions_def
        assert (daily is not None) == (node.group_name == "ingestion"), node.key
        if daily is not None:
            assert isinstance(daily, dg.DailyPartitionsDefinition)
            assert (daily.timezone, daily.end_offset) == ("UTC", 1)
            assert node.backfill_policy == dg.BackfillPolicy.single_run()


def first_partition(*sources: Source, **settings: Any) -> str:
    graph = build_defs(Settings(**settings, _env_file=None), sources).resolve_asset_graph()
    daily = graph.get(dg.AssetKey("job_postings")).partitions_def
    assert daily is not None
    return daily.get_first_partition_key() or ""


def test_partitions_begin_where_days_can_be_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARKET_ASSETS_START")
    sample, file = SampleSource(), FileSource("other", Path("other.csv"))
    before = datetime.now(UTC).date()
    fresh = first_partition(file, MARKET_ASSETS_DATA_DIR=tmp_path / "new/data")
    assert fresh in {day.isoformat() for day in (before, datetime.now(UTC).date())}
    installed = tmp_path / "new/data/installed_on"
    assert installed.read_text() == f"{fresh}\n"
    assert installed.parent.stat().st_mode & 0o077 == 0

    # Later, it still is the day of the installation that counts.
    installed.write_text("2026-03-01\n")
    data = {"MARKET_ASSETS_DATA_DIR": tmp_path / "new/data"}
    assert first_partition(file, **data) == "2026-03-01"
    assert first_partition(file, sample, **data) == (date(2026, 3, 1) - timedelta(days=179)).isoformat()
    assert first_partition(file, sample, **data, MARKET_ASSETS_START="2025-01-01") == "2025-01-01"


def test_with_workers_a_backfill_is_a_run_a_day() -> None:
    graph = code_location(MARKET_ASSETS_BROKER_URL="redis://localhost").resolve_asset_graph()
    for node in map(graph.get, graph.get_all_asset_keys()):
        fanned_out = dg.BackfillPolicy.multi_run(1) if node.partitions_def else None
        assert node.backfill_policy == fanned_out, node.key
    plain = code_location().resolve_asset_graph()
    assert sorted(graph.get_all_asset_keys()) == sorted(plain.get_all_asset_keys())


def test_every_asset_says_what_it_is_and_whose() -> None:
    for spec in code_location().resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.description.endswith("."), spec.key
        assert spec.owners == ["team:market-data"], spec.key
        assert spec.kinds, spec.key


def test_tables_say_where_they_are_and_never_a_password() -> None:
    defs = code_location(DATABASE_URL="postgresql://market:opensesame@db.example/jobs?sslpassword=opensesame")
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    tables = {key for key, spec in specs.items() if "dagster/table_name" in spec.metadata}
    assert tables == {key for key, spec in specs.items() if {"table", "view"} & spec.kinds}
    for key in tables:
        assert specs[key].metadata["dagster/table_name"] == key
        assert specs[key].metadata["dagster/uri"] == "postgresql://market:***@db.example/jobs"
    assert "opensesame" not in str([spec.metadata for spec in specs.values()])


def test_every_asset_links_to_its_code() -> None:
    for spec in code_location().resolve_all_asset_specs():
        references = spec.metadata["dagster/code_references"].code_references
        assert references, spec.key
        for reference in references:
            assert Path(reference.file_path).is_file(), reference


def test_where_the_code_is_hosted_every_asset_links_there() -> None:
    url = "https://git.example.com/market_assets/blob/main"
    for spec in code_location(MARKET_ASSETS_CODE_URL=f"{url}/").resolve_all_asset_specs():
        for reference in spec.metadata["dagster/code_references"].code_references:
            assert reference.url.startswith(f"{url}/market_assets/"), reference
            assert (PROJECT / reference.url.removeprefix(f"{url}/")).is_file(), reference


def test_every_result_table_is_checked() -> None:
    checks = {
        (key.asset_key.to_user_string(), key.name)
        for key in code_location().resolve_asset_graph().asset_check_keys
    }
    tables = {asset for asset, group, *_ in rows() if group in ("statistics", "relationships", "taxonomy")} - {
        "market_report"
    }
    may_be_empty = {"employment_salaries", "skill_communities", "skill_candidates"}
    filled = tables - may_be_empty - {table for table in tables if table.startswith("occupation_")}
    expected = {
        *((table, "schema_keys_and_ranges") for table in tables),
        *((table, "has_rows") for table in filled),
    }
    expected |= {("posting_coverage", "volume_and_coverage_as_usual")}
    expected |= {("raw_postings/sample", "fetched"), ("raw_postings/other", "fetched")}
    expected |= {
        ("job_postings", "duplicates_have_an_original"),
        ("job_postings", "every_source_was_read"),
        ("posting_skills", "skills_found_in_every_posting"),
    }
    assert checks == expected


def test_what_needs_the_most_memory_is_computed_before_other_tables() -> None:
    refresh = code_location().resolve_job_def(REFRESH)
    priorities = {node.name: int(node.definition.tags.get("dagster/priority", "0")) for node in refresh.nodes}
    assert max(priorities, key=lambda name: priorities[name]) == "salary_trends"
    assert sorted(priorities.values())[-2:] == [0, 1]


def test_a_job_that_is_started_twice_waits_for_itself() -> None:
    # A day's ingestion waits by the tag of its partition instead, see dagster.yaml.
    defs = code_location()
    for name in (JOBS.keys() | {REEXTRACTION, "prune_history"}) - {"daily_sample_ingestion"}:
        assert all(node.definition.pools for node in defs.resolve_job_def(name).nodes), name


def test_jobs_run_the_assets_of_their_groups() -> None:
    defs = code_location()
    graph = defs.resolve_asset_graph()
    named = {job.name: job for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
    without_assets = (REEXTRACTION, "prune_history")
    assert named.keys() == JOBS.keys() | {*without_assets}
    for name in without_assets:
        assert named.pop(name).description
    for job in named.values():
        keys = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name in JOBS[job.name]}
        assert job.asset_layer.selected_asset_keys == keys
        assert job.description


def test_schedules_are_in_utc_and_run_by_default() -> None:
    schedules = list(code_location().get_repository_def().schedule_defs)
    assert {schedule.name: schedule.cron_schedule for schedule in schedules} == SCHEDULES
    for schedule in schedules:
        assert schedule.job_name == schedule.name.removesuffix("_schedule")
        assert schedule.execution_timezone == "UTC"
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_schedules_follow_the_settings() -> None:
    defs = code_location(MARKET_ASSETS_INGESTION_CRON="15 * * * *", MARKET_ASSETS_REBUILD_CRON="0 5 1 * *")
    crons = {schedule.name: schedule.cron_schedule for schedule in defs.get_repository_def().schedule_defs}
    changed = {
        "daily_sample_ingestion_schedule": "15 * * * *",
        "rebuild_skill_relationships_schedule": "0 5 1 * *",
    }
    assert crons == SCHEDULES | changed


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, set()),
        ({"MARKET_ASSETS_INBOX": Path()}, {"inbox"}),
        ({"MARKET_ASSETS_REFRESH_AFTER_POSTINGS": 9}, {"new_postings"}),
    ],
)
def test_there_are_few_sensors_and_all_run(settings: dict[str, Any], more: set[str]) -> None:
    sensors = list(code_location(**settings).get_repository_def().sensor_defs)
    assert {sensor.name for sensor in sensors} == {"alerts", "housekeeping"} | more
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}


def test_the_code_location_can_be_loaded_by_dagster() -> None:
    dg.Definitions.validate_loadable(code_location())
    dg.Definitions.validate_loadable(definitions.defs)


def test_sources_come_from_the_configuration(tmp_path: Path) -> None:
    configured = tmp_path / "mine.yaml"
    configured.write_text("sources: [{type: sample, name: first}, {type: file, name: second, path: jobs.csv}]")
    defs = build_defs(Settings(MARKET_ASSETS_SOURCES=configured, _env_file=None))
    graph = defs.resolve_asset_graph()
    of_sources = {key.to_user_string() for key in graph.get_all_asset_keys() if len(key.path) > 1}
    assert of_sources == {
        f"{prefix}/{name}" for prefix in ("sources", "raw_postings") for name in ("first", "second")
    }


def test_the_lineage_begins_at_the_sources_with_their_addresses_and_no_key(tmp_path: Path) -> None:
    configured = tmp_path / "mine.yaml"
    configured.write_text("""sources:
      - {type: remoteok}
      - {type: feed, feeds: ["https://me:secret@example.org/jobs?key=secret", "https://example.com/more"]}
      - {type: file, path: jobs.csv}
      - {type: sample}
    """)
    defs = build_defs(Settings(MARKET_ASSETS_SOURCES=configured, _env_file=None))
    graph = defs.resolve_asset_graph()
    origins = {
        "remoteok": ["https://remoteok.com/api"],
        "feed": ["https://example.org/jobs", "https://example.com/more"],
        "file": ["jobs.csv"],
        "sample": [],
    }
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    for name, expected in origins.items():
        key = dg.AssetKey(["sources", name])
        assert not graph.get(key).is_executable
        assert graph.get(key).child_keys == {dg.AssetKey(["raw_postings", name])}
        shown = specs[f"sources/{name}"].metadata
        assert [value.value for label, value in shown.items() if label.startswith("origin")] == expected


def test_a_wrong_configuration_names_the_variable_and_the_file(tmp_path: Path) -> None:
    configured = tmp_path / "mine.yaml"
    configured.write_text("sources: [{type: carrier pigeon}]")
    with pytest.raises(SettingsError) as caught:
        build_defs(Settings(MARKET_ASSETS_SOURCES=configured, _env_file=None))
    assert caught.value.exit_code == 2
    assert caught.value.message.startswith(f"MARKET_ASSETS_SOURCES: {configured}: source 1")
