"""The summary at the end of a run: exact figures, 80 columns, whole paths, no steering by data."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from made_up_market import AS_OF, Posting, count_tables, renamed
from rich.cells import cell_len
from rich.console import Console

from market_assets.report.selections import ReportTables
from market_assets.report.terminal import summary_json, summary_renderables

RUN: dict[str, Any] = {
    "postings_in": 1242,
    "rejected": 5,
    "duplicates": 37,
    "window_note": None,
}


def shown(tables: ReportTables, width: int = 80, **changes: Any) -> list[str]:
    """The lines of the summary as they are piped into a file."""
    console = Console(file=io.StringIO(), width=width, record=True, force_terminal=False)
    for renderable in summary_renderables(tables, **RUN | changes):
        console.print(renderable)
    piped = console.file.getvalue()
    assert piped == console.export_text(styles=False)
    return [line.rstrip() for line in piped.splitlines()]


def words_after(lines: list[str], label: str) -> str:
    """The text beside a label, with its continuation lines."""
    start = next(place for place, line in enumerate(lines) if line.startswith(label))
    end = start + 1
    while end < len(lines) and lines[end].startswith(" "):
        end += 1
    return " ".join(" ".join(lines[start:end]).split()).removeprefix(label).strip()


def test_figures_of_the_run_and_the_window(tables: ReportTables) -> None:
    lines = shown(tables, window_note="It ends at the file's newest posting.")
    summary = tables.market_summary.row(0, named=True)
    countries = tables.employment_salaries.filter(pl.col("employment_type").is_null()).drop_nulls("country")
    lead = max(countries.to_dicts(), key=lambda row: row["postings_with_salary"])
    assert lines[:6] == [
        "Market summary",
        "Postings in 1,242  Rejected 5  Duplicates 37",
        "Window 2026-05-02 to 2026-07-31: 1,200 postings counted",
        f"Median pay {lead['median_salary']:,.0f} USD in US ({lead['postings_with_salary']} salaries)",
        f"Median pay {summary['median_salary']:,.0f} USD in all 5 countries "
        f"({summary['postings_with_salary']} salaries)",
        "It ends at the file's newest posting.",
    ]
    stated = tables.posting_coverage.filter(dimension="language").row(0, named=True)
    parts = (f"{what} {stated[f'{what}_share'] * 100:.1f}%" for what in ("pay", "date", "place", "skill"))
    assert f"Stated by postings: {', '.join(parts)}" in lines


def test_top_ten_skills(tables: ReportTables) -> None:
    rows = [row for row in tables.skill_demand.to_dicts() if row["industry"] is None and row["rank"] <= 10]
    lines = [" ".join(line.split()) for line in shown(tables)]
    first = lines.index("# Skill Share Median pay, USD Salaries") + 2
    assert lines[first : first + 11] == [
        f"{row['rank']} {row['skill']} {row['demand_share'] * 100:.1f}% {row['median_salary']:,.0f} "
        f"{row['postings_with_salary']}"
        for row in sorted(rows, key=lambda row: row["rank"])
    ] + [""]


def test_what_is_made_up_and_what_cannot_be_compared(tables: ReportTables) -> None:
    invented = tables.market_summary.with_columns(
        sample_postings=pl.lit(1200),
        sources_compared=pl.lit("[]"),
        sources_left_out=pl.lit('{"lever": "too new"}'),
    )
    tables = replace(tables, market_summary=invented)
    lines = shown(tables)
    assert "Made up: 1,200 of the postings are invented by the sample source." in lines
    assert words_after(lines, "Growth") == "nothing can be compared yet (lever: too new)"
    assert not any(line.startswith("Growing") for line in lines)
    answer = summary_json(tables)
    assert (answer["sample_postings"], answer["sources_compared"]) == (1200, [])
    assert answer["sources_left_out"] == {"lever": "too new"}


def test_what_grows_and_what_declines(tables: ReportTables) -> None:
    rows = tables.trending_skills.to_dicts()
    up = sorted((row for row in rows if row["trend"] == "growing"), key=lambda row: -row["growth"])[:5]
    down = sorted((row for row in rows if row["trend"] == "declining"), key=lambda row: row["growth"])[:5]
    lines = shown(tables)
    for label, expected in (("Growing", up), ("Declining", down)):
        moves = ", ".join(f"{row['skill']} {row['growth'] * 100:+.0f}%" for row in expected)
        assert words_after(lines, label) == moves
    recent = next(row["recent_postings"] for row in rows if row["trend"] == "emerging")
    assert words_after(lines, "Emerging") == f"Agent protocols ({recent} postings)"


def test_strongest_pairs(tables: ReportTables) -> None:
    rows = [row for row in tables.skill_relationships.to_dicts() if row["co_occurrences"] >= 10]
    lines = [" ".join(line.split()) for line in shown(tables)]
    first = lines.index("Strongest pairs npmi at least Together") + 2
    assert lines[first : first + 6] == [
        f"{row['skill_a']} + {row['skill_b']} {row['npmi']:.2f} {row['npmi_lower']:.2f} {row['co_occurrences']}"
        for row in sorted(rows, key=lambda row: -row["npmi_lower"])[:5]
    ] + [""]


@pytest.mark.parametrize("name", ["Long name " * 20, "長い名前" * 50, "x" * 200])
def test_everything_else_fits_into_80_columns(tables: ReportTables, name: str) -> None:
    lines = shown(renamed(renamed(tables, "SQL", name), "PyTorch", name[::-1]))
    assert max(map(cell_len, lines)) <= 80
    assert any("…" in line for line in lines)


@pytest.mark.parametrize("name", ["[red]x[/]", "[/nothing]", "\x1b[2J\x1b[31mred", "a\nb\rc"])
def test_names_do_not_steer_the_terminal(tables: ReportTables, name: str) -> None:
    lines = shown(renamed(tables, "SQL", name), window_note="[bold]\x1b[1m")
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert " ".join(name.replace("\x1b", " ").split()) in text
    assert "[bold] [1m" in text


def test_nothing_yet(empty_tables: ReportTables) -> None:
    nothing = {"postings_in": 0, "rejected": 0, "duplicates": 0}
    lines = shown(empty_tables, **nothing)
    assert lines == [
        "Market summary",
        "Postings in 0  Rejected 0  Duplicates 0",
        "Nothing counted yet: the statistics have not been refreshed.",
        "",
        "No skill found yet.",
        "",
        "Growing    none",
        "Declining  none",
        "",
        "No two skills were asked for together yet.",
        "",
    ]
    answer = summary_json(empty_tables)
    assert answer["as_of"] is None
    assert answer["top_skills"] == answer["growing"] == answer["strongest_pairs"] == []


def test_one_posting_without_pay() -> None:
    only = Posting(AS_OF, frozenset({"COBOL"}), None, None, None, "unknown", "lever")
    lines = [" ".join(line.split()) for line in shown(count_tables([only]))]
    assert "1 COBOL 100.0% - 0" in lines
    assert "Window 2026-05-02 to 2026-07-31: 1 postings counted" in lines


def test_json_holds_the_same_figures(tables: ReportTables) -> None:
    answer = json.loads(json.dumps(summary_json(tables)))
    summary = tables.market_summary.row(0, named=True)
    assert answer["as_of"] == "2026-07-31T14:30:00+00:00"
    assert answer["window_start"] == "2026-05-02T00:00:00+00:00"
    assert answer["currency"] == "USD"
    for name in ("postings", "postings_with_salary", "median_salary", "average_salary"):
        assert answer[name] == summary[name]
    overall = tables.skill_demand.filter(pl.col("industry").is_null()).sort("rank").head(10)
    columns = ["rank", "skill", "postings", "demand_share", "postings_with_salary", "median_salary"]
    assert answer["top_skills"] == overall.select(columns).to_dicts()
    known = {row["skill"]: row for row in tables.trending_skills.to_dicts()}
    for trend in ("growing", "declining", "emerging"):
        assert answer[trend]
        for row in answer[trend]:
            assert row == {name: known[row["skill"]][name] for name in row}
            assert row.keys() >= {"skill", "growth", "growth_lower", "growth_upper"}
    pairs = tables.skill_relationships.filter(pl.col("co_occurrences") >= 10).sort("npmi_lower", descending=True)
    columns = ["skill_a", "skill_b", "co_occurrences", "npmi", "npmi_lower", "strength"]
    assert answer["strongest_pairs"] == pairs.head(5).select(columns).to_dicts()


def test_json_of_unknown_pay_is_null(tables: ReportTables) -> None:
    unpaid = tables.skill_demand.with_columns(median_salary=pl.lit(None))
    answer = summary_json(replace(tables, skill_demand=unpaid))
    assert {row["median_salary"] for row in answer["top_skills"]} == {None}
    assert "NaN" not in json.dumps(answer)
