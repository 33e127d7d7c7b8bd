"""Occupations by the API: the tables, whatever title names them, and what to learn for one."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets_tests.web.market.asking import API, got, walked, without
from market_assets_tests.web.market_client import market_client
from market_assets_tests.web.market_tables import MIN_SAMPLE, stored

OCCUPATION = "Data engineer"


def test_occupations_are_the_tables(client: TestClient, filled: Database) -> None:
    pay = {
        row["occupation"]: row
        for row in stored(filled, tables.occupation_salaries)
        if row["country"] is row["seniority"] is None
    }
    rows = walked(client, "/occupations", "occupations", limit=2)
    demand = sorted(stored(filled, tables.occupation_demand), key=lambda row: row["rank"])
    assert len(rows) == len(demand) == 3
    for row, wanted in zip(rows, demand, strict=True):
        known = pay[wanted["occupation"]]
        assert row == {**wanted, **without([known], "occupation", "country", "seniority")[0]}
    assert [row["occupation"] for row in walked(client, "/occupations", "occupations", search="NURSE")] == [
        "Nurse"
    ]


@pytest.mark.parametrize("name", [OCCUPATION, "DATA ENGINEER", "Ingénieur de données", "データエンジニア"])
def test_one_occupation_whatever_title_names_it(client: TestClient, filled: Database, name: str) -> None:
    table = tables.occupation_salaries
    pay = without(stored(filled, table, table.c.occupation == OCCUPATION), "occupation")
    (demand,) = stored(filled, tables.occupation_demand, tables.occupation_demand.c.occupation == OCCUPATION)
    found = got(client, f"/occupations/{name}")
    by_country, by_seniority = found.pop("by_country"), found.pop("by_seniority")
    assert found == {
        **demand,
        "salaries": next(row for row in pay if row["country"] is row["seniority"] is None),
        "currency": "USD",
    }
    for column, other, rows in (("country", "seniority", by_country), ("seniority", "country", by_seniority)):
        expected = [row for row in pay if row[column] is not None and row[other] is None]
        assert len(expected) > 1
        assert rows == sorted(expected, key=lambda row: (-row["postings_with_salary"], row[column]))


def test_skills_of_an_occupation(client: TestClient, filled: Database) -> None:
    table = tables.occupation_skills
    expected = sorted(stored(filled, table, table.c.occupation == OCCUPATION), key=lambda row: row["rank"])
    rows = walked(client, f"/occupations/{OCCUPATION}/skills", "skills", limit=7)
    assert rows == without(expected, "occupation")
    assert len(rows) > 20


def test_what_to_learn_for_an_occupation(client: TestClient, filled: Database) -> None:
    table = tables.occupation_skills
    skills = sorted(stored(filled, table, table.c.occupation == OCCUPATION), key=lambda row: row["rank"])
    above = [row for row in skills if row["lift"] > 1 and row["postings"] >= MIN_SAMPLE]
    held = above[0]["skill"]
    body = {"skills": [held, "Qbasic"], "occupation": "data engineer", "limit": 3}
    answer = client.post(f"{API}/recommendations", json=body).json()
    assert (answer["skills"], answer["occupation"], answer["unknown"]) == ([held], OCCUPATION, ["Qbasic"])
    best = answer["recommendations"]
    assert [row["recommended_skill"] for row in best] == [row["skill"] for row in above[1:4]]
    assert [row["score"] for row in best] == [row["share"] for row in above[1:4]]
    for row in best:
        pay = got(client, "/salaries", skill=row["recommended_skill"])["salaries"]
        assert (row["postings_with_salary"], row["median_salary"]) == (
            pay["postings_with_salary"],
            pay["median_salary"],
        )
        assert all(reason["skill"] == held for reason in row["goes_with"])


def test_what_no_posting_has_is_not_found(client: TestClient) -> None:
    answer = client.get(f"{API}/occupations/Nurze")
    assert answer.status_code == 404
    assert answer.json()["error"] == "Occupation not found: Nurze; did you mean Nurse?"
    answer = client.post(f"{API}/recommendations", json={"skills": [], "occupation": "Astrologer"})
    assert answer.status_code == 404
    assert client.post(f"{API}/recommendations", json={"skills": [], "occupation": ""}).status_code == 422


def test_before_the_first_refresh_there_are_none(database: Database) -> None:
    with market_client(database) as client:
        assert got(client, "/occupations")["occupations"] == []
        assert client.get(f"{API}/occupations/Nurse/skills").status_code == 404
