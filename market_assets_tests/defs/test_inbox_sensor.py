"""What the inbox sensor does, tick by tick, with real ingestion between the ticks."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from market_assets.defs.assets.raw_postings import refetching
from market_assets.operations.names import INGESTION, PARTITION_TAG
from market_assets.sources.files.inbox import InboxSource
from market_assets.store.database import Database
from market_assets.store.landing import Landing
from market_assets_tests.defs.inbox_world import GOOD, TODAY, World
from market_assets_tests.pipelines import ListedSource, done


def test_a_file_is_ingested_once_and_put_away(world: World) -> None:
    assert world.reason() == "nothing is in the inbox"
    world.put("postings.csv")
    assert world.reason() == "waiting until complete: postings.csv"
    request = world.request()
    assert request.partition_key == TODAY.isoformat()
    assert request.run_config == {"ops": {"raw_postings__inbox": {"config": {"refetch": True}}}}
    assert world.files() == ["taken/TODAY/postings.csv"]
    done(world.run(request))
    assert world.titles() == ["Baker", "Cook"]
    assert world.reason() == f"ingested 1 of {TODAY}"
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
    done(world.run(world.request()))
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
    done(world.run(world.request()))
    # What was landed of the others today is not fetched again.
    other.failure = "asked a second time"
    world.put("b.csv", "title,company\nWaiter,Inn\n")
    world.reason()
    done(world.run(world.request()))
    assert world.titles() == ["Baker", "Cook", "Waiter"]
    assert world.titles("other") == ["Driver"]
    assert f"ingested 1 of {TODAY}" in world.reason()
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
    done(world.run(world.request()))
    world.tick()
    world.inbox.take(world.put("b.csv", "title,company\nWaiter,Inn\n"), TODAY)
    # Someone materializes the source alone, in the UI.
    config = refetching([InboxSource(world.inbox)])
    alone = world.pipeline.materialize(
        "raw_postings/inbox", tags={PARTITION_TAG: TODAY.isoformat()}, config=config
    )
    assert alone.success
    request = world.request()
    assert world.files() == ["done/TODAY/a.csv", "taken/TODAY/b.csv"]
    done(world.run(request))
    assert world.titles() == ["Baker", "Cook", "Waiter"]


def test_a_name_that_comes_again_is_another_file(world: World) -> None:
    for title in ("Cook", "Baker"):
        world.put("postings.csv", f"title,company\n{title},Inn\n")
        world.reason()
        done(world.run(world.request()))
        world.tick()
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
    assert world.reason() == f"ingested 1 of {TODAY}; could not be read: {aside}"
    assert world.reason() == f"could not be read: {aside}"
    assert world.files() == ["done/TODAY/good.csv", "failed/TODAY/bad.json", "failed/TODAY/bad.json.reason.txt"]
    # Mended and put back, it is a new file.
    aside.unlink()
    aside.with_name("bad.json.reason.txt").unlink()
    world.put("bad.json", '[{"title": "Waiter"}]')
    world.reason()
    done(world.run(world.request()))
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
    done(world.run(world.request(later=timedelta(minutes=11))))
    assert world.titles() == ["Baker", "Cook"]
    world.tick()
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
        done(world.run(world.request()))
    assert "which is success; tried again at" in world.reason()
    assert world.files() == ["taken/TODAY/postings.csv"]
    done(world.run(world.request(later=timedelta(minutes=6))))
    assert world.titles() == ["Baker", "Cook"]


def test_a_file_written_on_after_it_was_taken_is_ingested_whole(world: World) -> None:
    path = world.put("postings.csv")
    world.reason()
    with path.open("a") as still_open:
        done(world.run(world.request()))
        still_open.write("Waiter,Inn\n")
    # It is another file than the run has seen.
    done(world.run(world.request()))
    assert world.titles() == ["Baker", "Cook", "Waiter"]
    world.tick()
    assert world.files() == ["done/TODAY/postings.csv"]


def test_files_left_from_an_earlier_day_belong_to_that_day(world: World) -> None:
    yesterday = TODAY - timedelta(days=1)
    world.inbox.take(world.put("old.csv"), yesterday)
    request = world.request()
    assert request.partition_key == yesterday.isoformat()
    done(world.run(request))
    assert {row["partition_date"] for row in world.pipeline.rows("job_postings")} == {yesterday}
    world.tick()
    assert world.inbox.taken() == {}


def test_a_lost_cursor_and_a_lost_history_lose_no_file(world: World) -> None:
    world.put("a.csv")
    world.reason()
    world.request()
    # The process dies here: nothing was started, and the cursor is not saved.
    world.seen = {}
    done(world.run(world.request()))
    assert world.titles() == ["Baker", "Cook"]


def test_while_ingestion_is_active_everything_waits(world: World) -> None:
    tags = {PARTITION_TAG: TODAY.isoformat()}
    active = world.pipeline.instance.add_run(
        dg.DagsterRun(job_name=INGESTION, status=dg.DagsterRunStatus.STARTED, tags=tags)
    )
    world.put("postings.csv")
    world.reason()
    active_run = f"{INGESTION} on {TODAY} is still active: run {active.run_id} is started"
    assert world.reason() == f"1 complete, but {active_run}"
    assert world.files() == ["postings.csv"]
    world.inbox.take(world.put("taken.csv"), TODAY)
    assert f"{TODAY}: {active_run}" in world.reason()
    world.pipeline.instance.delete_run(active.run_id)
    assert world.request().partition_key == TODAY.isoformat()


def test_what_people_decided_holds(world: World) -> None:
    world.put("postings.csv")
    world.reason()
    assert world.reason(blocked="it was paused") == "1 complete, but it was paused"
    assert world.files() == ["postings.csv"]
    world.request()
    assert world.reason(blocked="it was paused") == f"{TODAY}: it was paused"


def test_a_link_stays_and_is_named(world: World) -> None:
    (world.folder / "postings.csv").symlink_to("/etc/passwd")
    for _tick in range(3):
        assert world.reason() == "neither a file nor a folder, so not read: postings.csv"
    assert world.files() == ["postings.csv"]
