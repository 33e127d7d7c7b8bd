"""`/market`: the figures are those of the tables, or counted by hand where there are filters; addresses work."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from market_assets.report import numbers
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets.store.tables.postings import job_postings, posting_facts, posting_skill_facts
from market_assets_tests.statistics import brute_force
from market_assets_tests.statistics.markets import TODAY, Market, Posting
from market_assets_tests.statistics.markets import market as market_of
from market_assets_tests.web.explorer.made_up_store import explorer_client, fill_store, weighed
from market_assets_tests.web.explorer.reading import cells, csv_at, links, page_at, tiles
from market_assets_tests.web.market_tables import MIN_SAMPLE, stored

SKILLS = "Skills that postings ask for"


def test_all_skills_are_listed_as_the_table_has_them(client: TestClient, filled: Database) -> None:
    rows = stored(filled, tables.skill_demand, tables.skill_demand.c.industry.is_(None))
    rows.sort(key=lambda row: row["rank"])
    listed = csv_at(client, "/market?format=csv")
    assert [row["skill"] for row in listed] == [row["skill"] for row in rows]
    for shown, row in zip(listed, rows, strict=True):
        assert int(shown["postings"]) == row["postings"]
        assert float(shown["demand_share"]) == row["demand_share"]
        assert shown["median_salary"] == ("" if row["median_salary"] is None else str(row["median_salary"]))
    trends = {row["skill"]: row for row in stored(filled, tables.trending_skills)}
    assert {row["skill"]: row["trend"] for row in listed} == {name: row["trend"] for name, row in trends.items()}


@pytest.mark.parametrize(
    "query", ["", "industry=industry 1", "country=US&workplace=remote", "sort=-median_salary"]
)
def test_the_pages_and_the_csv_are_the_same(
    client: TestClient, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_assets.web.explorer.index_page.PAGE_SIZE", 15)
    expected = csv_at(client, f"/market?format=csv&{query}")
    address, shown = f"/market?{query}", []
    while address:
        page = page_at(client, address)
        shown += cells(page, SKILLS)
        following = links(page, "a[rel=next]")
        address = following[0] if following else ""
    assert len(expected) == len(shown) > 15
    for row, line in zip(expected, shown, strict=True):
        pay, growth = row["median_salary"], row["growth"]
        assert line == [
            row["skill"],
            row["category"],
            numbers.count(int(row["postings"])),
            numbers.share(float(row["demand_share"])),
            numbers.growth(float(growth)) if growth else "–",
            row["trend"].replace("_", " "),
            numbers.money(float(pay)) if pay else "–",
            numbers.count(int(row["postings_with_salary"])),
        ]


@pytest.mark.both_databases
def test_filters_count_what_they_leave(client: TestClient, market: Market) -> None:
    since = TODAY - timedelta(days=30)
    left = [
        posting
        for posting in market.postings
        if posting.country == "US" and posting.seniority == "senior" and posting.posted_at >= since
    ]
    expected = brute_force.skill_demand(Market(left, market.categories), MIN_SAMPLE)
    of_all = {row["skill"]: row for row in expected if row["industry"] is None}
    listed = csv_at(client, "/market?format=csv&country=United States&seniority=Senior&period=30")
    assert len(listed) == len(of_all) > 20
    for row in listed:
        by_hand = of_all[row["skill"]]
        assert int(row["postings"]) == by_hand["postings"]
        assert float(row["demand_share"]) == pytest.approx(by_hand["demand_share"])
        assert int(row["postings_with_salary"]) == by_hand["postings_with_salary"]
        median = by_hand["median_salary"]
        assert (
            row["median_salary"] == "" if median is None else float(row["median_salary"]) == pytest.approx(median)
        )


def test_the_headlines_are_those_of_the_summary(client: TestClient, filled: Database) -> None:
    (summary,) = stored(filled, tables.market_summary)
    page = page_at(client, "/market")
    shown = tiles(page)
    assert shown["Postings counted"][0] == numbers.count(summary["postings"])
    assert shown["Most asked skill"][0] == summary["top_skill"]
    assert shown["Skills found"][0] == numbers.count(summary["skills"])
    assert "Made up" in page.text() and numbers.count(summary["sample_postings"]) in page.text()
    assert {"/market/report", "/", "/api/docs", "/executions", "/market/map", "/market/compare"} <= set(
        links(page)
    )


def test_what_each_source_states_is_shown(client: TestClient, filled: Database) -> None:
    known = stored(filled, tables.posting_coverage, tables.posting_coverage.c.dimension == "source")
    listed = csv_at(client, "/market?format=csv&table=coverage")
    by_postings = sorted(known, key=lambda row: (-row["postings"], row["value"]))
    assert [row["value"] for row in listed] == [row["value"] for row in by_postings]
    assert listed and "What the postings of each source state" in client.get("/market").text
    by_name = {row["value"]: row for row in known}
    for row in listed:
        expected = by_name[row["value"]]
        assert {name: float(value) for name, value in row.items() if name != "value"} == {
            name: pytest.approx(expected[name]) for name in row if name != "value"
        }


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("industy=industry 1", "/market?industry=industry%201"),
        ("industry=industy 1", "/market?industry=industry%201"),
        ("country=Germny", "/market?country=DE"),
        ("sort=postigs", "/market?sort=postings"),
        ("seniority=seniors", "/market?seniority=senior"),
        ("trend=grow", "/market?trend=growing"),
    ],
)
def test_what_it_does_not_know_it_asks_about(client: TestClient, query: str, meant: str) -> None:
    page = page_at(client, f"/market?{query}", 422)
    assert meant in links(page, "main ul a")
    assert client.get(meant).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=999",
        "page=x",
        "period=0",
        "period=9999",
        "country=DE&country=US",
        "format=xml",
        f"q={'x' * 201}",
    ],
)
def test_no_wrong_value_is_passed_over(client: TestClient, query: str) -> None:
    page_at(client, f"/market?{query}", 422)


def test_empty_fields_of_a_form_leave_the_address(client: TestClient) -> None:
    answer = client.get("/market?country=&seniority=senior&industry=Retail+%26+Trade&trend=")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/market?seniority=senior&industry=Retail%20%26%20Trade",
    )


def test_a_refresh_is_seen(database: Database) -> None:
    made = market_of([Posting(("SQL",), country="DE")] * 7)
    fill_store(database, made, weighed(made))
    client = explorer_client(database)
    for expected in (7, 3):
        assert csv_at(client, "/market?country=DE&format=csv")[0]["postings"] == str(expected)
        # No connection may be open where ADBC writes.
        database.pooled_engine().dispose()
        kept = market_of([Posting(("SQL",), country="DE")] * 3 + [Posting(("SQL",), country="US")] * 4)
        with database.engine().begin() as connection:
            for table in (posting_skill_facts, posting_facts, job_postings):
                connection.execute(sa.delete(table))
        fill_store(database, kept, weighed(kept))
    database.pooled_engine().dispose()


def test_before_the_first_refresh_it_says_so(database: Database) -> None:
    schema.upgrade(database)
    client = explorer_client(database)
    assert "Nothing has been counted yet" in page_at(client, "/market").text()
    assert "Nothing yet" in page_at(client, "/market/map").text()
    for path in ("/market?country=DE", "/market/skills/Python", "/market/places/Berlin", "/market/companies/x"):
        page_at(client, path, 404)
    database.pooled_engine().dispose()
