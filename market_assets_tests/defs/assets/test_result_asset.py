"""Result tables are swapped whole or not at all: faults, broken invariants, empty input."""

from __future__ import annotations

import base64
import contextlib
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa
from markdown_it import MarkdownIt

from market_assets.defs.assets.asset_metadata import preview
from market_assets.defs.assets.result_tables import RELATIONSHIPS, STATISTICS, significant
from market_assets.operations.names import AS_OF_TAG, REBUILD, REFRESH
from market_assets.settings import Settings
from market_assets.statistics import demand, pairs
from market_assets.store.database import Database
from market_assets.store.tables.postings import job_postings, posting_skills
from market_assets_tests.pipelines import (
    RESULTS,
    WEEKLY,
    ListedSource,
    Pipeline,
    done,
    failed_checks,
    failure_of,
    figures,
)

DAY, AS_OF = date(2024, 2, 28), datetime(2024, 2, 28, 18, tzinfo=UTC)
TAGS = {AS_OF_TAG: AS_OF.isoformat()}
MORE = {"title": "Developer", "location": "Oslo, Norway", "salary_min": 50_000, "industry": "Software"}
POSTINGS = [
    {**MORE, "id": f"job-{number}", "company": f"Company {number}", "description": text}
    for number, text in enumerate(("Python, SQL", "Python, SQL, Docker", "SQL", "nothing at all"))
]


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    """A pipeline with some postings and their statistics, on each database."""
    with Pipeline(settings, ListedSource(days={DAY: POSTINGS})) as pipeline:
        pipeline.ingest(DAY)
        pipeline.refresh(AS_OF)
        yield pipeline


Refreshed = tuple[Pipeline, dg.ExecuteInProcessResult]


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refreshed]:
    """Such a pipeline on SQLite, which tests leave as it is, and its refresh."""
    settings = Settings(MARKET_ASSETS_DATA_DIR=tmp_path_factory.mktemp("refreshed") / "data", _env_file=None)
    with Pipeline(settings, ListedSource(days={DAY: POSTINGS})) as pipeline:
        pipeline.ingest(DAY)
        yield pipeline, pipeline.refresh(AS_OF)


@pytest.fixture
def on_sqlite(refreshed: Refreshed, tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline on a copy of its data."""
    shutil.copytree(refreshed[0].settings.data_dir, tmp_path / "data")
    settings = Settings(MARKET_ASSETS_DATA_DIR=tmp_path / "data", _env_file=None)
    with Pipeline(settings, ListedSource(days={DAY: POSTINGS})) as pipeline:
        yield pipeline


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


def test_a_broken_invariant_keeps_the_old_rows(on_sqlite: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = ("skill_demand", "salary_statistics")
    before = on_sqlite.everything(tables)
    computed = demand.skill_demand
    monkeypatch.setattr(
        demand, "skill_demand", lambda **inputs: computed(**inputs).with_columns(demand_share=pl.lit(1.5))
    )
    result = on_sqlite.materialize(*tables, tags=TAGS)
    message = failure_of(result)
    assert message.startswith("skill_demand was not replaced: ")
    assert "demand_share is above 1.0" in message
    assert failed_checks(result) >= {("skill_demand", "schema_keys_and_ranges", "ERROR")}
    assert materialized(result) == {"salary_statistics"}, "tables that do not read it are computed"
    assert on_sqlite.everything(tables) == before

    monkeypatch.undo()
    assert failed_checks(done(on_sqlite.materialize(*tables, tags=TAGS))) == set()


@pytest.mark.both_databases
def test_it_holds_on_both_databases_and_in_a_rebuild(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    before = pipeline.everything(RESULTS)
    computed = pairs.skill_pairs
    monkeypatch.setattr(
        pairs, "skill_pairs", lambda window: computed(window).with_columns(co_occurrences=pl.lit(0, pl.Int64()))
    )
    result = pipeline.run(REBUILD, TAGS)
    assert "co_occurrences is below 1" in failure_of(result)
    assert ("skill_pairs", "schema_keys_and_ranges", "ERROR") in failed_checks(result)
    assert pipeline.everything(RESULTS) == before


def evaluated(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    assert materialized(result) == set()
    return {
        f"{one.asset_key.to_user_string()}:{one.check_name}": one.passed
        for one in result.get_asset_check_evaluations()
    }


def test_checks_run_by_themselves_over_what_is_stored(on_sqlite: Pipeline) -> None:
    assets = ("job_postings", "posting_skills", "skill_demand", "posting_coverage", "skill_affinities")
    before = on_sqlite.everything()
    passed = evaluated(done(on_sqlite.check(*assets[1:], tags=TAGS)))
    assert passed == dict.fromkeys(
        (
            "posting_skills:skills_found_in_every_posting",
            *(f"{table}:{check}" for table in assets[2:] for check in ("schema_keys_and_ranges", "has_rows")),
            "posting_coverage:volume_and_coverage_as_usual",
        ),
        True,
    )
    assert on_sqlite.everything() == before

    engine = Database(on_sqlite.settings.market_url).engine()
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE skill_demand SET demand_share = 1.5 WHERE rank = 1"))
        connection.execute(sa.text("DELETE FROM skill_affinities"))
        connection.execute(sa.text("UPDATE posting_facts SET skills_version = NULL"))
    before = on_sqlite.everything()
    result = on_sqlite.check(*assets[1:], tags=TAGS)
    assert not result.success, "what must not be counted ends the run of its check"
    found = {name for name, is_fine in evaluated(result).items() if not is_fine}
    assert found == {
        "posting_skills:skills_found_in_every_posting",
        "skill_demand:schema_keys_and_ranges",
        "skill_affinities:has_rows",
    }
    assert on_sqlite.everything() == before


def test_links_of_duplicates_are_checked_by_themselves(on_sqlite: Pipeline) -> None:
    check = "job_postings:duplicates_have_an_original"
    keys = {dg.AssetCheckKey(dg.AssetKey("job_postings"), check.partition(":")[2])}
    job = on_sqlite.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=keys)
    assert evaluated(job.execute_in_process(instance=on_sqlite.instance)) == {check: True}
    with Database(on_sqlite.settings.market_url).engine().begin() as connection:
        for table in ("job_postings", "posting_facts"):
            connection.execute(sa.text(f"UPDATE {table} SET duplicate_of = 999 WHERE posting_id = 1"))
    assert evaluated(job.execute_in_process(instance=on_sqlite.instance)) == {check: False}


def test_a_rebuild_counts_pairs_once(on_sqlite: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[object] = []
    computed = pairs.skill_pairs
    monkeypatch.setattr(pairs, "skill_pairs", lambda window: counted.append(window) or computed(window))
    on_sqlite.rebuild(AS_OF)
    assert len(counted) == 1
    assert on_sqlite.rows("skill_affinities")


@pytest.mark.parametrize(
    "table",
    [
        "skill_relationships",
        *(
            pytest.param(name, marks=pytest.mark.thorough)
            for name in ("skill_recommendations", "skill_affinities")
        ),
    ],
)
def test_a_table_of_other_postings_is_not_read(on_sqlite: Pipeline, table: str) -> None:
    """By itself, an asset reads what an earlier run counted: only where that is about the same postings."""
    before = on_sqlite.rows(table)
    assert materialized(done(on_sqlite.materialize(table, tags=TAGS))) == {table}
    assert on_sqlite.rows(table) == before

    later = {AS_OF_TAG: datetime(2024, 12, 28, tzinfo=UTC).isoformat()}
    result = on_sqlite.materialize(table, tags=later)
    assert failure_of(result) == (
        f"{table} was not replaced: skill_pairs was counted over other postings than those of the window; "
        "materialize skill_pairs first"
    )
    assert on_sqlite.rows(table) == before
    assert materialized(done(on_sqlite.materialize("skill_pairs", table, tags=later))) == {"skill_pairs", table}
    assert on_sqlite.rows(table) == []


def test_a_mistake_in_a_computation_keeps_the_old_rows(
    on_sqlite: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = on_sqlite.everything(RESULTS)

    def fail(**_inputs: object) -> pl.DataFrame:
        raise ZeroDivisionError("a share of nothing")

    monkeypatch.setattr(demand, "skill_demand", fail)
    result = on_sqlite.run(REFRESH, TAGS)
    assert "a share of nothing" in failure_of(result)
    assert materialized(result).isdisjoint({"skill_demand", "market_report"}), (
        "tables that read it are not computed"
    )
    assert "salary_statistics" in materialized(result)
    assert on_sqlite.everything(RESULTS) == before


@contextlib.contextmanager
def without_facts(url: str) -> Iterator[None]:
    """The table that statistics read is not to be found for a while."""
    engine = Database(url).engine()
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE posting_facts RENAME TO out_of_reach"))
    yield
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE out_of_reach RENAME TO posting_facts"))


def test_a_failed_read_swaps_nothing(on_sqlite: Pipeline) -> None:
    before = on_sqlite.everything(RESULTS)
    with without_facts(on_sqlite.settings.market_url):
        result = on_sqlite.run(REFRESH, TAGS)
        assert "posting_facts" in failure_of(result)
        assert materialized(result) == set()
    assert on_sqlite.everything(RESULTS) == before


@pytest.mark.postgresql
def test_a_database_that_is_gone_swaps_nothing(
    postgresql_server: str, postgresql_url: str, tmp_path: Path
) -> None:
    settings = Settings(DATABASE_URL=postgresql_url, MARKET_ASSETS_DATA_DIR=tmp_path, _env_file=None)
    name = sa.make_url(postgresql_url).database
    server = Database(postgresql_server).engine().execution_options(isolation_level="AUTOCOMMIT")
    with Pipeline(settings, ListedSource(days={DAY: POSTINGS})) as pipeline:
        pipeline.ingest(DAY)
        pipeline.refresh(AS_OF)
        before = pipeline.everything(RESULTS)
        with server.connect() as connection:
            connection.execute(sa.text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"))
            result = pipeline.run(REFRESH, TAGS)
            connection.execute(sa.text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"))
        message = failure_of(result)
        assert str(name) in message
        assert "not currently accepting connections" in message
        assert pipeline.everything(RESULTS) == before


@pytest.mark.parametrize("ingested", [pytest.param(True, marks=pytest.mark.thorough), False])
def test_without_postings_tables_are_empty_and_checks_warn(settings: Settings, ingested: bool) -> None:
    with Pipeline(settings, ListedSource()) as pipeline:
        if ingested:
            pipeline.ingest(DAY)
        result = pipeline.refresh(AS_OF, report=True)
        filled = {table for table in RESULTS if pipeline.rows(table)}
        assert filled == {"market_summary"}
        (summary,) = pipeline.rows("market_summary")
        assert (summary["postings"], summary["average_salary"], summary["top_skill"]) == (0, None, None)
        may_be_empty = {table.name for table in (*STATISTICS, *RELATIONSHIPS) if table.may_be_empty}
        warned = set(RESULTS) - filled - may_be_empty
        assert failed_checks(result) == {(table, "has_rows", "WARN") for table in warned}
        assert materialized(result) == {*RESULTS, "market_report"}
        assert settings.report_path.exists()
        assert failed_checks(pipeline.rebuild(AS_OF)) == {
            (table, "has_rows", "WARN")
            for table in RESULTS
            if table.startswith(("skill_pa", "skill_re", "skill_aff", "category"))
        }


def test_postings_that_leave_the_window_empty_the_tables(on_sqlite: Pipeline) -> None:
    later = datetime(2024, 12, 28, 18, tzinfo=UTC)
    result = on_sqlite.refresh(later)
    left = {"market_summary", "skill_history", "skill_recommendations", "skill_affinities"}
    assert {table for table in RESULTS if on_sqlite.rows(table)} == left
    assert ("skill_demand", "has_rows", "WARN") in failed_checks(result)
    on_sqlite.rebuild(later)
    assert on_sqlite.rows("skill_recommendations") == []
    assert on_sqlite.rows("skill_affinities") == []


def test_what_is_reported_is_what_is_in_the_table(refreshed: Refreshed) -> None:
    pipeline, result = refreshed
    for table in set(RESULTS) - set(WEEKLY):
        reported = figures(result, table)
        assert reported["dagster/row_count"] == len(pipeline.rows(table))
        assert reported["postings_counted"] == len(POSTINGS)
        assert reported["as_of"] == AS_OF.timestamp()
        columns = {column.name: column for column in reported["dagster/column_schema"].columns}
        assert set(columns) >= {name for row in pipeline.rows(table) for name in row}
        assert all(column.description for column in columns.values())


def test_previews_show_the_interesting_rows_first(refreshed: Refreshed) -> None:
    _pipeline, result = refreshed

    def cells(table: str) -> list[list[str]]:
        lines = figures(result, table)["preview"].splitlines()[2:]
        return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]

    assert [row[0] for row in cells("skill_demand")[:3]] == ["SQL", "Python", "Docker"]
    assert {row[2] for row in cells("skill_demand")[:3]} == {""}, "all industries come first"
    assert cells("skill_pairs")[0] == ["Python", "SQL", "2"]
    places = [row[15] for row in cells("skill_demand")]
    assert set(places) == {"Oslo, NO"}, "of a JSON list the values are shown"


def significant_rows(*rows: tuple[str, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={"skill": pl.String, "growth": pl.Float64, "q_value": pl.Float64}, orient="row"
    )


def test_of_changes_the_greatest_that_are_shown_come_first() -> None:
    rows = significant_rows(
        ("by chance", 9.0, 0.5), ("new", None, 0.01), ("down", -0.8, 0.01), ("up", 0.5, 0.05), ("none", None, None)
    )
    assert significant("growth")(rows)["skill"].to_list() == ["down", "up", "new", "by chance", "none"]


def test_columns_link_to_the_columns_that_they_come_from(refreshed: Refreshed) -> None:
    _pipeline, result = refreshed
    for table in set(RESULTS) - set(WEEKLY):
        reported = figures(result, table)
        links = reported["dagster/column_lineage"].deps_by_column
        assert links.keys() <= {column.name for column in reported["dagster/column_schema"].columns}
        for dependency in (each for found in links.values() for each in found):
            upstream = {"job_postings": job_postings, "posting_skills": posting_skills}[
                dependency.asset_key.to_user_string()
            ]
            assert dependency.column_name in upstream.columns
    demand_links = figures(result, "skill_demand")["dagster/column_lineage"].deps_by_column
    assert {"skill", "industry", "median_salary", "top_locations"} <= demand_links.keys()


def test_plots_are_images_by_themselves(refreshed: Refreshed) -> None:
    pipeline, result = refreshed
    markdown = figures(result, "skill_demand")["plot"]
    assert len(markdown) < 20_000
    (image,) = re.findall(r"!\[plot\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    drawing = ElementTree.fromstring(base64.b64decode(image))
    texts = {text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {row["skill"] for row in pipeline.rows("skill_demand")} <= texts
    assert "--ink: #" in (drawing.findtext("{http://www.w3.org/2000/svg}style") or ""), "no page gives it colours"
    assert "plot" not in figures(result, "salary_statistics"), "no skill has pay enough"


def test_headline_figures_are_numbers_that_dagster_plots(refreshed: Refreshed) -> None:
    pipeline, result = refreshed
    reported = figures(result, "market_summary")
    (summary,) = pipeline.rows("market_summary")
    numbers = {name: value for name, value in summary.items() if isinstance(value, int | float)}
    assert numbers.items() <= reported.items()
    assert {"postings", "duplicates", "skills"} <= numbers.keys()


HOSTILE = [
    "![x](https://e.example/x.png)",
    "[x](https://e.example)",
    "<img src=https://e.example/x.png>",
    "https://e.example",
    "`![x](https://e.example)`",
    "``![x](https://e.example)",
    "\\`![x](https://e.example)",
    "www.e.example | b | c",
    "\n\n![x](https://e.example)",
    "a@e.example",
    "[x]: https://e.example",
    "\u2028![x](https://e.example)\r",
    "\\",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_posted_text_is_never_live_in_a_preview(text: str) -> None:
    rows = pl.DataFrame({"location": [text, "Oslo, NO"], "postings": [3, 5], "median_salary": [51_000.0, None]})
    tokens = MarkdownIt("commonmark").enable("table").parse(str(preview(rows).md_str))
    cells = [token.children or [] for token in tokens if token.type == "inline"]
    assert [[one.type for one in cell] for cell in cells[3:]] == [
        *(["code_inline"], ["text"], ["text"], ["code_inline"], ["text"], [])
    ]
    assert not {token.type for token in tokens} & {"html_block", "code_block", "fence", "paragraph_open"}
    assert cells[6][0].content == "Oslo, NO"
