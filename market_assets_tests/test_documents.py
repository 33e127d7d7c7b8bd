"""README and docs: their commands and examples work on a store that users could have filled; links lead on."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

import market_assets
from market_assets.checked_settings import get_settings
from market_assets.cli.main import main
from market_assets.defs.market_statistic import SCAFFOLDED
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets_tests.cli.programs import PROJECT, make_project
from market_assets_tests.pipelines import Pipeline, done

DOCS = PROJECT / "docs"
PAGES = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES += [*sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("decisions/*.md"))]
#: The beginning of a command that is not run here → the test that runs it, or why none does.
ELSEWHERE = {
    "curl": "web/test_api_docs.py",
    "BASE=": "web/test_api_docs.py",
    "TOKEN=": "web/test_api_docs.py",
    "PAT=": "web/test_api_docs.py",
    "./scripts/run --from": "cli/test_run_from.py",
    "./scripts/run": "cli/test_run.py",
    "market-assets run": "cli/test_run.py",
    "./scripts/serve": "cli/test_serve.py",
    "market-assets serve": "cli/test_serve.py",
    "market-assets init": "cli/test_init.py",
    "cd my-market": "cli/test_init.py",
    "pip install market-assets": "deployment/test_package.py",
    "pip install 'market-assets[all]'": "it brings more of the same: what the lock files pin",
    "dagster dev": "faults/test_dead_processes.py",
    "dagster job execute": "cli/test_run.py",
    "dagster asset materialize": "cli/test_run.py",
    "dg ": "cli/test_init.py",
    "market-assets status": "cli/test_status.py",
    "market-assets alerts test": "cli/test_status.py",
    "market-assets user add": "web/test_users.py",
    "market-assets archive restore": "cli/test_commands.py",
    "market-assets watch": "cli/test_watch.py",
    "market-assets db copy": "store/test_copying.py",
    "datasette": "store/test_other_programs.py",
    "chromium --headless": "web/test_explorer_browser.py",
    "duckdb": "store/test_other_programs.py",
    "market-assets restore": "cli/test_backup_commands.py",
    "market-assets backup /": "cli/test_backup_commands.py",
    "cp .env.example .env": "cli/test_init.py",
    "docker": "it needs a container engine; test_composed.py runs each service of the file as a process",
    "./scripts/pictures": "it changes the pictures, whose names and sizes are tested here",
    "./scripts/check": "what CI runs",
    "./scripts/test": "what CI runs",
    "compile=": "it asks a package index; test_package.py compares the locks with pyproject.toml",
    "$compile": "it asks a package index; test_package.py compares the locks with pyproject.toml",
    "MARKET_ASSETS_ALERT_URLS=": "a setting, with recipients that do not exist",
}


def commands() -> list[str]:
    """Every line of the shell in the documents, without its comment; continued lines in one."""
    blocks = (block for page in PAGES for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL))
    lines = (line for block in blocks for line in block.replace("\\\n", " ").splitlines())
    stripped = (re.sub(r"(^|\s+)# .*", "", line).strip() for line in lines)
    return list(dict.fromkeys(line for line in stripped if line))


RUN_HERE = [command for command in commands() if not command.startswith(tuple(ELSEWHERE))]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three days of postings, the statistics, and the example of own_assets.md."""
    folder = make_project(tmp_path_factory.mktemp("documents"))
    (example,) = re.findall(r"```python\n(import dagster.*?)```", (DOCS / "own_assets.md").read_text(), re.DOTALL)
    (folder / "custom").mkdir()
    (folder / "custom" / "mine.py").write_text(example)
    settings = Settings(
        MARKET_ASSETS_DATA_DIR=folder / "data", MARKET_ASSETS_CUSTOM_DIR=folder / "custom", _env_file=None
    )
    with Pipeline(settings, SampleSource(postings_per_day=400)) as pipeline:
        today = datetime.now(UTC).date()
        pipeline.ingest(today - timedelta(days=2), today)
        done(pipeline.run("refresh_market_stats"))
    return folder


@pytest.fixture
def _there(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The filled folder is the current one, and nothing is set."""
    monkeypatch.chdir(filled)
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.mark.slow
@pytest.mark.usefixtures("_there")
@pytest.mark.parametrize("command", RUN_HERE)
def test_a_command_works_as_it_is_written(command: str) -> None:
    said, _, command = command.rpartition(" | ")
    stdin = shlex.split(said)[1] if said else ""
    program, *arguments = shlex.split(command.partition(" > ")[0])
    assert program == "market-assets"
    result = CliRunner().invoke(main, arguments, input=stdin)
    assert result.exit_code == 0, result.output
    assert result.output.strip()


def test_the_other_commands_are_run_elsewhere_or_it_is_said_why_not() -> None:
    for beginning, where in ELSEWHERE.items():
        assert any(command.startswith(beginning) for command in commands()), f"no document has {beginning}"
        if where.endswith(".py") and " " not in where:
            assert (Path(__file__).parent / where).exists(), where


@pytest.mark.slow
@pytest.mark.usefixtures("_there")
def test_the_notebook_and_the_examples_work_after_a_run() -> None:
    names = runpy.run_path(str(DOCS / "notebook.py"))
    assert names["everywhere"]["postings"].max() > 0
    assert len(names["beside"]) > 0
    assert names["beside"].index.is_unique
    assert "Python" not in names["beside"].index
    assert names["trends"].height > 0
    # A group of the job's: the asset was materialized with the rest.
    gaps = market_assets.read("pay_gap")
    assert len(gaps) > 0
    assert (gaps["gap"] == gaps["senior"] - gaps["junior"]).all()


def test_the_example_of_a_statistic_is_what_is_scaffolded() -> None:
    written = SCAFFOLDED.format(type="market_assets.MarketStatistic", name="postings_by_country")
    assert f"```yaml\n{written}```" in (DOCS / "own_assets.md").read_text()


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        target, _, heading = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if "://" not in link and (not path.exists() or (heading and heading not in anchors(path))):
            broken.append(link)
    assert broken == []


def test_pictures_are_those_of_the_script_and_small_and_shown() -> None:
    script = runpy.run_path(str(PROJECT / "scripts" / "pictures.py"))
    pictures = {path.name: path.stat().st_size for path in (DOCS / "images").iterdir()}
    # The plot is drawn by `benchmarks/run --plot`.
    assert pictures.keys() == {*(f"{name}.png" for name in script["PICTURES"]), "cost.svg"}
    assert max(pictures.values()) < 150_000
    text = "".join(page.read_text() for page in PAGES)
    assert [name for name in pictures if f"images/{name})" not in text] == []


def test_every_document_says_whom_it_is_for_and_is_in_the_list() -> None:
    readme = (PROJECT / "README.md").read_text()
    for page in DOCS.glob("*.md"):
        assert page.read_text().splitlines()[2].startswith("For "), page.name
        assert f"(docs/{page.name})" in readme, page.name
