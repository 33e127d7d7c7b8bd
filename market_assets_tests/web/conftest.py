"""The whole web process in this one, with users of every role, for the tests of its parts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal
from argon2 import PasswordHasher
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from starlette.testclient import TestClient

from market_assets.web.auth import credentials
from market_assets_tests.web.admin_process import AdminProcess, admin_process
from market_assets_tests.web.whole_process import LOWEST_COST, WholeProcess, whole_process


@pytest.fixture(scope="session", autouse=True)
def costly_hasher() -> Iterator[PasswordHasher]:
    """The product's hasher; passwords are hashed at the lowest cost instead, since nearly every test signs in."""
    costly = credentials._hasher
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(credentials, "_hasher", PasswordHasher(**LOWEST_COST))
        yield costly


@pytest.fixture(scope="session", autouse=True)
def _one_event_loop() -> Iterator[None]:
    """Requests of all clients run in one, as in a server: a new one for each takes as long as its answer."""
    with start_blocking_portal() as portal, pytest.MonkeyPatch.context() as patched:
        patched.setattr(TestClient, "portal", portal)
        yield


@pytest.fixture(scope="session")
def shared_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeProcess]:
    """The web process over an SQLite database and a Dagster instance."""
    with whole_process(tmp_path_factory.mktemp("web")) as process:
        yield process


@pytest.fixture(scope="module")
def web(shared_web: WholeProcess) -> WholeProcess:
    """The web process as after its first start, for the tests of one module."""
    shared_web.reset()
    return shared_web


@pytest.fixture(scope="session")
def shared_admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminProcess]:
    """The web process over a code server in a process of its own."""
    with admin_process(tmp_path_factory.mktemp("admin")) as process:
        yield process


@pytest.fixture
def process(shared_admin: AdminProcess) -> AdminProcess:
    """The web process over a code server, as after its first start."""
    shared_admin.reset()
    return shared_admin


@pytest.fixture
def alice(process: AdminProcess) -> TestClient:
    """A client of it, signed in as an admin."""
    return process.client()


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser that keeps the programs of the UI in its cache from one test to the next."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("Chromium and chromedriver are not installed")
    options = Options()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,900",
        f"--user-data-dir={tmp_path_factory.mktemp('browser') / 'profile'}",
    ):
        options.add_argument(argument)
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


@pytest.fixture
def browser(chrome: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """A browser in which nobody has signed in and that keeps no page open."""
    yield chrome
    chrome.execute_script("localStorage.clear(); sessionStorage.clear()")
    chrome.delete_all_cookies()
    chrome.get("about:blank")
    # What the page said of the end of its server is nothing that the next test did.
    said = [entry["message"] for entry in chrome.get_log("browser")]
    assert [message for message in said if "Content Security" in message] == []
