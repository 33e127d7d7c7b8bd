"""Signing in and out, by programs and by people, and that other sites can do neither."""

from __future__ import annotations

import time
from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.store import audit
from market_assets.web.auth.credentials import PROGRAMS
from market_assets.web.auth.login import local_path
from market_assets_tests.web.whole_process import PASSWORD, PROBLEM, SITE, WholeProcess, csrf_of

SESSION, CSRF = "market_assets_session", "market_assets_csrf"
WRONG = "The name or the password is wrong"


def cookies_set(answer: httpx.Response) -> SimpleCookie:
    cookies = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        cookies.load(line)
    return cookies


def test_a_program_signs_in(web: WholeProcess) -> None:
    answer = web.client().post("/api/auth/login", json={"username": "ADA", "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert {**body, "access_token": ""} == {"access_token": "", "token_type": "bearer", "expires_in": 900}
    assert answer.headers.get_list("set-cookie") == []
    claims = web.claims(body["access_token"], PROGRAMS)
    assert (claims["sub"], claims["role"]) == ("ada", "admin")
    assert abs(claims["exp"] - claims["iat"] - 900) <= 1
    assert abs(claims["ses"] - claims["iat"] - 12 * 3600) <= 1


@pytest.mark.parametrize("name", ["ada", "nobody", "", "\0", "ada\0", "a" * 200, "' OR 1=1 --", "\U0001f511"])
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(web: WholeProcess, name: str) -> None:
    answer = web.client().post("/api/auth/login", json={"username": name, "password": "wrong password"})
    assert (answer.status_code, answer.json()["error"]) == (401, WRONG)


@pytest.mark.parametrize(
    "body",
    [{}, {"username": "ada"}, {"username": 1, "password": []}, {"username": "a" * 201, "password": "x"}, [], "x"],
    ids=str,
)
def test_a_sign_in_that_is_none(web: WholeProcess, body: object) -> None:
    answer = web.client().post("/api/auth/login", json=body)
    assert answer.status_code == 422
    assert set(answer.json()) == PROBLEM and PASSWORD not in answer.text


def test_a_form_cannot_sign_a_program_in(web: WholeProcess) -> None:
    answer = web.client().post("/api/auth/login", data={"username": "ada", "password": PASSWORD})
    assert answer.status_code == 422


def test_refresh_lasts_as_long_as_the_session(web: WholeProcess) -> None:
    client = web.signed_in("vic")
    token = client.headers["Authorization"].split()[1]
    before = web.claims(token, PROGRAMS)
    answer = client.post("/api/auth/refresh")
    assert answer.status_code == 200
    after = web.claims(answer.json()["access_token"], PROGRAMS)
    same = ("sid", "ses", "sub", "role", "ver")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["exp"] >= before["exp"]
    assert web.client().post("/api/auth/refresh").status_code == 401


def test_near_its_end_a_session_is_refreshed_for_what_is_left(web: WholeProcess) -> None:
    import jwt

    claims = web.claims(web.sign_in("vic"), PROGRAMS)
    ends = int(time.time()) + 60
    token = jwt.encode({**claims, "ses": ends}, web.key, "HS256")
    answer = web.client(Authorization=f"Bearer {token}").post("/api/auth/refresh")
    assert 0 < answer.json()["expires_in"] <= 60
    assert web.claims(answer.json()["access_token"], PROGRAMS)["exp"] == ends


def test_signing_out_ends_every_token_of_the_session(web: WholeProcess) -> None:
    client, other = web.signed_in("vic"), web.signed_in("vic")
    renewed = client.post("/api/auth/refresh").json()["access_token"]
    answer = client.post("/api/auth/logout")
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert client.get("/server_info").status_code == 401
    assert web.client(Authorization=f"Bearer {renewed}").get("/server_info").status_code == 401
    assert other.get("/server_info").status_code == 200


def test_a_person_signs_in_and_out(web: WholeProcess) -> None:
    client = web.client(Accept="text/html")
    sent = client.get("/runs?view=all")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/runs%3Fview%3Dall")
    page = client.get(sent.headers["location"])
    form = {"username": "vic", "password": PASSWORD, "csrf": csrf_of(page), "next": "/runs?view=all"}
    assert 'value="/runs?view=all"' in page.text
    answer = client.post("/login", data=form, headers={"Origin": SITE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?view=all")
    session = cookies_set(answer)[SESSION]
    assert (session["httponly"], session["samesite"], session["path"], session["secure"]) == (
        *(True, "strict", "/", ""),
    )
    assert client.get("/runs").status_code == 200
    shown = client.get("/login")
    assert "signed in as vic (viewer)" in shown.text
    cookie = client.cookies[SESSION]
    out = client.post("/logout", data={"csrf": csrf_of(shown)}, headers={"Origin": SITE})
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert SESSION not in client.cookies
    client.cookies.set(SESSION, cookie)
    assert client.get("/runs").status_code == 303, "a cookie that was kept is worth nothing"


def test_the_page_loads_nothing_and_runs_nothing(web: WholeProcess) -> None:
    page = web.client().get("/login", params={"next": '/"><script>alert(1)</script>'})
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'<style nonce="{nonce}">' in page.text
    assert nonce not in web.client().get("/login").text
    assert "<script" not in page.text and "//" not in page.text.replace("</", "")
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["vic", "nobody", '"><script>'])
def test_a_wrong_password_on_the_page(web: WholeProcess, name: str) -> None:
    client = web.client()
    form = {"username": name, "password": "wrong password", "csrf": csrf_of(client.get("/login")), "next": "/runs"}
    answer = client.post("/login", data=form, headers={"Origin": SITE})
    assert answer.status_code == 401
    assert 'role="alert">The name or the password is wrong.' in answer.text
    assert 'value="/runs"' in answer.text and "<script" not in answer.text
    assert SESSION not in client.cookies


@pytest.mark.parametrize("csrf", ["", "made-up", None])
def test_another_site_cannot_sign_a_person_in(web: WholeProcess, csrf: str | None) -> None:
    client = web.client()
    client.get("/login")
    form = {"username": "vic", "password": PASSWORD} | ({} if csrf is None else {"csrf": csrf})
    answer = client.post("/login", data=form)
    assert answer.status_code == 403 and SESSION not in client.cookies
    fresh = web.client()
    assert fresh.post("/login", data={**form, "csrf": ""}).status_code == 403, (
        "no cookie and no token are not equal"
    )


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:3001"},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost.evil.example:3000"},
    {"Origin": "http://localhost:3000.evil.example"},
    {"Origin": "http://localhost:99999"},
    {"Origin": "http://[::1"},
    {"Origin": ""},
    {"Origin": SITE, "Sec-Fetch-Site": "cross-site"},
    {"Origin": SITE, "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_pages_of_other_sites_change_nothing(web: WholeProcess, headers: dict[str, str]) -> None:
    browser = web.browser("ada")
    token = browser.cookies[CSRF]
    everything = {**headers, "X-CSRF-Token": token, "Content-Type": "application/json"}
    for path in ("/graphql", "/api/auth/logout", "/report_asset_materialization/a"):
        answer = browser.post(path, json={"query": "{__typename}"}, headers=everything)
        assert (answer.status_code, set(answer.json())) == (403, PROBLEM), path
    for path in ("/login", "/logout"):
        answer = browser.post(path, data={"csrf": token, "username": "ada", "password": PASSWORD}, headers=headers)
        assert answer.status_code == 403, path
    assert browser.get("/server_info").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": SITE, "Content-Type": "application/json"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json; charset=utf-8"}, 200),
        ({"Origin": "HTTP://LOCALHOST:3000", "Content-Type": "application/json"}, 200),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}, 200),
        ({"Origin": SITE, "X-CSRF-Token": "TOKEN"}, 200),
        ({"X-CSRF-Token": "TOKEN"}, 200),
        ({"X-CSRF-Token": "another"}, 403),
        ({"X-CSRF-Token": ""}, 403),
        ({}, 403),
        ({"Content-Type": "application/json"}, 403),
        ({"Origin": SITE}, 403),
        ({"Origin": SITE, "Content-Type": "text/plain"}, 403),
        ({"Origin": SITE, "Content-Type": "text/plain; application/json"}, 403),
        ({"Origin": SITE, "Content-Type": "application/x-www-form-urlencoded"}, 403),
    ],
    ids=str,
)
def test_what_a_change_by_cookie_must_carry(web: WholeProcess, headers: dict[str, str], status: int) -> None:
    browser = web.browser("vic")
    own = {name: value.replace("TOKEN", browser.cookies[CSRF]) for name, value in headers.items()}
    answer = browser.post(
        "/graphql", params={"query": "{__typename}"}, content=b'{"query": "{__typename}"}', headers=own
    )
    assert answer.status_code == status, answer.text


def test_a_bearer_token_needs_none_of_that(web: WholeProcess) -> None:
    answer = web.signed_in("vic").post("/graphql", json={"query": "{__typename}"})
    assert answer.status_code == 200


def test_sign_out_of_the_page_needs_the_token(web: WholeProcess) -> None:
    browser = web.browser("vic")
    assert browser.post("/logout", data={"csrf": "made-up"}, headers={"Origin": SITE}).status_code == 403
    assert browser.get("/server_info").status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        *("https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example"),
        *("/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", "evil.example", "", " //evil.example"),
        *("/login", "/login?next=/login", "/logout", "http:evil.example", "/\u2028/evil.example"),
    ],
)
def test_sign_in_leads_to_no_other_site(web: WholeProcess, wanted: str) -> None:
    client = web.client()
    page = client.get("/login", params={"next": wanted})
    assert 'name="next" value="/"' in page.text
    form = {"username": "vic", "password": PASSWORD, "csrf": csrf_of(page), "next": wanted}
    assert client.post("/login", data=form, headers={"Origin": SITE}).headers["location"] == "/"


@given(st.text(alphabet=st.sampled_from("/\\:@?#.%ae \t\r\n\0\u2215\uff0f"), max_size=12) | st.text(max_size=30))
def test_every_path_is_a_local_one(wanted: str) -> None:
    target = local_path(wanted)
    assert target.isascii() and target.isprintable() and target.startswith("/")
    # As browsers read it: what a tab or a line end breaks is joined, a backslash is a slash.
    assert urlsplit(urljoin(f"{SITE}/login", target.replace("\\", "/"))).netloc == "localhost:3000"
    assert local_path(target) == target or "%" in target


def test_a_body_that_is_no_form(web: WholeProcess) -> None:
    client = web.client()
    for body in (b"", b"\xff\xfe", b"a=1&" * 100_000, b"&".join(b"a=%d" % n for n in range(1_000)), b"%"):
        assert client.post("/login", content=body).status_code == 403


def test_sign_ins_are_written_down_without_what_was_typed(web: WholeProcess) -> None:
    client = web.client("203.0.113.9")
    for name, password in (("vic", PASSWORD), ("Vic", "wrong password"), ("my password typed here", "x")):
        client.post("/api/auth/login", json={"username": name, "password": password})
    entries = audit.read(web.engine, limit=3)
    assert [(entry["who"], entry["result"], entry["address"]) for entry in reversed(entries)] == [
        ("vic", "ok", "203.0.113.9"),
        ("vic", "refused", "203.0.113.9"),
        ("(unknown)", "refused", "203.0.113.9"),
    ]
    assert "typed here" not in str(entries)
