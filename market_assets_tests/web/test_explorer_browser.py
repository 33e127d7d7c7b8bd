"""The pages of the market in a real browser: on a phone, in light and dark, by keyboard and for screen readers."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from axe_core_python.base import AXE_SCRIPT
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import presence_of_element_located, url_to_be
from selenium.webdriver.support.ui import WebDriverWait

from market_assets.report.page import render_report
from market_assets.report.selections import SCHEMAS, ReportTables
from market_assets_tests.statistics.markets import random_market
from market_assets_tests.store.migrating import copied
from market_assets_tests.web.explorer.made_up_store import copy_into, fill_store, weighed
from market_assets_tests.web.whole_process import PASSWORD, WholeProcess, served

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 300
PAGES = (
    "/market",
    "/market/skills/skill%200001",
    "/market/skills/skill%200001?country=DE",
    "/market/industries/industry%201",
    "/market/occupations",
    "/market/occupations/Truck%20driver?country=DE",
    "/market/compare?skill=skill%200001&skill=skill%200002&skill=skill%200003",
    "/market/map?skill=skill%200001",
    "/market/map",
    "/market/search?q=skill",
    "/market?industy=x",
)
#: What axe-core finds wrong with a page, by its rule.
VIOLATIONS = """
const done = arguments[arguments.length - 1];
axe.run().then(({violations}) =>
  done(violations.map((rule) => [rule.id, ...rule.nodes.map((node) => node.html)])));
"""


@pytest.fixture(scope="module")
def address(web: WholeProcess, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    market = random_market(2, postings=600, skills=60, categories=8)
    made = copied(migrated_sqlite, tmp_path_factory.mktemp("made") / "market.db")
    fill_store(made, market, weighed(market))
    copy_into(made, web.process.database)
    with served(web.process) as url:
        yield url


@pytest.fixture
def reader(address: str, browser: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """A browser in which a viewer has signed in."""
    browser.get(f"{address}/market")
    assert violations(browser) == []
    browser.find_element(By.NAME, "username").send_keys("vic")
    browser.find_element(By.NAME, "password").send_keys(PASSWORD)
    browser.find_element(By.TAG_NAME, "button").click()
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def show_as(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    screen: dict[str, Any] = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def width_of(browser: webdriver.Chrome) -> int:
    width: int = browser.execute_script("return document.documentElement.scrollWidth")
    return width


def violations(browser: webdriver.Chrome) -> Any:
    browser.execute_script(AXE_SCRIPT)
    return browser.execute_async_script(VIOLATIONS)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_every_page_is_accessible(address: str, reader: webdriver.Chrome, width: int, scheme: str) -> None:
    show_as(reader, width, scheme)
    for path in PAGES:
        reader.get(f"{address}{path}")
        # A page is loaded a little before it has been laid out for a phone.
        WebDriverWait(reader, PATIENCE_SECONDS).until(lambda page: width_of(page) <= width, f"{path} is too wide")
        assert violations(reader) == [], path


def test_one_goes_about_by_keyboard(address: str, reader: webdriver.Chrome) -> None:
    reader.get(f"{address}/market")
    reader.switch_to.active_element.send_keys(Keys.TAB)
    skip = reader.switch_to.active_element
    assert skip.text == "Skip to the content" and skip.is_displayed() and skip.location["y"] >= 0
    skip.send_keys(Keys.ENTER)
    assert reader.execute_script("return document.activeElement.id") == "content"
    reader.find_element(By.NAME, "q").send_keys("SKILL 0001", Keys.ENTER)
    arrived = WebDriverWait(reader, PATIENCE_SECONDS)
    arrived.until(url_to_be(f"{address}/market/skills/skill%200001"))
    reader.find_element(By.NAME, "country").send_keys("Germany", Keys.TAB)
    reader.find_element(By.CSS_SELECTOR, ".filters button").send_keys(Keys.ENTER)
    arrived.until(url_to_be(f"{address}/market/skills/skill%200001?country=DE"))
    arrived.until(presence_of_element_located((By.CSS_SELECTOR, "svg a"))).send_keys(Keys.ENTER)
    arrived.until(lambda page: page.title.startswith("skill") and not page.title.startswith("skill 0001"))


def test_the_report_searches_its_skills(address: str, reader: webdriver.Chrome, web: WholeProcess) -> None:
    """By the one script that the policy of the page lets run; printed, it is a PDF."""
    rows = [{"skill": f"Skill {number}", "rank": number} for number in range(1, 41)]
    frames = {table: pl.DataFrame() for table in SCHEMAS}
    demand = pl.DataFrame(rows).with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in SCHEMAS["skill_demand"].items() if name not in rows[0]
    )
    filled = demand.with_columns(postings=pl.lit(3), demand_share=pl.lit(0.1))
    web.settings.report_path.parent.mkdir(parents=True, exist_ok=True)
    page = render_report(ReportTables(**{**frames, "skill_demand": filled}, currency="USD"))
    web.settings.report_path.write_text(page, encoding="utf-8")
    reader.get(f"{address}/market/report")
    reader.find_element(By.CSS_SELECTOR, "#every-skill input").send_keys("SKILL 3")
    shown = reader.find_elements(By.CSS_SELECTOR, "#every-skill tbody tr:not([hidden]) th")
    assert [cell.text for cell in shown] == [f"Skill {number}" for number in (3, *range(30, 40))]
    assert reader.find_element(By.CSS_SELECTOR, "#every-skill output").text == "11 of 40"
    assert violations(reader) == []
    printed = base64.b64decode(reader.print_page())
    assert printed.startswith(b"%PDF-") and len(re.findall(rb"/Type\s*/Page\b", printed)) >= 2
    web.settings.report_path.unlink()
