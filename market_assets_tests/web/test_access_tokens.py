"""Personal access tokens: what they may do, every way that one ends, attacks, and the commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

from market_assets import checked_settings
from market_assets.cli.main import main
from market_assets.store import audit, users
from market_assets.store.database import Database, accounts_engine_of
from market_assets.store.tables.administration import access_tokens
from market_assets.store.users import UserError
from market_assets.web.auth.credentials import PROGRAMS, TokenError, Tokens
from market_assets_tests.web.whole_process import PASSWORD, WholeProcess

TOKENS = "/api/auth/tokens"
SUMMARY = "/api/v1/market/summary"
JOBS = "/api/admin/scheduler/jobs"
HASH = "not a hash, but the store does not mind"


def made(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post(TOKENS, json={"name": "notebook", **body})
    assert answer.status_code == 201, answer.text
    content: dict[str, Any] = answer.json()
    return content


def by(web: WholeProcess, token: str) -> TestClient:
    return web.client(Authorization=f"Bearer {token}")


def expire(store: Database | sa.Engine, token_id: str) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    mine = access_tokens.c.token_id == token_id
    with accounts_engine_of(store).begin() as connection:
        connection.execute(sa.update(access_tokens).where(mine).values(expires_at=past))


def test_a_token_reads_and_no_more(web: WholeProcess) -> None:
    for name in ("vic", "ada"):
        program = by(web, made(web.signed_in(name))["token"])
        assert program.get(SUMMARY).status_code == 200
        assert program.post("/api/v1/market/skill-gap", json={"skills": []}).status_code == 200
        assert program.post("/graphql", json={"query": "{ version }"}).status_code == 200
        for method, path in (("GET", JOBS), ("POST", "/api/admin/scheduler/stop"), ("GET", "/api/admin/audit")):
            refused = program.request(method, path)
            assert (refused.status_code, refused.json()) == (403, {"error": "Admin access required"})


def test_an_admin_may_give_one_the_scope_of_admins(web: WholeProcess) -> None:
    program = by(web, made(web.signed_in("ada"), scope="admin")["token"])
    assert program.get(JOBS).status_code == 200
    refused = web.signed_in("vic").post(TOKENS, json={"name": "more", "scope": "admin"})
    assert (refused.status_code, refused.json()["error"]) == (403, "Admin access required")
    newest = audit.read(web.engine, 1)[0]
    assert (newest["who"], newest["action"], newest["result"]) == ("vic", "token.create", "refused")


def test_the_secret_is_shown_once_and_not_stored(web: WholeProcess) -> None:
    token = made(web.signed_in("vic"), days=3)
    left = datetime.fromisoformat(token["expires_at"]) - datetime.fromisoformat(token["created_at"])
    assert left == timedelta(days=3)
    listed = web.signed_in("vic").get(TOKENS)
    assert {name: value for name, value in token.items() if name != "token"} in listed.json()["tokens"]
    assert token["token"] not in listed.text
    with web.engine.connect() as connection:
        rows = connection.execute(sa.select(access_tokens)).all()
    assert rows
    assert token["token"] not in str(rows) and token["token"].partition("_")[2] not in str(rows)
    assert token["token"] not in str(audit.read(web.engine, 1_000))


def test_a_revoked_token_ends_at_once(web: WholeProcess) -> None:
    viewer = web.signed_in("vic")
    token, kept = made(viewer), made(viewer)
    assert viewer.delete(f"{TOKENS}/{token['id']}").json() == {"success": True}
    assert by(web, token["token"]).get(SUMMARY).status_code == 401
    assert by(web, kept["token"]).get(SUMMARY).status_code == 200
    again = viewer.delete(f"{TOKENS}/{token['id']}")
    assert (again.status_code, again.json()["error"]) == (404, f"there is no token {token['id']}")
    newest = audit.read(web.engine, 1)[0]
    assert (newest["who"], newest["action"], newest["target"]) == ("vic", "token.revoke", token["id"])


def test_tokens_of_others_are_for_admins(web: WholeProcess) -> None:
    of_admin, of_viewer = made(web.signed_in("ada")), made(web.signed_in("vic"))
    viewer, admin = web.signed_in("vic"), web.signed_in("ada")
    assert {token["user"] for token in viewer.get(TOKENS).json()["tokens"]} == {"vic"}
    assert {token["user"] for token in admin.get(TOKENS).json()["tokens"]} == {"ada", "vic"}
    assert viewer.delete(f"{TOKENS}/{of_admin['id']}").status_code == 404
    assert by(web, of_admin["token"]).get(SUMMARY).status_code == 200
    assert admin.delete(f"{TOKENS}/{of_viewer['id']}").status_code == 200


def test_a_token_makes_no_token_and_renews_nothing(web: WholeProcess) -> None:
    token = made(web.signed_in("ada"), scope="admin")
    program = by(web, token["token"])
    for method, path in (
        ("POST", TOKENS),
        ("GET", TOKENS),
        ("DELETE", f"{TOKENS}/{token['id']}"),
        ("POST", "/api/auth/refresh"),
        ("POST", "/api/auth/logout"),
    ):
        refused = program.request(method, path, json={"name": "more"})
        assert refused.status_code == 403, (method, path)
        assert "sign in with a password" in refused.json()["error"]
    assert program.get(SUMMARY).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.swapcase(),
        lambda token: token.removeprefix("mapat_"),
        lambda _token: "mapat_",
        lambda _token: "mapat_' OR 1=1 --",
        lambda _token: "mapat_\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
        lambda token: f"{token} {token}",
    ],
)
def test_wrong_tokens_are_refused(web: WholeProcess, wrong: Any) -> None:
    token = made(web.signed_in("vic"))["token"]
    answer = web.client(Authorization=f"Bearer {wrong(token)}".encode("latin-1")).get(SUMMARY)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_no_cookie(web: WholeProcess) -> None:
    token = made(web.signed_in("vic"))["token"]
    browser = web.client()
    browser.cookies.set("market_assets_session", token)
    assert browser.get(SUMMARY).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "scope": "root"},
        {"name": "x", "days": 0},
        {"name": "x", "days": 367},
        {"name": "a\0"},
    ],
    ids=str,
)
def test_requests_that_are_none(web: WholeProcess, body: dict[str, Any]) -> None:
    assert web.signed_in("vic").post(TOKENS, json=body).status_code == 422


def test_another_site_makes_none(web: WholeProcess) -> None:
    browser = web.browser("vic")
    answer = browser.post(TOKENS, json={"name": "x"}, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403


@pytest.fixture
def ann(database: Database) -> Iterator[Database]:
    """A store with an admin and a viewer."""
    users.add_user(database, "ann", "admin", HASH)
    users.add_user(database, "Bob", "viewer", HASH)
    yield database


def accepted(database: Database, secret: str) -> bool:
    try:
        Tokens(b"k" * 32, database.accounts.pooled_engine()).check(secret, PROGRAMS)
    except TokenError:
        return False
    finally:
        database.accounts.pooled_engine().dispose()
    return True


@pytest.mark.both_databases
@pytest.mark.parametrize("end", ["expiry", "password", "role", "removal", "removal and return", "revocation"])
def test_every_end_of_a_token(ann: Database, end: str) -> None:
    token, secret = users.add_access_token(ann, "BOB", "job", "read", 1)
    assert accepted(ann, secret)
    if end == "expiry":
        expire(ann, token.token_id)
    elif end == "password":
        users.set_password(ann, "bob", "another")
    elif end == "role":
        users.set_role(ann, "bob", "admin")
    elif end == "revocation":
        assert users.revoke_access_token(ann, token.token_id, "bob") == token
    else:
        users.remove_user(ann, "bob")
        if end == "removal and return":
            users.add_user(ann, "Bob", "viewer", HASH)
    assert not accepted(ann, secret)
    assert users.list_access_tokens(ann) == []


@pytest.mark.both_databases
def test_a_user_has_so_many(ann: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "MOST_TOKENS", 2)
    first, _ = users.add_access_token(ann, "ann", "1", "admin", 1)
    users.add_access_token(ann, "ann", "2", "read", 1)
    with pytest.raises(UserError, match="ann has 2 tokens already"):
        users.add_access_token(ann, "ann", "3", "read", 1)
    users.add_access_token(ann, "bob", "1", "read", 1)
    expire(ann, first.token_id)
    users.add_access_token(ann, "ann", "3", "read", 1)
    assert [token.name for token in users.list_access_tokens(ann, "ANN")] == ["3", "2"]
    with pytest.raises(UserError, match="Bob is no admin"):
        users.add_access_token(ann, "bob", "2", "admin", 1)


@pytest.mark.both_databases
def test_the_commands(ann: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", ann.url.render_as_string(hide_password=False))
    checked_settings.get_settings.cache_clear()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["tokens", *arguments])

    try:
        created = run("create", "bob", "--name", "notebook", "--days", "2")
        secret = created.stdout.strip()
        assert created.exit_code == 0 and accepted(ann, secret)
        (row,) = json.loads(run("list", "--json").stdout)
        assert (row["user"], row["name"], row["scope"]) == ("Bob", "notebook", "read")
        shown = run("list").stdout
        assert "notebook" in shown and secret not in shown
        for wrong in (["create", "eve", "--name", "x"], ["create", "bob", "--name", "x", "--scope", "admin"]):
            assert run(*wrong).exit_code == 1
        assert run("revoke", row["token_id"]).exit_code == 0
        assert not accepted(ann, secret)
        assert run("revoke", row["token_id"]).exit_code == 1
    finally:
        checked_settings.get_settings.cache_clear()
    entries = [(entry["action"], entry["target"], entry["result"]) for entry in reversed(audit.read(ann))]
    assert entries == [
        ("token.create", "bob", "ok"),
        ("token.create", "eve", "refused"),
        ("token.create", "bob", "refused"),
        ("token.revoke", row["token_id"], "ok"),
        ("token.revoke", row["token_id"], "refused"),
    ]
    assert PASSWORD not in str(audit.read(ann)) and secret not in str(audit.read(ann))
