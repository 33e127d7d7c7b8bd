"""The sections on skills: each says how to read it and how it is counted, then shows it."""

from __future__ import annotations

import polars as pl

from market_assets.report import numbers, pay_plots, plots, selections
from market_assets.report.markup import Column, figure, nothing, section, stack, table, wide
from market_assets.report.tables import ReportTables


def demand(tables: ReportTables) -> str:
    """The most asked skills."""
    skills = selections.top_skills(tables, 15)
    how = (
        "Share is the part of all counted postings that ask for the skill: a posting counts once per skill, "
        "and one without any skill counts in the whole."
    )
    if skills.is_empty():
        empty = nothing(
            selections.why_empty(
                tables, "Nothing yet: no posting of the window names a skill that the taxonomy knows."
            )
        )
        return section("demand", "Most asked skills", how, empty)
    columns = [
        Column("skill", "Skill"),
        Column("category", "Category", secondary=True),
        Column("postings", "Postings", numbers.count),
        Column("demand_share", "Share", numbers.share),
        Column("median_salary", f"Median pay, {tables.currency}", numbers.money),
    ]
    return section(
        "demand",
        "Most asked skills",
        how,
        figure(
            plots.demand_bars(skills, tables.currency),
            "Bars: share of postings that ask for the skill. At the right: median pay where it is known.",
        ),
        table("The most asked skills, by postings", skills, columns),
    )


def pay(tables: ReportTables) -> str:
    """What skills pay."""
    how = (
        "Pay is annual, the midpoint of what a posting states, in "
        f"{tables.currency}; percentiles are exact, over the postings with a known salary."
    )
    skills, bands = selections.paid_skills(tables, 12), selections.salary_bands(tables)
    if skills.is_empty() and bands.is_empty():
        return section(
            "pay",
            "Pay",
            how,
            nothing(selections.why_empty(tables, "Nothing yet: no counted posting states a salary.")),
        )
    parts = []
    if skills.height:
        ranges = pay_plots.pay_ranges(skills, tables.currency)
        caption = (
            "Of the skills with most known salaries: the dot is the median, the thick bar holds the middle "
            "half (25th to 75th percentile), the thin line goes from the 10th to the 90th."
        )
        parts.append(figure(ranges, caption))
    if bands.height:
        histogram = pay_plots.salary_bands(bands, tables.currency)
        parts.append(figure(histogram, "All postings with a known salary, in bands that are equally wide."))
    if skills.height:
        parts.append(wide(table("Percentiles of annual pay", skills, _percentile_columns())))
    return section("pay", "Pay", how, *parts)


def _percentile_columns() -> list[Column]:
    percentiles = {"p10": "10th", "p25": "25th", "median_salary": "Median", "p75": "75th", "p90": "90th"}
    return [
        Column("skill", "Skill"),
        Column("postings_with_salary", "Salaries", numbers.count, secondary=True),
        *(Column(name, heading, numbers.money) for name, heading in percentiles.items()),
    ]


def pay_trends(tables: ReportTables) -> str:
    """How pay moves."""
    months = selections.pay_trends(tables, 8)
    how = (
        "Median pay by month of posting, for the most asked skills that have salaries in two months or more; "
        "the direction compares the last such month with the first, and within 2% it is stable."
    )
    if months.is_empty():
        reason = "Nothing yet: a trend needs salaries of the same skill in at least two months."
        return section("pay-trends", "Pay trends", how, nothing(selections.why_empty(tables, reason)))
    ends = months.group_by("skill", maintain_order=True).agg(
        first=pl.col("median_salary").first(),
        last=pl.col("median_salary").last(),
        months=pl.len(),
        direction=pl.col("trend_direction").first().str.replace("_", " "),
    )
    columns = [
        Column("skill", "Skill"),
        Column("months", "Months", numbers.count, secondary=True),
        Column("first", f"First, {tables.currency}", numbers.money),
        Column("last", f"Last, {tables.currency}", numbers.money),
        Column("direction", "Direction"),
    ]
    caption = "Each plot has its own scale, never finer than a tenth of the pay; the last median is written out."
    return section(
        "pay-trends",
        "Pay trends",
        how,
        figure(pay_plots.pay_trends(months), caption),
        table("Median pay of the first and the last month", ends, columns),
    )


def growth(tables: ReportTables) -> str:
    """What grows and what declines."""
    how = (
        "Growth compares the postings of the last 30 days with the monthly pace of the 60 days before: growing "
        "from +25%, declining from -25%, new where there were none. Skills with fewer than "
        f"{selections.FEW} postings in these 90 days come last."
    )
    growing, declining = (selections.trending(tables, trend, 8) for trend in ("growing", "declining"))
    emerging = selections.trending(tables, "emerging", 6)
    moving = pl.concat([growing, declining.reverse()])
    if moving.is_empty() and emerging.is_empty():
        reason = "Nothing yet: no skill has grown or declined by a quarter, and none is new."
        if tables.trending_skills.is_empty():
            reason = "Nothing yet: no skill was asked for in the last 90 days."
        return section("growth", "Growing and declining", how, nothing(selections.why_empty(tables, reason)))
    columns = [
        Column("skill", "Skill"),
        Column("trend", "Trend", secondary=True),
        Column("recent_postings", "Last 30 days", numbers.count),
        Column("previous_postings", "60 days before", numbers.count),
        Column("growth", "Growth", numbers.growth),
    ]
    longest = numbers.growth(plots.LONGEST_GROWTH)
    is_cut = (moving["growth"] > plots.LONGEST_GROWTH).any()
    cut = f" Bars end at {longest}, the figures are exact." if is_cut else ""
    return section(
        "growth",
        "Growing and declining",
        how,
        figure(
            plots.growth_bars(moving, emerging),
            f"To the right: growing; to the left: declining.{cut}",
        ),
        table("Postings of the skills that move most", pl.concat([growing, emerging, declining]), columns),
    )


def relationships(tables: ReportTables) -> str:
    """Which skills belong together."""
    how = (
        "Strength is the normalised pointwise mutual information (npmi) of two skills in the same posting: 0 "
        "means no more often than by chance, 1 always together. Support is the part of all postings that have "
        "both. A pair that few postings show may be chance, so that pairs go by the lower end of the interval "
        f"(99.9%) of their npmi, and those seen together fewer than {selections.FEW} times come last."
    )
    pairs = selections.strongest_pairs(tables, 12)
    if pairs.is_empty():
        reason = "Nothing yet: no two skills were asked for together in at least two postings."
        return section(
            "relationships", "Skills that belong together", how, nothing(selections.why_empty(tables, reason))
        )
    names = pl.concat_str("skill_a", pl.lit(" + "), "skill_b").alias("pair")
    strength = pl.col("strength").str.replace("_", " ")
    columns = [
        Column("pair", "Pair"),
        Column("co_occurrences", "Together", numbers.count),
        Column("support", "Support", numbers.share),
        Column("npmi", "npmi", numbers.ratio),
        Column("npmi_lower", "npmi at least", numbers.ratio),
        Column("strength", "Strength", secondary=True),
    ]
    return section(
        "relationships",
        "Skills that belong together",
        how,
        stack(_heat_map(tables), _categories(tables)),
        table("The strongest pairs", pairs.with_columns(names, strength), columns),
    )


def _heat_map(tables: ReportTables) -> str:
    skills = selections.top_skills(tables, 12)["skill"].to_list()
    if len(skills) < 2:
        return ""
    svg = plots.relationship_heat_map(skills, tables.skill_relationships)
    caption = (
        "Where the row of one of the most asked skills meets the column of another, "
        "the strength of the pair; grey where they were seen together less than twice."
    )
    return figure(svg, caption)


def _categories(tables: ReportTables) -> str:
    pairs = tables.category_relationships.sort(
        "co_occurrences", "category_a", "category_b", descending=[True, False, False]
    ).head(8)
    if pairs.is_empty():
        return ""
    named = pairs.with_columns(pair=pl.concat_str("category_a", pl.lit(" + "), "category_b"))
    columns = [Column("pair", "Categories"), Column("co_occurrences", "Postings with both", numbers.count, True)]
    return table("Categories most often asked for together", named, columns)
