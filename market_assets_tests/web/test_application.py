"""Every error of `/api` is a problem with `error` and its status, and none shows what went wrong inside."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http import HTTPStatus

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.testclient import TestClient

from market_assets.settings import Settings
from market_assets.store.database import Database, StoreUnavailableError
from market_assets.web.application import build_api
from market_assets.web.auth.limits import RequestLimits, with_limits
from market_assets.web.errors import ApiError
from market_assets_tests.web.whole_process import WholeProcess

SECRET = "postgresql://someone:secret@host/market"
FAILURES: dict[str, Exception] = {
    "/api/conflict": ApiError(409, "The job is active", {"run_id": "abc"}),
    "/api/bug": RuntimeError(SECRET),
    "/api/store": StoreUnavailableError(SECRET),
    "/api/sql": sa.exc.OperationalError("SELECT 1", {}, Exception(SECRET)),
    "/api/busy": sa.exc.TimeoutError(SECRET),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    url = f"sqlite:///{tmp_path_factory.mktemp('application') / 'market.db'}"
    built = build_api(None, Settings(DATABASE_URL=url, _env_file=None), Database(url))
    for path in FAILURES:
        _fail_at(built, path)
    yield TestClient(built, raise_server_exceptions=False)


def _fail_at(api: FastAPI, path: str) -> None:
    @api.get(path)
    async def fail(number: int = 0) -> None:  # noqa: ARG001
        raise FAILURES[path]


@pytest.mark.parametrize(
    ("path", "status", "content"),
    [
        ("/api/conflict", 409, {"error": "The job is active", "run_id": "abc"}),
        ("/api/bug", 500, {"error": "Something went wrong; the web process's log has the details"}),
        ("/api/store", 503, {"error": "The market database does not answer"}),
        ("/api/sql", 503, {"error": "The market database does not answer"}),
        ("/api/busy", 503, {"error": "The market database does not answer"}),
        ("/api/nothing", 404, {"error": "Not Found"}),
        ("/api/conflict/", 404, {"error": "Not Found"}),
        (
            "/api/conflict?number=many",
            422,
            {"error": "number: Input should be a valid integer, unable to parse string as an integer"},
        ),
    ],
)
def test_errors(api: TestClient, path: str, status: int, content: dict[str, str]) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = {"type": "about:blank", "status": status, "title": HTTPStatus(status).phrase}
    assert answer.json() == {**problem, "detail": content["error"], **content}
    assert "Traceback" not in answer.text
    assert "secret" not in answer.text


def test_a_request_has_a_greatest_size(api: TestClient) -> None:
    def chunks(number: int) -> Iterator[bytes]:
        yield from [b" " * 100] * number

    client = TestClient(with_limits(api.app, RequestLimits(body_bytes=1_000)))
    for size, status in ((10, 422), (11, 413)):
        for content in (b" " * 100 * size, chunks(size)):
            answer = client.post("/api/auth/login", content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == status
            assert isinstance(answer.json()["error"], str)


def test_a_bug_is_in_the_log_with_its_traceback(api: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="market_assets"):
        api.get("/api/bug")
    assert "GET /api/bug failed" in caplog.text
    assert "Traceback" in caplog.text


def test_a_wrong_method_is_405_and_names_the_right_one(api: TestClient) -> None:
    answer = api.delete("/api/conflict")
    assert (answer.status_code, answer.json()["error"]) == (405, "Method Not Allowed")
    assert answer.headers["allow"] == "GET"


def test_all_problems_of_a_request_are_named(web: WholeProcess) -> None:
    answer = web.signed_in("vic").get("/api/v1/market/skills", params={"limit": 0, "offset": -1})
    assert answer.status_code == 422
    assert answer.json()["error"] == (
        "limit: Input should be greater than or equal to 1; offset: Input should be greater than or equal to 0"
    )


@pytest.mark.parametrize("name", [None, "vic", "ada"])
def test_the_real_process_words_errors_alike(web: WholeProcess, name: str | None) -> None:
    client = web.signed_in(name)
    for method, path in (
        ("GET", "/api/nothing"),
        ("GET", "/api/v1/market/skills/Qbasic"),
        ("GET", "/api/v1/market/salaries"),
        ("PUT", "/api/v1/market/summary"),
        ("POST", "/api/v1/market/skill-gap"),
        ("GET", "/api/admin/scheduler/jobs/nothing"),
        ("POST", "/api/auth/login"),
    ):
        answer = client.request(method, path)
        assert answer.status_code in (400, 401, 403, 404, 405, 422), (method, path, answer.text)
        assert isinstance(answer.json()["error"], str), (method, path)
        # The admin calls keep the shape that they have always had.
        is_plain = path.startswith("/api/admin/")
        assert answer.headers["content-type"] == ("application/json" if is_plain else "application/problem+json")
        assert (set(answer.json()) == {"error"}) is is_plain
