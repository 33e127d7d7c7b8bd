"""The client against the real API behind its guard, waiting and `async`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from inspect import isfunction
from typing import Any, get_args, get_type_hints

import anyio
import httpx
import pytest
from starlette.testclient import TestClient

from market_assets import client as market
from market_assets.client import AsyncClient, Call, Client, MarketError
from market_assets.settings import Settings
from market_assets.store import users
from market_assets.store.database import Database
from market_assets.web.application import build_api
from market_assets.web.auth.credentials import Tokens, hash_password
from market_assets.web.auth.guard import Guard
from market_assets.web.auth.limits import RequestLimits
from market_assets_tests.store.migrating import copied
from market_assets_tests.web.market.asking import conforms
from market_assets_tests.web.market_tables import fill

BASE, PASSWORD = "http://localhost:3000", "correct horse battery staple"
CALLS: dict[str, Call[Any]] = {
    "summary": market.summary(),
    "coverage": market.coverage(),
    "skills": market.skills(category="Category 1", sort="-median_salary", limit=3),
    "skill": market.skill("CI/CD"),
    "trend": market.trend("C#"),
    "history": market.history("C++"),
    "related": market.related("Python", limit=2),
    "recommendations": market.recommendations("Python"),
    "salaries": market.salaries(location="Berlin"),
    "employment_salaries": market.employment_salaries(employment_type="internship"),
    "categories": market.categories(search="category"),
    "industries": market.industries(),
    "locations": market.locations(search="Berlin"),
    "communities": market.communities(),
    "companies": market.companies(limit=3),
    "occupations": market.occupations(),
    "occupation": market.occupation("Nurse"),
    "occupation_skills": market.occupation_skills("Nurse", limit=3),
    "industry_skills": market.industry_skills("Health / Care"),
    "trending": market.trending(limit=3),
    "skill_gap": market.skill_gap(["Python"], industry="Technology", limit=3),
    "recommend": market.recommend(["Python", "C#"], limit=3),
}


@pytest.fixture(scope="module")
def database(migrated_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store with a market and a viewer."""
    made = copied(migrated_sqlite, tmp_path_factory.mktemp("client") / "market.db")
    fill(made)
    users.add_user(made, "vic", "viewer", hash_password(PASSWORD))
    yield made
    made.pooled_engine().dispose()
    made.accounts.pooled_engine().dispose()


@pytest.fixture
def token(database: Database) -> str:
    return users.add_access_token(database, "vic", "client", "read", 1)[1]


def guarded(database: Database, user: str = "100000/minute") -> Guard:
    settings = Settings(DATABASE_URL=database.url.render_as_string(hide_password=False), _env_file=None)
    tokens = Tokens(b"a key of thirty-two bytes or more, at least", database.accounts.pooled_engine())
    return Guard(build_api(None, settings, database), tokens, limits=RequestLimits(user=user))


@pytest.fixture(scope="module")
def app(database: Database) -> Guard:
    return guarded(database)


@pytest.fixture
def client(app: Guard, token: str) -> Client:
    return Client(BASE, token=token, http=TestClient(app, base_url=BASE))


@pytest.mark.parametrize("name", CALLS)
def test_every_call_has_the_answer_that_it_says(client: Client, name: str) -> None:
    answer = get_args(get_type_hints(getattr(market, name))["return"])[0]
    conforms(answer.__name__, client.send(CALLS[name]))


def test_every_call_is_there() -> None:
    assert set(CALLS) == {
        name for name, value in vars(market).items() if isfunction(value) and value.__module__ == market.__name__
    } - {"_path", "_stated"}


def test_rows_come_page_after_page(app: Guard, token: str) -> None:
    http = TestClient(app, base_url=BASE)
    pages: list[str] = []
    http.event_hooks["request"].append(lambda request: pages.append(request.url.path))
    client = Client(BASE, token=token, http=http)
    whole = client.send(market.skills(limit=500))["skills"]
    assert len(whole) > 20
    pages.clear()
    assert list(client.rows(market.skills(limit=7))) == whole
    assert len(pages) == -(-len(whole) // 7)
    assert list(client.rows(market.skills())) == whole
    assert [row["skill"] for row in client.rows(market.skills(search="skill 1", sort="skill"))][:2] == [
        "Skill 1",
        "Skill 10",
    ]


def test_a_list_comes_as_a_file(client: Client) -> None:
    rows = list(csv.DictReader(io.StringIO(client.file(market.trending(), "csv").decode())))
    assert [row["skill"] for row in rows] == [row["skill"] for row in client.rows(market.trending())]


def test_a_name_and_a_password_sign_in_and_again_when_the_token_is_over(app: Guard, database: Database) -> None:
    http = TestClient(app, base_url=BASE)
    asked: list[str] = []
    http.event_hooks["request"].append(lambda request: asked.append(request.url.path))
    client = Client(BASE, username="vic", password=PASSWORD, http=http)
    for _ in range(2):
        client.send(market.summary())
    assert asked.count("/api/auth/login") == 1
    # Ends every token of the user.
    users.set_password(database, "vic", hash_password(PASSWORD))
    client.send(market.summary())
    assert asked.count("/api/auth/login") == 2


@pytest.mark.parametrize("sign_in", [{"token": "mapat_wrong"}, {"username": "vic", "password": "wrong"}])
def test_a_wrong_sign_in_is_one_error(app: Guard, sign_in: dict[str, Any]) -> None:
    with pytest.raises(MarketError) as raised:
        Client(BASE, http=TestClient(app, base_url=BASE), **sign_in).send(market.summary())
    assert raised.value.status == 401


@pytest.mark.parametrize("sign_in", [{}, {"token": "x", "username": "vic", "password": "y"}, {"username": "vic"}])
def test_there_is_one_way_to_sign_in(sign_in: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either a token, or a username"):
        Client(BASE, **sign_in)


def test_problems_are_one_exception(client: Client) -> None:
    with pytest.raises(MarketError, match="404: Skill not found: Pyton; did you mean Python") as raised:
        client.send(market.skill("Pyton"))
    assert (raised.value.status, raised.value.suggestions) == (404, ["Python"])
    with pytest.raises(MarketError) as raised:
        client.send(market.salaries())
    assert (raised.value.status, raised.value.error) == (400, "Give either skill or location")


def test_too_many_requests_are_waited_for(database: Database, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    few = TestClient(guarded(database, "3/second"), base_url=BASE)
    client = Client(BASE, token=token, http=few)
    statuses: list[int] = []
    few.event_hooks["response"].append(lambda answer: statuses.append(answer.status_code))
    for _ in range(8):
        client.send(market.summary())
    assert statuses.count(200) == 8 and 429 in statuses
    monkeypatch.setattr("market_assets.api_client.sending._PATIENCE_SECONDS", 0.0)
    with pytest.raises(MarketError) as raised:
        for _ in range(8):
            client.send(market.summary())
    assert raised.value.status == 429


def test_a_longer_wait_than_patience_allows_is_refused_at_once() -> None:
    answers = [httpx.Response(429, headers={"Retry-After": "121"}, json={}), httpx.Response(200, json={})]
    http = httpx.Client(base_url=BASE, transport=httpx.MockTransport(lambda _request: answers.pop(0)))
    with pytest.raises(MarketError, match="429"):
        Client(BASE, token="mapat_any", http=http).send(market.summary())


def test_async_programs_have_the_same(app: Guard, token: str, client: Client) -> None:
    async def ask() -> tuple[Any, list[Any], bytes, int]:
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)
        async with AsyncClient(BASE, token=token, http=http) as asking:
            detail = await asking.send(market.skill("Python"))
            rows = [row async for row in asking.rows(market.skills(limit=7))]
            file = await asking.file(market.skills(), "parquet")
            try:
                await asking.send(market.skill("Pyton"))
            except MarketError as error:
                return detail, rows, file, error.status
        raise AssertionError

    detail, rows, file, status = anyio.run(ask)
    assert detail == client.send(market.skill("Python"))
    assert rows == list(client.rows(market.skills()))
    assert (file[:4], status) == (b"PAR1", 404)
