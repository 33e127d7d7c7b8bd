"""The types of rows have the columns of their tables, with their types."""

from __future__ import annotations

from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import sqlalchemy as sa

from market_assets.api_client import answers
from market_assets.store.tables import results as tables
from market_assets.web.application import TABLE_OF

#: Columns that a row does not have, since what is around it says them; and those that rows have under other names.
LEFT_OUT = {
    "SalaryPercentiles": {"skill"},
    "HistoryMonth": {"skill"},
    "Recommendation": {"skill"},
    "TrendMonth": {"skill", "trend_direction"},
    "LocationSalaries": {"location"},
    "IndustrySkill": {"industry"},
    "RelatedSkill": {"skill_a", "skill_b", "confidence_ab", "confidence_ba"},
    "OccupationPay": {"occupation"},
    "OccupationSkill": {"occupation"},
}
#: Those that are JSON in the table, or are null in a row alone.
OF_OTHER_TYPES = {
    "SkillDemand": {"top_sources", "top_industries", "top_locations", "rank"},
    "OccupationDetail": {"rank"},
    "MarketSummary": {"sources_compared", "sources_left_out"},
}


@pytest.mark.parametrize("name", TABLE_OF)
def test_rows_have_the_columns_of_their_table(name: str) -> None:
    table, fields = TABLE_OF[name], get_type_hints(getattr(answers, name))
    left_out = LEFT_OUT.get(name, set())
    assert left_out <= set(table.columns.keys())
    for column in table.columns:
        if column.name not in left_out | OF_OTHER_TYPES.get(name, set()):
            # Before the first refresh, the summary has no row.
            null = bool(column.nullable) or name == "MarketSummary"
            assert _kinds(fields[column.name]) == _kinds_of(column, null=null), column.name
    assert OF_OTHER_TYPES.get(name, set()) <= set(fields) and not left_out & set(fields)


def test_the_words_are_those_of_the_tables() -> None:
    assert get_args(answers.Strength) == tables.STRENGTHS
    assert get_args(answers.Trend) == tables.TRENDS
    assert get_args(answers.TrendDirection) == tables.TREND_DIRECTIONS


def _kinds(hint: Any) -> set[Any]:
    if get_origin(hint) is Literal or not get_args(hint):
        return {hint}
    return set(get_args(hint))


def _kinds_of(column: sa.Column[Any], *, null: bool) -> set[Any]:
    choices = column.info.get("choices")
    kind = column.type.python_type
    in_json = Literal[choices] if choices else kind if kind in (int, float, str) else str
    return {in_json, NoneType} if null else {in_json}
