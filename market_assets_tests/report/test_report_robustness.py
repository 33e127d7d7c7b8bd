"""The page holds whatever the data is: nothing at all, hostile names, outliers, rows in another order."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_market import AS_OF, Posting, count_tables, renamed
from page_reading import SECTIONS, cells, labels, tiles
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode as Node

from market_assets.report import numbers, plots
from market_assets.report.page import render_report
from market_assets.report.selections import SCHEMAS, ReportTables


def without_salaries(tables: ReportTables) -> ReportTables:
    """The same market in which no posting states its pay; the columns have lost their type, too."""
    empty = {
        table: getattr(tables, table).with_columns(
            pl.lit(None).alias(name) for name in columns if name.endswith("_salary")
        )
        for table, columns in SCHEMAS.items()
    }
    empty["market_summary"] = empty["market_summary"].with_columns(postings_with_salary=pl.lit(0))
    empty["salary_statistics"] = pl.DataFrame()
    statistics = tables.posting_statistics
    empty["posting_statistics"] = statistics.filter(pl.col("dimension") != "salary_band")
    empty["salary_trends"] = empty["salary_trends"].with_columns(trend_direction=pl.lit("insufficient_data"))
    return replace(tables, **empty)


#: Table → the section that is empty without it, and a part of the reason that it gives.
REASONS = {
    "skill_demand": ("demand", "names a skill"),
    "occupation_demand": ("occupations", "no title of a counted posting says its occupation"),
    "salary_trends": ("pay-trends", "at least two months"),
    "trending_skills": ("growth", "beyond chance"),
    "skill_relationships": ("relationships", "together"),
}


class TestNothingYet:
    def test_before_the_first_refresh(self, empty_tables: ReportTables) -> None:
        page = HTMLParser(render_report(empty_tables))
        assert page.css("svg, table") == []
        for section in page.css("section"):
            assert section.css_first(".nothing").text().startswith("Nothing yet: no ")
        assert "Nothing has been counted yet" in page.css_first(".period").text()
        assert tiles(page)["Postings counted"][0] == "–"

    @pytest.mark.parametrize("table", SCHEMAS)
    def test_one_table_alone_is_empty(self, tables: ReportTables, table: str) -> None:
        """Whichever it is, the page is whole, no plot is drawn of nothing, and the reason is said."""
        page = HTMLParser(render_report(replace(tables, **{table: pl.DataFrame()})))
        assert [node.attributes["id"] for node in page.css("section")] == SECTIONS
        for shown in page.css("table"):
            assert shown.css_first("tbody tr") is not None
        if table in REASONS:
            section, reason = REASONS[table]
            empty = page.css_first(f"#{section}")
            assert reason in empty.css_first(".nothing").text()
            assert empty.css("svg, table") == []
        if table == "rejections":
            assert page.css_first("#quality .nothing").text() == "No posting was rejected."

    def test_steady_is_not_empty(self, tables: ReportTables) -> None:
        steady = tables.trending_skills.with_columns(trend=pl.lit("steady"), growth=pl.lit(0.0))
        page = HTMLParser(render_report(replace(tables, trending_skills=steady)))
        assert "No skill has grown or declined" in page.css_first("#growth .nothing").text()

    def test_no_salary_anywhere(self, tables: ReportTables) -> None:
        page = HTMLParser(render_report(without_salaries(tables)))
        assert tiles(page)["Median pay, USD a year"] == ("–", "no counted posting states a salary")
        assert {row[-1] for row in cells(page, "The most asked skills")} == {"–"}
        assert "–" in labels(page, "demand")
        assert "states a salary" in page.css_first("#pay .nothing").text()
        assert page.css_first("#pay-trends .nothing") is not None

    def test_a_single_posting(self) -> None:
        only = Posting(AS_OF, frozenset({"COBOL"}), 91_000.0, None, "Berlin, DE", "remote", "lever")
        page = HTMLParser(render_report(count_tables([only])))
        assert cells(page, "The most asked skills") == [["COBOL", "enterprise", "1", "100.0%", "91,000"]]
        assert cells(page, "Percentiles of annual pay") == [["COBOL", "1", *["91,000"] * 5]]
        assert page.css_first("#relationships svg") is None
        assert page.css_first("#pay-trends .nothing") is not None
        assert tiles(page)["Remote"][0] == "100.0%"


class TestHostileData:
    def test_names_are_only_text(self, tables: ReportTables) -> None:
        names = (
            "<script>alert(1)</script>",
            "</svg></style></title><img src=x onerror=alert(1)>",
            "\"quoted\" 'twice' & <b>",
            "--><!--",
            "$x^2$ ${style} $",
            "fill: #000001",
            "日本語のプログラミング",
            "Größe 🚀 שלום",
        )
        for skill, name in zip(tables.skill_demand["skill"].head(len(names)), names, strict=True):
            tables = renamed(tables, skill, name)
        page = HTMLParser(render_report(tables))
        assert page.css_first("body > :not(script) script, img, b") is None
        assert [node.attributes["id"] for node in page.css("section")] == SECTIONS
        assert len(page.css("svg")) == 7
        listed = [row[0] for row in cells(page, "The most asked skills")]
        for name in names:
            assert name in listed
            assert numbers.shortened(name, 20) in labels(page, "demand")

    def test_every_other_text_is_escaped(self, tables: ReportTables) -> None:
        bad = "<script>x</script>"
        hostile = {
            "rejections": tables.rejections.with_columns(reason=pl.lit(bad)),
            "sources": tables.sources.with_columns(source=pl.lit(bad)),
            "location_salaries": tables.location_salaries.with_columns(location=pl.lit(bad)),
            "posting_statistics": tables.posting_statistics.with_columns(
                value=pl.when(pl.col("dimension").is_in(["day", "salary_band"]))
                .then("value")
                .otherwise(pl.lit(bad))
            ),
            "category_relationships": tables.category_relationships.with_columns(category_a=pl.lit(bad)),
            "skill_demand": tables.skill_demand.with_columns(category=pl.lit(bad)),
            "salary_trends": tables.salary_trends.with_columns(trend_direction=pl.lit(bad)),
            "market_summary": tables.market_summary.with_columns(
                top_skill=pl.lit(bad), fastest_growing_skill=pl.lit(bad)
            ),
        }
        html = render_report(replace(tables, **hostile, currency="<b>"))
        page = HTMLParser(html)
        assert page.css_first("body > :not(script) script, b") is None
        assert html.count("&lt;script&gt;") > 30
        assert "a year in <b>" not in html
        assert tiles(page)["Most asked skill"][0] == bad

    def test_long_names_are_cut_in_plots_and_whole_in_tables(self, tables: ReportTables) -> None:
        name = "Very long skill name " * 10
        page = HTMLParser(render_report(renamed(tables, "Python", name)))
        assert name.strip() in [row[0] for row in cells(page, "The most asked skills")]
        assert max(map(len, labels(page, "demand"))) <= 20
        assert "Very long skill nam…" in labels(page, "demand")

    def test_control_characters_do_not_break_the_drawing(self, tables: ReportTables) -> None:
        page = HTMLParser(render_report(renamed(tables, "Python", "Py\x00th\x1b[31mon\n\ufffe\u202e")))
        assert "Py th [31mon" in labels(page, "demand")

    def test_outliers_are_cut_and_said(self, tables: ReportTables) -> None:
        grown = tables.trending_skills.with_columns(
            growth=pl.when(pl.col("skill") == "COBOL").then(41.5).otherwise("growth"),
            trend=pl.when(pl.col("skill") == "COBOL").then(pl.lit("growing")).otherwise("trend"),
        )
        page = HTMLParser(render_report(replace(tables, trending_skills=grown)))
        assert "+4,150%" in labels(page, "growth")
        assert "Bars end at +300%" in page.css_first("#growth figcaption").text()

    @settings(max_examples=25, deadline=None)
    @given(name=st.text(max_size=60), part=st.floats(0, 1), pay=st.none() | st.floats(0, 1e12))
    def test_any_name_can_be_drawn(self, name: str, part: float, pay: float | None) -> None:
        row = pl.DataFrame(
            {"skill": [name], "demand_share": [part], "median_salary": [pay]},
            schema_overrides={"median_salary": pl.Float64},
        )
        svg = HTMLParser(plots.demand_bars(row, "USD")).css_first("svg")
        assert isinstance(svg, Node)
        shown = numbers.shortened(name, 20)
        assert not shown or shown in [text.text() for text in svg.css("text")]


class TestDeterminism:
    def test_same_tables_same_page_in_any_order_of_rows(self, tables: ReportTables) -> None:
        shuffled = {table: getattr(tables, table).sample(fraction=1, shuffle=True, seed=3) for table in SCHEMAS}
        assert render_report(replace(tables, **shuffled)) == render_report(tables)

    def test_another_process_draws_the_same(self, tables: ReportTables) -> None:
        program = (
            "from made_up_market import count_tables, market\n"
            "from market_assets.report.page import render_report\n"
            "import sys; sys.stdout.buffer.write(render_report(count_tables(market(7, 1200))).encode())"
        )
        here = Path(__file__).parent
        environment = {"PYTHONPATH": f"{here}:{here.parents[1]}", "PYTHONHASHSEED": "12345"}
        answer = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        assert answer.stdout.decode() == render_report(tables)
