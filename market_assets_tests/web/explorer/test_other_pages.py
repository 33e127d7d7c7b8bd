"""Places, industries, companies, comparisons and the map."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from market_assets.report import numbers
from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets_tests.statistics import brute_force
from market_assets_tests.statistics.markets import Market, Posting
from market_assets_tests.statistics.pay_by_hand import figure, pay_of
from market_assets_tests.web.explorer.reading import cells, csv_at, links, page_at, tiles
from market_assets_tests.web.market_tables import MIN_SAMPLE, stored

#: The page of a part of the market, and which postings are in it.
PARTS = {
    "/market/places/Town 3, DE": lambda one: one.location == "Town 3, DE",
    "/market/industries/industry 2": lambda one: one.industry == "industry 2",
    "/market/companies/company 7": lambda one: one.employer == "company 7",
    "/market/occupations/Truck driver": lambda one: one.occupation == "Truck driver",
    "/market/companies/company 7?occupation=nurse": lambda one: (
        (one.employer, one.occupation) == ("company 7", "Nurse")
    ),
    "/market/places/Town 3, DE?seniority=senior": lambda one: (
        (one.location, one.seniority) == ("Town 3, DE", "senior")
    ),
    "/market/industries/industry 2?country=DE&workplace=onsite": lambda one: (
        (one.industry, one.country, one.workplace) == ("industry 2", "DE", "onsite")
    ),
}


@pytest.mark.parametrize("path", PARTS)
def test_a_part_of_the_market_is_counted_by_itself(client: TestClient, market: Market, path: str) -> None:
    inside: list[Posting] = [one for one in market.postings if PARTS[path](one)]
    page = page_at(client, path)
    shown = tiles(page)
    assert shown["Postings"][0] == numbers.count(len(inside))
    median = figure(pay_of(inside), 50, MIN_SAMPLE)
    assert shown["Median pay, USD a year"][0] == ("–" if median is None else numbers.money(median))
    assert shown["Remote"][0] == numbers.share(sum(one.workplace == "remote" for one in inside) / len(inside))
    expected = brute_force.skill_demand(Market(inside, market.categories), MIN_SAMPLE)
    by_hand = {row["skill"]: row for row in expected if row["industry"] is None}
    rows = csv_at(client, f"{path}{'&' if '?' in path else '?'}format=csv")
    assert {row["skill"]: int(row["postings"]) for row in rows} == {
        name: row["postings"] for name, row in by_hand.items()
    }
    whole = {row["skill"]: row for row in brute_force.skill_demand(market, 1) if row["industry"] is None}
    for row in rows:
        share = by_hand[row["skill"]]["demand_share"]
        assert float(row["demand_share"]) == pytest.approx(share)
        assert float(row["times"]) == pytest.approx(share / whole[row["skill"]]["demand_share"])
    assert [line[0] for line in cells(page, "Skills that postings ask for")] == [row["skill"] for row in rows][:50]


def test_an_occupation_shows_what_it_pays(client: TestClient, market: Market, filled: Database) -> None:
    page = page_at(client, "/market/occupations/Truck driver")
    assert "8332 in ISCO-08" in page.text()
    drivers = [one for one in market.postings if one.occupation == "Truck driver"]
    for by, names in (("country", ("DE", "US")), ("seniority", ("junior", "senior"))):
        rows = csv_at(client, f"/market/occupations/Truck driver?format=csv&table=pay_by_{by}")
        for name in names:
            pay = pay_of(one for one in drivers if getattr(one, by) == name)
            (row,) = (row for row in rows if row[by] == name)
            assert int(row["postings_with_salary"]) == len(pay)
            assert float(row["median_salary"]) == pytest.approx(figure(pay, 50, MIN_SAMPLE))
    demand = sorted(stored(filled, tables.occupation_demand), key=lambda row: row["rank"])
    rows = csv_at(client, "/market/occupations?format=csv")
    assert [(row["occupation"], int(row["postings"])) for row in rows] == [
        (row["occupation"], row["postings"]) for row in demand
    ]
    assert "/market/occupations/Truck%20driver" in links(page_at(client, "/market/occupations?sort=-postings"))


def test_an_occupation_is_found_by_any_of_its_titles(client: TestClient) -> None:
    page = "/market/occupations/Truck%20driver"
    answer = client.get("/market/occupations/LKW Fahrer?country=DE")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{page}?country=DE")
    found = client.get("/market/search?q=truck driver")
    assert (found.status_code, found.headers["location"]) == (303, page)
    assert page in links(page_at(client, "/market/occupations/Truk driver", 404))
    page_at(client, "/market?occupation=wombat", 422)


def test_links_lead_to_pages(client: TestClient) -> None:
    seen = set()
    for path in ("/market", "/market/skills/skill 0001", *PARTS, "/market/map", "/market/map?skill=skill 0001"):
        seen |= {link.split("#")[0] for link in links(page_at(client, path), "main a, form a")}
    inner = sorted(link for link in seen if link.startswith("/market") and link != "/market/report")
    assert len(inner) > 60
    for link in inner[:: max(1, len(inner) // 60)]:
        assert client.get(link).status_code == 200, link


def test_a_comparison_shows_each_skill_as_its_page_does(client: TestClient) -> None:
    names = ["skill 0000", "skill 0001", "skill 0005"]
    query = "&".join(f"skill={name}" for name in names)
    for filters in ("", "&country=DE"):
        rows = csv_at(client, f"/market/compare?{query}{filters}&format=csv")
        assert [row["skill"] for row in rows] == names
        for row in rows:
            shown = tiles(page_at(client, f"/market/skills/{row['skill']}?{filters}"))
            assert numbers.count(int(row["postings"])) == shown["Postings"][0]
            ends = [numbers.share(float(row[end])) for end in ("share_lower", "share_upper")]
            assert f"between {ends[0]} and {ends[1]}" in shown["Share"][1]
            median = row["median_salary"]
            assert shown["Median pay, USD a year"][0] == (numbers.money(float(median)) if median else "–")
    nothing = csv_at(client, f"/market/compare?{query}&country=AQ&format=csv")
    assert [(row["postings"], row["median_salary"]) for row in nothing] == [("0", "")] * 3
    page_at(client, f"/market/compare?{query}&country=Antarctica")
    page = page_at(client, f"/market/compare?{query}")
    table = {line[0]: line[1:] for line in cells(page, "Skills compared")}
    listed = csv_at(client, f"/market/compare?{query}&format=csv")
    assert table["Postings"] == [numbers.count(int(row["postings"])) for row in listed]
    assert len(page.css("polyline")) == 3
    without = links(page, ".chosen a")
    assert without[1] == "/market/compare?skill=skill%200000&skill=skill%200005"


def test_two_to_five_skills_are_compared(client: TestClient) -> None:
    assert "Choose two" in page_at(client, "/market/compare").text()
    assert "Choose two" in page_at(client, "/market/compare?skill=skill 0001").text()
    six = "&".join(f"skill=skill {number:04d}" for number in range(6))
    page_at(client, f"/market/compare?{six}", 422)
    page_at(client, "/market/compare?skill=skill 0001&skill=nothing", 404)


def test_the_map_has_every_community(client: TestClient, filled: Database) -> None:
    communities = stored(filled, tables.skill_communities)
    page = page_at(client, "/market/map")
    shown = (
        {(row["skill"], row["community"]) for row in csv_at(client, "/market/map?format=csv")}
        if communities
        else set()
    )
    assert shown == {(row["skill"], row["community_name"]) for row in communities}
    assert len(page.css("svg")) == len({row["community"] for row in communities})


def test_a_neighbourhood_leads_on(client: TestClient, filled: Database) -> None:
    pair = tables.skill_relationships.c
    close = stored(filled, tables.skill_relationships, pair.npmi_lower > 0)
    for row in close[:1]:
        around = links(page_at(client, f"/market/map?skill={row['skill_a']}"), "svg a")
        assert all(link.startswith("/market/map?skill=") for link in around) and len(around) >= 2


@pytest.mark.parametrize(
    "path",
    ["/market/places/Nowhere", "/market/industries/Nothing", "/market/companies/Nobody", "/market/map?skill=x"],
)
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    page_at(client, path, 404)
