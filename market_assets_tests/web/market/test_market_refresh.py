"""When the market API looks at the tables again, and what clients may keep."""

from __future__ import annotations

import threading

import polars as pl
import pytest
from anyio import from_thread, to_thread
from starlette.testclient import TestClient

from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.results import read_table, replace_table
from market_assets.store.tables import results as tables
from market_assets.web.market.requests import Names
from market_assets.web.market.snapshot import SnapshotCache
from market_assets_tests.web.market.asking import API, demand_rows, got, walked
from market_assets_tests.web.market_client import market_client
from market_assets_tests.web.market_tables import AS_OF, fill, made_up_window


@pytest.mark.both_databases
def test_a_copy_holds_until_the_next_refresh(watching: TestClient, changing: Database) -> None:
    first = watching.get(f"{API}/skills")
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for sent in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = watching.get(f"{API}/skills", headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert watching.get(f"{API}/skills", headers={"If-None-Match": '"other"'}).content == first.content
    assert watching.get(f"{API}/skills/Qbasic", headers={"If-None-Match": etag}).status_code == 404
    changing.pooled_engine().dispose()
    fill(changing, made_up_window(seed=8))
    newer = watching.get(f"{API}/skills", headers={"If-None-Match": etag})
    assert newer.status_code == 200
    assert newer.headers["etag"] != etag
    assert walked(watching, "/skills", "skills") == demand_rows(changing, None)


def test_a_rebuild_of_the_recommendations_alone_is_seen(watching: TestClient, changing: Database) -> None:
    """It leaves market_summary, and so as_of, as they are."""
    etag = watching.get(f"{API}/skills/C%23/recommendations").headers["etag"]
    changing.pooled_engine().dispose()
    with MarketConnection(changing) as connection:
        rows = read_table(connection, tables.skill_recommendations).filter(pl.col("rank") == 1)
        replace_table(connection, tables.skill_recommendations, rows, expect_rows=True)
    answer = watching.get(f"{API}/skills/C%23/recommendations", headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert len(answer.json()["recommendations"]) == 1


def test_a_database_in_the_place_of_another_is_seen(watching: TestClient, changing: Database) -> None:
    """Same revisions, another as_of."""
    got(watching, "/summary")
    with changing.engine().begin() as connection:
        connection.execute(tables.market_summary.update().values(as_of=AS_OF.replace(year=2027)))
        connection.execute(tables.trending_skills.delete())
    assert got(watching, "/summary")["as_of"] == "2027-11-24T02:30:00Z"
    assert got(watching, "/trending")["total"] == 0


def test_nothing_is_read_again_while_a_check_is_not_due(changing: Database) -> None:
    with market_client(changing, check_seconds=3600) as client:
        before = got(client, "/summary")
        with changing.engine().begin() as connection:
            connection.execute(tables.market_summary.update().values(as_of=AS_OF.replace(year=2027)))
        assert got(client, "/summary") == before


def test_while_one_request_looks_for_a_newer_market_others_are_answered(changing: Database) -> None:
    cache = SnapshotCache(changing, check_seconds=0)
    looking, go_on = threading.Event(), threading.Event()
    newest = cache._newest

    def slowly() -> object:
        looking.set()
        assert go_on.wait(300)
        return newest()

    with from_thread.start_blocking_portal() as portal:
        first = portal.call(cache.current)
        cache._newest = slowly  # type: ignore[method-assign, assignment]
        waiting = portal.start_task_soon(cache.current)
        portal.call(to_thread.run_sync, looking.wait)
        assert portal.call(cache.current) is first
        go_on.set()
        assert waiting.result(300) is first
    changing.pooled_engine().dispose()


def test_a_store_without_tables_is_503(empty_database_url: str) -> None:
    with market_client(Database(empty_database_url)) as client:
        answer = client.get(f"{API}/summary")
    assert (answer.status_code, answer.json()["error"]) == (503, "The market database does not answer")
    assert int(answer.headers["retry-after"]) > 0


def test_names_that_differ_by_case_alone_are_kept_apart() -> None:
    names = Names(["Go", "GO", "Straße"])
    assert (names.find("Go"), names.find("GO"), names.find("strasse")) == ("Go", "GO", "Straße")
    assert names.find(" go ") in ("Go", "GO")
    assert names.find("") is None
