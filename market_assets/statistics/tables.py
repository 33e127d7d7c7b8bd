"""The columns of every result table, in order. A column is of one type, whichever tables have it."""

from __future__ import annotations

import polars as pl

from market_assets.postings.schemas import UTC_DATETIME

_WHOLE = (
    "rank, countries, mentions_only, postings, recent_postings, previous_postings, market_postings, "
    "filled_postings, sample_postings, postings_with_salary, salary_countries, duplicates, rejected, skills, "
    "industries, locations, co_occurrences, community"
)
_TEXT = (
    "skill, skill_a, skill_b, recommended_skill, category, category_a, category_b, industry, country, seniority, "
    "employment_type, location, occupation, code, month, dimension, value, reason, source, top_sources, "
    "top_industries, top_locations, top_skill, fastest_growing_skill, sources_compared, sources_left_out, trend, "
    "trend_direction, strength, community_name"
)
_TIMES = "as_of, window_start, recorded_at, revised_at"
_TYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(_WHOLE.split(", "), pl.Int64()),
    **dict.fromkeys(_TEXT.split(", "), pl.String()),
    **dict.fromkeys(_TIMES.split(", "), UTC_DATETIME),
}


def _columns(names: str) -> pl.Schema:
    """The columns of these names; those that are neither counts, nor texts nor times are numbers."""
    return pl.Schema({name: _TYPES.get(name, pl.Float64()) for name in names.split(", ")})


SKILL_DEMAND = _columns(
    "skill, category, industry, postings, demand_share, demand_score, required_share, mentions_only, "
    "postings_with_salary, average_salary, median_salary, min_salary, max_salary, top_sources, top_industries, "
    "top_locations, rank"
)
INDUSTRY_SKILLS = _columns("industry, skill, postings, demand_share, postings_with_salary, average_salary, rank")
SALARY_STATISTICS = _columns(
    "skill, country, seniority, postings_with_salary, countries, average_salary, p10, p25, median_salary, "
    "median_lower, median_upper, p75, p90"
)
EMPLOYMENT_SALARIES = _columns(
    "employment_type, country, postings_with_salary, average_salary, p25, median_salary, median_lower, "
    "median_upper, p75"
)
LOCATION_SALARIES = _columns(
    "location, postings, postings_with_salary, average_salary, median_salary, min_salary, max_salary"
)
SALARY_TRENDS = _columns(
    "skill, month, postings, postings_with_salary, average_salary, median_salary, change, change_lower, "
    "change_upper, q_value, trend_direction"
)
OCCUPATION_DEMAND = _columns("occupation, code, postings, demand_share, rank")
OCCUPATION_SKILLS = _columns("occupation, skill, postings, share, lift, rank")
OCCUPATION_SALARIES = _columns(
    "occupation, country, seniority, postings_with_salary, p25, median_salary, median_lower, median_upper, p75"
)
TRENDING_SKILLS = _columns(
    "skill, recent_postings, previous_postings, recent_share, previous_share, growth, growth_lower, growth_upper, "
    "p_value, q_value, trend"
)
SKILL_HISTORY = _columns(
    "skill, month, postings, share, postings_with_salary, median_salary, market_postings, filled_postings, "
    "recorded_at, revised_at"
)
POSTING_STATISTICS = _columns("dimension, value, postings")
POSTING_COVERAGE = _columns("dimension, value, postings, pay_share, date_share, place_share, skill_share")
MARKET_SUMMARY = _columns(
    "as_of, window_start, postings, duplicates, rejected, postings_with_salary, salary_countries, average_salary, "
    "median_salary, skills, industries, locations, remote_share, top_skill, fastest_growing_skill, "
    "sources_compared, sources_left_out, sample_postings"
)
SKILL_PAIRS = _columns("skill_a, skill_b, co_occurrences")
CATEGORY_RELATIONSHIPS = _columns("category_a, category_b, co_occurrences")
SKILL_RELATIONSHIPS = _columns(
    "skill_a, skill_b, co_occurrences, support, confidence_ab, confidence_ba, lift, npmi, strength, lift_lower, "
    "npmi_lower, log_likelihood"
)
SKILL_RECOMMENDATIONS = _columns(
    "skill, recommended_skill, score, rank, co_occurrences, npmi_lower, strength, postings_with_salary, "
    "median_salary"
)
SKILL_AFFINITIES = _columns("skill, recommended_skill, weight")
SKILL_COMMUNITIES = _columns("skill, community, community_name, centrality")

#: What a source gave in a window, and what was rejected in it: no tables of the store, but shown like those.
SOURCES = _columns("source, postings, duplicates")
REJECTIONS = _columns("reason, postings")
