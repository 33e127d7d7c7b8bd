"""Result tables: statistics, relationships, and what is known of skills. Each is replaced whole."""

from __future__ import annotations

from sqlalchemy import Table, UniqueConstraint

from market_assets.store.tables.columns import (
    COMMENTS,
    NOT_NEGATIVE,
    POSITIVE,
    count,
    metadata,
    money,
    number,
    share,
    text,
    time,
)

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
    text("industry", "Industry that the row is about; null = all postings."),
    count("postings", info=POSITIVE),
    share("demand_share"),
    number("demand_score", "200 × demand_share, at most 100.", {"minimum": 0.0, "maximum": 100.0}, null=False),
    share("required_share", "Of the row's postings, those that require the skill.", null=True),
    count("mentions_only"),
    count("postings_with_salary"),
    *money("average_salary", "median_salary", "min_salary", "max_salary"),
    *(
        text(f"top_{what}", f"JSON list of up to five {what} of the postings: {{value, postings}}.", null=False)
        for what in ("sources", "industries", "locations")
    ),
    count("rank", "1 for the most postings of all, or of the industry; ties by name.", POSITIVE),
    UniqueConstraint("skill", "industry"),
)

salary_statistics = Table(
    "salary_statistics",
    metadata,
    text("skill", null=False),
    text("country", "Country of the jobs, ISO 3166-1; null = all."),
    text("seniority", "Whom the jobs are for; null = all."),
    count("postings_with_salary", info=POSITIVE),
    count("countries"),
    *money("average_salary", "p10", "p25", "median_salary", "median_lower", "median_upper", "p75", "p90"),
    UniqueConstraint("skill", "country", "seniority"),
)

employment_salaries = Table(
    "employment_salaries",
    metadata,
    text("employment_type", "Form of employment; null = all."),
    text("country", "Country of the jobs, ISO 3166-1; null = all."),
    count("postings_with_salary", info=POSITIVE),
    *money("average_salary", "p25", "median_salary", "median_lower", "median_upper", "p75"),
    UniqueConstraint("employment_type", "country"),
)

occupation_demand = Table(
    "occupation_demand",
    metadata,
    text("occupation", key=True),
    text("code", "Of ISCO-08 (four digits), or of ESCO below one ('2511.20'); null if no longer known."),
    count("postings", "Counted postings of the occupation.", POSITIVE),
    share("demand_share", "postings ÷ all counted postings, also those of no known occupation."),
    count("rank", info=POSITIVE),
)

occupation_skills = Table(
    "occupation_skills",
    metadata,
    text("occupation", key=True),
    text("skill", key=True),
    count("postings", "Counted postings of the occupation that ask for the skill.", POSITIVE),
    share("share", "postings ÷ all counted postings of the occupation."),
    number("lift", "share ÷ the share of all counted postings with the skill.", NOT_NEGATIVE, null=False),
    count("rank", "1 for the most postings of the occupation; ties by name.", POSITIVE),
)

occupation_salaries = Table(
    "occupation_salaries",
    metadata,
    text("occupation", null=False),
    text("country", "Country of the jobs, ISO 3166-1; null = all."),
    text("seniority", "Whom the jobs are for; null = all."),
    count("postings_with_salary", info=POSITIVE),
    *money("p25", "median_salary", "median_lower", "median_upper", "p75"),
    UniqueConstraint("occupation", "country", "seniority"),
)

#: Months are kept when their postings leave the store: see `statistics.history`.
skill_history = Table(
    "skill_history",
    metadata,
    text("skill", key=True),
    text("month", key=True),
    count("postings", info=POSITIVE),
    share("share", "postings ÷ market_postings."),
    count("postings_with_salary"),
    *money("median_salary"),
    count("market_postings", "All counted postings of the month.", POSITIVE),
    count("filled_postings", "Postings that daily partitions of the month had ingested when it was counted."),
    time("recorded_at", "When the month was last counted."),
    time(
        "revised_at",
        "When the month was last counted after its end, since it was filled back; null if never.",
        null=True,
    ),
)

salary_trends = Table(
    "salary_trends",
    metadata,
    text("skill", key=True),
    text("month", key=True),
    count("postings", info=POSITIVE),
    count("postings_with_salary"),
    *money("average_salary", "median_salary"),
    number("change", "Change of pay from the first to the last month that is tested: 0.1 is 10 % more.", CHANGE),
    number("change_lower", "Lower end of the 95 % interval of the change.", CHANGE),
    number("change_upper", "Upper end of the 95 % interval of the change.", CHANGE),
    share("q_value", "False discovery rate of the change over all skills that are tested.", null=True),
    text("trend_direction", "What the test says of the skill's pay.", null=False, choices=TREND_DIRECTIONS),
)

industry_skills = Table(
    "industry_skills",
    metadata,
    text("industry", key=True),
    text("skill", key=True),
    count("postings", info=POSITIVE),
    share("demand_share"),
    count("postings_with_salary"),
    *money("average_salary"),
    count("rank", "1 for the most postings of the industry; ties by name.", POSITIVE),
)

location_salaries = Table(
    "location_salaries",
    metadata,
    text("location", key=True),
    count("postings", "Counted postings with the location among their places.", POSITIVE),
    count("postings_with_salary"),
    *money("average_salary", "median_salary", "min_salary", "max_salary"),
)

trending_skills = Table(
    "trending_skills",
    metadata,
    text("skill", key=True),
    count("recent_postings", "Postings of the last 30 days, of the sources compared, that ask for it."),
    count("previous_postings", "The same of the 60 days before."),
    share("recent_share", "recent_postings ÷ all postings of these days and sources.", null=True),
    share("previous_share", "previous_postings ÷ all postings of these days and sources.", null=True),
    number("growth", "recent_share ÷ previous_share − 1; null where previous_share is 0.", CHANGE),
    number("growth_lower", "Lower end of the 95 % interval of growth.", CHANGE),
    number("growth_upper", "Upper end of the 95 % interval of growth.", CHANGE),
    share("p_value", "Probability of such a change where nothing has changed.", null=True),
    share("q_value", "False discovery rate over all skills.", null=True),
    text("trend", "What growth, interval and q_value amount to.", null=False, choices=TRENDS),
)

posting_statistics = Table(
    "posting_statistics",
    metadata,
    text("dimension", "source, industry, salary_band, day, employment_type or remote: what is counted.", key=True),
    text("value", "Value of the dimension; 'unknown' where it is missing.", key=True),
    count("postings", "Counted postings with the value.", POSITIVE),
)

posting_coverage = Table(
    "posting_coverage",
    metadata,
    text("dimension", "source or language.", key=True),
    text("value", "Name of the source or language; 'unknown' where it is missing.", key=True),
    count("postings", "Counted postings with the value.", POSITIVE),
    *(
        share(f"{what}_share", f"Of the postings, those {stating}.")
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
    time("as_of", "The time that all tables are about; windows end there.", key=True),
    time("window_start", "Where the window begins: 00:00 UTC, MARKET_ASSETS_WINDOW_DAYS before."),
    count("postings", "Counted postings of the window."),
    count("duplicates", "Postings of the window that are not counted, as another one is the original."),
    count("rejected", "Records that were rejected on the days of the window."),
    count("postings_with_salary"),
    count("salary_countries", COMMENTS["countries"]),
    *money("average_salary", "median_salary"),
    count("skills", "Skills that postings ask for."),
    count("industries", "Industries of the postings."),
    count("locations", "Locations of the postings."),
    share("remote_share", "Of all postings, those known to be remote.", null=True),
    text("top_skill", "Skill that the most postings ask for."),
    text("fastest_growing_skill", "Of the growing skills the one with the greatest growth; null without any."),
    text("sources_compared", "JSON list of the sources that trends compare.", null=False),
    text("sources_left_out", "JSON object of the other sources: the reason by source.", null=False),
    count("sample_postings", "Those of the postings that the sample source made up."),
)

# --- relationships -----------------------------------------------------------------------------

skill_pairs = Table(
    "skill_pairs",
    metadata,
    text("skill_a", key=True),
    text("skill_b", key=True),
    count("co_occurrences", info=POSITIVE),
)

skill_relationships = Table(
    "skill_relationships",
    metadata,
    text("skill_a", key=True),
    text("skill_b", key=True),
    count("co_occurrences", info={"minimum": 2}),
    share("support", "co_occurrences ÷ counted postings."),
    share("confidence_ab", "co_occurrences ÷ postings with skill_a."),
    share("confidence_ba", "co_occurrences ÷ postings with skill_b."),
    number("lift", "How many times more often together than by chance.", NOT_NEGATIVE, null=False),
    number(
        "npmi",
        "Normalised pointwise mutual information: −1 never, 0 by chance, 1 only together.",
        NPMI,
        null=False,
    ),
    text("strength", null=False, choices=STRENGTHS),
    number("lift_lower", "lift at the lower end of the same interval.", NOT_NEGATIVE, null=False),
    number("npmi_lower", info=NPMI, null=False),
    number(
        "log_likelihood",
        "G² against independence; above 10.8 by chance once in a thousand pairs.",
        NOT_NEGATIVE,
        null=False,
    ),
)

category_relationships = Table(
    "category_relationships",
    metadata,
    text("category_a", "First category of the pair; before category_b in the alphabet.", key=True),
    text("category_b", "Second category of the pair.", key=True),
    count("co_occurrences", "Counted postings that ask for skills of both.", POSITIVE),
)

skill_recommendations = Table(
    "skill_recommendations",
    metadata,
    text("skill", key=True),
    text("recommended_skill", key=True),
    number("score", "Cosine of the two over postings, less for rare pairs.", NOT_NEGATIVE, null=False),
    count("rank", "1 for the greatest score of the skill; ties by name.", {"minimum": 1, "maximum": 10}),
    count("co_occurrences", info=POSITIVE),
    number("npmi_lower", info=NPMI, null=False),
    text("strength", null=False, choices=STRENGTHS),
    count("postings_with_salary", "Postings with the recommended skill and pay."),
    *money("median_salary"),
)

#: What `recommend` adds up for a set of skills; the row of a skill with itself is what it starts from.
skill_affinities = Table(
    "skill_affinities",
    metadata,
    text("skill", key=True),
    text("recommended_skill", key=True),
    number("weight", "What having the skill adds to the score of the recommended one.", null=False),
)

# --- skills -------------------------------------------------------------------------------------

#: Skills that are asked for together more than with others; a skill that is surely close to none has no row.
skill_communities = Table(
    "skill_communities",
    metadata,
    text("skill", key=True),
    count("community", "Number of the community; 1 is the largest.", POSITIVE),
    text("community_name", "The three skills that bind most postings to it.", null=False),
    share("centrality", "How closely the skill goes with the others; 1 is the closest."),
)

#: Names that occur in lists with skills but are not in the taxonomy.
skill_candidates = Table(
    "skill_candidates",
    metadata,
    text("candidate", "Name that the taxonomy lacks.", key=True),
    text("category", "Most frequent category of the skills beside it."),
    count("listed_postings", "Postings that name it beside skills.", POSITIVE),
    count("postings", "Postings that name it anywhere.", POSITIVE),
    share("listed_share", "listed_postings ÷ postings."),
    share("capital_share", "Of its occurrences, those with a capital letter."),
    number("score", "listed_postings × listed_share.", NOT_NEGATIVE, null=False),
    text("example", "Passage of a posting that names it.", null=False),
    text("suggested_line", "Line for a skills file.", null=False),
    count("rank", "1 for the greatest score.", POSITIVE),
)
