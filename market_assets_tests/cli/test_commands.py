"""The other commands of `market-assets`: what they print, and how they report that something is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from market_assets.cli.main import COMMANDS, main
from market_assets.settings import Settings
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.pipelines import ListedSource, Pipeline, read_rows
from market_assets_tests.test_rooms import loaded_after

TODAY = datetime.now(UTC).date()
URL = "sqlite:///data/market.db"
POSTINGS = [
    {
        "id": f"job-{number}",
        "title": "Developer",
        "description": "Python, SQL, Docker",
        "company": f"Company {number}",
    }
    for number in range(3)
]


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three postings of today, two old ones, and the statistics."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    old = {"title": "Old Developer", "description": "COBOL"}
    aged = [
        {**old, "id": f"old-{age}", "posted_at": f"{TODAY - timedelta(days=age)}T12:00:00Z"} for age in (100, 101)
    ]
    source = ListedSource(days={TODAY: [*POSTINGS, *aged]})
    with Pipeline(Settings(MARKET_ASSETS_DATA_DIR=folder, _env_file=None), source) as pipeline:
        pipeline.ingest(TODAY)
        pipeline.refresh(datetime.combine(TODAY, time.max, UTC), report=True)
    return folder


@pytest.fixture
def filled(project: Path, filled_folder: Path) -> Iterator[Pipeline]:
    """The project's store, filled, and its pipeline."""
    shutil.copytree(filled_folder, project / "data")
    settings = Settings(MARKET_ASSETS_DATA_DIR=project / "data", _env_file=None)
    with Pipeline(settings, ListedSource()) as pipeline:
        yield pipeline


# --- texts ---------------------------------------------------------------------------------------


def test_skills_are_printed_one_a_line(invoke: Invoke) -> None:
    result = invoke("skills", "extract", stdin="We use python3 and PostgreSQL.\nDocker is a plus.")
    assert (result.exit_code, result.stdout) == (0, "Docker\nPostgreSQL\nPython\n")
    listed = invoke("skills", "extract", "--json", stdin="We use python3.")
    assert json.loads(listed.stdout) == ["Python"]


def test_skills_of_many_texts_a_line_each(invoke: Invoke) -> None:
    result = invoke("skills", "extract", "--each-line", stdin="We use python3 and SQL.\n\nJava\n")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [["Python", "SQL"], [], ["Java"]]


@pytest.mark.parametrize("text", ["", "nothing of the kind", b"\xff\xfe\x00", "\u0000\u0007", "x" * 3_000_000])
def test_texts_without_skills_print_nothing(invoke: Invoke, text: str | bytes) -> None:
    assert invoke("skills", "extract", stdin=text).stdout == ""
    assert json.loads(invoke("skills", "extract", "--json", stdin=text).stdout) == []


def test_skills_of_a_taxonomy_of_ones_own(invoke: Invoke, project: Path) -> None:
    (project / "mine.yaml").write_text("skills:\n  Crafts:\n    - Juggling\n")
    result = invoke("skills", "extract", stdin="Juggling and Python", MARKET_ASSETS_TAXONOMY="mine.yaml")
    assert result.stdout.split() == ["Juggling", "Python"]


def test_salaries_are_one_object_a_line(invoke: Invoke) -> None:
    result = invoke("salaries", "parse", stdin="$50k - $60k per year\nnothing\n\n€20 an hour\n")
    assert result.exit_code == 0
    year, none, empty, hour = (json.loads(line) for line in result.stdout.splitlines())
    assert year == {
        "currency": "USD",
        "minimum": 50_000,
        "maximum": 60_000,
        "period": "yearly",
        "annual_minimum": 50_000,
        "annual_maximum": 60_000,
    }
    assert (none, empty) == (None, None)
    assert (hour["currency"], hour["annual_minimum"]) == ("EUR", 41_600)


@pytest.mark.parametrize("text", [b"\xff\xfe\n", b"\x00\n", b"-5\n", b"1e400\n", b"$" * 100_000 + b"\n"])
def test_any_salary_text_has_its_line(invoke: Invoke, text: bytes) -> None:
    result = invoke("salaries", "parse", stdin=text)
    assert result.exit_code == 0
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 1


# --- the store -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("filled")
def test_summary_prints_what_the_store_holds(invoke: Invoke) -> None:
    found = json.loads(invoke("summary", "--json").stdout)
    assert (found["postings"], found["postings_in"], found["rejected"]) == (3, 5, 0)
    assert [skill["postings"] for skill in found["top_skills"]][:3] == [3, 3, 3]
    text = invoke("summary")
    assert text.exit_code == 0
    for shown in ("3", "Python", "data/market.db", "market_report.html"):
        assert shown in text.stdout


def test_summary_of_nothing_names_the_next_step(invoke: Invoke) -> None:
    result = invoke("summary")
    assert result.exit_code == 1
    assert result.stderr == "market-assets: data/market.db holds no statistics yet: market-assets run makes them\n"


@pytest.mark.usefixtures("filled")
def test_recommendations_for_skills(invoke: Invoke) -> None:
    found = json.loads(invoke("recommend", "--json", "pYTHON", "docker").stdout)
    names = [row["recommended_skill"] for row in found]
    assert "SQL" in names
    assert {"Python", "Docker"}.isdisjoint(names)
    assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
    lines = invoke("recommend", "Python", "--limit", "1").stdout.splitlines()
    assert len(lines) == 1
    partly = invoke("recommend", "Python", "Basket Weaving")
    assert partly.exit_code == 0
    assert "not known, so left out: Basket Weaving" in partly.stderr


@pytest.mark.usefixtures("filled")
def test_recommendations_for_what_is_not_known(invoke: Invoke) -> None:
    result = invoke("recommend", "Basket Weaving")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "market-assets: nothing to recommend for Basket Weaving: unknown here\n"


def test_recommendations_of_an_empty_store_say_what_to_do(invoke: Invoke) -> None:
    result = invoke("recommend", "Python")
    assert result.exit_code == 1
    assert "market-assets run makes them" in result.stderr


def test_an_archived_month_is_restored(filled: Pipeline, invoke: Invoke) -> None:
    before = {row["external_id"]: row for row in filled.rows("job_postings")}
    filled.cleanup()
    assert len(filled.rows("job_postings")) == 3
    months = sorted({row["posted_at"].strftime("%Y-%m") for row in before.values() if row["title"] != "Developer"})
    for month in months:
        result = invoke("archive", "restore", "--month", month)
        assert result.exit_code == 0
        assert "restored" in result.stdout
    restored = {row["external_id"]: row for row in filled.rows("job_postings")}
    for name, row in before.items():
        there = restored[name]
        assert (there["restored_at"] is None) == (row["title"] == "Developer")
        assert {**there, "restored_at": None} == row
    filled.cleanup()
    assert filled.rows("job_postings") == sorted(restored.values(), key=lambda row: str(row["posting_id"]))

    again = invoke("archive", "restore", "--month", months[0])
    assert "0 postings" in again.stdout


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "last", "2026-01-01", "../..", ""])
def test_a_month_that_is_none_is_wrong_use(invoke: Invoke, month: str) -> None:
    result = invoke("archive", "restore", "--month", month)
    assert result.exit_code == 2
    assert "is not a month such as 2026-03" in result.stderr


def test_a_month_that_is_not_in_the_archive_lists_those_that_are(filled: Pipeline, invoke: Invoke) -> None:
    filled.cleanup()
    result = invoke("archive", "restore", "--month", "1999-12")
    assert result.exit_code == 1
    held = (TODAY - timedelta(days=101)).strftime("%Y-%m")
    assert "nothing of 1999-12 is in the archive" in result.stderr
    assert held in result.stderr


def test_the_database_is_made_once(invoke: Invoke) -> None:
    first, second = invoke("db", "upgrade"), invoke("db", "upgrade")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "data/market.db is now at version" in first.stdout
    assert "data/market.db is already at version" in second.stdout
    assert read_rows(URL, "job_postings") == []


# --- help and wrong use --------------------------------------------------------------------------


def commands(group: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands(command, *path, name)


@pytest.mark.parametrize("command", list(commands(main)), ids=" ".join)
def test_every_command_explains_itself(invoke: Invoke, command: tuple[str, ...]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    usage, explanation = result.stdout.split("\n\n")[:2]
    assert usage.startswith("Usage: ")
    assert len(explanation.strip()) > 10


def test_the_list_of_commands_has_their_own_words_and_loads_none_of_them(tmp_path: Path) -> None:
    context = click.Context(main)
    for name, (_, summary) in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert summary == (command.help or "").split("\n")[0]
    loaded = loaded_after(
        "from market_assets.cli.main import main\nmain(['--help'], standalone_mode=False)", tmp_path
    )
    assert "market_assets.cli.main" in loaded
    assert loaded.isdisjoint({"dagster", "sqlalchemy", "polars"})


PROMISED = (
    "run serve web summary recommend db.upgrade user.add user.list user.passwd user.remove sources.check "
    "skills.extract salaries.parse archive.restore init doctor"
)


def test_every_promised_command_is_there() -> None:
    assert set(PROMISED.split()) <= {".".join(path) for path in commands(main)}


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run", "--nonsense"),
        ("run", "--days", "0"),
        ("run", "--days", "many"),
        ("run", "--map", "title=x"),
        ("recommend",),
        ("recommend", "Python", "--limit", "0"),
        ("archive", "restore"),
        ("skills",),
    ],
)
def test_wrong_use_ends_with_2_and_a_reason(invoke: Invoke, arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr + result.stdout


USERS_OF_THE_STORE: list[tuple[Any, ...]] = [
    ("summary",),
    ("recommend", "Python"),
    ("db", "upgrade"),
    ("archive", "restore", "--month", "2026-01"),
    ("run", "--days", "1"),
    ("serve",),
]


@pytest.mark.parametrize("arguments", USERS_OF_THE_STORE, ids=" ".join)
@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/market"}, "Connection refused"),
        ({"DATABASE_URL": "sqlite:///sources.yaml"}, "file is not a database"),
        ({"DATABASE_URL": "sqlite:////proc/nowhere/market.db"}, "/proc/nowhere"),
        ({"MARKET_ASSETS_DATA_DIR": "sources.yaml"}, "sources.yaml"),
    ],
    ids=["unreachable", "no database", "no such folder", "no folder"],
)
def test_an_unusable_store_is_one_line(
    invoke: Invoke, arguments: tuple[str, ...], settings: dict[str, str], shown: str
) -> None:
    result = invoke(*arguments, **settings)
    # A data folder that is none is also a wrong setting.
    assert result.exit_code == 1 or "MARKET_ASSETS_DATA_DIR" in settings
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("market-assets: ")
    assert shown in line


@pytest.mark.parametrize("arguments", [*USERS_OF_THE_STORE, ("skills", "extract")], ids=" ".join)
def test_a_wrong_setting_is_one_line_and_ends_with_2(invoke: Invoke, arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments, MARKET_ASSETS_WINDOW_DAYS="ninety")
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("market-assets: MARKET_ASSETS_WINDOW_DAYS: ")


def test_a_wrong_configuration_of_sources_is_one_line_and_ends_with_2(invoke: Invoke, project: Path) -> None:
    (project / "sources.yaml").write_text("sources: [{type: pigeon}]")
    result = invoke("run", "--days", "1")
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("market-assets: MARKET_ASSETS_SOURCES: sources.yaml: source 1")


def test_outside_of_the_project_it_is_refused(invoke: Invoke, project: Path) -> None:
    (project / "dagster.yaml").unlink()
    result = invoke("run", "--days", "1")
    assert result.exit_code == 2
    assert "there is no dagster.yaml" in result.stderr
    assert invoke("skills", "extract", stdin="Python").stdout == "Python\n"


# --- explaining ----------------------------------------------------------------------------------


def test_an_explanation_shows_what_was_found_where_and_why(invoke: Invoke) -> None:
    text = "Requirements:\n- Python 3.11\nNo Java required. Ready to go live. React Native"
    result = invoke("skills", "explain", "--title", "Go developer", text)
    assert result.exit_code == 0
    assert "Python (Programming Languages): 1.00, required" in result.stdout
    assert "[Python] 3.11" in result.stdout
    assert "required: under “Requirements”" in result.stdout
    found, _, others = result.stdout.partition("not counted:")
    assert "title: … [Go] developer" in found
    assert "“developer” is near" in found
    assert "negated by “No”" in others
    assert "only counts when written Go" in others
    assert "part of React Native" in others


def test_an_explanation_reads_html_on_standard_input_and_writes_json(invoke: Invoke) -> None:
    html = "<ul><li>Golang &amp; C&#43;&#43;</li><li>SQL is a plus</li></ul>"
    mentions = json.loads(invoke("skills", "explain", "--json", stdin=html).stdout)
    counted = {
        mention["skill"]: (mention["spelling"], mention["weight"]) for mention in mentions if mention["counted"]
    }
    assert counted == {"C++": ("C++", 0.7), "Go": ("Golang", 0.7), "SQL": ("SQL", 0.5)}
    (sql,) = (mention for mention in mentions if mention["skill"] == "SQL")
    assert (sql["place"], sql["meaning"], sql["reason"]) == ("text", "nice to have", "before “is a plus”")


@pytest.mark.parametrize("text", ["", "nothing of the kind", b"\xff\xfe\x00", "x" * 100_000])
def test_a_text_without_skills_is_explained_in_a_line(invoke: Invoke, text: str | bytes) -> None:
    assert invoke("skills", "explain", stdin=text).stdout == "no skill found\n"
    assert json.loads(invoke("skills", "explain", "--json", stdin=text).stdout) == []
