"""The whole web process in this one, with users of every role, for the tests of its parts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from market_assets_tests.web.whole_process import WholeProcess, whole_process


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeProcess]:
    """The web process over an SQLite database and a Dagster instance of the module's own."""
    folder: Path = tmp_path_factory.mktemp("web")
    with whole_process(folder) as process:
        yield process


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser that remembers the programs of the UI from one test to the next."""
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
