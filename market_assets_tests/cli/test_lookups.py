"""`market-assets skill`, `compare`, `trending` and `pay`: the numbers of the tables, and what is unknown."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.databases import database_of_kind
from market_assets_tests.web.market_tables import MIN_SAMPLE, fill, stored

Row = dict[str, Any]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of each kind with a market in it, for tests that only read."""
    with database_of_kind(request, tmp_path_factory) as database:
        fill(database)
        yield database


@pytest.fixture
def url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def demand_of(database: Database, skill: str) -> Row:
    demand = tables.skill_demand
    (row,) = stored(database, demand, demand.c.skill == skill, demand.c.industry.is_(None))
    return row


def pay_of(database: Database, skill: str) -> list[Row]:
    """In all, by country, by seniority; most postings first."""
    rows = stored(database, tables.salary_statistics, tables.salary_statistics.c.skill == skill)
    rows = [row for row in rows if not (row["country"] and row["seniority"])]
    return sorted(
        rows,
        key=lambda row: (
            bool(row["country"]) + 2 * bool(row["seniority"]),
            -row["postings_with_salary"],
            row["country"] or row["seniority"] or "",
        ),
    )


def printed(invoke: Invoke, *arguments: str, url: str) -> list[Row]:
    """The rows as JSON, after a look at the same in CSV."""
    result = invoke(*arguments, "--json", DATABASE_URL=url)
    assert result.exit_code == 0, result.stderr
    rows: list[Row] = json.loads(result.stdout)
    in_csv = list(csv.DictReader(StringIO(invoke(*arguments, "--csv", DATABASE_URL=url).stdout)))
    assert in_csv == [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    return rows


def is_part_of(shown: Row, row: Row) -> bool:
    return {name: row[name] for name in shown if name in row} == {n: v for n, v in shown.items() if n in row}


@pytest.mark.both_databases
def test_a_skill_is_looked_up_by_any_spelling(invoke: Invoke, url: str, database: Database) -> None:
    (shown,) = printed(invoke, "skill", "DOTNET", url=url)
    assert shown["skill"] == ".NET"
    assert is_part_of(shown, demand_of(database, ".NET"))
    (trend,) = stored(database, tables.trending_skills, tables.trending_skills.c.skill == ".NET")
    assert is_part_of(shown, trend)
    pay = pay_of(database, ".NET")
    assert [shown[name] for name in ("median_salary", "p25")] == [pay[0]["median_salary"], pay[0]["p25"]]
    text = invoke("skill", ".NET", DATABASE_URL=url).stdout
    assert text.splitlines()[0].split() == [".NET"]
    assert f"{shown['postings']}" in text
    assert "None" not in text


@pytest.mark.both_databases
def test_an_occupation_is_looked_up_by_any_title(invoke: Invoke, url: str, database: Database) -> None:
    table = tables.occupation_salaries
    rows = printed(invoke, "occupation", "ingénieur de données", url=url)
    expected = stored(database, table, table.c.occupation == "Data engineer")
    assert {row["occupation"] for row in rows} == {"Data engineer"}
    assert len(rows) == sum(not (row["country"] and row["seniority"]) for row in expected)
    for row in rows:
        assert any(is_part_of(row, wanted) for wanted in expected)
    pay = printed(invoke, "pay", "data ENGINEER", url=url)
    assert [(row["country"], row["seniority"], row["median_salary"]) for row in pay] == [
        (row["country"], row["seniority"], row["median_salary"]) for row in rows
    ]
    text = invoke("occupation", "Data engineer", DATABASE_URL=url).stdout
    assert "2511.20" in text
    assert "lift" in text
    listed = printed(invoke, "top", "occupations", url=url)
    assert [row["rank"] for row in listed] == [1, 2, 3]


def test_what_to_learn_for_an_occupation(invoke: Invoke, url: str, database: Database) -> None:
    table = tables.occupation_skills
    skills = sorted(stored(database, table, table.c.occupation == "Nurse"), key=lambda row: row["rank"])
    wanted = [row["skill"] for row in skills if row["lift"] > 1 and row["postings"] >= MIN_SAMPLE]
    result = invoke("recommend", "--occupation", "nurse", wanted[0], "--limit", "3", "--json", DATABASE_URL=url)
    assert [row["recommended_skill"] for row in json.loads(result.stdout)] == wanted[1:4]
    lines = invoke("recommend", "--occupation", "Krankenschwester", DATABASE_URL=url).stdout.splitlines()
    assert len(lines) == min(10, len(wanted))
    assert f" {wanted[0]}: asked for by " in lines[0]
    assert "of Nurse postings" in lines[0]
    result = invoke("recommend", "--occupation", "Nurze", DATABASE_URL=url)
    assert (result.exit_code, "did you mean Nurse" in result.stderr) == (1, True)
    assert invoke("recommend", DATABASE_URL=url).exit_code == 2


@pytest.mark.both_databases
def test_skills_are_compared_side_by_side(invoke: Invoke, url: str, database: Database) -> None:
    rows = printed(invoke, "compare", "c#", "Python", "CI/CD", url=url)
    assert [row["skill"] for row in rows] == ["C#", "Python", "CI/CD"]
    for row in rows:
        assert is_part_of(
            {name: row[name] for name in ("postings", "rank", "median_salary")}, demand_of(database, row["skill"])
        )
    for wrong in (["Python"], ["Python"] * 6):
        result = invoke("compare", *wrong, DATABASE_URL=url)
        assert result.exit_code == 2
        assert "give two to five skills" in result.stderr


def test_trends_come_by_growth(invoke: Invoke, url: str, database: Database) -> None:
    rows = printed(invoke, "trending", "--limit", "5", url=url)
    known = {row["skill"]: row for row in stored(database, tables.trending_skills)}
    growth = sorted((row["growth"] for row in known.values() if row["growth"] is not None), reverse=True)
    assert [row["growth"] for row in rows] == (growth + [None] * 5)[:5]
    assert all(is_part_of(row, known[row["skill"]]) for row in rows)
    word = rows[0]["trend"]
    assert {row["trend"] for row in printed(invoke, "trending", "--trend", word, url=url)} == {word}


@pytest.mark.both_databases
def test_pay_of_a_skill_and_of_a_place(invoke: Invoke, url: str, database: Database) -> None:
    rows = printed(invoke, "pay", "python", url=url)
    expected = pay_of(database, "Python")
    assert len(rows) == len(expected) > 3
    assert all(is_part_of(shown, row) for shown, row in zip(rows, expected, strict=True))
    (berlin,) = printed(invoke, "pay", "berlin", url=url)
    assert [berlin] == stored(
        database, tables.location_salaries, tables.location_salaries.c.location == "Berlin, DE"
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["skill", "Pyton"], "Skill not found: Pyton; did you mean Python?"),
        (["compare", "Python", "Skil 3"], "Skill not found: Skil 3; did you mean Skill 3"),
        (["pay", "Basket Weaving"], "Skill not found: Basket Weaving"),
        (["pay", "Python", "--country", "Germny"], "Country not found: Germny; did you mean Germany"),
        (["pay", "Python", "--industry", "Tecnology"], "Industry not found: Tecnology; did you mean Technology?"),
    ],
)
def test_what_is_unknown_ends_with_one_line(invoke: Invoke, url: str, arguments: list[str], error: str) -> None:
    result = invoke(*arguments, DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"market-assets: {error}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["skill", "Python"], ["trending"], ["pay", "Python"]])
def test_before_the_first_refresh_the_next_step_is_named(invoke: Invoke, arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "market-assets: data/market.db holds no statistics yet: market-assets run makes them\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["top", "skills", "--skill", "Python"], "see `market-assets related SKILL`"),
        (["top", "companies", "--category", "Cloud"], "--category is for skills"),
        (["pay", "internship", "--seniority", "senior"], "what a form of employment pays is known in all"),
    ],
)
def test_what_can_not_be_combined_is_wrong_use(invoke: Invoke, url: str, arguments: list[str], error: str) -> None:
    result = invoke(*arguments, DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert error in result.stderr
