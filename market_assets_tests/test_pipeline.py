"""The whole pipeline through its jobs: what it counts on both databases, whatever the way there."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.columns import unique_keys
from market_assets_tests.counted_by_hand import count, read_market
from market_assets_tests.pipelines import (
    INGESTED,
    RESULTS,
    WEEKLY,
    ListedSource,
    Pipeline,
    Row,
    done,
    figures,
)

#: Two days, and the four on which a month ends and another begins seven weeks later.
EARLY = (date(2024, 1, 9), date(2024, 1, 10))
LATE = (date(2024, 2, 27), date(2024, 3, 1))
AS_OF = datetime(2024, 3, 1, 18, tzinfo=UTC)
#: Clean-up goes by the clock, and these days are long past.
KEPT = {"MARKET_ASSETS_RETENTION_DAYS": 36_500}


def sample() -> SampleSource:
    return SampleSource(postings_per_day=20, seed=5)


def own_board() -> ListedSource:
    """What the sample seldom has: a posting without a title, and one job told twice on another day."""
    cook = {"title": "Cook", "company": "Inn", "location": "Oslo, Norway", "url": "https://inn.example/cook"}
    paid = {"salary_min": 40_000, "salary_currency": "EUR", "salary_period": "year", "description": "HACCP, Excel"}
    listed = [
        {**cook, "id": "cook-1", **paid, "posted_at": "2024-02-27T08:00:00Z"},
        {"title": "", "company": "Nobody"},
    ]
    again = [{**cook, "id": "cook-2", "posted_at": "2024-02-28T08:00:00Z"}]
    return ListedSource("own_board", {LATE[0]: listed, LATE[0] + timedelta(days=1): again})


def settings_for(url: str, folder: Path, **more: Any) -> Settings:
    return Settings(DATABASE_URL=url, MARKET_ASSETS_DATA_DIR=folder, _env_file=None, **(KEPT | more))


def assert_same(found: list[Row], expected: list[Row], table: str) -> None:
    """The same rows by key; numbers may differ by rounding."""
    declared = metadata.tables[table]
    key = unique_keys(declared)[0]
    by_key = {tuple(row[name] for name in key): row for row in found}
    wanted = {tuple(row[name] for name in key): row for row in expected}
    assert len(by_key) == len(found)
    assert by_key.keys() == wanted.keys(), table
    for place, row in wanted.items():
        for column, value in row.items():
            there = by_key[place][column]
            if isinstance(value, float) and there is not None:
                assert math.isclose(there, value, rel_tol=1e-9, abs_tol=1e-9), (table, place, column)
            else:
                assert there == value, (table, place, column)


def assert_recommended(rows: list[Row], pairs: list[Row]) -> None:
    """Up to ten skills of those seen with each skill, best first, ties by name. The score itself is no promise."""
    partners: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        partners[pair["skill_a"]].add(pair["skill_b"])
        partners[pair["skill_b"]].add(pair["skill_a"])
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["rank"]):
        found[row["skill"]].append(row)
    assert found.keys() == partners.keys()
    for skill, recommended in found.items():
        assert [row["rank"] for row in recommended] == list(range(1, min(10, len(partners[skill])) + 1))
        assert {row["recommended_skill"] for row in recommended} <= partners[skill]
        order = [(-row["score"], row["recommended_skill"]) for row in recommended]
        assert order == sorted(order)


@pytest.mark.postgresql
def test_every_table_on_both_databases_is_what_counting_by_hand_gives(tmp_path: Path, postgresql_url: str) -> None:
    urls = {"sqlite": f"sqlite:///{tmp_path / 'market.db'}", "postgresql": postgresql_url}
    stores: dict[str, dict[str, list[Row]]] = {}
    for kind, url in urls.items():
        settings = settings_for(url, tmp_path / kind)
        with Pipeline(settings, sample(), own_board()) as pipeline:
            pipeline.ingest(*EARLY)
            pipeline.ingest(*LATE)
            pipeline.refresh(AS_OF, report=kind == "sqlite")
            found = stores[kind] = pipeline.everything()
            if kind == "postgresql":
                continue
            expected = count(read_market(url, AS_OF), settings)
            for table, rows in expected.items():
                assert rows, table
                assert_same(found[table], rows, table)
            assert_recommended(found["skill_recommendations"], expected["skill_pairs"])
            pipeline.rebuild(AS_OF)
            pipeline.cleanup()
            assert pipeline.everything() == stores[kind]
            assert settings.report_path.read_text(encoding="utf-8").startswith("<!")
    assert stores["sqlite"] == stores["postgresql"]
    assert all(stores["sqlite"].values())


def test_days_run_again_in_any_order_give_the_same_rows(settings: Settings) -> None:
    days = [LATE[0] + timedelta(days=number) for number in range(4)]
    settings = settings.model_copy(update={"retention_days": 36_500})
    with Pipeline(settings, sample(), own_board()) as pipeline:
        pipeline.ingest(*LATE)
        first = pipeline.everything(INGESTED)
        ingested = figures(pipeline.ingest(*LATE), "job_postings")
        assert ingested["new"] == 0
        for day in random.Random(1).sample(days, len(days)):
            pipeline.ingest(day, refetch=day == days[1])
        assert pipeline.everything(INGESTED) == first


def test_a_refresh_leaves_recommendations_and_a_rebuild_remakes_them(settings: Settings) -> None:
    settings = settings.model_copy(update={"retention_days": 36_500})
    with Pipeline(settings, sample(), own_board()) as pipeline:
        pipeline.ingest(LATE[0])
        pipeline.refresh(AS_OF)
        first, weights = pipeline.rows("skill_recommendations"), pipeline.rows("skill_affinities")
        assert first, "a refresh that finds none makes them"
        assert weights, "and what recommendations for a set add up"
        pipeline.ingest(LATE[1])
        refreshed = pipeline.refresh(AS_OF)
        assert pipeline.rows("skill_recommendations") == first
        assert pipeline.rows("skill_affinities") == weights
        materialized = {event.asset_key.to_user_string() for event in refreshed.get_asset_materialization_events()}
        # A market as small as this has no communities, and what is empty is computed by a refresh too.
        assert set(RESULTS) - materialized == {"skill_recommendations", "skill_affinities"}

        others = set(RESULTS) - set(WEEKLY)
        before = pipeline.everything(sorted(others))
        pipeline.rebuild(AS_OF)
        remade = pipeline.rows("skill_recommendations")
        assert remade != first
        assert pipeline.rows("skill_affinities") != weights
        assert_recommended(remade, pipeline.rows("skill_pairs"))
        assert pipeline.everything(sorted(others)) == before
        pipeline.rebuild(AS_OF)
        assert pipeline.rows("skill_recommendations") == remade


def test_statistics_of_another_moment_are_about_that_moment(tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'market.db'}", tmp_path, MARKET_ASSETS_WINDOW_DAYS=2)
    with Pipeline(settings, sample(), own_board()) as pipeline:
        pipeline.ingest(*EARLY)
        pipeline.ingest(*LATE)
        for moment in (AS_OF - timedelta(days=3), datetime(2024, 1, 10, 0, 0, 0, 1, tzinfo=UTC)):
            pipeline.refresh(moment)
            expected = count(read_market(settings.market_url, moment), settings)
            # What was recorded of a later moment stays.
            del expected["skill_history"]
            for table, rows in expected.items():
                assert_same(pipeline.rows(table), rows, table)


def changing_market(today: datetime) -> list[ListedSource]:
    """Two sources that can be compared, one that vanished, and one without dates, of two hundred days."""
    draw = random.Random(3)
    sources = {name: ListedSource(name) for name in ("steady", "other", "vanished", "undated")}
    listed: dict[str, list[dict[str, Any]]] = {name: [] for name in sources}
    for number in range(1_600):
        age = draw.uniform(0, 200)
        name = draw.choice(["steady"] * 4 + ["other"] * 2 + ["vanished", "undated"])
        asked = [
            skill
            for skill, share in (("Python", 0.5), ("Kubernetes", 0.1 if age > 30 else 0.4), ("Excel", 0.2))
            if draw.random() < share
        ]
        pay = round(60_000 * draw.lognormvariate(0.4 if "Excel" in asked and age < 90 else 0, 0.1))
        posting = {
            "id": f"job-{number}",
            "title": draw.choice(("Engineer", "Senior Engineer", "Junior Analyst")),
            "company": f"Company {draw.randrange(60)}",
            "location": draw.choice(("Berlin, Germany", "Paris, France")),
            "description": f"Job {number}. Requirements: experience with {', '.join(asked)}.",
            "employment_type": draw.choice(("full time", "contract")),
        }
        if name != "undated":
            posting["posted_at"] = (today - timedelta(days=age)).isoformat()
        if draw.random() < 0.8:
            posting |= {"salary_min": pay, "salary_max": pay, "salary_currency": "EUR", "salary_period": "year"}
        if name != "vanished" or age > 40:
            listed[name].append(posting)
    for name, source in sources.items():
        source.days[today.date()] = listed[name]
    return list(sources.values())


def test_changes_are_what_counting_by_hand_gives(settings: Settings) -> None:
    settings = settings.model_copy(update={"retention_days": 36_500})
    with Pipeline(settings, *changing_market(AS_OF)) as pipeline:
        pipeline.ingest(AS_OF.date())
        noted = figures(pipeline.refresh(AS_OF), "trending_skills")
        for table, rows in count(read_market(settings.market_url, AS_OF), settings).items():
            assert_same(pipeline.rows(table), rows, table)
        trends = {row["skill"]: row["trend"] for row in pipeline.rows("trending_skills")}
        directions = {row["skill"]: row["trend_direction"] for row in pipeline.rows("salary_trends")}
        left_out = json.loads(pipeline.rows("market_summary")[0]["sources_left_out"])
    assert trends["Kubernetes"] == "growing"
    assert trends["Python"] in ("steady", "uncertain")
    assert directions["Excel"] == "increasing"
    assert left_out.keys() == {"undated", "vanished"}
    assert noted["sources_compared"] == ["other", "steady"]
    assert noted["sources_left_out"] == left_out


def test_the_history_outlives_its_postings_and_is_revised_only_where_it_is_filled_back(settings: Settings) -> None:
    day, later = date(2024, 1, 9), datetime(2024, 9, 20, 18, tzinfo=UTC)
    posting = {"title": "Engineer", "location": "Berlin, Germany"}

    def listing(name: str, number: int, posted: date) -> list[dict[str, Any]]:
        return [
            posting
            | {"id": f"{name}-{n}", "company": f"Company of the {name}"}
            | {"description": f"{name} {n}: Python", "posted_at": f"{posted}T06:00:00Z"}
            for n in range(number)
        ]

    followed = ListedSource("followed", {day: listing("first", 3, day)})
    added = ListedSource("added", {later.date(): listing("backlog", 20, day) + listing("new", 2, later.date())})
    with Pipeline(settings, followed, added) as pipeline:
        pipeline.ingest(day)
        pipeline.refresh(datetime(2024, 1, 10, tzinfo=UTC))
        recorded = pipeline.rows("skill_history")
        assert [(row["skill"], row["month"], row["postings"]) for row in recorded] == [("Python", "2024-01", 3)]

        done(pipeline.run("cleanup_old_data"))
        assert pipeline.rows("job_postings") == pipeline.rows("posting_facts") == [], "archived and forgotten"
        pipeline.ingest(later.date())
        pipeline.refresh(later)
        of_january = [row for row in pipeline.rows("skill_history") if row["month"] == "2024-01"]
        assert of_january == recorded, "the backlog of a source that is new changes nothing"

        followed.days[day] = listing("first", 5, day)
        pipeline.ingest(day, refetch=True)
        noted = figures(pipeline.refresh(later), "skill_history")
        revised = next(row for row in pipeline.rows("skill_history") if row["month"] == "2024-01")
    assert noted["months_revised"] == ["2024-01"]
    assert (revised["recorded_at"], revised["revised_at"]) == (later, later)
    assert (revised["postings"], revised["filled_postings"]) == (25, 5)
