"""What admins and viewers do in a real browser: sign in, look, start, pause. With a daemon and a code server."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from market_assets.report.page import render_report
from market_assets.store import users
from market_assets_tests.report.made_up_market import count_tables, market
from market_assets_tests.web.admin_process import INGESTION, REBUILD, REFRESH, SCHEDULER, AdminProcess
from market_assets_tests.web.whole_process import known_hash, served

pytestmark = pytest.mark.slow

PASSWORDS = {"ada": "a password for ada", "vic": "a password for vic"}
PATIENCE_SECONDS, RELOAD_SECONDS = 300, 60
#: Name a folder here to keep the screenshots.
SCREENSHOTS = os.environ.get("SCREENSHOTS")
Found = TypeVar("Found")


@dataclass
class Live:
    """A running web process, at an address."""

    url: str

    @cached_property
    def admin(self) -> httpx.Client:
        """A client of the REST API, signed in as an admin."""
        client = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS)
        answer = client.post("/api/auth/login", json={"username": "ada", "password": PASSWORDS["ada"]})
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client


@pytest.fixture(scope="module")
def live(shared_admin: AdminProcess) -> Iterator[Live]:
    """The web process behind a real server, with a daemon, users and a report; only what tests start runs."""
    shared_admin.reset()
    for name, role in (("ada", "admin"), ("vic", "viewer")):
        users.add_user(shared_admin.web.database, name, role, known_hash(PASSWORDS[name]))
    report = shared_admin.settings.report_path
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(render_report(count_tables(market(seed=7, number=200))), encoding="utf-8")
    for job in (INGESTION, REFRESH, REBUILD):
        assert shared_admin.client().post(f"{SCHEDULER}/jobs/{job}/pause").status_code == 200
    with shared_admin.daemon(), served(shared_admin.web) as url:
        yield Live(url)
    for name in PASSWORDS:
        users.remove_user(shared_admin.web.database, name)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def _wait(browser: webdriver.Chrome, find: Callable[[webdriver.Chrome], Found]) -> Found:
    # The UI draws its parts anew as news come in: what was just found may be gone.
    return WebDriverWait(browser, PATIENCE_SECONDS, 0.2, [StaleElementReferenceException]).until(find)


def _wait_and_reload(browser: webdriver.Chrome, find: Callable[[webdriver.Chrome], Found]) -> Found:
    """Wait as a person does: where a part of the page was refused on a busy machine, the page is loaded again."""
    for _ in range(PATIENCE_SECONDS // RELOAD_SECONDS - 1):
        try:
            return WebDriverWait(browser, RELOAD_SECONDS, 0.2, [StaleElementReferenceException]).until(find)
        except TimeoutException:
            browser.refresh()
    return _wait(browser, find)


def _button(browser: webdriver.Chrome, text: str) -> WebElement | None:
    for button in browser.find_elements(By.TAG_NAME, "button"):
        if button.text.strip().startswith(text):
            return button
    return None


def _is_enabled(browser: webdriver.Chrome, text: str) -> bool | None:
    """Whether the button with a text can be pressed; None while there is none."""
    button = _button(browser, text)
    return None if button is None else button.is_enabled()


def _asset_is_shown(browser: webdriver.Chrome) -> bool:
    """Whether the asset's page has all it shows; until then every button is grey."""
    return "refresh_market_stats" in browser.find_element(By.TAG_NAME, "body").text


def _click(browser: webdriver.Chrome, text: str) -> bool:
    """Click on the button with a text; False while there is none, or something that moves covers it."""
    button = _button(browser, text)
    if button is None:
        return False
    try:
        button.click()
    except ElementClickInterceptedException:
        return False
    return True


def _sign_in(browser: webdriver.Chrome, live: Live, name: str, page: str) -> None:
    browser.get(f"{live.url}{page}")
    assert "/login" in browser.current_url
    browser.find_element(By.NAME, "username").send_keys(name)
    browser.find_element(By.NAME, "password").send_keys(PASSWORDS[name])
    browser.find_element(By.TAG_NAME, "button").click()
    _wait(browser, lambda chrome: page in chrome.current_url and "/login" not in chrome.current_url)


def _keep(browser: webdriver.Chrome, name: str) -> None:
    if SCREENSHOTS:
        browser.save_screenshot(str(Path(SCREENSHOTS) / f"{name}.png"))


def _runs(live: Live) -> list[dict[str, str]]:
    answer = live.admin.get("/api/admin/scheduler/executions?limit=50")
    executions: list[dict[str, str]] = answer.json()["executions"]
    return executions


def test_an_admin_materializes_an_asset(live: Live, browser: webdriver.Chrome) -> None:
    before = len(_runs(live))
    _sign_in(browser, live, "ada", "/assets/skill_demand")
    _wait_and_reload(browser, _asset_is_shown)
    _wait_and_reload(browser, lambda chrome: _is_enabled(chrome, "Materialize"))
    _keep(browser, "asset_as_admin")

    def materialize(chrome: webdriver.Chrome) -> bool:
        # Once for each time the page is loaded.
        if not chrome.execute_script("return window.pressed") and _click(chrome, "Materialize"):
            chrome.execute_script("window.pressed = true")
        # Nothing upstream was materialized, so the UI asks.
        return _click(chrome, "Confirm")

    _wait_and_reload(browser, materialize)

    def launched() -> bool:
        return len(_runs(live)) > before

    _until(launched)
    _until(lambda: _runs(live)[0]["status"] == "success")
    assert _runs(live)[0]["triggered_by"] == "ui:ada"


def test_a_viewer_finds_the_button_disabled(live: Live, browser: webdriver.Chrome) -> None:
    _sign_in(browser, live, "vic", "/assets/skill_demand")
    _wait_and_reload(browser, _asset_is_shown)
    # The UI draws the button before it knows the permissions.
    _wait_and_reload(browser, lambda chrome: _is_enabled(chrome, "Materialize") is False)
    _keep(browser, "asset_as_viewer")


def test_a_pause_by_rest_shows_in_the_ui(live: Live, browser: webdriver.Chrome) -> None:
    job = "cleanup_old_data"
    paused = live.admin.post(f"/api/admin/scheduler/jobs/{job}/pause", json={"reason": "moving house"})
    assert paused.status_code == 200, paused.text
    _sign_in(browser, live, "vic", "/automation")

    def is_on(chrome: webdriver.Chrome) -> list[bool] | None:
        rows = f"//*[text()='{job}_schedule']/ancestor::*[.//input[@type='checkbox']]"
        for row in reversed(chrome.find_elements(By.XPATH, rows)):
            boxes = row.find_elements(By.CSS_SELECTOR, "input[type=checkbox]")
            found = [box.is_selected() for box in boxes if _is_a_switch(box)]
            # Until the row has its switch, the next that holds any is the whole list.
            if found:
                return found if len(found) == 1 else None
        return None

    states = _wait(browser, is_on)
    _keep(browser, "paused_schedule")
    assert states == [False]
    resumed = live.admin.post(f"/api/admin/scheduler/jobs/{job}/resume")
    assert resumed.status_code == 200


def _is_a_switch(box: WebElement) -> bool:
    classes = (box.get_attribute("class"), box.find_element(By.XPATH, "./..").get_attribute("class"))
    return any("witch" in (name or "") for name in classes)


def test_the_report_is_there(live: Live, browser: webdriver.Chrome) -> None:
    _sign_in(browser, live, "vic", "/market/report")
    heading = _wait(browser, lambda chrome: chrome.find_element(By.TAG_NAME, "h1"))
    assert heading.text
    assert browser.find_elements(By.TAG_NAME, "svg"), "the report has plots"
    _keep(browser, "market_report")


def test_graphiql_loads_under_its_policy(live: Live, browser: webdriver.Chrome) -> None:
    _sign_in(browser, live, "vic", "/graphql")
    assert _wait(
        browser, lambda chrome: chrome.find_element(By.CSS_SELECTOR, ".graphiql-query-editor .CodeMirror")
    )
