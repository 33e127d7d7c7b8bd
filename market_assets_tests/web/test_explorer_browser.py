"""The pages of the market in a real browser: on a phone, in light and dark, by keyboard and for screen readers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import presence_of_element_located, url_to_be
from selenium.webdriver.support.ui import WebDriverWait

from market_assets.report.page import render_report
from market_assets.report.tables import SCHEMAS, ReportTables
from market_assets_tests.statistics.markets import random_market
from market_assets_tests.store.migrating import copied
from market_assets_tests.web.explorer.made_up_store import copy_into, fill_store, weighed
from market_assets_tests.web.whole_process import PASSWORD, WholeProcess, served

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 60
#: Of WCAG 2.2, level AA, for text of ordinary size.
LEAST_CONTRAST = 4.5
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
#: The texts of a page whose contrast with what is behind them is too low, with that contrast.
POOR_CONTRASTS = """
const channel = (part) => (part <= 0.04045 * 255 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
const parsed = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (node) => {
  for (; node; node = node.parentElement) {
    const found = parsed(getComputedStyle(node).backgroundColor);
    if (found.length === 3 || found[3] > 0) return found;
  }
  return [255, 255, 255];
};
const poor = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  if (!own || !node.getClientRects().length || node.closest(".skip, datalist, option")) continue;
  const style = getComputedStyle(node);
  const text = parsed(node.namespaceURI.endsWith("svg") ? style.fill : style.color);
  const [a, b] = [light(text), light(behind(node))].sort((one, other) => other - one);
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < arguments[0]) poor.push([node.outerHTML.slice(0, 80), contrast]);
}
return poor;
"""
#: What a page lacks for those who don't see it.
UNNAMED = """
const wrong = [];
const say = (node, what) => wrong.push([what, node.outerHTML.slice(0, 80)]);
if (document.documentElement.lang !== "en") say(document.documentElement, "no language");
if (document.querySelectorAll("h1").length !== 1) say(document.body, "not one h1");
let level = 1;
for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
  if (Number(heading.tagName[1]) > level + 1) say(heading, "a level is left out");
  level = Number(heading.tagName[1]);
}
for (const field of document.querySelectorAll("input:not([type=hidden]), select"))
  if (![...field.labels].some((label) => label.textContent.trim())) say(field, "no label");
for (const button of document.querySelectorAll("button, a[href]"))
  if (!(button.textContent.trim() || button.getAttribute("aria-label"))) say(button, "no name");
for (const table of document.querySelectorAll("table")) {
  if (!table.caption || !table.caption.textContent.trim()) say(table, "no caption");
  for (const head of table.querySelectorAll("th")) if (!head.scope) say(head, "no scope");
  for (const row of table.tBodies[0].rows) if (row.cells[0].tagName !== "TH") say(row, "no row header");
}
for (const part of document.querySelectorAll("svg, nav"))
  if (!part.getAttribute("aria-label")) say(part, "no name");
const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
if (new Set(ids).size !== ids.length) say(document.body, "an id is there twice");
return wrong;
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


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_every_page_is_legible_and_named(address: str, reader: webdriver.Chrome, width: int, scheme: str) -> None:
    show_as(reader, width, scheme)
    for path in PAGES:
        reader.get(f"{address}{path}")
        assert reader.execute_script("return document.documentElement.scrollWidth") <= width, path
        assert reader.execute_script(POOR_CONTRASTS, LEAST_CONTRAST) == [], path
        assert reader.execute_script(UNNAMED) == [], path
    policed = [entry["message"] for entry in reader.get_log("browser") if "Content Security" in entry["message"]]
    assert policed == []


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
    """By the one script that the policy of the page lets run."""
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
    web.settings.report_path.unlink()
