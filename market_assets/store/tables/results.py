"""Result tables: statistics, relationships, and what is known of skills. Each is replaced whole."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Table, Text, UniqueConstraint

from market_assets.store.tables.columns import (
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    UtcDateTime,
    count,
    metadata,
    money,
    number,
    text,
)

STRENGTHS = ("very_weak", "weak", "moderate", "strong", "very_strong")
TRENDS = ("growing", "declining", "emerging", "steady", "uncertain", "insufficient_data")
TREND_DIRECTIONS = ("increasing", "decreasing", "stable", "uncertain", "insufficient_data")

# --- statistics ----------------------------------------------------------------------------------

skill_demand = Table(
    "skill_demand",
    metadata,
    text("skill", null=False),
    text("category", null=False),
    text("industry"),
    count("postings", POSITIVE),
    number("demand_share", null=False, info=SHARE),
    number("demand_score", null=False, info={"minimum": 0.0, "maximum": 100.0}),
    number("required_share", info=SHARE),
    count("mentions_only"),
    count("postings_with_salary"),
    *money("average_salary", "median_salary", "min_salary", "max_salary"),
    text("top_sources", null=False),
    text("top_industries", null=False),
    text("top_locations", null=False),
    count("rank", POSITIVE),
    UniqueConstraint("skill", "industry"),
    info={"key": ("skill", "industry")},
)

salary_statistics = Table(
    "salary_statistics",
    metadata,
    text("skill", null=False),
    text("country"),
    text("seniority"),
    count("postings_with_salary", POSITIVE),
    count("countries"),
    *money("average_salary", "p10", "p25", "median_salary", "median_lower", "median_upper", "p75", "p90"),
    UniqueConstraint("skill", "country", "seniority"),
    info={"key": ("skill", "country", "seniority")},
)

employment_salaries = Table(
    "employment_salaries",
    metadata,
    text("employment_type"),
    text("country"),
    count("postings_with_salary", POSITIVE),
    *money("average_salary", "p25", "median_salary", "median_lower", "median_upper", "p75"),
    UniqueConstraint("employment_type", "country"),
    info={"key": ("employment_type", "country")},
)

#: Months are kept when their postings leave the store: see `statistics.history`.
skill_history = Table(
    "skill_history",
    metadata,
    text("skill", key=True),
    text("month", key=True),
    count("postings", POSITIVE),
    number("share", null=False, info=SHARE),
    count("postings_with_salary"),
    *money("median_salary"),
    count("market_postings", POSITIVE),
    count("filled_postings"),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("revised_at", UtcDateTime),
)

salary_trends = Table(
    "salary_trends",
    metadata,
    text("skill", key=True),
    text("month", key=True),
    count("postings", POSITIVE),
    count("postings_with_salary"),
    *money("average_salary", "median_salary"),
    *(number(name, info={"minimum": -1.0}) for name in ("change", "change_lower", "change_upper")),
    number("q_value", info=SHARE),
    text("trend_direction", null=False, choices=TREND_DIRECTIONS),
)

industry_skills = Table(
    "industry_skills",
    metadata,
    text("industry", key=True),
    text("skill", key=True),
    count("postings", POSITIVE),
    number("demand_share", null=False, info=SHARE),
    count("postings_with_salary"),
    *money("average_salary"),
    count("rank", POSITIVE),
)

location_salaries = Table(
    "location_salaries",
    metadata,
    text("location", key=True),
    count("postings", POSITIVE),
    count("postings_with_salary"),
    *money("average_salary", "median_salary", "min_salary", "max_salary"),
)

trending_skills = Table(
    "trending_skills",
    metadata,
    text("skill", key=True),
    count("recent_postings"),
    count("previous_postings"),
    number("recent_share", info=SHARE),
    number("previous_share", info=SHARE),
    *(number(name, info={"minimum": -1.0}) for name in ("growth", "growth_lower", "growth_upper")),
    number("p_value", info=SHARE),
    number("q_value", info=SHARE),
    text("trend", null=False, choices=TRENDS),
)

posting_statistics = Table(
    "posting_statistics",
    metadata,
    text("dimension", key=True),
    text("value", key=True),
    count("postings", POSITIVE),
)

posting_coverage = Table(
    "posting_coverage",
    metadata,
    text("dimension", key=True),
    text("value", key=True),
    count("postings", POSITIVE),
    *(number(f"{what}_share", null=False, info=SHARE) for what in ("pay", "date", "place", "skill")),
)

market_summary = Table(
    "market_summary",
    metadata,
    Column("as_of", UtcDateTime, primary_key=True),
    Column("window_start", UtcDateTime, nullable=False),
    count("postings"),
    count("duplicates"),
    count("rejected"),
    count("postings_with_salary"),
    count("salary_countries"),
    *money("average_salary", "median_salary"),
    count("skills"),
    count("industries"),
    count("locations"),
    number("remote_share", info=SHARE),
    text("top_skill"),
    text("fastest_growing_skill"),
    text("sources_compared", null=False),
    text("sources_left_out", null=False),
    count("sample_postings"),
)

# --- relationships -----------------------------------------------------------------------------

skill_pairs = Table(
    "skill_pairs",
    metadata,
    text("skill_a", key=True),
    text("skill_b", key=True),
    count("co_occurrences", POSITIVE),
)

skill_relationships = Table(
    "skill_relationships",
    metadata,
    text("skill_a", key=True),
    text("skill_b", key=True),
    count("co_occurrences", {"minimum": 2}),
    number("support", null=False, info=SHARE),
    number("confidence_ab", null=False, info=SHARE),
    number("confidence_ba", null=False, info=SHARE),
    number("lift", null=False, info=NOT_NEGATIVE),
    number("npmi", null=False, info={"minimum": -1.0, "maximum": 1.0}),
    text("strength", null=False, choices=STRENGTHS),
    number("lift_lower", null=False, info=NOT_NEGATIVE),
    number("npmi_lower", null=False, info={"minimum": -1.0, "maximum": 1.0}),
    number("log_likelihood", null=False, info=NOT_NEGATIVE),
)

category_relationships = Table(
    "category_relationships",
    metadata,
    text("category_a", key=True),
    text("category_b", key=True),
    count("co_occurrences", POSITIVE),
)

skill_recommendations = Table(
    "skill_recommendations",
    metadata,
    text("skill", key=True),
    text("recommended_skill", key=True),
    number("score", null=False, info=NOT_NEGATIVE),
    count("rank", {"minimum": 1, "maximum": 10}),
    count("co_occurrences", POSITIVE),
    number("npmi_lower", null=False, info={"minimum": -1.0, "maximum": 1.0}),
    text("strength", null=False, choices=STRENGTHS),
    count("postings_with_salary"),
    *money("median_salary"),
)

#: What `recommend` adds up for a set of skills; the row of a skill with itself is what it starts from.
skill_affinities = Table(
    "skill_affinities",
    metadata,
    text("skill", key=True),
    text("recommended_skill", key=True),
    number("weight", null=False),
)

# --- skills -------------------------------------------------------------------------------------

#: Skills that are asked for together more than with others; a skill that is surely close to none has no row.
skill_communities = Table(
    "skill_communities",
    metadata,
    Column("skill", Text, primary_key=True),
    Column("community", BigInteger, nullable=False, info=POSITIVE),
    Column("community_name", Text, nullable=False),
    Column("centrality", Float(53), nullable=False, info=SHARE),
)

#: Names that occur in lists with skills but are not in the taxonomy.
skill_candidates = Table(
    "skill_candidates",
    metadata,
    Column("candidate", Text, primary_key=True),
    Column("category", Text),
    Column("listed_postings", BigInteger, nullable=False, info=POSITIVE),
    Column("postings", BigInteger, nullable=False, info=POSITIVE),
    Column("listed_share", Float(53), nullable=False, info=SHARE),
    Column("capital_share", Float(53), nullable=False, info=SHARE),
    Column("score", Float(53), nullable=False, info=NOT_NEGATIVE),
    Column("example", Text, nullable=False),
    Column("suggested_line", Text, nullable=False),
    Column("rank", BigInteger, nullable=False, info=POSITIVE),
)
