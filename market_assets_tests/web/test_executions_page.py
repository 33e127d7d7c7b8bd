"""The page of executions: its content, for each role, and that nothing on it is taken for markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape

import dagster as dg
import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from market_assets.store.executions import Execution, record_executions
from market_assets.web.admin import executions
from market_assets.web.admin.executions import parse_position
from market_assets.web.auth.cross_site import PAGE_POLICY
from market_assets_tests.web.whole_process import PASSWORD, WholeProcess, served

JOB = "refresh_market_stats"
HOSTILE = "<script>alert('x')</script> & \"quoted\" <img src=x onerror=alert(1)>"
PATIENCE = 300


@pytest.fixture(autouse=True)
def clean(web: WholeProcess) -> None:
    web.instance.wipe()
    with web.market_engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM job_executions")


def add_run(web: WholeProcess, job: str = JOB, status: str = "SUCCESS", **tags: str) -> str:
    run = dg.DagsterRun(job_name=job, status=dg.DagsterRunStatus[status], tags=tags)
    return web.instance.add_run(run).run_id


def pruned(number: int, job: str = JOB, error: str | None = None) -> Execution:
    """An execution that Dagster knows no more."""
    began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    return Execution(
        run_id=f"pruned-{number:04}",
        job_id=job,
        func_name='group:"statistics"',
        status="failed" if error else "success",
        created_at=began,
        started_at=began,
        ended_at=began + timedelta(seconds=75),
        duration=75.0,
        rows=None if error else 12_345,
        error=error,
        triggered_by="schedule",
    )


def shown_runs(page: str) -> list[str]:
    return [unescape(run_id) for run_id in re.findall(r'<tr id="run-([^"]*)">', page)]


@pytest.mark.parametrize("user", ["ada", "vic"])
def test_whoever_signed_in_reads_it(web: WholeProcess, user: str) -> None:
    run_id = add_run(web, **{"dagster/schedule_name": "x"})
    answer = web.signed_in(user).get("/executions")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == PAGE_POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert shown_runs(answer.text) == [run_id]
    assert f'<a href="/runs/{run_id}">' in answer.text
    assert all(text in answer.text for text in (JOB, "success", "schedule", user))
    assert ('data-live="events"' in answer.text) == (user == "ada")


def test_nobody_else_does(web: WholeProcess) -> None:
    assert web.client().get("/executions").status_code == 401
    to_page = web.client().get("/executions?job=x", headers={"Accept": "text/html"})
    assert to_page.headers["location"] == "/login?next=/executions%3Fjob%3Dx"
    assert web.client().get("/executions/page.js").status_code == 401
    assert web.signed_in("vic").post("/executions").status_code in (403, 405)


def test_no_text_is_taken_for_markup(web: WholeProcess) -> None:
    record_executions(web.market_engine, [pruned(1, job=f"job{HOSTILE}", error=HOSTILE)])
    hostile_tag = add_run(web, **{"market_assets/triggered_by": f"ui:{HOSTILE}"})
    page = web.signed_in("vic").get("/executions", params={"job": ""}).text
    assert shown_runs(page) == [hostile_tag, "pruned-0001"]
    for sign in ("<script>alert", "<img", 'onerror=alert(1)>"'):
        assert sign not in page
    assert unescape(page).count(HOSTILE) >= 3
    filtered = web.signed_in("vic").get("/executions", params={"job": HOSTILE}).text
    assert "<script>alert" not in filtered
    assert shown_runs(filtered) == []


def test_it_is_filtered(web: WholeProcess) -> None:
    failed = add_run(web, status="FAILURE")
    running = add_run(web, "cleanup_old_data", "STARTED")
    record_executions(web.market_engine, [pruned(1), pruned(2, error="no memory"), pruned(3, "gone_job")])
    client = web.signed_in("vic")

    def listed(**query: str) -> list[str]:
        return shown_runs(client.get("/executions", params=query).text)

    assert listed() == [running, failed, "pruned-0003", "pruned-0002", "pruned-0001"]
    assert listed(job=JOB) == [failed, "pruned-0002", "pruned-0001"]
    assert listed(status="failed") == [failed, "pruned-0002"]
    assert listed(job=JOB, status="success") == ["pruned-0001"]
    assert listed(job="gone_job", status="queued") == []
    assert '<option value="gone_job"' in client.get("/executions").text
    assert '<option value="prune_history"' in client.get("/executions").text
    for wrong in (
        {"status": "lost"},
        {"before": "yesterday"},
        {"before": "2026-01-01~x"},
        {"before": "~"},
        {"before": "9999-12-31T23:59:59-12:00~x"},
    ):
        assert client.get("/executions", params=wrong).status_code == 400


def test_pages_hold_every_run_once(web: WholeProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "PAGE_SIZE", 5)
    monkeypatch.setattr(executions, "_NOT_WRITTEN_YET", 10)
    # In Dagster and in the table; in the table alone; of the same instant.
    known = [add_run(web) for _ in range(14)]
    old = [pruned(number) for number in range(12)]
    record_executions(web.market_engine, old)
    # SQLite's timestamps are whole seconds: which runs changed last among those of one is Dagster's choice.
    changed = web.instance.get_run_records(limit=10, order_by="update_timestamp")
    latest = {record.dagster_run.run_id for record in changed}
    records = web.instance.get_run_records(dg.RunsFilter(run_ids=[run for run in known if run not in latest]))
    mirrored = [web_execution(record) for record in records]
    assert len(mirrored) == 4
    record_executions(web.market_engine, mirrored)
    client = web.signed_in("vic")
    url, seen = "/executions", []
    while url:
        page = client.get(url).text
        seen += shown_runs(page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        url = unescape(following[1]) if following else ""
    assert sorted(seen) == sorted([*known, *(one.run_id for one in old)])
    assert seen[14:] == [one.run_id for one in reversed(old)]


def web_execution(record: object) -> Execution:
    from market_assets.operations.executions import ExecutionReader

    with dg.DagsterInstance.ephemeral() as instance:
        return ExecutionReader(instance).execution(record)  # type: ignore[arg-type]


def test_the_api_lists_pruned_runs_too(web: WholeProcess) -> None:
    present = add_run(web)
    record_executions(web.market_engine, [pruned(1), pruned(2, error="no memory")])
    content = web.signed_in("ada").get("/api/admin/scheduler/executions").json()["executions"]
    page = web.signed_in("ada").get("/executions").text
    assert re.findall(r'href="/runs/([^"]*)"', page) == [present], (
        "a run that Dagster has no more has no page there"
    )
    assert [execution["run_id"] for execution in content] == [present, "pruned-0002", "pruned-0001"]
    assert (content[1]["error"], content[2]["rows"], content[2]["duration"]) == ("no memory", 12_345, 75.0)


@pytest.mark.parametrize("text", ["", "x", "2026-01-01T00:00:00~x", "0001-01-01T00:00:00+00:00~x", "~", None])
def test_only_a_place_in_the_list_is_parsed(text: str | None) -> None:
    assert parse_position(text) is None
    assert parse_position("2026-01-01T00:00:00+00:00~x") == (datetime(2026, 1, 1, tzinfo=UTC), "x")


def until(browser: webdriver.Chrome, holds: Callable[[webdriver.Chrome], object]) -> None:
    WebDriverWait(browser, PATIENCE, 0.2, [StaleElementReferenceException]).until(holds)


def text_of(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


@pytest.mark.slow
@pytest.mark.parametrize("user", ["ada", "vic"])
def test_it_is_live_in_a_browser(web: WholeProcess, browser: webdriver.Chrome, user: str) -> None:
    record_executions(web.market_engine, [pruned(1), pruned(2, error=HOSTILE)])
    with served(web.process) as url:
        browser.get(f"{url}/executions")
        browser.find_element(By.NAME, "username").send_keys(user)
        browser.find_element(By.NAME, "password").send_keys(PASSWORD)
        browser.find_element(By.TAG_NAME, "button").click()
        until(browser, lambda chrome: chrome.find_elements(By.ID, "run-pruned-0002"))
        assert HOSTILE in text_of(browser)
        assert browser.find_elements(By.CSS_SELECTOR, "main img, main script") == []
        until(browser, lambda chrome: chrome.find_elements(By.CSS_SELECTOR, "body[data-state=live]"))
        browser.find_element(By.TAG_NAME, "summary").click()
        # What comes appears by itself, and what somebody opened stays open.
        run_id = add_run(web, "cleanup_old_data", "STARTED")
        until(browser, lambda chrome: chrome.find_elements(By.ID, f"run-{run_id}"))
        assert browser.find_element(By.TAG_NAME, "details").get_attribute("open")
        web.instance.report_run_canceled(web.instance.get_run_by_id(run_id))
        until(browser, lambda chrome: "canceled" in chrome.find_element(By.ID, f"run-{run_id}").text)
        # A choice is made without a button.
        browser.find_element(By.CSS_SELECTOR, "option[value=failed]").click()
        until(browser, lambda chrome: "status=failed" in chrome.current_url)
        assert len(browser.find_elements(By.CSS_SELECTOR, "tbody tr")) == 1
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
