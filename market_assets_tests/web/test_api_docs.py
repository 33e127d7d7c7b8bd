"""`/api/docs` needs nothing from elsewhere; the examples of docs/api.md and README.md work as they are written."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from market_assets import web as web_package
from market_assets_tests.conftest import PROJECT
from market_assets_tests.web.market_tables import fill
from market_assets_tests.web.whole_process import PASSWORD, WholeProcess, served

OWN_FILES = ("/api/docs", "/api/docs/page.js")
FILES = (*OWN_FILES, "/api/docs/swagger-ui.js", "/api/docs/swagger-ui.css")
GUIDE = (PROJECT / "docs" / "api.md").read_text(encoding="utf-8")
README = (PROJECT / "README.md").read_text(encoding="utf-8")
EXAMPLES = {language: re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL) for language in ("bash", "python")}


@pytest.fixture(scope="module")
def base(web: WholeProcess) -> Iterator[str]:
    """The address of the whole process, behind a real server, over a store with a market in it."""
    fill(web.database)
    with served(web.process) as url:
        yield url


@pytest.mark.parametrize("path", FILES)
def test_the_page_is_for_whoever_signed_in(web: WholeProcess, path: str) -> None:
    assert web.client().get(path).status_code == 401
    answer = web.signed_in("vic").get(path)
    assert answer.status_code == 200
    assert answer.text


@pytest.mark.parametrize("path", OWN_FILES)
def test_the_page_asks_no_other_site_for_anything(web: WholeProcess, path: str) -> None:
    text = web.signed_in("vic").get(path).text
    assert not re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text)


def test_the_page_keeps_to_its_own_policy(web: WholeProcess) -> None:
    viewer = web.signed_in("vic")
    answer = viewer.get("/api/docs")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    page = answer.text
    assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page)
    for named in re.findall(r'(?:src|href)="(/api/[^"]+)"', page):
        assert viewer.get(named).status_code == 200, named


@pytest.mark.slow
def test_operations_are_tried_in_the_page(base: str, browser: webdriver.Chrome) -> None:
    """As the browser's policy allows it, which is asked for nothing of another site."""
    wait = WebDriverWait(browser, 300)
    browser.get(f"{base}/login?next=/api/docs")
    browser.find_element(By.NAME, "username").send_keys("ada")
    browser.find_element(By.NAME, "password").send_keys(PASSWORD, Keys.ENTER)
    for operation, sign in (
        ("get_summary_api_v1_market", '"top_skill"'),
        ("make_token_api_auth_tokens", "mapat_"),
    ):
        row = wait.until(lambda page, name=operation: page.find_element(By.CSS_SELECTOR, f"[id*='{name}']"))
        row.find_element(By.CSS_SELECTOR, "button.opblock-summary-control").click()
        for button in ("button.try-out__btn", "button.execute"):
            wait.until(lambda _page, css=button, row=row: row.find_element(By.CSS_SELECTOR, css)).click()
        wait.until(lambda _page, row=row, sign=sign: sign in row.text)
    asked = browser.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert asked and all(name.startswith((base, "data:")) for name in asked)


def test_the_guide_names_every_call(web: WholeProcess) -> None:
    paths = web.signed_in("vic").get("/api/openapi.json").json()["paths"]
    calls = {path.replace("{job_id}", "{id}"): methods for path, methods in paths.items()}
    assert [path for path in calls if not re.search(re.escape(path) + r"(?![\w/{])", GUIDE)] == []
    queries = {
        parameter["name"]
        for methods in calls.values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    }
    assert {name for name in queries if not re.search(rf"\b{name}\b", GUIDE)} == set()


def test_the_files_of_pages_are_in_the_package() -> None:
    declared = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    folder = Path(web_package.__file__).parent
    kinds = {path.suffix for path in folder.rglob("*.*") if path.suffix not in (".py", ".pyc")}
    assert kinds == {".html", ".js", ".css", ".yaml"}
    for kind in kinds:
        assert f'"**/*{kind}"' in declared


@pytest.mark.slow
def test_the_shell_examples_work(base: str) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    variables = f"BASE={base} NAME=ada PASSWORD='{PASSWORD}'\n"
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=variables + "\n".join(EXAMPLES["bash"]),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    for sign in ('"top_skill"', '"C++"', '"missing"', '"is_running"', '"run_id"', '"assetNodes"'):
        assert sign in done.stdout


@pytest.mark.slow
def test_the_shell_example_of_the_readme_works(base: str) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    (example,) = re.findall(r"```bash\n(BASE=.*?)```", README, re.DOTALL)
    # Nothing takes runs from the queue here: the other test's is still active, and to wait is in vain.
    for written, here in (
        ("curl -sS", "curl -sS --fail-with-body"),
        ("jobs/refresh_market_stats/trigger?wait=60", "jobs/prune_history/trigger"),
        ("http://127.0.0.1:3000", base),
    ):
        assert written in example
        example = example.replace(written, here)
    variables = f"NAME=ada PASSWORD='{PASSWORD}'\n"
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=variables + example,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    for sign in ('"is_running"', '"jobs"', '"run_id"', "cleanup_old_data", '"skills"'):
        assert sign in done.stdout


@pytest.mark.slow
def test_the_python_examples_work(base: str, capsys: pytest.CaptureFixture[str]) -> None:
    program = compile("\n".join(EXAMPLES["python"]), "docs/api.md", "exec")
    exec(program, {"BASE": base, "NAME": "ada", "PASSWORD": PASSWORD})
    printed = capsys.readouterr().out
    for sign in ("C# ", "refresh_market_stats", "queued: "):
        assert sign in printed


def test_the_guide_names_every_call_of_the_market(web: WholeProcess) -> None:
    document = web.signed_in("vic").get("/api/openapi.json").json()
    for path in document["paths"]:
        if path.startswith("/api/v1/market"):
            assert path in GUIDE
