"""Answers are made once for all who ask, and until the next refresh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

from market_assets.store.database import Database
from market_assets.web.market import responses
from market_assets.web.market.responses import AnswerCache, copied
from market_assets.web.market.snapshot import SnapshotCache
from market_assets_tests.web.market.asking import API
from market_assets_tests.web.market_client import market_client
from market_assets_tests.web.market_tables import fill, made_up_window

Make = Callable[[], Awaitable[Response]]


class Maker:
    """Makes answers as soon as it may; `made` are the bodies it began with."""

    def __init__(self, status: int = 200) -> None:
        self.may_go_on = asyncio.Event()
        self.made: list[str] = []
        self._status = status

    def of(self, body: str, error: Exception | None = None) -> Make:
        async def make() -> Response:
            self.made.append(body)
            await self.may_go_on.wait()
            if error:
                raise error
            return Response(body, self._status)

        return make


def test_all_who_ask_at_once_wait_for_the_same_answer() -> None:
    async def ask() -> None:
        cache, maker = AnswerCache(), Maker()
        waiting = [asyncio.ensure_future(cache.answer(("a",), maker.of("one"))) for _ in range(50)]
        other = asyncio.ensure_future(cache.answer(("b",), maker.of("other")))
        await asyncio.sleep(0)
        # The first to ask goes away: the others get theirs all the same.
        waiting.pop(0).cancel()
        maker.may_go_on.set()
        assert {bytes(answer.body) for answer in await asyncio.gather(*waiting)} == {b"one"}
        assert bytes((await other).body) == b"other"
        assert bytes((await cache.answer(("a",), maker.of("again"))).body) == b"one"
        assert maker.made == ["one", "other"]

    asyncio.run(ask())


def test_what_fails_is_not_kept() -> None:
    async def ask() -> None:
        cache, maker, missing = AnswerCache(), Maker(), Maker(404)
        failing = [asyncio.ensure_future(cache.answer(("a",), maker.of("bad", OSError("full")))) for _ in range(3)]
        await asyncio.sleep(0)
        maker.may_go_on.set()
        missing.may_go_on.set()
        assert [type(each) for each in await asyncio.gather(*failing, return_exceptions=True)] == [OSError] * 3
        assert bytes((await cache.answer(("a",), maker.of("good"))).body) == b"good"
        for _ in range(2):
            assert (await cache.answer(("b",), missing.of("none"))).status_code == 404
        assert (maker.made, missing.made) == (["bad", "good"], ["none", "none"])

    asyncio.run(ask())


def test_the_answers_used_last_are_kept() -> None:
    async def ask() -> None:
        cache, maker = AnswerCache(most_bytes=100_000), Maker()
        maker.may_go_on.set()
        for key in ("a", "b", "a", "c", "a", "b"):
            await cache.answer((key,), maker.of(key * 40_000))
        assert [body[0] for body in maker.made] == ["a", "b", "c", "b"]
        # One that is larger than all that may be kept.
        for _ in range(2):
            assert len((await cache.answer(("d",), maker.of("d" * 200_000))).body) == 200_000
            await cache.answer(("e" * 200_000,), maker.of("e"))
        assert [body[0] for body in maker.made[4:]] == ["d", "e", "d", "e"]

    asyncio.run(ask())


def test_what_middleware_adds_to_an_answer_stays_with_it() -> None:
    kept = Response("text", headers={"ETag": '"1"'})
    sent = copied(kept)
    sent.headers["RateLimit-Remaining"] = "5"
    assert "RateLimit-Remaining" not in kept.headers and "RateLimit-Remaining" not in copied(kept).headers
    assert (sent.body, sent.headers["etag"], copied(kept, b"longer").headers["content-length"]) == (
        b"text",
        '"1"',
        "6",
    )


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was encoded as JSON."""
    found: list[object] = []
    to_json = responses.to_json
    monkeypatch.setattr(responses, "to_json", lambda content: found.append(content) or to_json(content))
    return found


def test_an_address_is_answered_once_for_each_format(watching: TestClient, encoded: list[object]) -> None:
    first = watching.get(f"{API}/skills?limit=3")
    assert watching.get(f"{API}/skills?limit=3", headers={"Accept": "*/*"}).content == first.content
    assert watching.get(f"{API}/skills?limit=3", headers={"If-None-Match": '"other"'}).content == first.content
    assert len(encoded) == 1
    csv = watching.get(f"{API}/skills?limit=3", headers={"Accept": "text/csv"})
    assert csv.headers["content-type"].startswith("text/csv") and len(csv.text.splitlines()) == 4
    assert watching.get(f"{API}/skills?limit=3").content == first.content
    assert watching.get(f"{API}/skills?limit=4").json()["count"] == 4
    assert len(encoded) == 2


def test_a_copy_that_is_current_is_not_what_others_get(watching: TestClient) -> None:
    etag = watching.get(f"{API}/summary").headers["etag"]
    held = watching.get(f"{API}/trending", headers={"If-None-Match": etag})
    assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", etag)
    assert watching.get(f"{API}/trending").json()["total"] > 0


def test_a_refresh_is_seen_while_the_answer_before_it_is_being_made(changing: Database) -> None:
    """The figures of the old tables are neither kept with the new ones nor given to those who ask later."""

    async def ask() -> None:
        tables, maker = SnapshotCache(changing, check_seconds=0), Maker()
        old = await tables.current()
        slow = asyncio.ensure_future(old.answers.answer(("a",), maker.of("old")))
        await asyncio.sleep(0)
        changing.pooled_engine().dispose()
        fill(changing, made_up_window(seed=8))
        new = await tables.current()
        assert new is not old
        maker.may_go_on.set()
        assert bytes((await new.answers.answer(("a",), maker.of("new"))).body) == b"new"
        assert bytes((await slow).body) == b"old"
        assert bytes((await new.answers.answer(("a",), maker.of("newer"))).body) == b"new"

    asyncio.run(ask())
    changing.pooled_engine().dispose()


def test_a_store_that_failed_is_asked_again(changing: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with market_client(changing) as client:

        def fail(_content: object) -> bytes:
            raise OSError("once")

        with monkeypatch.context() as broken:
            broken.setattr(responses, "to_json", fail)
            assert client.get(f"{API}/skills").status_code == 500
        assert client.get(f"{API}/skills").status_code == 200
