"""Figures of a segment by the API: counted by hand, and refused where nothing has the name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from market_assets.store.database import Database
from market_assets_tests.databases import database_of_kind
from market_assets_tests.statistics import brute_force
from market_assets_tests.statistics.markets import AS_OF, Market, random_market
from market_assets_tests.web.explorer.made_up_store import fill_store, weighed
from market_assets_tests.web.market.asking import API, got, walked
from market_assets_tests.web.market_client import market_client
from market_assets_tests.web.market_tables import MIN_SAMPLE

SKILL = "skill 0000"
IN_PART = {"country": "United States", "seniority": "senior", "workplace": "remote"}


@pytest.fixture(scope="module")
def market() -> Market:
    drawn = random_market(5, postings=900, skills=40, categories=4, locations=12)
    inside = [one for one in drawn.postings if (AS_OF.date() - one.posted_at.date()).days <= 90]
    return Market(inside, drawn.categories)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def counted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, market: Market
) -> Iterator[Database]:
    with database_of_kind(request, tmp_path_factory) as database:
        fill_store(database, market, weighed(market))
        yield database


@pytest.fixture(scope="module")
def asked(counted: Database) -> Iterator[TestClient]:
    with market_client(counted, check_seconds=3600) as client:
        yield client


@pytest.fixture(scope="module")
def part(market: Market) -> Market:
    """The postings of `IN_PART`."""
    kept = [
        one for one in market.postings if (one.country, one.seniority, one.workplace) == ("US", "senior", "remote")
    ]
    return Market(kept, market.categories)


def test_skills_of_a_segment_are_counted_by_themselves(asked: TestClient, part: Market) -> None:
    by_hand = [row for row in brute_force.skill_demand(part, MIN_SAMPLE) if row["industry"] is None]
    rows = walked(asked, "/skills", "skills", **IN_PART)
    assert len(rows) == len(by_hand) > 10
    known = {row["skill"]: row for row in by_hand}
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        expected = known[row["skill"]]
        assert (row["postings"], row["postings_with_salary"], row["rank"]) == (
            expected["postings"],
            expected["postings_with_salary"],
            expected["rank"],
        )
        assert row["median_salary"] == pytest.approx(expected["median_salary"])
    one = got(asked, f"/skills/{SKILL}", **IN_PART)
    assert one["demand"] == {**next(row for row in rows if row["skill"] == SKILL), "rank": None}


def test_skills_of_an_occupation_are_those_of_its_table(asked: TestClient) -> None:
    counted = walked(asked, "/skills", "skills", occupation="truck DRIVER")
    published = walked(asked, "/occupations/Truck driver/skills", "skills")
    assert [(row["skill"], row["postings"], row["demand_share"]) for row in counted] == [
        (row["skill"], row["postings"], pytest.approx(row["share"])) for row in published
    ]


def test_an_occupation_in_a_country_is_as_published_for_the_country(asked: TestClient, market: Market) -> None:
    name = "Truck driver"
    published = got(asked, f"/occupations/{name}")
    found = got(asked, f"/occupations/{name}", country="us")
    (in_country,) = (row for row in published["by_country"] if row["country"] == "US")
    assert in_country["median_salary"] is not None
    assert found["salaries"] == {**in_country, "country": None}
    assert found["by_country"] == [in_country]
    there = [one for one in market.postings if one.country == "US"]
    postings = sum(one.occupation == name for one in there)
    assert (found["postings"], found["demand_share"]) == (postings, pytest.approx(postings / len(there)))
    assert 0 < postings < published["postings"] and found["code"] == published["code"]
    nowhere = got(asked, f"/occupations/{name}", country="us", company="company 0", period=1, workplace="hybrid")
    assert (nowhere["postings"], nowhere["rank"], nowhere["salaries"]) == (0, None, None)
    another = got(asked, f"/occupations/{name}", occupation="Nurse")
    assert (another["postings"], another["salaries"], another["by_country"]) == (0, None, [])


def test_values_are_counted_of_those_that_ask_for_a_skill(asked: TestClient, part: Market) -> None:
    asking = [one for one in part.postings if SKILL in one.skills]
    for path, field in (("/industries", "industry"), ("/locations", "location"), ("/companies", "employer")):
        expected = Counter(value for one in asking if (value := getattr(one, field)))
        column = "company" if field == "employer" else field
        rows = walked(asked, path, path[1:], skill=SKILL, **IN_PART)
        assert {row[column]: row["postings"] for row in rows} == expected
        assert [row["postings"] for row in rows] == sorted(expected.values(), reverse=True)


def test_companies_are_listed_and_searched(asked: TestClient, market: Market) -> None:
    expected = Counter(one.employer for one in market.postings if one.employer)
    rows = walked(asked, "/companies", "companies", limit=9)
    assert {row["company"]: row["postings"] for row in rows} == expected
    found = {row["company"] for row in walked(asked, "/companies", "companies", search="COMPANY 1")}
    assert found == {name for name in expected if name.startswith("company 1")}
    assert got(asked, f"/skills/{SKILL}", company="Company 1")["demand"]["postings"] == sum(
        one.employer == "company 1" and SKILL in one.skills for one in market.postings
    )


def test_a_published_figure_is_what_is_counted(asked: TestClient) -> None:
    published = got(asked, "/salaries", skill=SKILL)
    for row in published["by_country"]:
        counted = got(asked, "/salaries", skill=SKILL, country=row["country"])["salaries"]
        assert counted == {**row, "country": None}
    whole = got(asked, "/salaries", location="Town 3, DE")["salaries"]
    assert got(asked, "/salaries", location="Town 3", period=90)["salaries"] == whole


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/skills?country=Germny", 404, "Country not found: Germny; did you mean Germany"),
        ("/skills?location=Town 33", 404, "Location not found: Town 33; did you mean Town 3, DE"),
        ("/skills?company=company 99", 404, "Company not found: company 99; did you mean company 9"),
        ("/industries?skill=skil 0001", 404, "Skill not found: skil 0001; did you mean skill 0001"),
        ("/companies?seniority=wise", 422, "seniority: Input should be 'intern'"),
        ("/companies?period=0", 422, "period: Input should be greater than or equal to 1"),
        (f"/salaries?skill={SKILL}&location=Town 3", 400, "Give either skill or location"),
    ],
)
def test_what_nothing_has_is_refused(asked: TestClient, path: str, status: int, error: str) -> None:
    answer = asked.get(API + path)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(error)


def test_before_the_first_refresh_there_are_no_companies(database: Database) -> None:
    with market_client(database) as client:
        assert got(client, "/companies")["companies"] == []
        assert client.get(f"{API}/skills?country=DE").status_code == 404
