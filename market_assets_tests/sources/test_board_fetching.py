"""Boards against a server that serves their recordings, page by page, and then misbehaves."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from board_server import Answer, Behaviour, BoardServer, Waiting
from recordings import (
    ADZUNA,
    HACKER_NEWS_SEARCH,
    HACKER_NEWS_THREAD,
    JOB_PAGE,
    JSEARCH,
    RSS,
    SITEMAP,
    as_json,
)

from market_assets.cli.templates.source import ExampleBoard
from market_assets.sources.configuration import ENTRIES
from market_assets.sources.protocol import Source, SourceError, Tools
from market_assets.store.landing import Landing

NOW = datetime(2026, 8, 16, 12, tzinfo=UTC)
DAY = NOW.date()
KEYS = {"ADZUNA_APP_ID": "my-app-id", "ADZUNA_APP_KEY": "my-app-key", "RAPIDAPI_KEY": "my-rapid-key"}


def jobs(*titles: str, **more: Any) -> Answer:
    return Answer(as_json({"jobs": [{"title": title} for title in titles], **more}))


class Fetching:
    """Sources whose addresses are the server's, landed in a folder."""

    def __init__(self, server: BoardServer, make_client: Any, folder: Path) -> None:
        self.server = server
        self.landing = Landing(str(folder))
        self._make_client = make_client
        self.limits: dict[str, Any] = {}

    def source(self, kind: str, **settings: Any) -> Source:
        client = self._make_client(**self.limits)
        return ENTRIES[kind](**settings).make(Tools(get=client.get, keys=KEYS))

    def land(self, source: Source, **kept: Any) -> Any:
        return self.landing.land(source.name, DAY, source.fetch(DAY, NOW), **kept)

    def titles(self, source: Source) -> list[str]:
        """The titles of what was landed."""
        landed = self.landing.landed(source.name, DAY)
        assert landed is not None
        titles: list[str] = []
        for payload in self.landing.open(landed):
            with payload.open() as content:
                for batch in source.read(payload.name, content):
                    titles += batch.frame["title"].to_list()
        return titles


@pytest.fixture
def fetching(server: BoardServer, make_client: Any, tmp_path: Path) -> Fetching:
    return Fetching(server, make_client, tmp_path / "landing")


# What is asked --------------------------------------------------------------------------------------------

ONE_ANSWER = [
    ("remoteok", {}, "remoteok", {}, 3),
    ("remotive", {"category": "software-dev"}, "remotive", {"category": "software-dev"}, 3),
    ("jobicy", {"geo": "usa", "count": 20}, "jobicy", {"geo": "usa", "count": "20"}, 3),
]


@pytest.mark.parametrize(("kind", "settings", "recording", "query", "number"), ONE_ANSWER)
def test_boards_with_one_answer(
    fetching: Fetching, real_data: Path, kind: str, settings: Any, recording: str, query: Any, number: int
) -> None:
    body = (real_data / "payloads" / f"{recording}.json").read_bytes()
    source = fetching.source(kind, url=fetching.server.serve("/api", Answer(body)), **settings)
    landed = fetching.land(source)
    assert [payload.name for payload in landed.payloads] == ["postings.json"]
    (payload,) = fetching.landing.open(landed)
    assert payload.open().read() == body
    assert len(fetching.titles(source)) == number
    (asked,) = fetching.server.asked
    assert asked.query == query


COMPANY_BOARDS = [
    ("greenhouse", "greenhouse", "/gitlab/jobs", {"content": "true"}, 2),
    ("lever", "lever", "/gitlab", {"mode": "json"}, 2),
    ("ashby", "ashby", "/gitlab", {"includeCompensation": "true"}, 3),
]


@pytest.mark.parametrize(("kind", "recording", "path", "query", "number"), COMPANY_BOARDS)
def test_companies_are_asked_one_by_one_and_fail_alone(
    fetching: Fetching, real_data: Path, kind: str, recording: str, path: str, query: Any, number: int
) -> None:
    body = (real_data / "payloads" / f"{recording}.json").read_bytes()
    fetching.server.serve(path, Answer(body))
    source = fetching.source(kind, url=fetching.server.url, companies=["gone", "gitlab", "gitlab"])

    landed = fetching.land(source)

    assert [payload.name for payload in landed.payloads] == ["gitlab.json"]
    assert len(landed.problems) == 1
    assert "/gone" in landed.problems[0]
    assert "HTTP 404 Not Found (there is no such page or board)" in landed.problems[0]
    assert fetching.landing.landed(kind, DAY) == landed
    assert len(fetching.titles(source)) == number
    assert [asked.query for asked in fetching.server.asked] == [query, query]


def test_all_companies_fail(fetching: Fetching) -> None:
    source = fetching.source("lever", url=fetching.server.url, companies=["a", "b"])
    with pytest.raises(SourceError, match=r"/a: HTTP 404 .+; .+/b: HTTP 404") as caught:
        fetching.land(source)
    assert caught.value.permanent
    assert fetching.landing.landed("lever", DAY) is None
    fetching.server.serve("/a", Answer(status=500))
    with pytest.raises(SourceError) as caught:
        fetching.land(source)
    assert not caught.value.permanent


def test_what_was_landed_of_a_page_stays_when_it_fails_later(fetching: Fetching) -> None:
    gone, first, second = Answer(status=404), jobs("first"), jobs("second")
    fetching.server.serve("/a/jobs", first, gone)
    fetching.server.serve("/b/jobs", gone, second)
    source = fetching.source("greenhouse", url=fetching.server.url, companies=["a", "b"])

    landed = fetching.land(source)
    assert (fetching.titles(source), len(landed.problems)) == (["first"], 1)
    landed = fetching.land(source, kept=landed)
    assert (sorted(fetching.titles(source)), len(landed.problems)) == (["first", "second"], 1)

    fetching.server.serve("/a/jobs", jobs("third"))
    landed = fetching.land(source, kept=landed)
    assert (sorted(fetching.titles(source)), landed.problems) == (["second", "third"], ())


def test_arbeitnow_turns_pages_until_there_is_none(fetching: Fetching) -> None:
    def page(handler: Any) -> None:
        number = int(handler.path.partition("page=")[2] or 1)
        more = f"https://elsewhere.example/?page={number + 1}" if number < 3 else None
        Answer(as_json({"data": [{"title": f"job {number}"}], "links": {"next": more}}))(handler)

    source = fetching.source("arbeitnow", url=fetching.server.serve("/api", page))
    landed = fetching.land(source)
    assert [payload.name for payload in landed.payloads] == ["postings.json", "postings-2.json", "postings-3.json"]
    assert fetching.titles(source) == ["job 1", "job 2", "job 3"]
    assert [asked.query.get("page") for asked in fetching.server.asked] == [None, "2", "3"]

    fetching.land(fetching.source("arbeitnow", url=f"{fetching.server.url}/api", pages=2))
    assert fetching.titles(source) == ["job 1", "job 2"]


def test_himalayas_turns_pages_by_offset(fetching: Fetching) -> None:
    url = fetching.server.serve(
        "/api", jobs("1", totalCount=45), jobs("2", totalCount=45), jobs("3", totalCount=45)
    )
    source = fetching.source("himalayas", url=url)
    fetching.land(source)
    assert fetching.titles(source) == ["1", "2", "3"]
    assert [asked.query["offset"] for asked in fetching.server.asked] == ["0", "20", "40"]


def test_adzuna_asks_country_by_country_with_its_keys(fetching: Fetching) -> None:
    echo = Answer(as_json({**ADZUNA, "you_asked": "app_key=my-app-key"}))
    for path in ("/gb/search/1", "/gb/search/2", "/us/search/1"):
        fetching.server.serve(path, echo)
    source = fetching.source("adzuna", url=fetching.server.url, countries=["gb", "us"], what="python")

    landed = fetching.land(source)

    assert [payload.name for payload in landed.payloads] == ["gb.json", "gb-2.json", "us.json"]
    assert len(landed.problems) == 1 and "/us/search/2: HTTP 404" in landed.problems[0]
    assert {asked.query["app_key"] for asked in fetching.server.asked} == {"my-app-key"}
    assert {asked.query["what"] for asked in fetching.server.asked} == {"python"}
    for payload in fetching.landing.open(landed):
        assert b"my-app-key" not in payload.open().read()


def test_jsearch_sends_its_key_in_a_header(fetching: Fetching) -> None:
    url = fetching.server.serve("/search", Answer(as_json(JSEARCH)), Answer(as_json({"data": []})))
    source = fetching.source("jsearch", url=url, queries=["nurse in texas"], country="us", pages=5)
    fetching.land(source)
    assert fetching.titles(source) == ["Nurse"]
    assert [asked.query["page"] for asked in fetching.server.asked] == ["1", "2"]
    asked = fetching.server.asked[0]
    assert (asked.query["query"], asked.query["country"]) == ("nurse in texas", "us")
    assert asked.headers["x-rapidapi-key"] == "my-rapid-key"
    assert asked.headers["x-rapidapi-host"] == fetching.server.url.removeprefix("http://")


def test_hacker_news_finds_the_newest_thread(fetching: Fetching) -> None:
    fetching.server.serve("/search_by_date", Answer(as_json(HACKER_NEWS_SEARCH)))
    fetching.server.serve("/items/901", Answer(as_json(HACKER_NEWS_THREAD)))
    source = fetching.source("hacker_news", url=fetching.server.url)
    fetching.land(source)
    assert fetching.titles(source) == ["Senior Rust Engineer", "Data Scientist, Product Manager"]
    assert [asked.path for asked in fetching.server.asked] == ["/search_by_date", "/items/901"]
    for search, message in ((b'{"hits": []}', "there is no thread called"), (b"<html>", "is not JSON")):
        fetching.server.serve("/search_by_date", Answer(search))
        with pytest.raises(SourceError, match=message):
            fetching.land(source)


def test_pages_of_a_sitemap_but_of_no_other_host(fetching: Fetching) -> None:
    url = fetching.server.url
    fetching.server.serve("/sitemap.xml", Answer(SITEMAP.format(url).encode()))
    fetching.server.serve("/jobs/7", Answer(JOB_PAGE.encode()))
    source = fetching.source("jsonld", feeds=[f"{url}/sitemap.xml"])
    landed = fetching.land(source)
    assert fetching.titles(source) == ["Welder"]
    assert [asked.path for asked in fetching.server.asked] == ["/sitemap.xml", "/jobs/7", "/jobs/8"]
    assert len(landed.problems) == 1 and "/jobs/8: HTTP 404" in landed.problems[0]
    fetching.server.serve("/sitemap.xml", Answer(b"<html>"))
    with pytest.raises(SourceError, match=r"/sitemap.xml: it is not XML"):
        fetching.land(source)


def test_feeds_have_names_of_their_own(fetching: Fetching) -> None:
    first = fetching.server.serve("/rss", Answer(RSS.encode()))
    source = fetching.source("feed", feeds=[f"{first}?token=hidden", f"{first}?b"])
    landed = fetching.land(source)
    names = [payload.name for payload in landed.payloads]
    assert len(set(names)) == 2
    assert all("hidden" not in name and "/" not in name and name.endswith(".json") for name in names)
    assert fetching.titles(source) == ["Acme: Data Engineer", "Cook"] * 2


def test_a_past_day_can_not_be_had(fetching: Fetching) -> None:
    for kind in ("remoteok", "hacker_news"):
        source = fetching.source(kind)
        assert not source.any_day
        assert source.kind == "board"
        with pytest.raises(
            SourceError, match=f"{kind} has only its current postings, so it has nothing for 2026-08-15"
        ):
            source.fetch(date(2026, 8, 15), NOW)


# What goes wrong ------------------------------------------------------------------------------------------

KINDS: list[tuple[str, str, dict[str, Any], bytes]] = [
    ("remoteok", "/api", {}, b'[{"legal": ""}, {"id": "1", "position": "Cook"}]'),
    ("remotive", "/api", {}, b'{"jobs": [{"title": "Cook"}]}'),
    ("arbeitnow", "/api", {}, b'{"data": [{"title": "Cook"}]}'),
    ("himalayas", "/api", {}, b'{"jobs": [{"title": "Cook"}]}'),
    ("jobicy", "/api", {}, b'{"jobs": [{"jobTitle": "Cook"}]}'),
    ("greenhouse", "/api/a/jobs", {"companies": ["a"]}, b'{"jobs": [{"title": "Cook"}]}'),
    ("lever", "/api/a", {"companies": ["a"]}, b'[{"text": "Cook"}]'),
    ("ashby", "/api/a", {"companies": ["a"]}, b'{"jobs": [{"title": "Cook"}]}'),
    ("adzuna", "/api/gb/search/1", {"countries": ["gb"]}, b'{"results": [{"title": "Cook"}]}'),
    ("jsearch", "/api", {"queries": ["a"]}, b'{"data": [{"job_title": "Cook"}]}'),
    ("hacker_news", "/api/search_by_date", {}, as_json(HACKER_NEWS_SEARCH)),
    ("jsonld", "/api", {"pages": []}, b'{"@type": "JobPosting", "title": "Cook"}'),
    ("feed", "/api", {"feeds": []}, b"<rss><item><title>Cook</title></item></rss>"),
]


def troubled(fetching: Fetching, kind: str, path: str, settings: dict[str, Any], *answers: Behaviour) -> Source:
    """The source of a kind whose first answers are these."""
    fetching.server.serve(path, *answers)
    fetching.server.serve("/api/items/901", Answer(b'{"children": [{"text": "Inn | Cook"}]}'))
    root = f"{fetching.server.url}/api"
    settings = {name: value or [root] for name, value in settings.items()}
    return fetching.source(kind, **settings, **({} if kind in ("jsonld", "feed") else {"url": root}))


@pytest.mark.parametrize(("kind", "path", "settings", "fine"), KINDS, ids=[each[0] for each in KINDS])
class TestEverySource:
    """Each kind of source, with its own requests, through the same troubles."""

    def test_trouble_that_passes(
        self, fetching: Fetching, waiting: Any, kind: str, path: str, settings: dict[str, Any], fine: bytes
    ) -> None:
        busy, cut = Answer(b"", 429, {"Retry-After": "11"}), fetching.server.cut
        source = troubled(fetching, kind, path, settings, busy, Answer(status=500), cut, Answer(fine))
        if kind == "jsearch":
            fetching.server.serve(path, busy, Answer(status=500), cut, Answer(fine), Answer(b'{"data": []}'))
        landed = fetching.land(source)
        assert fetching.titles(source) == ["Cook"]
        assert landed.problems == ()
        assert waiting.waits == [11.0, 2.0, 4.0]

    @pytest.mark.parametrize(
        ("trouble", "permanent", "message"),
        [
            ("down", False, "HTTP 503 Service Unavailable, 2 times"),
            ("stall", False, "no answer in time, 2 times"),
            ("cut", False, "2 times"),
            ("endless", True, "larger than 5 MB"),
            ("huge", True, "larger than 5 MB"),
            ("expired", True, "HTTP 401 Unauthorized"),
            ("forbidden", True, "HTTP 403 Forbidden"),
            ("loop", True, "redirects more than 5 times"),
            ("wrong", False, "is not|not XML"),
        ],
    )
    def test_trouble_that_stays(
        self,
        fetching: Fetching,
        kind: str,
        path: str,
        settings: dict[str, Any],
        fine: bytes,
        trouble: str,
        permanent: bool,
        message: str,
    ) -> None:
        answers: dict[str, Behaviour] = {
            "down": Answer(status=503),
            "stall": fetching.server.stall,
            "cut": fetching.server.cut,
            "endless": fetching.server.endless,
            "huge": Answer(fine, headers={"Content-Length": "2000000000"}),
            "expired": Answer(b"my-app-key my-rapid-key", 401),
            "forbidden": Answer(b"my-app-key my-rapid-key", 403),
            "loop": Answer(status=302, headers={"Location": path}),
            "wrong": Answer(b"<html>[ {" if kind != "jsonld" else b"{ not json"),
        }
        fetching.limits = {"attempts": 2, "read": 0.05 if trouble == "stall" else 60.0}
        source = troubled(fetching, kind, path, settings, answers[trouble])
        with pytest.raises(SourceError, match=message) as caught:
            fetching.land(source)
        said = str(caught.value)
        assert caught.value.permanent == permanent
        assert fetching.server.url.removeprefix("http://") in said
        assert not any(key in said for key in KEYS.values())
        if trouble in ("expired", "forbidden") and kind in ("adzuna", "jsearch"):
            assert ("see ADZUNA_APP_ID and ADZUNA_APP_KEY" if kind == "adzuna" else "see RAPIDAPI_KEY") in said
        assert fetching.landing.landed(kind, DAY) is None


def test_another_shape_is_landed_to_be_read_again_and_refused(fetching: Fetching) -> None:
    changed = json.dumps({"jobs": {"1": {"title": "Cook"}}}).encode()
    source = fetching.source("himalayas", url=fetching.server.serve("/api", Answer(changed)))
    landed = fetching.land(source)
    (payload,) = fetching.landing.open(landed)
    assert payload.open().read() == changed
    with pytest.raises(SourceError, match="its format has changed"):
        fetching.titles(source)


def test_the_board_of_the_template_works(fetching: Fetching) -> None:
    job = {
        "id": 7,
        "title": "Cook",
        "company": {"name": "Inn"},
        "locations": ["Oslo", "Rome"],
        "pay": "0",
    }
    pages = [Answer(as_json({"jobs": [job], "more": more})) for more in (True, False)]
    board = ExampleBoard(url=fetching.server.serve("/jobs", *pages))
    source = board.make(Tools(get=fetching._make_client().get))
    fetching.land(source)
    assert fetching.titles(source) == ["Cook", "Cook"]
    assert [asked.query for asked in fetching.server.asked] == [{"category": "all", "page": n} for n in ("1", "2")]


def test_a_board_is_left_after_its_minutes_with_the_pages_that_it_has(
    server: BoardServer, make_client: Any, waiting: Waiting, tmp_path: Path
) -> None:
    def slow(title: str) -> Behaviour:
        def behave(handler: Any) -> None:
            waiting.seconds += 50
            jobs(title)(handler)

        return behave

    for company, title in (("a", "Cook"), ("b", "Baker"), ("c", "Waiter"), ("d", "Porter")):
        server.serve(f"/{company}/jobs", slow(title))
    board = ENTRIES["greenhouse"](url=server.url, companies=["a", "b", "c", "d"], fetch_minutes=2)
    source = board.make(Tools(get=make_client().get, clock=waiting.clock))
    landed = Landing(str(tmp_path)).land(source.name, DAY, source.fetch(DAY, NOW))
    assert [payload.name for payload in landed.payloads] == ["a.json", "b.json", "c.json"]
    (problem,) = landed.problems
    assert "/d/jobs: the source took longer than 2 minutes (`fetch_minutes`)" in problem
    assert len(server.asked) == 3
