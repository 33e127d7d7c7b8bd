"""What the inbox sensor does, look by look, with real ingestion between the looks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from market_assets.assets.moments import PARTITION_TAG
from market_assets.assets.raw_postings import refetching
from market_assets.automation.inbox import SENSOR, InboxError, InboxLook, Seen, inbox_sensor
from market_assets.automation.jobs import INGESTION, REFRESH
from market_assets.definitions import build_defs, inbox_source
from market_assets.settings import Settings, SettingsError
from market_assets.sources.inbox import Inbox, InboxSource
from market_assets.storage import scheduler_memory
from market_assets.storage.database import Database
from market_assets.storage.landing import Landing
from market_assets.storage.scheduler_memory import Change, Pause
from market_assets_tests.pipelines import ListedSource, Pipeline

GOOD = "title,company\nCook,Inn\nBaker,Inn\n"
TODAY = datetime.now(UTC).date()


@dataclass
class World:
    """An inbox, the pipeline over it, and a sensor that remembers what it saw."""

    folder: Path
    pipeline: Pipeline
    seen: Seen = field(default_factory=dict)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.folder)

    def put(self, name: str, content: str = GOOD) -> Path:
        path = self.folder / name
        path.write_text(content)
        return path

    def look(self, *, blocked: str | None = None, later: timedelta = timedelta()) -> dg.SensorResult:
        landing = Landing(self.pipeline.settings.landing)
        look = InboxLook(self.inbox, landing, self.pipeline.instance, datetime.now(UTC) + later)
        result = look.outcome(self.seen, blocked)
        assert result.cursor is not None
        self.seen = json.loads(result.cursor)
        return result

    def request(self, **options: timedelta) -> dg.RunRequest:
        (request,) = self.look(**options).run_requests or []  # type: ignore[arg-type]
        return request

    def reason(self, **options: object) -> str:
        result = self.look(**options)  # type: ignore[arg-type]
        assert not result.run_requests
        assert result.skip_reason is not None
        return str(result.skip_reason.skip_message)

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        assert request.partition_key is not None
        return self.pipeline.run(INGESTION, {PARTITION_TAG: request.partition_key}, request.run_config)

    def files(self) -> list[str]:
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [str(path.relative_to(self.folder)).replace(TODAY.isoformat(), "TODAY") for path in found]

    def titles(self, source: str = "inbox") -> list[str]:
        return sorted(row["title"] for row in self.pipeline.rows("job_postings") if row["source"] == source)


@pytest.fixture
def other() -> ListedSource:
    return ListedSource("other", days={TODAY: [{"title": "Driver"}]})


@pytest.fixture
def world(tmp_path: Path, migrated_sqlite: Path, other: ListedSource) -> Iterator[World]:
    folder = tmp_path / "inbox"
    folder.mkdir()
    shutil.copy(migrated_sqlite, tmp_path / "market.db")
    settings = Settings(
        DATABASE_URL=f"sqlite:///{tmp_path / 'market.db'}",
        MARKET_ASSETS_DATA_DIR=tmp_path / "data",
        MARKET_ASSETS_INBOX=folder,
        _env_file=None,
    )
    with Pipeline(settings, other, InboxSource(Inbox(folder))) as pipeline:
        yield World(folder, pipeline)


def test_a_file_is_ingested_once_and_put_away(world: World) -> None:
    assert world.reason() == "nothing is in the inbox"
    world.put("postings.csv")
    assert world.reason() == "waiting until complete: postings.csv"
    request = world.request()
    assert request.partition_key == TODAY.isoformat()
    assert request.run_config == {"ops": {"raw_postings__inbox": {"config": {"refetch": True}}}}
    assert world.files() == ["taken/TODAY/postings.csv"]
    assert world.run(request).success
    assert world.titles() == ["Baker", "Cook"]
    assert world.reason() == f"put away 1 of {TODAY}"
    assert world.files() == ["done/TODAY/postings.csv"]
    assert world.reason() == "nothing is in the inbox"


def test_a_file_that_grows_or_changes_is_left_until_it_rests(world: World) -> None:
    path = world.put("postings.csv", GOOD[:20])
    for content in (GOOD[:30], GOOD):
        assert world.reason() == "waiting until complete: postings.csv"
        path.write_text(content)
    changed = path.stat()
    world.reason()
    # Of the same size, yet written again.
    path.write_text(GOOD.replace("Cook", "Chef"))
    assert path.stat().st_size == changed.st_size
    assert path.stat().st_mtime_ns != changed.st_mtime_ns
    assert world.reason() == "waiting until complete: postings.csv"
    assert world.run(world.request()).success
    assert world.titles() == ["Baker", "Chef"]


def test_an_empty_file_is_waited_for(world: World) -> None:
    world.put("postings.csv", "")
    for _ in range(3):
        assert world.reason() == "waiting until complete: postings.csv"


def test_a_file_taken_away_again_is_no_matter(world: World) -> None:
    path = world.put("postings.csv")
    world.reason()
    path.unlink()
    assert world.reason() == "nothing is in the inbox"


def test_what_is_no_file_of_postings_stays_and_is_named(world: World) -> None:
    world.put("notes.docx")
    world.put(".hidden.csv")
    for _ in range(3):
        assert world.reason() == "not a file of postings by its ending: notes.docx"
    assert world.files() == [".hidden.csv", "notes.docx"]


def test_later_files_of_a_day_join_the_earlier_ones(world: World, other: ListedSource) -> None:
    world.put("a.csv")
    world.reason()
    assert world.run(world.request()).success
    # What was landed of the others today is not fetched again.
    other.failure = "asked a second time"
    world.put("b.csv", "title,company\nWaiter,Inn\n")
    world.reason()
    assert world.run(world.request()).success
    assert world.titles() == ["Baker", "Cook", "Waiter"]
    assert world.titles("other") == ["Driver"]
    assert f"put away 1 of {TODAY}" in world.reason()
    landed = Landing(world.pipeline.settings.landing).landed("inbox", TODAY)
    assert landed is not None
    assert [payload.name for payload in landed.payloads] == ["a.csv", "b.csv"]
    # The day run again from what was landed, and from what is in the inbox, gives the same rows.
    before = world.pipeline.rows("job_postings")
    assert world.pipeline.ingest(TODAY).success
    assert len(world.pipeline.rows("job_postings")) == len(before)


def test_what_was_landed_and_not_ingested_is_not_put_away(world: World) -> None:
    world.put("a.csv")
    world.reason()
    assert world.run(world.request()).success
    world.look()
    world.inbox.take(world.put("b.csv", "title,company\nWaiter,Inn\n"), TODAY)
    # Someone materializes the source alone, in the UI.
    config = refetching([InboxSource(world.inbox)])
    alone = world.pipeline.materialize(
        "raw_postings/inbox", tags={PARTITION_TAG: TODAY.isoformat()}, config=config
    )
    assert alone.success
    request = world.request()
    assert world.files() == ["done/TODAY/a.csv", "taken/TODAY/b.csv"]
    assert world.run(request).success
    assert world.titles() == ["Baker", "Cook", "Waiter"]


def test_a_name_that_comes_again_is_another_file(world: World) -> None:
    for title in ("Cook", "Baker"):
        world.put("postings.csv", f"title,company\n{title},Inn\n")
        world.reason()
        assert world.run(world.request()).success
        world.look()
    assert world.titles() == ["Baker", "Cook"]
    assert world.files() == ["done/TODAY/2-postings.csv", "done/TODAY/postings.csv"]


def test_a_file_that_cannot_be_read_fails_alone_and_is_named_from_then_on(world: World) -> None:
    world.put("bad.json", "{")
    world.put("good.csv")
    world.reason()
    result = world.run(world.request())
    assert result.success
    assert world.titles() == ["Baker", "Cook"]
    aside = world.folder / "failed" / TODAY.isoformat() / "bad.json"
    assert world.reason() == f"put away 1 of {TODAY}; could not be read: {aside}"
    assert world.reason() == f"could not be read: {aside}"
    assert world.files() == ["done/TODAY/good.csv", "failed/TODAY/bad.json", "failed/TODAY/bad.json.reason.txt"]
    # Mended and put back, it is a new file.
    aside.unlink()
    aside.with_name("bad.json.reason.txt").unlink()
    world.put("bad.json", '[{"title": "Waiter"}]')
    world.reason()
    assert world.run(world.request()).success
    assert world.titles() == ["Baker", "Cook", "Waiter"]


def test_after_a_failed_run_files_stay_taken_and_are_tried_again_with_pauses(world: World) -> None:
    # A database of no version that is known fails every run.
    market = Database(world.pipeline.settings.market_url)
    good = market.path.read_bytes()
    world.put("postings.csv")
    world.reason()
    request = world.request()
    market.path.write_bytes(b"not a database" * 1000)
    assert not world.run(request).success
    assert world.files() == ["taken/TODAY/postings.csv"]
    reason = world.reason()
    assert "postings.csv not ingested by run" in reason
    assert "which is failure; tried again at" in reason
    assert world.reason(later=timedelta(minutes=4))
    again = world.request(later=timedelta(minutes=6))
    assert again.partition_key == TODAY.isoformat()
    assert not world.run(again).success
    assert world.reason(later=timedelta(minutes=6))
    market.path.write_bytes(good)
    assert world.run(world.request(later=timedelta(minutes=11))).success
    assert world.titles() == ["Baker", "Cook"]
    world.look()
    assert world.files() == ["done/TODAY/postings.csv"]


def test_a_file_that_no_run_can_open_does_not_start_one_every_half_minute(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("postings.csv")
    world.reason()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(InboxSource, "read", refuse)
        assert world.run(world.request()).success
    assert "which is success; tried again at" in world.reason()
    assert world.files() == ["taken/TODAY/postings.csv"]
    assert world.run(world.request(later=timedelta(minutes=6))).success
    assert world.titles() == ["Baker", "Cook"]


def test_a_file_written_on_after_it_was_taken_is_ingested_whole(world: World) -> None:
    path = world.put("postings.csv")
    world.reason()
    with path.open("a") as still_open:
        assert world.run(world.request()).success
        still_open.write("Waiter,Inn\n")
    # It is another file than the run has seen.
    assert world.run(world.request()).success
    assert world.titles() == ["Baker", "Cook", "Waiter"]
    world.look()
    assert world.files() == ["done/TODAY/postings.csv"]


def test_files_left_from_an_earlier_day_belong_to_that_day(world: World) -> None:
    yesterday = TODAY - timedelta(days=1)
    world.inbox.take(world.put("old.csv"), yesterday)
    request = world.request()
    assert request.partition_key == yesterday.isoformat()
    assert world.run(request).success
    assert {row["partition_date"] for row in world.pipeline.rows("job_postings")} == {yesterday}
    world.look()
    assert world.inbox.taken() == {}


def test_a_lost_cursor_and_a_lost_history_lose_no_file(world: World) -> None:
    world.put("a.csv")
    world.reason()
    world.request()
    # The process dies here: nothing was started, nothing is remembered.
    world.seen = {}
    assert world.run(world.request()).success
    assert world.titles() == ["Baker", "Cook"]


def test_while_ingestion_is_active_everything_waits(world: World) -> None:
    tags = {PARTITION_TAG: TODAY.isoformat()}
    active = world.pipeline.instance.add_run(
        dg.DagsterRun(job_name=INGESTION, status=dg.DagsterRunStatus.STARTED, tags=tags)
    )
    world.put("postings.csv")
    world.reason()
    said = f"{INGESTION} on {TODAY} is still active: run {active.run_id} is started"
    assert world.reason() == f"1 complete, but {said}"
    assert world.files() == ["postings.csv"]
    world.inbox.take(world.put("taken.csv"), TODAY)
    assert f"{TODAY}: {said}" in world.reason()
    world.pipeline.instance.delete_run(active.run_id)
    assert world.request().partition_key == TODAY.isoformat()


def test_what_people_decided_holds(world: World) -> None:
    world.put("postings.csv")
    world.reason()
    assert world.reason(blocked="it was paused") == "1 complete, but it was paused"
    assert world.files() == ["postings.csv"]
    world.request()
    assert world.reason(blocked="it was paused") == f"{TODAY}: it was paused"


# --- the sensor itself ---------------------------------------------------------------------------


def tick(
    settings: Settings, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[int, str | None, str | None]:
    """How many runs a tick asks for, the reason where none, and the cursor."""
    repository = build_defs(settings).get_repository_def()
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=repository)
    answer = repository.get_sensor_def(SENSOR).evaluate_tick(context)
    return len(answer.run_requests or []), answer.skip_message, answer.cursor


@pytest.fixture
def ticking(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on disk, which remembers schedules."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def test_the_sensor_is_off_until_it_is_set(world: World, ticking: dg.DagsterInstance) -> None:
    off = Settings(_env_file=None)
    assert inbox_sensor(off).default_status is dg.DefaultSensorStatus.STOPPED
    assert tick(off, ticking)[:2] == (0, "MARKET_ASSETS_INBOX is not set")
    on = inbox_sensor(world.pipeline.settings)
    assert on.default_status is dg.DefaultSensorStatus.RUNNING
    assert (on.name, on.job_name) == (SENSOR, INGESTION)


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
        scheduler_memory.pause(engine, INGESTION, Pause(now, "alice", "moving"))
    elif decision == "deletion":
        scheduler_memory.delete(engine, INGESTION, Change(now, "alice"), [])
    else:
        scheduler_memory.stop(engine, Change(now, "alice"), [])
    scheduler_memory.pause(engine, REFRESH, Pause(now, "anna"))
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
    for wrong, said in ((tmp_path / "gone", "does not exist"), (tmp_path / "file", "is no folder")):
        (tmp_path / "file").write_text("")
        with pytest.raises(ValueError, match=said):
            Settings(MARKET_ASSETS_INBOX=wrong, _env_file=None)


def test_the_inbox_is_a_source_of_the_code_location(tmp_path: Path) -> None:
    sources = tmp_path / "sources.yaml"
    sources.write_text("sources: [{type: sample}]")
    settings = Settings(MARKET_ASSETS_INBOX=tmp_path, MARKET_ASSETS_SOURCES=sources, _env_file=None)
    keys = {key.to_user_string() for key in build_defs(settings).resolve_asset_graph().get_all_asset_keys()}
    assert {"raw_postings/sample", "raw_postings/inbox"} <= keys
    sources.write_text("sources: [{type: sample, name: inbox}]")
    with pytest.raises(SettingsError, match=f"MARKET_ASSETS_INBOX: {sources} has a source called inbox already"):
        inbox_source(settings)
    assert inbox_source(Settings(_env_file=None)) == []
