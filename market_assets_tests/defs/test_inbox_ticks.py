"""The inbox sensor itself: its setting, its memory, and what people decided."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from market_assets.checked_settings import all_sources
from market_assets.definitions import build_defs
from market_assets.defs.sensors import INBOX_SENSOR, InboxError, inbox_sensor
from market_assets.operations.names import INGESTION, REFRESH
from market_assets.settings import Settings, SettingsError
from market_assets.store import schedule_overrides
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import Change, Pause
from market_assets_tests.defs.inbox_world import World


def tick(
    settings: Settings, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[int, str | None, str | None]:
    """How many runs a tick asks for, the reason where none, and the cursor."""
    repository = build_defs(settings).get_repository_def()
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=repository)
    answer = repository.get_sensor_def(INBOX_SENSOR).evaluate_tick(context)
    return len(answer.run_requests or []), answer.skip_message, answer.cursor


def test_the_sensor_runs_where_the_inbox_is_set(world: World) -> None:
    on = inbox_sensor(world.pipeline.settings)
    assert on.default_status is dg.DefaultSensorStatus.RUNNING
    assert (on.name, on.job_name) == (INBOX_SENSOR, INGESTION)


def test_a_tick_of_the_sensor_remembers_what_it_saw(world: World, ticking: dg.DagsterInstance) -> None:
    settings, instance = world.pipeline.settings, ticking
    world.put("postings.csv")
    runs, reason, cursor = tick(settings, instance)
    assert (runs, reason) == (0, "waiting until complete: postings.csv")
    assert tick(settings, instance, cursor)[:2] == (1, None)


@pytest.mark.parametrize("decision", ["pause", "deletion", "stop"])
def test_a_pause_a_deletion_and_a_stop_hold_for_the_sensor(
    world: World, ticking: dg.DagsterInstance, decision: str
) -> None:
    settings, instance = world.pipeline.settings, ticking
    engine = Database(settings.market_url).engine()
    now = datetime.now(UTC)
    if decision == "pause":
        schedule_overrides.pause(engine, INGESTION, Pause(now, "alice", "moving"))
    elif decision == "deletion":
        schedule_overrides.delete(engine, INGESTION, Change(now, "alice"), resumes=False)
    else:
        schedule_overrides.stop(engine, Change(now, "alice"), [])
    schedule_overrides.pause(engine, REFRESH, Pause(now, "anna"))
    world.put("postings.csv")
    cursor = tick(settings, instance)[2]
    runs, reason, _cursor = tick(settings, instance, cursor)
    assert runs == 0
    assert reason is not None
    assert reason.startswith("1 complete, but ")
    assert "alice" in reason
    assert world.files() == ["postings.csv"]


def test_an_inbox_that_is_gone_fails_the_tick_with_its_setting(world: World, ticking: dg.DagsterInstance) -> None:
    world.folder.rmdir()
    with pytest.raises(InboxError, match=rf"MARKET_ASSETS_INBOX: {world.folder}: No such file or directory"):
        tick(world.pipeline.settings, ticking)


def test_the_setting_names_a_folder_that_is_there(tmp_path: Path) -> None:
    for wrong, message in ((tmp_path / "gone", "does not exist"), (tmp_path / "file", "is no folder")):
        (tmp_path / "file").write_text("")
        with pytest.raises(ValueError, match=message):
            Settings(MARKET_ASSETS_INBOX=wrong, _env_file=None)


def test_the_inbox_is_a_source_of_the_code_location(tmp_path: Path) -> None:
    sources = tmp_path / "sources.yaml"
    sources.write_text("sources: [{type: sample}]")
    settings = Settings(MARKET_ASSETS_INBOX=tmp_path, MARKET_ASSETS_SOURCES=sources, _env_file=None)
    keys = {key.to_user_string() for key in build_defs(settings).resolve_asset_graph().get_all_asset_keys()}
    assert {"raw_postings/sample", "raw_postings/inbox"} <= keys
    sources.write_text("sources: [{type: sample, name: inbox}]")
    with pytest.raises(SettingsError, match=f"MARKET_ASSETS_INBOX: {sources} has a source called inbox already"):
        all_sources(settings)
    assert {source.name for source in all_sources(Settings(_env_file=None))} == {"sample"}
