"""Configured sources as the pipeline and `market-assets sources check` use them, against a server."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import pytest
from board_server import Answer, BoardServer
from recordings import RSS, as_json

from market_assets.cli.command import CommandFailedError
from market_assets.cli.sources import check_sources
from market_assets.defs.assets.raw_postings import raw_postings_asset, refetching
from market_assets.defs.partitions import PARTITION_TAG, partitions_from
from market_assets.defs.resources import store_resource
from market_assets.operations.names import INGESTION
from market_assets.settings import Settings, SettingsError
from market_assets.sources.boards.fields import Fields
from market_assets.sources.boards.open_boards import Arbeitnow
from market_assets.sources.configuration import load_sources
from market_assets.sources.protocol import Fetch, SourceError, Tools
from market_assets.store.landing import Landing
from market_assets_tests import pipelines as ingestion

GONE = Answer(status=404)


def jobs(title: str) -> Answer:
    return Answer(as_json({"jobs": [{"title": title}]}))


def configured(folder: Path, *entries: dict[str, Any], **more: str) -> Settings:
    path = folder / "sources.yaml"
    path.write_text(json.dumps({"sources": entries}))
    return Settings(
        MARKET_ASSETS_SOURCES=path,
        MARKET_ASSETS_DATA_DIR=folder / "data",
        DATABASE_URL=f"sqlite:///{folder / 'market.db'}",
        _env_file=None,
        **more,
    )


class Pipeline:
    """The raw postings of one source, for today or for the partition that was first fetched."""

    def __init__(self, settings: Settings) -> None:
        (self._source,) = load_sources(settings.sources, keys=settings.board_keys)
        self.day = datetime.now(UTC).date()
        daily = partitions_from(self.day - timedelta(days=30))
        asset = raw_postings_asset(self._source)
        self._assets = [asset.map_asset_specs(lambda spec: spec.replace_attributes(partitions_def=daily))]
        self._settings = settings

    def run(self, refetch: bool = False) -> tuple[dict[str, Any], bool]:
        """The figures with the failure, and whether the check passed, as it does where the day is materialized."""
        result = dg.materialize(
            self._assets,
            resources={"store": store_resource(self._settings, [self._source])},
            partition_key=self.day.isoformat(),
            run_config=refetching([self._source]) if refetch else None,
        )
        (check,) = result.get_asset_check_evaluations()
        materialized = result.get_asset_materialization_events()
        assert len(materialized) == check.passed
        figures = materialized[0].materialization.metadata if check.passed else check.metadata
        shown = {name: value.value for name, value in figures.items()}
        return {**shown, "failure": check.description}, check.passed

    def landed(self, name: str) -> list[str]:
        found = Landing(self._settings.landing).landed(name, self.day)
        return [payload.name for payload in found.payloads] if found else []


def test_what_failed_is_fetched_when_the_day_is_run_again(server: BoardServer, tmp_path: Path) -> None:
    server.serve("/a/jobs", jobs("first"))
    entry = {"type": "greenhouse", "url": server.url, "companies": ["a", "b"]}
    pipeline = Pipeline(configured(tmp_path, entry))

    shown, passed = pipeline.run()
    assert (shown["payloads"], passed) == (1, False)
    assert f"greenhouse on {pipeline.day}: {server.url}/b/jobs: HTTP 404" in shown["failure"]
    assert pipeline.landed("greenhouse") == ["a.json"]

    server.serve("/b/jobs", jobs("second"))
    server.serve("/a/jobs", GONE)
    shown, passed = pipeline.run()
    assert (shown["payloads"], passed) == (2, False)
    assert sorted(pipeline.landed("greenhouse")) == ["a.json", "b.json"]

    server.serve("/a/jobs", jobs("third"))
    shown, passed = pipeline.run()
    assert (shown["payloads"], passed) == (2, True)

    server.asked.clear()
    shown, passed = pipeline.run()
    assert (shown["days_kept"], passed, server.asked) == (1, True, [])

    server.serve("/a/jobs", GONE)
    server.serve("/b/jobs", GONE)
    shown, passed = pipeline.run(refetch=True)
    assert not passed
    assert sorted(pipeline.landed("greenhouse")) == ["a.json", "b.json"], "what was landed stays"


def test_an_answer_of_another_shape_reddens_its_own_check(server: BoardServer, tmp_path: Path) -> None:
    changed = Answer(b'{"jobs": [{"headline": "a"}, {"headline": "b"}]}')
    server.serve("/a/jobs", changed)
    server.serve("/b/jobs", jobs("second"))
    entry = {"type": "greenhouse", "url": server.url, "companies": ["a", "b"]}
    pipeline = Pipeline(configured(tmp_path, entry))

    shown, passed = pipeline.run()
    assert (shown["payloads"], passed) == (2, False)
    assert "a.json: its format has changed: no posting has a title among its fields (headline)" in shown["failure"]
    assert "b.json" not in shown["failure"]

    server.asked.clear()
    server.serve("/a/jobs", jobs("first"))
    shown, passed = pipeline.run()
    assert (shown["payloads"], passed) == (2, True), "today's can be fetched again"
    assert server.asked != []


class ChangedBoard(Arbeitnow):
    """A board whose title has moved, and whose code comes to know that."""

    title: ClassVar[str] = "title"

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        return {**self.stated_fields(record), "title": record.get(self.title)}


def test_a_past_day_is_read_from_what_was_landed_once_the_code_understands_it(
    server: BoardServer, make_client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.serve("/api", Answer(as_json({"data": [{"headline": "Cook"}, {"headline": "Nurse"}]})))
    source = ChangedBoard(url=url).make(Tools(get=make_client().get))
    settings = configured(tmp_path)
    now = datetime.now(UTC) - timedelta(3)
    Landing(settings.landing).land("arbeitnow", now.date(), source.fetch(now.date(), now))
    with ingestion.Pipeline(settings, source) as pipeline:
        failed = pipeline.run(INGESTION, {PARTITION_TAG: now.date().isoformat()})
        assert "no posting has a title" in ingestion.failure_of(failed)
        checks = {check.check_name: check.passed for check in failed.get_asset_check_evaluations()}
        assert checks == {"fetched": False}

        monkeypatch.setattr(ChangedBoard, "title", "headline")
        again = pipeline.ingest(now.date())
        assert all(check.passed for check in again.get_asset_check_evaluations())
        assert {row["title"] for row in pipeline.rows("job_postings")} == {"Cook", "Nurse"}
    assert len(server.asked) == 1


class DecodedPages(Arbeitnow):
    """A board that notes which contents it decodes."""

    decoded: ClassVar[list[bytes]] = []

    def document(self, content: bytes) -> Any:
        self.decoded.append(content)
        return super().document(content)


def test_a_page_is_decoded_once_when_it_is_fetched_and_once_when_it_is_ingested(
    server: BoardServer, make_client: Any, tmp_path: Path
) -> None:
    first = as_json({"data": [{"title": "Cook", "slug": "1"}], "links": {"next": "x"}})
    last = as_json({"data": [{"title": "Nurse", "slug": "2"}], "links": {}})
    url = server.serve("/api", Answer(first), Answer(last))
    source = DecodedPages(url=url).make(Tools(get=make_client().get))
    day = datetime.now(UTC).date()
    with ingestion.Pipeline(configured(tmp_path), source) as pipeline:
        pipeline.ingest(day)
        assert DecodedPages.decoded == [first, last, first, last]
        DecodedPages.decoded.clear()
        pipeline.ingest(day)
        assert DecodedPages.decoded == [first, last], "a day that is kept is only ingested"
        assert {row["title"] for row in pipeline.rows("job_postings")} == {"Cook", "Nurse"}


def test_a_board_that_never_ends_its_answer_does_not_keep_the_others_from_being_ingested(
    server: BoardServer, make_client: Any, tmp_path: Path
) -> None:
    def for_ever(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not server.over.wait(0.02):
            handler.wfile.write(b"a")

    client = make_client(total=0.3, attempts=2, clock=time.monotonic)
    stalling = Arbeitnow(url=server.serve("/api", for_ever)).make(Tools(get=client.get))
    day = datetime.now(UTC).date()
    other = ingestion.ListedSource(days={day: [{"title": "Nurse"}]})
    with ingestion.Pipeline(configured(tmp_path), stalling, other) as pipeline:
        run = pipeline.run(INGESTION, {PARTITION_TAG: day.isoformat()})
        assert [row["title"] for row in pipeline.rows("job_postings")] == ["Nurse"]
        fetched = {
            check.asset_key.to_user_string(): check.passed
            for check in run.get_asset_check_evaluations()
            if check.check_name == "fetched"
        }
        assert fetched == {"raw_postings/arbeitnow": False, "raw_postings/listed": True}


@dataclass
class WaitingSource(ingestion.ListedSource):
    """A source that answers when something has happened, and says when it was asked."""

    until: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)

    def fetch(self, day: date, now: datetime) -> Fetch:
        self.asked.set()
        if not self.until.wait(PATIENCE_SECONDS):
            raise SourceError("it never happened", permanent=True)
        return super().fetch(day, now)


PATIENCE_SECONDS = 300


@pytest.mark.parametrize("stalling_name", ["a", "z"])
def test_other_sources_are_fetched_while_one_stalls(tmp_path: Path, stalling_name: str) -> None:
    day = datetime.now(UTC).date()
    others = [WaitingSource(name, {day: [{"title": f"Cook {name}"}]}) for name in ("b", "c")]
    stalling = WaitingSource(stalling_name, {day: [{"title": "Nurse"}]})
    # Each is fetched only once the next one has been asked.
    for source, asked in zip((stalling, *others), (others[0].asked, others[1].asked, stalling.asked), strict=True):
        source.until = asked
    with ingestion.Pipeline(configured(tmp_path), *others, stalling) as pipeline:
        run = pipeline.run(INGESTION, {PARTITION_TAG: day.isoformat()})
        assert {row["title"] for row in pipeline.rows("job_postings")} == {"Cook b", "Cook c", "Nurse"}
        fetched = [
            (check.asset_key.path[-1], check.passed)
            for check in run.get_asset_check_evaluations()
            if check.check_name == "fetched"
        ]
        assert fetched == [(name, True) for name in sorted(("b", "c", stalling_name))], (
            "in the order of their names"
        )


def test_only_the_sources_of_a_run_are_fetched(tmp_path: Path) -> None:
    day = datetime.now(UTC).date()
    chosen = ingestion.ListedSource("chosen", {day: [{"title": "Nurse"}]})
    other = WaitingSource("other", {day: [{"title": "Cook"}]})
    other.until.set()
    tags = {PARTITION_TAG: day.isoformat()}
    with ingestion.Pipeline(configured(tmp_path), chosen, other) as pipeline:
        assert pipeline.materialize("raw_postings/chosen", tags=tags).success
        pipeline.run(INGESTION, tags, selection=[dg.AssetKey(["raw_postings", "chosen"])])
        assert not other.asked.is_set()
        assert Landing(pipeline.settings.landing).landed("other", day) is None
        pipeline.run(INGESTION, tags)
        assert other.asked.is_set()


def test_each_source_is_fetched_again_where_that_is_asked_for(tmp_path: Path) -> None:
    day = datetime.now(UTC).date() - timedelta(days=1)
    sources = [ingestion.ListedSource(name, {day: [{"title": "Nurse"}]}) for name in ("a", "b", "c")]
    with ingestion.Pipeline(configured(tmp_path), *sources) as pipeline:
        pipeline.ingest(day)
        again = pipeline.run(INGESTION, {PARTITION_TAG: day.isoformat()}, refetching(sources[1:]))
        fetched = {
            event.asset_key.path[-1]: event.materialization.metadata["days_fetched"].value
            for event in again.get_asset_materialization_events()
            if event.asset_key and event.asset_key.path[0] == "raw_postings"
        }
        assert fetched == {"a": 0, "b": 1, "c": 1}


def test_no_key_in_anything_that_is_kept(server: BoardServer, tmp_path: Path) -> None:
    keys = {"ADZUNA_APP_ID": "visible-app-id", "ADZUNA_APP_KEY": "visible-app-key"}
    server.serve("/gb/search/1", Answer(b'{"results": [{"title": "visible-app-key"}]}', headers={"ETag": '"1"'}))
    entry = {"type": "adzuna", "url": server.url, "countries": ["gb", "us"]}
    settings = configured(tmp_path, entry, **keys)
    shown, passed = Pipeline(settings).run()
    assert not passed
    kept = [path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file()]
    kept += [gzip.decompress(each) for each in kept if each[:2] == b"\x1f\x8b"]
    assert len(kept) > 1
    for text in (*kept, repr(shown).encode()):
        assert b"visible" not in text


def test_the_check_tries_each_source_with_one_request(
    server: BoardServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rss = server.serve("/rss", Answer(RSS.encode())).replace("127.0.0.1", "localhost")
    lists = server.serve(
        "/lists", Answer(b'{"data": [{"title": "Cook", "company_name": "Inn"}], "links": {"next": "x"}}')
    )
    settings = configured(
        tmp_path,
        {"type": "feed", "feeds": [rss, f"{rss}?more"]},
        {"type": "arbeitnow", "url": lists},
        {"type": "sample", "postings_per_day": 3},
    )
    check_sources(settings)
    shown = capsys.readouterr().out
    assert [asked.path for asked in server.asked] == ["/rss", "/lists"]
    # The sample's other boards and sightings depend on the day: at least what was asked for.
    for name, number in (("feed", r"2"), ("arbeitnow", r"1"), ("sample", r"[3-9]|1\d")):
        (line,) = (line for line in shown.splitlines() if name in line)
        cells = [cell.strip() for cell in line.split("│")[1:4]]
        assert cells[:2] == [name, "yes"]
        assert re.fullmatch(number, cells[2])
    assert not settings.data_dir.exists() or not list(settings.data_dir.rglob("manifest.json"))


def test_the_check_says_what_is_wrong(
    server: BoardServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = configured(
        tmp_path,
        {"type": "remotive", "url": f"{server.url}/gone"},
        {"type": "jobicy", "url": server.serve("/api", Answer(b'{"jobs": {}}')).replace("127.0.0.1", "localhost")},
        {"type": "file", "path": str(tmp_path / "none.csv")},
    )
    with pytest.raises(CommandFailedError, match="3 of 3 sources have a problem: remotive, jobicy, file"):
        check_sources(settings)
    shown = capsys.readouterr().out
    for name, reachable, problem in (
        ("remotive", "no", "HTTP 404 Not Found"),
        ("jobicy", "yes", "`jobs` is not a list but {}"),
        ("file", "no", "there is no such file"),
    ):
        (line,) = (line for line in shown.splitlines() if f"│ {name} " in line)
        assert [cell.strip() for cell in line.split("│")[1:3]] == [name, reachable]
        assert problem in line


def test_a_missing_key_is_told_at_the_start(tmp_path: Path) -> None:
    settings = configured(tmp_path, {"type": "jsearch", "queries": ["nurse"]})
    with pytest.raises(SettingsError, match=r"source 1 \(jsearch\): it needs RAPIDAPI_KEY"):
        check_sources(settings)
