"""What every list of the market API takes: order, columns, formats, a search; and what it does not know."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from urllib.parse import quote

import polars as pl
import pytest
from starlette.testclient import TestClient

from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets.web.market.requests import MEDIA_TYPES, Names, town_spellings
from market_assets_tests.web.market.asking import API, Row, demand_rows, got, walked
from market_assets_tests.web.market_tables import stored

LISTS = {
    "/skills": "skills",
    "/skills/Python/related": "related",
    "/industries/Technology/skills": "skills",
    "/trending": "trending",
    "/categories": "categories",
    "/industries": "industries",
    "/locations": "locations",
    "/employment-salaries": "employment_salaries",
}


def file_of(client: TestClient, path: str, format: str, **parameters: object) -> bytes:
    answer = client.get(API + path, params={"format": format, **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPES[format]
    return answer.content


@pytest.mark.parametrize("path", LISTS)
def test_a_file_holds_all_rows_of_a_list(client: TestClient, path: str) -> None:
    rows = walked(client, path, LISTS[path], limit=7)
    assert rows
    assert pl.read_parquet(BytesIO(file_of(client, path, "parquet"))).to_dicts() == rows
    assert pl.read_ipc_stream(BytesIO(file_of(client, path, "arrow"))).to_dicts() == rows
    in_csv = list(csv.DictReader(StringIO(file_of(client, path, "csv").decode())))
    kinds = {name: next((row[name] for row in rows if row[name] is not None), None) for name in rows[0]}
    assert [as_in_csv(row) for row in rows] == [as_read(row, kinds) for row in in_csv]


def as_in_csv(row: Row) -> Row:
    """Empty where null; numbers as numbers, lists as they are."""
    return {name: "" if value is None else value for name, value in row.items()}


def as_read(row: dict[str, str], kinds: Row) -> Row:
    numbers = {name for name, value in kinds.items() if not isinstance(value, str)}
    return {name: json.loads(value) if value and name in numbers else read(value) for name, value in row.items()}


def read(value: str) -> object:
    try:
        return float(value) if value else value
    except ValueError:
        return value


def test_the_header_accept_asks_for_a_file_too(client: TestClient) -> None:
    answer = client.get(f"{API}/skills", headers={"Accept": "application/pdf, text/csv;q=0.9, */*"})
    assert answer.content == file_of(client, "/skills", "csv")
    assert client.get(f"{API}/skills", headers={"Accept": "text/html, */*"}).json()["skills"]


@pytest.mark.both_databases
def test_rows_are_sorted_over_all_pages(client: TestClient, filled: Database) -> None:
    rows = sorted(demand_rows(filled, None), key=lambda row: row["skill"])
    rows.sort(key=lambda row: -row["postings_with_salary"])
    rows.sort(key=lambda row: row["category"])
    asked = {"sort": "category, -postings_with_salary,skill", "fields": "skill,category", "limit": 4}
    wanted = [{"skill": row["skill"], "category": row["category"]} for row in rows]
    assert walked(client, "/skills", "skills", **asked) == wanted


def test_nulls_come_last_in_either_direction(client: TestClient) -> None:
    for order in ("median_salary", "-median_salary"):
        rows = walked(client, "/skills", "skills", industry="Finance", sort=order)
        pay = [row["median_salary"] for row in rows]
        known = [each for each in pay if each is not None]
        assert 0 < len(known) < len(pay)
        assert pay == sorted(known, reverse=order.startswith("-")) + [None] * (len(pay) - len(known))


def test_a_file_may_be_a_part_of_a_list(client: TestClient) -> None:
    rows = walked(client, "/skills", "skills", sort="skill")
    part = file_of(client, "/skills", "parquet", sort="skill", offset=3, limit=4)
    assert pl.read_parquet(BytesIO(part)).to_dicts() == rows[3:7]
    rest = file_of(client, "/skills", "arrow", sort="skill", offset=5)
    assert pl.read_ipc_stream(BytesIO(rest)).to_dicts() == rows[5:]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/skills?industy=Technology", "industy: unknown parameter; did you mean industry?"),
        ("/summary?zzz=1", "zzz: unknown parameter (known: none)"),
        (
            "/trending?trnd=growing&lmit=3",
            "trnd: unknown parameter; did you mean trend?; lmit: unknown parameter; did you mean limit?",
        ),
        ("/skills?sort=-postngs", "sort: no column postngs; did you mean postings?"),
        ("/skills?sort=top_sources", "sort: no column top_sources"),
        ("/skills?fields=skill,nonsense&format=csv", "fields: no column nonsense"),
        ("/skills?format=xml", "format: Input should be"),
        ("/skills?limit=501", "limit: Input should be less than or equal to 500"),
    ],
)
def test_what_is_not_known_is_refused(client: TestClient, path: str, error: str) -> None:
    answer = client.get(API + path)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(error)


def test_values_are_listed_with_their_postings(client: TestClient, filled: Database) -> None:
    statistics = stored(filled, tables.posting_statistics, tables.posting_statistics.c.dimension == "industry")
    known = {row["value"]: row["postings"] for row in statistics if row["value"] != "unknown"}
    listed = walked(client, "/industries", "industries")
    assert {row["industry"]: row["postings"] for row in listed} == known
    assert [row["postings"] for row in listed] == sorted(known.values(), reverse=True)
    assert walked(client, "/industries", "industries", search="FIN") == [
        {"industry": "Finance", "postings": known["Finance"]}
    ]
    skills = demand_rows(filled, None)
    assert {row["category"]: row["skills"] for row in walked(client, "/categories", "categories")} == {
        category: sum(row["category"] == category for row in skills)
        for category in {row["category"] for row in skills}
    }
    places = {row["location"] for row in stored(filled, tables.location_salaries)}
    assert {row["location"] for row in walked(client, "/locations", "locations")} == places
    assert [row["location"] for row in walked(client, "/locations", "locations", search="rich")] == ["Zürich, CH"]


def test_communities_come_the_largest_first(client: TestClient, filled: Database) -> None:
    rows = stored(filled, tables.skill_communities)
    rows.sort(key=lambda row: (row["community"], -row["centrality"], row["skill"]))
    assert walked(client, "/communities", "communities", limit=7) == rows
    assert {row["skill"] for row in walked(client, "/communities", "communities", search="python")} <= {"Python"}


def test_a_search_finds_parts_and_other_spellings_of_names(client: TestClient) -> None:
    assert {row["skill"] for row in walked(client, "/skills", "skills", search="SKILL 1")} >= {
        "Skill 1",
        "Skill 10",
    }
    assert [row["skill"] for row in walked(client, "/skills", "skills", search="dotnet")] == [".NET"]
    assert got(client, "/skills", search="no such thing")["total"] == 0


def test_names_are_understood_by_other_spellings(client: TestClient) -> None:
    assert got(client, "/skills/dotnet")["skill"] == ".NET"
    assert got(client, "/salaries", location="berlin")["location"] == "Berlin, DE"


@pytest.mark.parametrize(
    ("path", "error", "suggestions"),
    [
        ("/skills/Pyton", "Skill not found: Pyton; did you mean Python?", ["Python"]),
        ("/salaries?location=Zurich", "Location not found: Zurich; did you mean Zürich, CH?", ["Zürich, CH"]),
        (
            "/industries/Tecnology/skills",
            "Industry not found: Tecnology; did you mean Technology?",
            ["Technology"],
        ),
    ],
)
def test_names_like_an_unknown_one_are_suggested(
    client: TestClient, path: str, error: str, suggestions: list[str]
) -> None:
    answer = client.get(API + path)
    content = answer.json()
    assert (answer.status_code, content["error"], content["suggestions"]) == (404, error, suggestions)


def test_calls_without_a_version_are_redirected(client: TestClient) -> None:
    old = "/api/market/skills/CI%2FCD/related?limit=2&sort=-lift"
    moved = client.get(old, follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (308, old.replace("/api/", "/api/v1/"))
    assert client.get(old).json() == client.get(moved.headers["location"]).json()
    body = {"skills": ["Python"], "limit": 2}
    posted = client.post("/api/market/recommendations", json=body)
    assert posted.json() == client.post(f"{API}/recommendations", json=body).json()
    outside = client.get(f"/api/market/{quote('//evil.example', safe='')}", follow_redirects=False)
    assert outside.headers["location"].startswith(f"{API}/")


def test_other_spellings_are_made_when_they_are_needed() -> None:
    made = []

    def spellings() -> dict[str, str]:
        made.append(1)
        return {"k8s": "Kubernetes", "py": "Not in the tables"}

    names = Names(["Kubernetes", "Docker"], spellings)
    assert names.find("docker") == "Docker"
    assert made == []
    assert names.find("K8S ") == "Kubernetes"
    assert names.find("py") is None
    assert names.suggestions("kubernets") == ["Kubernetes"]
    assert names.containing("k8s") == {"Kubernetes"}
    assert made == [1]


def test_a_town_is_the_first_place_that_begins_with_it() -> None:
    assert town_spellings(["Remote", "Portland, OR, US", "Portland, ME, US"]) == {"portland": "Portland, OR, US"}
