"""After a change of the taxonomy the store holds what a fresh extraction of everything would hold."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from market_assets.operations.names import REEXTRACTION
from market_assets.settings import Settings
from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import load_taxonomy
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.posting_skills import reextract
from market_assets.store.tables.postings import (
    job_postings,
    posting_facts,
    posting_skill_facts,
    posting_skills,
)
from market_assets_tests.pipelines import RESULTS, ListedSource, Pipeline, done
from market_assets_tests.pipelines import figures as figures_of
from market_assets_tests.store.migrating import copied

DAY = date(2024, 3, 1)
AS_OF = datetime(2024, 3, 1, 18, tzinfo=UTC)
OLD = "skills: {Crafts: [Knitting, {name: Weaving, aliases: [Loom]}, Pottery]}"
NEW = "skills: {Crafts: [Knitting, {name: Weaving, aliases: [Handloom]}, Felting]}"
TEXTS = {
    "touched by an alias that is gone": "Loom and Python",
    "touched by a new alias": "Handloom; no Java required",
    "touched by a new skill": "Felting is a plus. SQL",
    "of a skill that is gone": "Requirements: Pottery, Weaving",
    "untouched": "Knitting and SQL or Python",
    "without skills": "nothing",
}


def source() -> ListedSource:
    postings = [
        {"id": str(number), "title": title, "company": f"C{number}", "description": text, "salary_min": 50_000}
        for number, (title, text) in enumerate(TEXTS.items())
    ]
    return ListedSource("listed", {DAY: postings})


def settings_with(url: str, folder: Path, taxonomy: str) -> Settings:
    folder.mkdir(exist_ok=True)
    path = folder / "skills.yaml"
    path.write_text(taxonomy)
    return Settings(
        DATABASE_URL=url,
        MARKET_ASSETS_DATA_DIR=folder / "data",
        MARKET_ASSETS_TAXONOMY=path,
        MARKET_ASSETS_RETENTION_DAYS=36_500,
        _env_file=None,
    )


def found(url: str) -> list[tuple[Any, ...]]:
    query = sa.select(posting_skills.c.posting_id, posting_skills.c.skill, posting_skills.c.weight)
    with Database(url).engine().connect() as connection:
        return sorted(tuple(row) for row in connection.execute(query))


def versions(url: str) -> list[int | None]:
    with Database(url).engine().connect() as connection:
        return list(connection.scalars(sa.select(posting_facts.c.skills_version)))


def ingest_with_the_old_taxonomy(url: str, folder: Path) -> None:
    with Pipeline(settings_with(url, folder, OLD), source()) as pipeline:
        pipeline.ingest(DAY)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file whose postings were searched by the old taxonomy, to copy."""
    folder = tmp_path_factory.mktemp("ingested")
    ingest_with_the_old_taxonomy(f"sqlite:///{folder / 'market.db'}", folder)
    return folder / "market.db"


@pytest.fixture
def before(kind_of_database: str, empty_database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of such a store, of each kind in turn."""
    if kind_of_database == "sqlite":
        copied(request.getfixturevalue("ingested"), tmp_path / "market.db")
    else:
        ingest_with_the_old_taxonomy(empty_database_url, tmp_path)
    return empty_database_url


def search_again(url: str, folder: Path, taxonomy: str) -> tuple[Pipeline, dict[str, Any]]:
    pipeline = Pipeline(settings_with(url, folder, taxonomy), source())
    result = done(pipeline.run(REEXTRACTION))
    output = next(event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_OUTPUT)
    return pipeline, {name: value.value for name, value in output.step_output_data.metadata.items()}


@pytest.mark.both_databases
def test_everything_is_as_if_found_anew(before: str, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    with Pipeline(settings_with(fresh, tmp_path / "fresh", NEW), source()) as anew:
        anew.ingest(DAY)
        anew.refresh(AS_OF)
        wanted = anew.everything(RESULTS)
    assert found(before) != found(fresh)
    pipeline, figures = search_again(before, tmp_path / "store", NEW)
    with pipeline:
        assert found(before) == found(fresh)
        assert len(set(versions(before))) == 1
        pipeline.refresh(AS_OF)
        pipeline.rebuild(AS_OF)
        for table in RESULTS:
            assert pipeline.rows(table) == wanted[table], table
    assert (figures["postings_searched"], figures["postings_changed"]) == (6, 4)


@pytest.mark.both_databases
def test_stored_postings_get_the_occupation_of_the_present_lists(before: str, tmp_path: Path) -> None:
    with Database(before).engine().begin() as connection:
        posting = connection.scalar(sa.select(sa.func.min(job_postings.c.posting_id)))
        of_posting = job_postings.c.posting_id == posting
        connection.execute(job_postings.update().where(of_posting).values(title="Senior Data Engineer"))
    pipeline, figures = search_again(before, tmp_path / "store", NEW)
    with pipeline, Database(before).engine().connect() as connection:
        for table in (job_postings, posting_facts):
            query = sa.select(table.c.posting_id).where(table.c.occupation == "Data engineer")
            assert list(connection.scalars(query)) == [posting]
    assert figures["occupations_changed"] == 1


def test_nothing_is_done_twice(before: str, tmp_path: Path) -> None:
    for taxonomy, searched in ((OLD, 0), (NEW, 6), (NEW, 0)):
        pipeline, figures = search_again(before, tmp_path / "store", taxonomy)
        with pipeline:
            assert figures["postings_searched"] == searched


def test_a_run_that_was_killed_goes_on_where_it_ended(before: str, tmp_path: Path) -> None:
    settings = settings_with(before, tmp_path / "store", NEW)
    matcher = skill_matcher(load_taxonomy(settings.taxonomy))
    with MarketConnection(Database(before)) as connection:
        begun = reextract(connection, matcher, batch=2)
        assert next(begun)[0] == 2
        begun.close()
    assert sorted(versions(before).count(version) for version in set(versions(before))) == [2, 4]
    with MarketConnection(Database(before)) as connection:
        assert [searched for searched, *_ in reextract(connection, matcher, batch=2)] == [2, 2]
    assert len(set(versions(before))) == 1


def test_other_rules_search_everything_again(before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = found(before)
    monkeypatch.setattr("market_assets.skills.matching.RULES", -1)
    pipeline, figures = search_again(before, tmp_path / "store", OLD)
    with pipeline:
        assert found(before) == wanted
    assert (figures["postings_searched"], figures["postings_changed"]) == (6, 0)


def test_postings_that_wait_for_their_skills_are_left_to_ingestion(before: str, tmp_path: Path) -> None:
    with Database(before).engine().begin() as connection:
        connection.execute(posting_facts.update().values(skills_version=None))
        connection.execute(posting_skill_facts.delete())
    pipeline, figures = search_again(before, tmp_path / "store", NEW)
    with pipeline:
        assert figures["postings_searched"] == 0
        assert found(before) == []
        pipeline.ingest(DAY)
        assert found(before) != []


def test_ingestion_says_that_there_are_postings_of_an_older_taxonomy(before: str, tmp_path: Path) -> None:
    day = date(2024, 3, 2)
    other = ListedSource("listed", {day: [{"id": "new", "title": "Felting", "company": "F"}]})
    with Pipeline(settings_with(before, tmp_path / "store", NEW), other) as pipeline:
        assert figures_of(pipeline.ingest(day), "posting_skills")["postings_of_older_taxonomy"] == 6
