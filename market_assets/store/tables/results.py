"""Result tables: statistics, relationships, and what is known of skills. Each is replaced whole."""

from __future__ import annotations

from sqlalchemy import Table, UniqueConstraint

from market_assets.store.tables.columns import (
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    count,
    metadata,
    money,
    number,
    text,
    time,
)
from market_assets.store.tables.comments import COMMENTS

STRENGTHS = ("very_weak", "weak", "moderate", "strong", "very_strong")
TRENDS = ("growing", "declining", "emerging", "steady", "uncertain", "insufficient_data")
TREND_DIRECTIONS = ("increasing", "decreasing", "stable", "uncertain", "insufficient_data")

CHANGE = {"minimum": -1.0}
NPMI = {"minimum": -1.0, "maximum": 1.0}

# --- statistics ----------------------------------------------------------------------------------

skill_demand = Table(
    "skill_demand",
    metadata,
    text("skill", null=False),
    text("category", null=False),
    text("industry", comment="Industry that the row is about; null = all postings."),
    count("postings", POSITIVE),
    number("demand_share", null=False, info=SHARE),
    number(
        "demand_score",
        null=False,
        info={"minimum": 0.0, "maximum": 100.0},
        comment="200 × demand_share, at most 100.",
    ),
    number("required_share", info=SHARE, comment="Of the row's postings, those that require the skill."),
    count("mentions_only"),
    count("postings_with_salary"),
    *money("average_salary", "median_salary", "min_salary", "max_salary"),
    *(
        text(
            f"top_{what}",
            null=False,
            comment=f"JSON list of up to five {what} of the postings: {{value, postings}}.",
        )
        for what in ("sources", "industries", "locations")
    ),
    count("rank", POSITIVE, comment="1 for the most postings of all, or of the industry; ties by name."),
    UniqueConstraint("skill", "industry"),
)

salary_statistics = Table(
    "salary_statistics",
    metadata,
    text("skill", null=False),
    text("country", comment="Country of the jobs, ISO 3166-1; null = all."),
    text("seniority", comment="Whom the jobs are for; null = all."),
    count("postings_with_salary", POSITIVE),
    count("countries"),
    *money("average_salary", "p10", "p25", "median_salary", "median_lower", "median_upper", "p75", "p90"),
    UniqueConstraint("skill", "country", "seniority"),
)

employment_salaries = Table(
    "employment_salaries",
    metadata,
    text("employment_type", comment="Form of employment; null = all."),
    text("country", comment="Country of the jobs, ISO 3166-1; null = all."),
    count("postings_with_salary", POSITIVE),
    *money("average_salary", "p25", "median_salary", "median_lower", "median_upper", "p75"),
    UniqueConstraint("employment_type", "country"),
)

occupation_demand = Table(
    "occupation_demand",
    metadata,
    text("occupation", key=True),
    text("code", comment="Of ISCO-08 (four digits), or of ESCO below one ('2511.20'); null if no longer known."),
    count("postings", POSITIVE, comment="Counted postings of the occupation."),
    number(
        "demand_share",
        null=False,
        info=SHARE,
        comment="postings ÷ all counted postings, also those of no known occupation.",
    ),
    count("rank", POSITIVE),
)

occupation_skills = Table(
    "occupation_skills",
    metadata,
    text("occupation", key=True),
    text("skill", key=True),
    count("postings", POSITIVE, comment="Counted postings of the occupation that ask for the skill."),
    number("share", null=False, info=SHARE, comment="postings ÷ all counted postings of the occupation."),
    number(
        "lift", null=False, info=NOT_NEGATIVE, comment="share ÷ the share of all counted postings with the skill."
    ),
    count("rank", POSITIVE, comment="1 for the most postings of the occupation; ties by name."),
)

occupation_salaries = Table(
    "occupation_salaries",
    metadata,
    text("occupation", null=False),
    text("country", comment="Country of the jobs, ISO 3166-1; null = all."),
    text("seniority", comment="Whom the jobs are for; null = all."),
    count("postings_with_salary", POSITIVE),
    *money("p25", "median_salary", "median_lower", "median_upper", "p75"),
    UniqueConstraint("occupation", "country", "seniority"),
)

#: Months are kept when their postings leave the store: see `statistics.history`.
skill_history = Table(
    "skill_history",
    metadata,
    text("skill", key=True),
    text("month", key=True),
    count("postings", POSITIVE),
    number("share", null=False, info=SHARE, comment="postings ÷ market_postings."),
    count("postings_with_salary"),
    *money("median_salary"),
    count("market_postings", POSITIVE, comment="All counted postings of the month."),
    count(
        "filled_postings", comment="Postings that daily partitions of the month had ingested when it was counted."
    ),
    time("recorded_at", comment="When the month was last counted."),
    time(
        "revised_at",
        null=True,
        comment="When the month was last counted after its end, since it was filled back; null if never.",
    ),
)

salary_trends = Table(
    "salary_trends",
    metadata,
    text("skill", key=True),
    text("month", key=True),
    count("postings", POSITIVE),
    count("postings_with_salary"),
    *money("average_salary", "median_salary"),
    number(
        "change",
        info=CHANGE,
        comment="Change of pay from the first to the last month that is tested: 0.1 is 10 % more.",
    ),
    number("change_lower", info=CHANGE, comment="Lower end of the 95 % interval of the change."),
    number("change_upper", info=CHANGE, comment="Upper end of the 95 % interval of the change."),
    number("q_value", info=SHARE, comment="False discovery rate of the change over all skills that are tested."),
    text(
        "trend_direction", null=False, choices=TREND_DIRECTIONS, comment="What the test says of the skill's pay."
    ),
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
    count("rank", POSITIVE, comment="1 for the most postings of the industry; ties by name."),
)

location_salaries = Table(
    "location_salaries",
    metadata,
    text("location", key=True),
    count("postings", POSITIVE, comment="Counted postings at the location."),
    count("postings_with_salary"),
    *money("average_salary", "median_salary", "min_salary", "max_salary"),
)

trending_skills = Table(
    "trending_skills",
    metadata,
    text("skill", key=True),
    count("recent_postings", comment="Postings of the last 30 days, of the sources compared, that ask for it."),
    count("previous_postings", comment="The same of the 60 days before."),
    number("recent_share", info=SHARE, comment="recent_postings ÷ all postings of these days and sources."),
    number("previous_share", info=SHARE, comment="previous_postings ÷ all postings of these days and sources."),
    number("growth", info=CHANGE, comment="recent_share ÷ previous_share − 1; null where previous_share is 0."),
    number("growth_lower", info=CHANGE, comment="Lower end of the 95 % interval of growth."),
    number("growth_upper", info=CHANGE, comment="Upper end of the 95 % interval of growth."),
    number("p_value", info=SHARE, comment="Probability of such a change where nothing has changed."),
    number("q_value", info=SHARE, comment="False discovery rate over all skills."),
    text("trend", null=False, choices=TRENDS, comment="What growth, interval and q_value amount to."),
)

posting_statistics = Table(
    "posting_statistics",
    metadata,
    text(
        "dimension",
        key=True,
        comment="source, industry, salary_band, day, employment_type or remote: what is counted.",
    ),
    text("value", key=True, comment="Value of the dimension; 'unknown' where it is missing."),
    count("postings", POSITIVE, comment="Counted postings with the value."),
)

posting_coverage = Table(
    "posting_coverage",
    metadata,
    text("dimension", key=True, comment="source or language."),
    text("value", key=True, comment="Name of the source or language; 'unknown' where it is missing."),
    count("postings", POSITIVE, comment="Counted postings with the value."),
    *(
        number(f"{what}_share", null=False, info=SHARE, comment=f"Of the postings, those {stating}.")
        for what, stating in {
            "pay": "with believable pay",
            "date": "with a stated date",
            "place": "with a known place",
            "skill": "that ask for a known skill",
        }.items()
    ),
)

market_summary = Table(
    "market_summary",
    metadata,
    time("as_of", key=True, comment="The time that all tables are about; windows end there."),
    time("window_start", comment="Where the window begins: 00:00 UTC, MARKET_ASSETS_WINDOW_DAYS before."),
    count("postings", comment="Counted postings of the window."),
    count("duplicates", comment="Postings of the window that are not counted, as another one is the original."),
    count("rejected", comment="Records that were rejected on the days of the window."),
    count("postings_with_salary"),
    count("salary_countries", comment=COMMENTS["countries"]),
    *money("average_salary", "median_salary"),
    count("skills", comment="Skills that postings ask for."),
    count("industries", comment="Industries of the postings."),
    count("locations", comment="Locations of the postings."),
    number("remote_share", info=SHARE, comment="Of all postings, those known to be remote."),
    text("top_skill", comment="Skill that the most postings ask for."),
    text(
        "fastest_growing_skill",
        comment="Of the growing skills the one with the greatest growth; null without any.",
    ),
    text("sources_compared", null=False, comment="JSON list of the sources that trends compare."),
    text("sources_left_out", null=False, comment="JSON object of the other sources: the reason by source."),
    count("sample_postings", comment="Those of the postings that the sample source made up."),
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
    number("support", null=False, info=SHARE, comment="co_occurrences ÷ counted postings."),
    number("confidence_ab", null=False, info=SHARE, comment="co_occurrences ÷ postings with skill_a."),
    number("confidence_ba", null=False, info=SHARE, comment="co_occurrences ÷ postings with skill_b."),
    number("lift", null=False, info=NOT_NEGATIVE, comment="How many times more often together than by chance."),
    number(
        "npmi",
        null=False,
        info=NPMI,
        comment="Normalised pointwise mutual information: −1 never, 0 by chance, 1 only together.",
    ),
    text("strength", null=False, choices=STRENGTHS),
    number("lift_lower", null=False, info=NOT_NEGATIVE, comment="lift at the lower end of the same interval."),
    number("npmi_lower", null=False, info=NPMI),
    number(
        "log_likelihood",
        null=False,
        info=NOT_NEGATIVE,
        comment="G² against independence; above 10.8 by chance once in a thousand pairs.",
    ),
)

category_relationships = Table(
    "category_relationships",
    metadata,
    text("category_a", key=True, comment="First category of the pair; before category_b in the alphabet."),
    text("category_b", key=True, comment="Second category of the pair."),
    count("co_occurrences", POSITIVE, comment="Counted postings that ask for skills of both."),
)

skill_recommendations = Table(
    "skill_recommendations",
    metadata,
    text("skill", key=True),
    text("recommended_skill", key=True),
    number(
        "score", null=False, info=NOT_NEGATIVE, comment="Cosine of the two over postings, less for rare pairs."
    ),
    count("rank", {"minimum": 1, "maximum": 10}, comment="1 for the greatest score of the skill; ties by name."),
    count("co_occurrences", POSITIVE),
    number("npmi_lower", null=False, info=NPMI),
    text("strength", null=False, choices=STRENGTHS),
    count("postings_with_salary", comment="Postings with the recommended skill and pay."),
    *money("median_salary"),
)

#: What `recommend` adds up for a set of skills; the row of a skill with itself is what it starts from.
skill_affinities = Table(
    "skill_affinities",
    metadata,
    text("skill", key=True),
    text("recommended_skill", key=True),
    number("weight", null=False, comment="What having the skill adds to the score of the recommended one."),
)

# --- skills -------------------------------------------------------------------------------------

#: Skills that are asked for together more than with others; a skill that is surely close to none has no row.
skill_communities = Table(
    "skill_communities",
    metadata,
    text("skill", key=True),
    count("community", POSITIVE, comment="Number of the community; 1 is the largest."),
    text("community_name", null=False, comment="The three skills that bind most postings to it."),
    number(
        "centrality",
        null=False,
        info=SHARE,
        comment="How closely the skill goes with the others; 1 is the closest.",
    ),
)

#: Names that occur in lists with skills but are not in the taxonomy.
skill_candidates = Table(
    "skill_candidates",
    metadata,
    text("candidate", key=True, comment="Name that the taxonomy lacks."),
    text("category", comment="Most frequent category of the skills beside it."),
    count("listed_postings", POSITIVE, comment="Postings that name it beside skills."),
    count("postings", POSITIVE, comment="Postings that name it anywhere."),
    number("listed_share", null=False, info=SHARE, comment="listed_postings ÷ postings."),
    number("capital_share", null=False, info=SHARE, comment="Of its occurrences, those with a capital letter."),
    number("score", null=False, info=NOT_NEGATIVE, comment="listed_postings × listed_share."),
    text("example", null=False, comment="Passage of a posting that names it."),
    text("suggested_line", null=False, comment="Line for a skills file."),
    count("rank", POSITIVE, comment="1 for the greatest score."),
)
