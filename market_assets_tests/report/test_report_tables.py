"""What the report takes in, which rows it chooses, and how it writes numbers and names."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from market_assets.report import numbers, selections
from market_assets.report.selections import SCHEMAS, ReportTables


class TestTables:
    def test_further_columns_are_left_out(self, tables: ReportTables) -> None:
        wider = replace(tables, skill_demand=tables.skill_demand.with_columns(extra=pl.lit(1)))
        assert wider.skill_demand.columns == list(SCHEMAS["skill_demand"])


class TestSelections:
    def test_pay_of_the_leading_country_comes_first(self, tables: ReportTables) -> None:
        assert selections.leading_country(tables) == "US"
        pay = tables.salary_statistics.with_columns(p90=pl.when(skill="COBOL").then(None).otherwise("p90"))
        chosen = selections.paid_skills(replace(tables, salary_statistics=pay), 99)
        assert set(chosen["country"]) == {"US"}
        assert "COBOL" not in chosen["skill"].to_list()
        nowhere = replace(tables, employment_salaries=pl.DataFrame())
        assert selections.leading_country(nowhere) is None
        assert set(selections.paid_skills(nowhere, 99)["country"]) == {None}

    def test_pairs_go_by_what_is_sure_and_those_seen_seldom_come_last(self, tables: ReportTables) -> None:
        pairs = tables.skill_relationships.head(4).with_columns(
            pl.Series("co_occurrences", [2, 10, 11, 11]),
            pl.Series("npmi", [1.0, 0.9, 0.4, 0.8]),
            pl.Series("npmi_lower", [0.9, 0.1, 0.3, 0.2]),
        )
        chosen = selections.strongest_pairs(replace(tables, skill_relationships=pairs), 5)
        assert chosen["npmi"].to_list() == [0.4, 0.8, 0.9, 1.0]

    def test_gaps_between_bands_and_days_are_zero(self, tables: ReportTables) -> None:
        rows = [
            ("salary_band", "200000+", 2),
            ("salary_band", "100000-125000", 4),
            ("salary_band", "unknown", 9),
            ("day", "2026-02-27", 5),
            ("day", "2026-03-02", 1),
        ]
        schema = ["dimension", "value", "postings"]
        sparse = replace(tables, posting_statistics=pl.DataFrame(rows, schema=schema, orient="row"))
        assert selections.salary_bands(sparse).select("label", "postings").rows() == [
            ("100–125k", 4),
            ("125–150k", 0),
            ("150–175k", 0),
            ("175–200k", 0),
            ("200k+", 2),
        ]
        assert selections.daily_volume(sparse)["postings"].to_list() == [5, 0, 0, 1]


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (949.6, "950"), (1_000, "1k"), (123_456, "123k"), (999_499, "999k"), (999_500, "1M")],
)
def test_short_amounts(amount: float, text: str) -> None:
    assert numbers.short_money(amount) == text


@given(text=st.text(), width=st.integers(2, 40))
def test_shortened_text_fits_and_is_a_beginning(text: str, width: int) -> None:
    short = numbers.shortened(text, width)
    whole = numbers.printable(text)
    assert cell_len(short) <= width
    assert short == whole or (short.endswith("…") and whole.startswith(short[:-1].rstrip()))
