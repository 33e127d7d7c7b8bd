"""Twenty questions of an analyst: page, API, SQL and command line answer each with the same number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from market_assets.checked_settings import get_settings
from market_assets.cli.main import main
from market_assets.report import numbers
from market_assets.store.database import Database
from market_assets.store.read_only import answered
from market_assets_tests.databases import database_of_kind
from market_assets_tests.statistics.markets import AS_OF, Market, random_market
from market_assets_tests.web.explorer.made_up_store import explorer_client, fill_store, weighed
from market_assets_tests.web.explorer.reading import csv_at, page_at, tiles
from market_assets_tests.web.market_client import market_client

NAMES = {
    "skill 0000": "Python",
    "skill 0001": "Kubernetes",
    "skill 0002": "SQL",
    "industry 0": "Technology",
    "Town 0, DE": "Berlin, DE",
    "company 0": "Acme",
}

Answer = str | int | float


@dataclass(frozen=True)
class Tile:
    """A large figure of a page, by the beginning of its label; as it is shown."""

    page: str
    label: str
    shown: Callable[[Any], str] = numbers.count

    def matches(self, client: TestClient, answer: Answer) -> bool:
        found = tiles(page_at(client, self.page))
        (figure,) = (value for label, (value, _note) in found.items() if label.startswith(self.label))
        return figure == self.shown(answer)


@dataclass(frozen=True)
class Cell:
    """A cell of a page's table: its column, in the first row or in that which begins with a name."""

    page: str
    table: str
    column: str
    row: str | None = None

    def matches(self, client: TestClient, answer: Answer) -> bool:
        joint = "&" if "?" in self.page else "?"
        rows = csv_at(client, f"{self.page}{joint}format=csv&table={self.table}")
        shown = next(row for row in rows if self.row in (None, next(iter(row.values()))))[self.column]
        return shown == answer if isinstance(answer, str) else float(shown) == pytest.approx(answer)


@dataclass(frozen=True)
class Question:
    """A question and where its answer is.

    Attributes:
        asked: the question.
        page: the figure of a page.
        api: a path below /api/v1/market.
        api_field: where in its answer.
        sql: a query of one row and column.
        command: what follows `market-assets`.
        command_field: where in the JSON that it prints.
    """

    asked: str
    page: Tile | Cell
    api: str
    api_field: str
    sql: str
    command: str
    command_field: str


QUESTIONS = [
    Question(
        "How many postings are counted?",
        Tile("/market", "Postings counted"),
        *("/summary", "postings"),
        "SELECT postings FROM market_summary",
        *("summary", "postings"),
    ),
    Question(
        "What share of them is remote?",
        Tile("/market", "Remote", numbers.share),
        *("/summary", "remote_share"),
        "SELECT remote_share FROM market_summary",
        *("summary", "remote_share"),
    ),
    Question(
        "Which skill is asked for most?",
        Tile("/market", "Most asked skill", str),
        *("/skills?limit=1", "skills.0.skill"),
        "SELECT skill FROM total_skill_demand WHERE rank = 1",
        *("top skills --limit 1", "0.skill"),
    ),
    Question(
        "How many postings ask for Kubernetes?",
        Tile("/market/skills/Kubernetes", "Postings"),
        *("/skills/k8s", "demand.postings"),
        "SELECT postings FROM total_skill_demand WHERE skill = 'Kubernetes'",
        *("skill k8s", "0.postings"),
    ),
    Question(
        "What does Kubernetes pay?",
        Tile("/market/skills/Kubernetes", "Median pay", numbers.money),
        *("/salaries?skill=k8s", "salaries.median_salary"),
        "SELECT median_salary FROM skill_salaries WHERE skill = 'Kubernetes'",
        *("pay k8s", "0.median_salary"),
    ),
    Question(
        "What does Kubernetes pay in Germany?",
        Cell("/market/skills/Kubernetes", "pay_by_country", "median_salary", "DE"),
        *("/salaries?skill=Kubernetes&country=Germany", "salaries.median_salary"),
        "SELECT median_salary FROM skill_salaries_by_country WHERE skill = 'Kubernetes' AND country = 'DE'",
        *("pay Kubernetes --country DE", "0.median_salary"),
    ),
    Question(
        "What does it pay seniors in Germany?",
        Tile("/market/skills/Kubernetes?country=DE&seniority=senior", "Median pay", numbers.money),
        *("/salaries?skill=Kubernetes&country=DE&seniority=senior", "salaries.median_salary"),
        "SELECT median_salary FROM salary_statistics"
        " WHERE skill = 'Kubernetes' AND country = 'DE' AND seniority = 'senior'",
        *("pay Kubernetes --country Germany --seniority senior", "0.median_salary"),
    ),
    Question(
        "From how many salaries is that known?",
        Cell("/market/skills/Kubernetes?country=DE", "pay_by_seniority", "postings_with_salary", "senior"),
        *("/skills/Kubernetes?country=DE&seniority=senior", "salaries.postings_with_salary"),
        "SELECT postings_with_salary FROM salary_statistics"
        " WHERE skill = 'Kubernetes' AND country = 'DE' AND seniority = 'senior'",
        *("skill Kubernetes --country DE --seniority senior", "0.postings_with_salary"),
    ),
    Question(
        "By how much does SQL grow or shrink?",
        Cell("/market/compare?skill=Python&skill=SQL", "comparison", "growth", "SQL"),
        *("/skills/SQL", "trending.growth"),
        "SELECT growth FROM trending_skills WHERE skill = 'SQL'",
        *("compare SQL Python", "0.growth"),
    ),
    Question(
        "How many postings of February asked for Python?",
        Cell("/market/skills/Python", "history", "postings", "2024-02"),
        *("/skills/Python/history", "months.-2.postings"),
        "SELECT postings FROM skill_history WHERE skill = 'Python' AND month = '2024-02'",
        *("history Python", "-2.postings"),
    ),
    Question(
        "What goes with Python most closely?",
        Cell("/market/skills/Python", "related", "related_skill"),
        *("/skills/Python/related?limit=1", "related.0.related_skill"),
        "SELECT CASE skill_a WHEN 'Python' THEN skill_b ELSE skill_a END FROM skill_relationships"
        " WHERE 'Python' IN (skill_a, skill_b) ORDER BY npmi_lower DESC LIMIT 1",
        *("related Python --limit 1", "0.related_skill"),
    ),
    Question(
        "What should somebody with Python learn next?",
        Cell("/market/skills/Python", "recommendations", "recommended_skill"),
        *("/skills/Python/recommendations", "recommendations.0.recommended_skill"),
        "SELECT recommended_skill FROM skill_recommendations WHERE skill = 'Python' AND rank = 1",
        *("recommend Python", "0.recommended_skill"),
    ),
    Question(
        "Which industry has the most postings?",
        Cell("/market", "industries", "industry"),
        *("/industries?limit=1", "industries.0.industry"),
        "SELECT value FROM posting_statistics WHERE dimension = 'industry' AND value <> 'unknown'"
        " ORDER BY postings DESC, value LIMIT 1",
        *("top industries", "0.industry"),
    ),
    Question(
        "How many postings of Technology ask for its most asked skill?",
        Cell("/market/industries/Technology", "skills", "postings"),
        *("/industries/Technology/skills", "skills.0.postings"),
        "SELECT postings FROM industry_skill_demand WHERE industry = 'Technology' AND rank = 1",
        *("top skills --industry technology", "0.postings"),
    ),
    Question(
        "What do jobs in Berlin pay?",
        Tile("/market/places/Berlin, DE", "Median pay", numbers.money),
        *("/salaries?location=Berlin", "salaries.median_salary"),
        "SELECT median_salary FROM location_salaries WHERE location = 'Berlin, DE'",
        *("pay Berlin", "0.median_salary"),
    ),
    Question(
        "What do contracts pay?",
        Cell("/market", "employment", "median_salary", "contract"),
        *("/employment-salaries?employment_type=contract", "employment_salaries.0.median_salary"),
        "SELECT median_salary FROM employment_salaries_by_type WHERE employment_type = 'contract'",
        *("pay contract", "0.median_salary"),
    ),
    Question(
        "Which employer asks for Python most?",
        Cell("/market/skills/Python", "companies", "company"),
        *("/companies?skill=Python", "companies.0.company"),
        "SELECT company FROM counted_postings JOIN counted_skills USING (posting_id)"
        " WHERE skill = 'Python' AND company IS NOT NULL GROUP BY company ORDER BY count(*) DESC, company LIMIT 1",
        *("top companies --skill Python", "0.company"),
    ),
    Question(
        "How many remote postings of Technology in Germany ask for SQL?",
        Tile("/market/skills/SQL?industry=Technology&workplace=remote&country=DE", "Postings"),
        *("/skills/SQL?industry=technology&workplace=remote&country=DE", "demand.postings"),
        "SELECT count(*) FROM counted_postings JOIN counted_skills USING (posting_id)"
        " WHERE skill = 'SQL' AND industry = 'Technology' AND workplace = 'remote' AND country = 'DE'",
        *("skill SQL --industry Technology --workplace remote --country DE", "0.postings"),
    ),
    Question(
        "How many postings of the last 30 days in Berlin ask for Python?",
        Cell("/market/places/Berlin, DE?period=30", "skills", "postings", "Python"),
        *("/skills?location=Berlin&period=30&search=Python", "skills.0.postings"),
        "SELECT count(*) FROM counted_postings JOIN counted_skills USING (posting_id)"
        " WHERE skill = 'Python' AND location = 'Berlin, DE' AND posted_at >= '2024-02-14 00:00:00'",
        *("top skills --location Berlin --period 30 --search Python", "0.postings"),
    ),
    Question(
        "What share of Acme's postings asks for SQL?",
        Cell("/market/companies/Acme", "skills", "demand_share", "SQL"),
        *("/skills/SQL?company=acme", "demand.demand_share"),
        "SELECT avg(CASE WHEN k.skill IS NULL THEN 0.0 ELSE 1.0 END) FROM counted_postings p"
        " LEFT JOIN counted_skills k ON k.posting_id = p.posting_id AND k.skill = 'SQL' WHERE company = 'Acme'",
        *("skill SQL --company ACME", "0.demand_share"),
    ),
]


def a_market() -> Market:
    drawn = random_market(5, postings=1_500, skills=40, categories=4, industries=4, locations=8)
    inside = [one for one in drawn.postings if (AS_OF.date() - one.posted_at.date()).days <= 90]
    named = [
        replace(
            one,
            skills=tuple(NAMES.get(name, name) for name in one.skills),
            mentions=tuple(NAMES.get(name, name) for name in one.mentions),
            industry=NAMES.get(one.industry or "", one.industry),
            location=NAMES.get(one.location or "", one.location),
            employer=NAMES.get(one.employer or "", one.employer),
        )
        for one in inside
    ]
    return Market(named, {NAMES.get(name, name): category for name, category in drawn.categories.items()})


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database_of_kind(request, tmp_path_factory) as database:
        market = a_market()
        fill_store(database, market, weighed(market))
        yield database
        database.pooled_engine().dispose()


@pytest.fixture(scope="module")
def pages(filled: Database) -> TestClient:
    return explorer_client(filled)


@pytest.fixture(scope="module")
def api(filled: Database) -> Iterator[TestClient]:
    with market_client(filled, check_seconds=3600) as client:
        yield client


@contextmanager
def settings_of(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


def field_of(content: Any, path: str) -> Answer:
    for part in path.split("."):
        content = content[int(part) if isinstance(content, list) else part]
    found: Answer = content
    return found


@pytest.mark.both_databases
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.asked)
def test_it_has_one_answer(
    question: Question, filled: Database, pages: TestClient, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answered(filled, question.sql) as result:
        ((found,),) = result.rows
    expected: Answer = found if isinstance(found, str | int) else float(found)
    same = expected if isinstance(expected, str) else pytest.approx(expected)
    answer = api.get(f"/api/v1/market{question.api}")
    assert answer.status_code == 200, answer.text
    assert field_of(answer.json(), question.api_field) == same
    with settings_of(filled, monkeypatch):
        printed = CliRunner().invoke(main, [*question.command.split(), "--json"])
    assert printed.exit_code == 0, printed.stderr
    assert field_of(json.loads(printed.stdout), question.command_field) == same
    assert question.page.matches(pages, expected)


def test_there_are_twenty() -> None:
    assert len({question.asked for question in QUESTIONS}) == 20
