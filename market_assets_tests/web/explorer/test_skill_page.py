"""A skill's page: published figures where there are no filters, else those counted by hand; nothing is markup."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from market_assets.report import numbers
from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets.store.tables.postings import job_postings
from market_assets.web.explorer import view
from market_assets_tests.statistics import brute_force
from market_assets_tests.statistics.markets import TODAY, Market, Posting
from market_assets_tests.statistics.markets import market as market_of
from market_assets_tests.statistics.pay_by_hand import salary_statistics
from market_assets_tests.web.admin_calls import until
from market_assets_tests.web.explorer.made_up_store import explorer_client, fill_store, weighed
from market_assets_tests.web.explorer.reading import cells, csv_at, links, page_at, tiles
from market_assets_tests.web.market_tables import AWKWARD, MIN_SAMPLE, stored

SKILL = "skill 0000"
PAGE = f"/market/skills/{SKILL}"
HOSTILE = "<script>alert('x')</script> & \"q\" <img src=x onerror=alert(1)>"


def shown_money(amount: float | None) -> str:
    return "–" if amount is None else numbers.money(amount)


def test_without_filters_it_shows_what_is_published(client: TestClient, filled: Database) -> None:
    demand = tables.skill_demand.c
    (row,) = stored(filled, tables.skill_demand, demand.skill == SKILL, demand.industry.is_(None))
    (summary,) = stored(filled, tables.market_summary)
    page = page_at(client, PAGE)
    shown = tiles(page)
    assert shown["Postings"][0] == numbers.count(row["postings"])
    assert f"of {numbers.count(summary['postings'])}; rank {row['rank']}" in shown["Postings"][1]
    assert shown["Share"][0] == numbers.share(row["demand_share"])
    assert shown["Median pay, USD a year"][0] == shown_money(row["median_salary"])
    pay = stored(filled, tables.salary_statistics, tables.salary_statistics.c.skill == SKILL)
    by_country = {row["country"]: row for row in pay if row["country"] and row["seniority"] is None}
    assert {row["country"] for row in csv_at(client, f"{PAGE}?format=csv&table=pay_by_country")} == set(by_country)
    germany = next(line for line in cells(page, "Pay by country") if line[0] == "Germany")
    assert germany[1] == numbers.count(by_country["DE"]["postings_with_salary"])
    assert germany[3] == shown_money(by_country["DE"]["median_salary"])
    months = stored(filled, tables.skill_history, tables.skill_history.c.skill == SKILL)
    assert [row[0] for row in cells(page, "Month by month")] == sorted(row["month"] for row in months)


def left_of(market: Market) -> Market:
    """What the filters of the next test leave."""
    since = TODAY - timedelta(days=60)
    kept = [
        posting
        for posting in market.postings
        if posting.country == "DE" and posting.workplace == "remote" and posting.posted_at >= since
    ]
    return Market(kept, market.categories)


@pytest.mark.both_databases
def test_filters_count_it_anew(client: TestClient, market: Market) -> None:
    left = left_of(market)
    asking = [posting for posting in left.postings if SKILL in posting.skills]
    rows = brute_force.skill_demand(left, MIN_SAMPLE)
    (demand,) = (row for row in rows if row["skill"] == SKILL and row["industry"] is None)
    filters = "country=DE&workplace=remote&period=60"
    page = page_at(client, f"{PAGE}?{filters}")
    shown = tiles(page)
    assert shown["Postings"][0] == numbers.count(demand["postings"]) == str(len(asking))
    assert shown["Postings"][1].startswith(f"of {len(left.postings)}")
    assert shown["Share"][0] == numbers.share(demand["demand_share"])
    assert shown["Median pay, USD a year"][0] == shown_money(demand["median_salary"])
    pay = [row for row in salary_statistics(left.postings, MIN_SAMPLE) if row["skill"] == SKILL]
    by_seniority = {row["seniority"]: row for row in pay if row["seniority"] and row["country"] is None}
    listed = csv_at(client, f"{PAGE}?{filters}&format=csv&table=pay_by_seniority")
    assert {row["seniority"]: int(row["postings_with_salary"]) for row in listed} == {
        name: row["postings_with_salary"] for name, row in by_seniority.items()
    }
    for row in listed:
        median = by_seniority[row["seniority"]]["median_salary"]
        assert (
            row["median_salary"] == "" if median is None else float(row["median_salary"]) == pytest.approx(median)
        )
    industries = {row["industry"]: row for row in rows if row["skill"] == SKILL and row["industry"]}
    assert {
        row["industry"]: (int(row["postings"]), pytest.approx(float(row["demand_share"])))
        for row in csv_at(client, f"{PAGE}?{filters}&format=csv&table=industries")
    } == {name: (row["postings"], row["demand_share"]) for name, row in industries.items()}
    places = Counter(one.location for one in asking if one.location)
    of_all = Counter(one.location for one in left.postings)
    most = sorted(places.items(), key=lambda item: (-item[1], item[0]))[:10]
    assert cells(page, "Places with most") == [
        [place, str(count), numbers.share(count / of_all[place])] for place, count in most
    ]
    companies = Counter(one.employer for one in asking if one.employer)
    listed_companies = {
        row["company"]: int(row["postings"])
        for row in csv_at(client, f"{PAGE}?{filters}&format=csv&table=companies")
    }
    assert listed_companies.items() <= companies.items() and len(listed_companies) == min(10, len(companies))
    newest = sorted((one.posted_at for one in asking), reverse=True)[:5]
    assert [item.attributes["datetime"] for item in page.css(".postings time")] == [
        time.isoformat() for time in newest
    ]


def test_postings_are_shown_as_the_store_has_them_by_now(database: Database) -> None:
    """Also on a page that was made before, soon afterwards."""
    made = market_of([Posting(("SQL",), location="Berlin, DE", employer="Acme")] * 6)
    fill_store(database, made, weighed(made))
    client = explorer_client(database)
    paths = ("/market/skills/SQL", "/market/places/Berlin%2C%20DE")
    for path in paths:
        assert len(page_at(client, path).css(".postings time")) == 5
    with database.pooled_engine().begin() as connection:
        connection.execute(job_postings.update().values(title="Another <title>"))
        newest = sa.select(sa.func.max(job_postings.c.posting_id)).scalar_subquery()
        connection.execute(job_postings.delete().where(job_postings.c.posting_id == newest))

    def are_new() -> bool:
        shown = [[node.text() for node in page_at(client, path).css(".postings a")] for path in paths]
        return shown == [["Another <title>"] * 4] * 2

    until(are_new)
    database.pooled_engine().dispose()


def test_of_many_who_ask_for_a_page_one_a_second_reads_its_postings(
    filled: Database, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        reads.append(statement)

    now = 1_000.0
    monkeypatch.setattr(view, "time", SimpleNamespace(monotonic=lambda: now))
    newest, place = view.NewestPostings(filled), str(view.newest_postings(market.window())).encode()

    async def ask_at_once() -> set[bytes]:
        return set(await asyncio.gather(*(newest.put_in(b"before " + place) for _ in range(20))))

    (shown,) = asyncio.run(ask_at_once())
    assert shown.startswith(b"before ")
    assert shown.count(b"<time") == view.SAMPLE
    sa.event.listen(filled.pooled_engine(), "before_cursor_execute", note)
    assert asyncio.run(ask_at_once()) == {shown}
    assert reads == []
    now += 2
    assert asyncio.run(ask_at_once()) == {shown}
    assert sum("job_postings" in statement for statement in reads) == 1
    sa.event.remove(filled.pooled_engine(), "before_cursor_execute", note)


def test_every_table_can_be_downloaded_as_it_is_shown(client: TestClient) -> None:
    page = page_at(client, PAGE)
    downloads = links(page, ".download a")
    assert len(downloads) >= 7
    for address in downloads:
        rows = csv_at(client, address)
        caption = next(
            table for table in page.css(".table") if table.next.next.css_first("a").attributes["href"] == address
        ).attributes["aria-label"]
        shown = cells(page, caption or "")
        assert [next(iter(row.values())).lstrip("'") for row in rows] and len(rows) == len(shown)


def test_names_are_found_in_other_words(client: TestClient) -> None:
    answer = client.get("/market/skills/SKILL 0000?country=DE")
    assert (answer.status_code, answer.headers["location"]) == (307, "/market/skills/skill%200000?country=DE")
    assert "/market/skills/skill%200000" in links(page_at(client, "/market/skills/skil 0000", 404), "main ul a")
    assert client.get("/market/search?q=Skill 0003").headers["location"] == "/market/skills/skill%200003"
    found = links(page_at(client, "/market/search?q=0003"), "main a")
    assert "/market/skills/skill%200003" in found


def test_aliases_of_the_taxonomy_are_understood(database: Database) -> None:
    posting = Posting(("Kubernetes", "C++"), location="Berlin, DE", country="DE", industry="Technology")
    made = market_of([posting] * 8)
    fill_store(database, made, weighed(made))
    client = explorer_client(database)
    assert client.get("/market/skills/k8s").headers["location"] == "/market/skills/Kubernetes"
    assert client.get("/market/search?q=k8s").headers["location"] == "/market/skills/Kubernetes"
    assert client.get("/market/search?q=berlin").headers["location"] == "/market/places/Berlin%2C%20DE"
    assert client.get("/market/places/Berlin, Germany").headers["location"] == "/market/places/Berlin%2C%20DE"
    assert client.get("/market/industries/IT").headers["location"] == "/market/industries/Technology"
    page_at(client, "/market/skills/C%2B%2B?country=Germany&industry=technology")
    database.pooled_engine().dispose()


@pytest.mark.parametrize(
    "name", [" and ".join(AWKWARD), *(pytest.param(name, marks=pytest.mark.thorough) for name in AWKWARD)]
)
def test_awkward_names_have_pages_whose_links_work(database: Database, name: str) -> None:
    made = market_of([Posting((name, "SQL"), location=name, industry=name, employer="Acme")] * 6)
    fill_store(database, made, weighed(made))
    client = explorer_client(database)
    for kind in ("skills", "places", "industries"):
        written = f"/market/{kind}/{quote(name, safe='')}"
        page = page_at(client, written)
        assert page.css_first("h1").text() == name
        inner = [link for link in links(page, "main a") if link.startswith("/market/") and "map" not in link]
        assert len(inner) >= 4
        for link in inner:
            assert client.get(link).status_code == 200, link
        assert client.get(f"{written}?seniority=").headers["location"] == quote(f"/market/{kind}/{name}")
        assert page_at(client, f"{written}?workplace=remote").css_first("h1").text() == name
    database.pooled_engine().dispose()


def test_no_text_of_a_posting_is_taken_for_markup(database: Database) -> None:
    made = market_of([Posting((HOSTILE,), location=HOSTILE, industry=HOSTILE, employer=HOSTILE)] * 6)
    urls = (
        "javascript:alert(1)",
        "https://ok.example/<x>",
        "data:text/html,x",
        "//elsewhere",
        " https://x y",
        "ftp://x",
    )
    texts = {number: {"title": f"=1+1 {HOSTILE}\u202e", "url": url} for number, url in enumerate(urls)}
    fill_store(database, made, weighed(made), texts)
    client = explorer_client(database)
    quoted = f"/market/skills/{quote(HOSTILE, safe='')}"
    paths = [quoted, "/market", quoted.replace("skills", "places"), quoted.replace("skills", "companies")]
    paths += [
        quoted.replace("skills", "industries"),
        f"/market/search?q={quote(HOSTILE)}x",
        f"/market?{quote(HOSTILE)}=x",
    ]
    for path in paths:
        text = client.get(path).text
        assert "&lt;script&gt;alert" in text, path
        assert "<script>" not in text and "<img" not in text and "\u202e" not in text, path
    page = page_at(client, quoted)
    assert [link.attributes["rel"] for link in page.css(".postings a")] == [
        "noreferrer noopener nofollow external"
    ]
    assert links(page, ".postings a") == ["https://ok.example/<x>"]
    assert not [link for link in links(page) if link.lower().startswith(("javascript", "data"))]
    database.pooled_engine().dispose()


def test_texts_that_begin_formulas_are_defused(database: Database) -> None:
    made = market_of([Posting(("SQL",), employer="=HYPERLINK(1)")] * 6)
    fill_store(database, made, weighed(made))
    client = explorer_client(database)
    rows = csv_at(client, "/market/skills/SQL?format=csv&table=companies")
    assert [row["company"] for row in rows] == ["'=HYPERLINK(1)"]
    database.pooled_engine().dispose()
