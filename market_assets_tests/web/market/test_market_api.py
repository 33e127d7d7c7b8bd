"""Every answer of the market API, over both databases, against the tables by plain SQL."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from starlette.testclient import TestClient

from market_assets.api_client import answers
from market_assets.statistics.recommender import Recommender
from market_assets.statistics.relationships import related_skills
from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets_tests.web.market.asking import API, demand_rows, got, skill_rows, walked, without
from market_assets_tests.web.market_client import market_client
from market_assets_tests.web.market_tables import AWKWARD, stored

SLASHED = "Health / Care"
PARTNER = ("co_occurrences", "npmi", "npmi_lower", "strength")


def test_summary(client: TestClient, filled: Database) -> None:
    (row,) = stored(filled, tables.market_summary)
    content = got(client, "/summary")
    assert content.pop("as_of") == "2026-11-24T02:30:00Z"
    assert content.pop("window_start") == "2026-08-26T00:00:00Z"
    assert content.pop("currency") == "USD"
    row |= {name: json.loads(row[name]) for name in ("sources_compared", "sources_left_out")}
    assert [content] == without([row], "as_of", "window_start")
    assert content["postings"] == 400


@pytest.mark.parametrize("industry", [None, "Technology", SLASHED])
@pytest.mark.parametrize("limit", [1, 7, 500])
def test_skills_are_the_table_page_by_page(
    client: TestClient, filled: Database, industry: str | None, limit: int
) -> None:
    parameters = {"limit": limit} if industry is None else {"limit": limit, "industry": industry.upper()}
    expected = demand_rows(filled, industry)
    assert len(expected) > 7
    assert walked(client, "/skills", "skills", **parameters) == expected


def test_skills_of_a_category(client: TestClient, filled: Database) -> None:
    expected = [row for row in demand_rows(filled, "Finance") if row["category"] == "Category 1"]
    assert expected
    parameters = {"industry": "Finance", "category": "category 1", "limit": 3}
    assert walked(client, "/skills", "skills", **parameters) == expected


def pay_of(filled: Database, skill: str) -> dict[str, Any]:
    """What a skill pays, as the API answers it."""
    rows = without(skill_rows(filled, tables.salary_statistics, skill), "skill")
    rows.sort(key=lambda row: (-row["postings_with_salary"], row["country"] or "", row["seniority"] or ""))
    return {
        "salaries": next(row for row in rows if not (row["country"] or row["seniority"])),
        "by_country": [row for row in rows if row["country"] and not row["seniority"]],
        "by_seniority": [row for row in rows if row["seniority"] and not row["country"]],
    }


@pytest.mark.parametrize("skill", AWKWARD)
@pytest.mark.parametrize("spelt", [str, str.upper, str.lower])
def test_everything_about_a_skill_whatever_its_name(
    client: TestClient, filled: Database, skill: str, spelt: Any
) -> None:
    path = f"/skills/{quote(spelt(skill), safe='')}"
    trends = sorted(skill_rows(filled, tables.salary_trends, skill), key=lambda row: row["month"])
    direction = trends[0]["trend_direction"]
    industries = without(
        sorted(
            stored(
                filled,
                tables.skill_demand,
                tables.skill_demand.c.skill == skill,
                tables.skill_demand.c.industry.is_not(None),
            ),
            key=lambda row: (-row["postings"], row["industry"]),
        ),
        *(set(tables.skill_demand.columns.keys()) - answers.SkillInIndustry.__required_keys__),
    )
    assert got(client, path) == {
        "skill": skill,
        "demand": next(row for row in demand_rows(filled, None) if row["skill"] == skill),
        **pay_of(filled, skill),
        "trending": skill_rows(filled, tables.trending_skills, skill)[0],
        "trend_direction": direction,
        "industries": industries,
    }
    assert got(client, f"{path}/trend") == {
        "skill": skill,
        "trend_direction": direction,
        "months": without(trends, "skill", "trend_direction"),
    }
    recommended = sorted(skill_rows(filled, tables.skill_recommendations, skill), key=lambda row: row["rank"])
    assert recommended
    expected = {"skill": skill, "recommendations": without(recommended, "skill")}
    assert got(client, f"{path}/recommendations") == expected
    assert got(client, "/salaries", skill=spelt(skill)) == {
        "skill": skill,
        "location": None,
        "currency": "USD",
        **pay_of(filled, skill),
    }


@pytest.mark.parametrize("skill", ["C#", "A/B/trend test", "Skill 3"])
def test_related_skills_from_either_side(client: TestClient, filled: Database, skill: str) -> None:
    expected = []
    for row in stored(filled, tables.skill_relationships):
        if skill not in (row["skill_a"], row["skill_b"]):
            continue
        here, there = ("ab", "ba") if row["skill_a"] == skill else ("ba", "ab")
        expected.append(
            {
                "related_skill": row["skill_b"] if here == "ab" else row["skill_a"],
                **{name: row[name] for name in ("co_occurrences", "support", "lift", "npmi", "strength")},
                **{name: row[name] for name in ("lift_lower", "npmi_lower", "log_likelihood")},
                "confidence": row[f"confidence_{here}"],
                "confidence_reverse": row[f"confidence_{there}"],
            }
        )
    expected.sort(key=lambda row: (-row["npmi_lower"], -row["npmi"], -row["co_occurrences"], row["related_skill"]))
    assert len(expected) > 10
    path = f"/skills/{quote(skill, safe='')}/related"
    assert walked(client, path, "related", limit=9) == expected
    assert got(client, path)["skill"] == skill


@pytest.mark.parametrize("skill", ["C#", "A/B/trend test"])
def test_history_of_a_skill(client: TestClient, filled: Database, skill: str) -> None:
    answer = got(client, f"/skills/{quote(skill, safe='')}/history")
    expected = sorted(skill_rows(filled, tables.skill_history, skill), key=lambda row: row["month"])
    assert [row["month"] for row in answer["months"]] == ["2026-08", "2026-09", "2026-10", "2026-11"]
    figures = ("month", "postings", "share", "postings_with_salary", "median_salary", "market_postings")
    assert [{name: row[name] for name in figures} for row in answer["months"]] == [
        {name: row[name] for name in figures} for row in expected
    ]


def test_coverage_is_the_table(client: TestClient, filled: Database) -> None:
    rows = stored(filled, tables.posting_coverage)
    assert got(client, "/coverage")["coverage"] == sorted(rows, key=lambda row: (row["dimension"], row["value"]))
    assert len(rows) == 3


def test_a_plus_that_was_not_encoded_is_understood(client: TestClient) -> None:
    answer = client.get(f"{API}/salaries?skill=C++")
    assert answer.json()["skill"] == "C++"
    assert client.get(f"{API}/salaries?skill=No++").json()["error"] == "Skill not found: No  "


def test_salaries_of_a_place(client: TestClient, filled: Database) -> None:
    (row,) = without(
        stored(filled, tables.location_salaries, tables.location_salaries.c.location == "Zürich, CH"), "location"
    )
    expected = {"skill": None, "location": "Zürich, CH", "currency": "USD", "salaries": row}
    expected |= {"by_country": [], "by_seniority": []}
    assert got(client, "/salaries", location="ZÜRICH, ch") == expected


@pytest.mark.parametrize("parameters", [{}, {"skill": "C", "location": "Berlin, DE"}])
def test_salaries_are_of_one_thing(client: TestClient, parameters: dict[str, str]) -> None:
    answer = client.get(f"{API}/salaries", params=parameters)
    assert (answer.status_code, answer.json()["error"]) == (400, "Give either skill or location")


def test_salaries_by_type_of_employment_are_the_table(client: TestClient, filled: Database) -> None:
    rows = stored(filled, tables.employment_salaries)
    answer = got(client, "/employment-salaries", limit=500)
    assert answer["currency"] == "USD"
    found = answer["employment_salaries"]
    assert sorted(found, key=repr) == sorted(rows, key=repr)
    assert [row["postings_with_salary"] for row in found] == sorted(
        (row["postings_with_salary"] for row in rows), reverse=True
    )
    assert {row["employment_type"] for row in rows} == {None, "full_time", "internship", "contract"}
    internships = [row for row in found if (row["employment_type"], row["country"]) == ("internship", "DE")]
    assert len(internships) == 1
    chosen = got(client, "/employment-salaries", employment_type="Internship", country="de")
    assert chosen["employment_salaries"] == internships


@pytest.mark.parametrize("industry", ["Technology", SLASHED, "Retail & Trade"])
def test_skills_of_an_industry(client: TestClient, filled: Database, industry: str) -> None:
    rows = stored(filled, tables.industry_skills, tables.industry_skills.c.industry == industry)
    expected = without(sorted(rows, key=lambda row: row["rank"]), "industry")
    path = f"/industries/{quote(industry.lower(), safe='')}/skills"
    assert walked(client, path, "skills", limit=11) == expected
    assert got(client, path)["industry"] == industry


def test_trending_by_growth(client: TestClient, filled: Database) -> None:
    rows = stored(filled, tables.trending_skills)
    none = [row for row in rows if row["growth"] is None]
    grown = [row for row in rows if row["growth"] is not None]
    expected = sorted(grown, key=lambda row: (-row["growth"], -row["recent_postings"], row["skill"]))
    expected += sorted(none, key=lambda row: (-row["recent_postings"], row["skill"]))
    assert walked(client, "/trending", "trending", limit=13) == expected
    for trend in tables.TRENDS:
        chosen = [row for row in expected if row["trend"] == trend]
        assert walked(client, "/trending", "trending", trend=trend) == chosen


@pytest.mark.parametrize("industry", [None, "technology"])
@pytest.mark.parametrize("given", [[], ["c#", "Qbasic", "Skill 3", "C#", "skill 1"], [*AWKWARD]])
def test_skill_gap_against_brute_force(
    client: TestClient, filled: Database, industry: str | None, given: list[str]
) -> None:
    demand = demand_rows(filled, industry and industry.title())
    known = {name.casefold(): name for name in [*(row["skill"] for row in demand_rows(filled, None))]}
    held = {known[name.casefold()] for name in given if name.casefold() in known}
    relationships = stored(filled, tables.skill_relationships)
    missing = []
    for row in [row for row in demand if row["skill"] not in held][:5]:
        partners = []
        for pair in relationships:
            both = {pair["skill_a"], pair["skill_b"]}
            other = both - {row["skill"]}
            if row["skill"] in both and other <= held and pair["strength"] != "very_weak":
                partners.append({"skill": other.pop(), **{name: pair[name] for name in PARTNER}})
        partners.sort(key=lambda partner: (-partner["npmi_lower"], partner["skill"]))
        pay = ("postings_with_salary", "average_salary", "median_salary")
        names = ("skill", "category", "postings", "demand_share", "rank", *pay)
        missing.append({**{name: row[name] for name in names}, "goes_with": partners[:5]})
    answer = client.post(f"{API}/skill-gap", json={"skills": given, "industry": industry, "limit": 5})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "industry": industry and industry.title(),
        "missing": missing,
        "held": [
            {name: row[name] for name in ("skill", "postings", "demand_share", "rank")}
            for row in demand
            if row["skill"] in held
        ],
        "unknown": [name for name in given if name.casefold() not in known],
    }


def test_recommendations_for_several_skills(client: TestClient, filled: Database) -> None:
    affinities, relationships, pay = (
        pl.DataFrame(stored(filled, table))
        for table in (tables.skill_affinities, tables.skill_relationships, tables.salary_statistics)
    )
    pay = pay.filter(pl.col("country").is_null(), pl.col("seniority").is_null())
    expected = Recommender(affinities, related_skills(relationships), pay).recommend(["C#", "Skill 3"], 4)
    answer = client.post(f"{API}/recommendations", json={"skills": ["Skill 3", "c#", "C#", "Qbasic"], "limit": 4})
    named = {"skills": ["Skill 3", "C#"], "occupation": None, "unknown": ["Qbasic"]}
    assert answer.json() == {**named, "recommendations": expected}
    assert len(expected) == 4
    assert all(row["goes_with"] and row["median_salary"] for row in expected)


def test_an_empty_store_answers_with_nothing(database: Database) -> None:
    with market_client(database) as client:
        nulls = dict.fromkeys(tables.market_summary.columns.keys())
        assert got(client, "/summary") == {**nulls, "currency": "USD"}
        none = {"count": 0, "total": 0, "next": None}
        assert got(client, "/skills") == {"skills": [], **none}
        assert got(client, "/trending") == {"trending": [], **none}
        assert client.get(f"{API}/skills/C").status_code == 404
        assert client.get(f"{API}/salaries", params={"location": "Berlin, DE"}).status_code == 404
        gap = client.post(f"{API}/skill-gap", json={"skills": ["C"]}).json()
        assert gap == {"industry": None, "missing": [], "held": [], "unknown": ["C"]}
        recommended = client.post(f"{API}/recommendations", json={"skills": ["C"]}).json()
        assert recommended == {"skills": [], "occupation": None, "recommendations": [], "unknown": ["C"]}
