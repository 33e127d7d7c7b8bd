"""The page: its figures are those of the tables, and it needs nothing but itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from page_reading import SECTIONS, cells, labels, tiles
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from market_assets.report.page import render_report
from market_assets.report.search_script import SEARCH_SCRIPT, SEARCH_SCRIPT_HASH
from market_assets.report.selections import ReportTables
from market_assets.statistics.pay import of_all_postings
from market_assets.statistics.tables import TRENDING_SKILLS
from market_assets.statistics.trends import WeeklyChanges


@pytest.fixture(scope="module")
def page(tables: ReportTables) -> HTMLParser:
    return HTMLParser(render_report(tables))


def _change(row: dict[str, Any], name: str) -> tuple[str, str]:
    """A change and its interval, as shown."""
    change, lower, upper = (f"{row[name + end] * 100:+.0f}%" for end in ("", "_lower", "_upper"))
    return change, f"{lower} to {upper}"


class TestFigures:
    def test_headline_figures(self, page: HTMLParser, tables: ReportTables) -> None:
        row = tables.market_summary.row(0, named=True)
        growth = tables.trending_skills.filter(skill=row["fastest_growing_skill"]).row(0, named=True)
        top = tables.skill_demand.filter(pl.col("industry").is_null(), skill=row["top_skill"])
        shown = tiles(page)
        assert shown["Postings counted"] == ("1,200", "37 duplicates and 5 rejected left out")
        lead = tables.employment_salaries.filter(pl.col("employment_type").is_null(), country="US").row(
            0, named=True
        )
        assert shown["Median pay, US, USD a year"] == (
            f"{lead['median_salary']:,.0f}",
            f"known for {lead['postings_with_salary']} postings there; {row['median_salary']:,.0f} over 5 "
            f"countries and {row['postings_with_salary']} postings",
        )
        assert shown["Most asked skill"] == (
            row["top_skill"],
            f"asked for in {top['demand_share'][0] * 100:.1f}% of postings",
        )
        assert shown["Fastest growing skill"] == (
            row["fastest_growing_skill"],
            f"+{growth['growth'] * 100:.0f}% ({growth['growth_lower'] * 100:+.0f}% to "
            f"{growth['growth_upper'] * 100:+.0f}%), {growth['recent_postings']} postings in the last 30 days",
        )
        assert shown["Remote"][0] == f"{row['remote_share'] * 100:.1f}%"
        assert shown["Skills found"] == (str(row["skills"]), "in 5 industries and 6 places")
        assert page.css_first(".period").text() == "1,200 postings from 2026-05-02 to 2026-07-31, 14:30 UTC"

    def test_most_asked_skills(self, page: HTMLParser, tables: ReportTables) -> None:
        overall = [row for row in tables.skill_demand.to_dicts() if row["industry"] is None]
        expected = [
            [
                row["skill"],
                row["category"],
                str(row["postings"]),
                f"{row['demand_share'] * 100:.1f}%",
                f"{row['median_salary']:,.0f}",
            ]
            for row in sorted(overall, key=lambda row: row["rank"])[:15]
        ]
        assert cells(page, "The most asked skills") == expected
        for name, _, _, share, _ in expected:
            assert name in labels(page, "demand")
            assert share in labels(page, "demand")

    def test_percentiles_of_pay(self, page: HTMLParser, tables: ReportTables) -> None:
        rows = tables.salary_statistics.filter(country="US").to_dicts()
        known = sorted(rows, key=lambda row: (-row["postings_with_salary"], row["skill"]))[:12]
        names = ("p10", "p25", "median_salary", "p75", "p90")
        assert cells(page, "Percentiles of annual pay, US") == [
            [row["skill"], str(row["postings_with_salary"]), *(f"{row[name]:,.0f}" for name in names)]
            for row in sorted(known, key=lambda row: (-row["median_salary"], row["skill"]))
        ]

    def test_bands_of_pay_are_counted_out(self, page: HTMLParser, tables: ReportTables) -> None:
        bands = tables.posting_statistics.filter(pl.col("dimension") == "salary_band")
        counts = bands.filter(pl.col("value") != "unknown")["postings"].to_list()
        assert sum(counts) == tables.market_summary["postings_with_salary"][0]
        assert sorted(map(str, counts)) == sorted(label for label in labels(page, "pay") if label.isdigit())

    def test_pay_trends(self, page: HTMLParser, tables: ReportTables) -> None:
        ranks = {row["skill"]: row["rank"] for row in tables.skill_demand.to_dicts() if not row["industry"]}
        months: dict[str, list[dict[str, object]]] = {}
        for row in tables.salary_trends.sort("skill", "month").to_dicts():
            if row["median_salary"] is not None:
                months.setdefault(row["skill"], []).append(row)
        asked = sorted((skill for skill in months if len(months[skill]) > 1), key=ranks.__getitem__)[:8]
        shown = cells(page, "Median pay of the first and the last month")
        assert shown == [
            [
                skill,
                str(len(months[skill])),
                f"{months[skill][0]['median_salary']:,.0f}",
                f"{months[skill][-1]['median_salary']:,.0f}",
                *_change(months[skill][0], "change"),
                months[skill][0]["trend_direction"],
            ]
            for skill in asked
        ]
        marks = {"increasing": "▲", "decreasing": "▼", "stable": "▶"}
        drawn = [label for label in labels(page, "pay-trends") if label[0] in marks.values()]
        assert [label.split(",")[0] for label in drawn] == [f"{marks[row[-1]]} {row[-1]}" for row in shown]

    def test_growth(self, page: HTMLParser, tables: ReportTables) -> None:
        rows = tables.trending_skills.to_dicts()
        assert all(row["recent_postings"] + row["previous_postings"] >= 10 for row in rows)
        up = sorted((r for r in rows if r["trend"] == "growing"), key=lambda r: -r["growth"])[:8]
        new = [r for r in rows if r["trend"] == "emerging"]
        down = sorted((r for r in rows if r["trend"] == "declining"), key=lambda r: r["growth"])[:8]
        assert up
        assert down
        assert [row["skill"] for row in new] == ["Agent protocols"]
        assert cells(page, "Postings of the skills that move most") == [
            [
                row["skill"],
                row["trend"],
                str(row["recent_postings"]),
                str(row["previous_postings"]),
                f"{row['recent_share'] * 100:.1f}%",
                f"{row['previous_share'] * 100:.1f}%",
                *(("–", "–") if row["growth"] is None else _change(row, "growth")),
            ]
            for row in [*up, *new, *down]
        ]

    def test_strongest_pairs(self, page: HTMLParser, tables: ReportTables) -> None:
        rows = [row for row in tables.skill_relationships.to_dicts() if row["co_occurrences"] >= 10]
        assert cells(page, "The strongest pairs") == [
            [
                f"{row['skill_a']} + {row['skill_b']}",
                str(row["co_occurrences"]),
                f"{row['support'] * 100:.1f}%",
                f"{row['npmi']:.2f}",
                f"{row['npmi_lower']:.2f}",
                row["strength"].replace("_", " "),
            ]
            for row in sorted(rows, key=lambda row: -row["npmi_lower"])[:12]
        ]

    def test_heat_map_has_a_cell_for_each_pair_of_the_top_skills(self, page: HTMLParser) -> None:
        fills = re.findall(r"fill: var\(--(?:strength-\d|rule)\)", page.css_first("#relationships svg").html)
        legend = 6
        assert len(fills) == 12 * 11 // 2 + legend

    def test_industries_and_places(self, page: HTMLParser, tables: ReportTables) -> None:
        counts = dict(
            tables.posting_statistics.filter(pl.col("dimension") == "industry")
            .select("value", "postings")
            .iter_rows()
        )
        for name, skills, postings, share in cells(page, "Industries with most postings"):
            assert postings == str(counts[name])
            assert share == f"{counts[name] / 12:.1f}%"
            top = tables.industry_skills.filter(pl.col("industry") == name).sort("rank").head(3)
            assert skills == ", ".join(top["skill"])
        places = cells(page, "Places with most postings")
        assert [row[0] for row in places] == tables.location_salaries.sort(
            "postings", "location", descending=[True, False]
        )["location"].to_list()
        paid = {row["location"]: row for row in tables.location_salaries.to_dicts()}
        for name, postings, *pay in places:
            assert postings == str(paid[name]["postings"])
            amounts = (paid[name][column] for column in ("median_salary", "min_salary", "max_salary"))
            assert pay == [f"{amount:,.0f}" for amount in amounts]

    def test_occupations(self, page: HTMLParser, tables: ReportTables) -> None:
        pay = {row["occupation"]: row for row in of_all_postings(tables.occupation_salaries).to_dicts()}
        rows = cells(page, "Occupations with most postings")
        assert len(rows) == 2
        for row, known in zip(rows, tables.occupation_demand.to_dicts(), strict=True):
            skills = tables.occupation_skills.filter(pl.col("lift") > 1, occupation=known["occupation"])
            figures = [f"{pay[known['occupation']][name]:,.0f}" for name in ("p25", "median_salary", "p75")]
            assert row == [
                known["occupation"],
                ", ".join(skills.sort("rank")["skill"].head(3)),
                str(known["postings"]),
                f"{known['demand_share'] * 100:.1f}%",
                *figures,
            ]

    def test_months_add_up_to_all_postings(self, page: HTMLParser) -> None:
        months = cells(page, "Postings by month")
        assert [row[0] for row in months] == ["2026-05", "2026-06", "2026-07"]
        assert sum(int(row[2]) for row in months) == 1200
        for _, days, postings, mean, _ in months:
            assert mean == f"{int(postings) / int(days):.1f}"

    def test_data_quality(self, page: HTMLParser, tables: ReportTables) -> None:
        shares = ("pay_share", "date_share", "place_share", "skill_share")
        for dimension, caption in (("source", "of a source"), ("language", "in a language")):
            rows = tables.posting_coverage.filter(dimension=dimension).sort("postings", descending=True).to_dicts()
            assert cells(page, f"Share of the counted postings {caption}") == [
                [row["value"], f"{row['postings']:,}", *(f"{row[share] * 100:.1f}%" for share in shares)]
                for row in rows
            ]
        assert cells(page, "Rejected postings") == [["no title", "4"], ["not decodable", "1"]]
        sources = tables.sources.sort("postings", descending=True)
        assert cells(page, "Sources") == [[s, str(p), str(d)] for s, p, d in sources.iter_rows()]


def week_of(**skills: str) -> WeeklyChanges:
    """A week in which skills had trends."""
    figures = {"recent_postings": 30, "previous_postings": 15, "recent_share": 0.3, "previous_share": 0.15}
    bounds = {"growth": 1.0, "growth_lower": 0.5, "growth_upper": 1.7, "p_value": 0.001, "q_value": 0.01}
    rows = [{"skill": name, **figures, **bounds, "trend": trend} for name, trend in skills.items()]
    return WeeklyChanges(100, 80, pl.DataFrame(rows, schema=TRENDING_SKILLS))


class TestWeek:
    def test_what_changed_comes_first(self, tables: ReportTables) -> None:
        week = week_of(Rust="growing", COBOL="declining", SQL="uncertain", Go="steady")
        page = HTMLParser(render_report(replace(tables, week=week)))
        assert page.css_first("section").attributes["id"] == "week"
        words = " ".join(page.css_first("#week").text().split())
        assert "100 postings of the last seven days are counted, 80 of the seven before (+25%)" in words
        shown = cells(page, "Skills whose share has changed")
        assert [row[0] for row in shown] == ["COBOL", "Rust"]
        assert shown[1][1:] == ["growing", "30", "15", "30.0%", "15.0%", "+100%", "+50% to +170%"]

    @pytest.mark.parametrize(
        ("week", "said"),
        [
            (None, "no posting has been counted in the last two weeks"),
            (WeeklyChanges(0, 0, pl.DataFrame(schema=TRENDING_SKILLS)), "no posting has been counted in the last"),
            (week_of(SQL="uncertain"), "No skill's share has changed by a quarter beyond chance"),
            (week_of(SQL="insufficient_data"), "Shares can't be compared yet"),
        ],
    )
    def test_why_there_is_nothing(self, tables: ReportTables, week: WeeklyChanges | None, said: str) -> None:
        page = HTMLParser(render_report(replace(tables, week=week)))
        assert said in page.css_first("#week").text()


def test_every_skill_is_in_one_table(page: HTMLParser, tables: ReportTables) -> None:
    shown = {row[0]: row for row in cells(page, "Every skill")}
    demand = tables.skill_demand.filter(pl.col("industry").is_null())
    assert set(shown) == set(demand["skill"])
    for row in demand.to_dicts():
        assert shown[row["skill"]][2:4] == [f"{row['postings']:,}", f"{row['demand_share'] * 100:.1f}%"]


class TestSelfContained:
    def test_nothing_is_fetched_and_only_the_search_is_run(self, tables: ReportTables) -> None:
        html = render_report(tables)
        assert "http:" not in html
        assert "https:" not in html
        assert "@import" not in html
        assert set(re.findall(r"url\((.)", html)) <= {"#"}
        page = HTMLParser(html)
        assert [script.text() for script in page.css("script")] == [SEARCH_SCRIPT]
        assert f"script-src {SEARCH_SCRIPT_HASH};" in html
        assert page.css_first("iframe, object, embed, img, video, audio, base, form") is None
        for node in page.css("*"):
            for name, value in node.attributes.items():
                assert not name.startswith("on")
                if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
                    assert value == "data:," or value.startswith("#"), node.html

    def test_every_reference_leads_to_one_place(self, page: HTMLParser) -> None:
        ids = [node.attributes["id"] for node in page.css("[id]")]
        assert len(ids) == len(set(ids))
        html = page.html
        references = re.findall(r'(?:href="#|url\(#|aria-labelledby=")([^")]+)', html)
        assert len(references) > 12
        assert set(references) <= set(ids)

    def test_colours_are_those_of_the_page(self, page: HTMLParser) -> None:
        style = page.css_first("style").text()
        for svg in page.css("svg"):
            assert not re.search(r"#[0-9a-f]{6}\b", svg.html.replace('href="#', "")), svg.html[:200]
            for variable in re.findall(r"var\((--[\w-]+)\)", svg.html):
                assert f"{variable}:" in style

    def test_it_can_be_read_without_seeing_it(self, page: HTMLParser) -> None:
        assert page.css_first("html").attributes["lang"] == "en"
        assert len(page.css("h1")) == 1
        assert len(page.css("h2")) == len(SECTIONS)
        assert len(page.css("svg")) == 7
        for svg in page.css("svg"):
            assert svg.attributes["role"] == "img"
            assert len(svg.css_first("title").text()) > 20
        for table in page.css("table"):
            assert table.css_first("caption").text()
            assert all(cell.attributes["scope"] == "col" for cell in table.css("thead th"))
            rows = table.css("tbody tr")
            assert all(row.css_first("th").attributes["scope"] == "row" for row in rows)

    def test_every_section_says_how_it_is_counted(self, page: HTMLParser) -> None:
        assert [node.attributes["id"] for node in page.css("section")] == SECTIONS
        assert [a.attributes["href"] for a in page.css("nav a")] == [f"#{name}" for name in SECTIONS]
        assert all(len(node.css_first(".how").text()) > 60 for node in page.css("section"))
