"""The pages of the market in the whole process: who sees them, under which policy, how large they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from market_assets.web.auth.cross_site import PAGE_POLICY
from market_assets_tests.statistics.markets import random_market
from market_assets_tests.store.migrating import copied
from market_assets_tests.web.explorer.made_up_store import copy_into, fill_store, weighed
from market_assets_tests.web.whole_process import SITE, WholeProcess, csrf_of

SKILL = "/market/skills/skill%200001"
PAGES = ("/market", SKILL, "/market/map", "/market/compare", "/market/search?q=skill")
FIRST_PAGE_BYTES = 300_000


@pytest.fixture(scope="module", autouse=True)
def filled(web: WholeProcess, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    market = random_market(2, postings=600, skills=700, categories=8)
    made = copied(migrated_sqlite, tmp_path_factory.mktemp("made") / "market.db")
    fill_store(made, market, weighed(market))
    copy_into(made, web.process.database)


@pytest.mark.parametrize("path", PAGES)
def test_every_user_reads_them(web: WholeProcess, path: str) -> None:
    for user in ("ada", "vic"):
        answer = web.signed_in(user).get(path)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == PAGE_POLICY
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [*PAGES, "/market/page.css", "/market?format=csv"])
def test_nobody_else_does(web: WholeProcess, path: str) -> None:
    assert web.client().get(path).status_code == 401
    to_page = web.client().get(path, headers={"Accept": "text/html"})
    assert to_page.status_code == 303 and to_page.headers["location"].startswith("/login?next=/market")


def test_the_first_page_is_small(web: WholeProcess) -> None:
    browser = web.browser("vic")
    page, style = browser.get("/market"), browser.get("/market/page.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert len(page.content) + len(style.content) < FIRST_PAGE_BYTES


@pytest.mark.parametrize("path", PAGES)
def test_nothing_of_a_page_is_inline_or_from_elsewhere(web: WholeProcess, path: str) -> None:
    page = HTMLParser(web.browser("vic").get(path).text)
    assert page.css("script, style, [style], [onclick], [onload], iframe, object") == []
    fetched = [node.attributes.get("href") or node.attributes.get("src") for node in page.css("link, img, source")]
    assert fetched == ["data:,", "/market/page.css"]


def test_one_signs_out_from_them(web: WholeProcess) -> None:
    browser = web.browser("vic")
    page = browser.get(SKILL)
    assert "Sign out vic" in page.text
    signed_out = browser.post("/logout", data={"csrf": csrf_of(page)}, headers={"Origin": SITE})
    assert signed_out.status_code == 303
    assert browser.get(SKILL).status_code == 401


@pytest.mark.parametrize("path", [SKILL, "/market?country=DE", "/market/skills/nothing"])
def test_nobody_gets_the_name_or_the_token_of_another(web: WholeProcess, path: str) -> None:
    """Although the page is made once for all."""
    browsers = {name: web.browser(name) for name in ("vic", "ada")}
    found = {name: browser.get(path) for name, browser in browsers.items()}
    tokens = {name: csrf_of(page) for name, page in found.items()}
    assert tokens["vic"] != tokens["ada"]
    for name, other in (("vic", "ada"), ("ada", "vic")):
        assert f"Sign out {name}" in found[name].text and f"Sign out {other}" not in found[name].text
        assert tokens[other] not in found[name].text
        assert browsers[name].get(path).text == found[name].text
    without_cookies = web.signed_in("vic").get(path)
    assert "Sign out" not in without_cookies.text and without_cookies.status_code == found["vic"].status_code


def test_other_pages_lead_to_them(web: WholeProcess) -> None:
    browser = web.browser("ada")
    for path in ("/executions", "/api/docs", "/login"):
        assert 'href="/market"' in browser.get(path).text


def test_measured_paths_are_few(web: WholeProcess) -> None:
    client = web.signed_in("ada")
    client.get(f"{SKILL}?country=DE")
    client.get("/market/skills/whatever")
    shown = client.get("/metrics").text
    assert 'route="/market/skills/{name}"' in shown
    assert "whatever" not in shown and "skill%20" not in shown
