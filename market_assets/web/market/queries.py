"""The queries of the market API on one snapshot of the tables: plain values, ready to encode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from market_assets.postings.places import normalise_locations
from market_assets.store.tables.results import market_summary
from market_assets.web.errors import ApiError
from market_assets.web.market.requests import Names
from market_assets.web.market.snapshot import MarketSnapshot

Content = dict[str, Any]

#: How many skills at hand are listed beside a missing one, and the strength that is too low to be listed.
GOES_WITH = 5
_TOO_WEAK = "very_weak"
#: What is shown of a skill in each industry.
IN_INDUSTRY = ("industry", "postings", "demand_share", "postings_with_salary", "median_salary", "rank")
_PAY = ("postings_with_salary", "average_salary", "median_salary")
_MISSING = ("skill", "category", "postings", "demand_share", "rank", *_PAY)
_HELD = ("skill", "postings", "demand_share", "rank")
_PARTNER = ("co_occurrences", "npmi", "npmi_lower", "strength")


def summary(market: MarketSnapshot) -> Content:
    return market.summary or dict.fromkeys(column.name for column in market_summary.columns)


def skills(
    market: MarketSnapshot, industry: str | None = None, category: str | None = None, search: str | None = None
) -> pl.DataFrame:
    """The rows of `skill_demand` of an industry or the whole market, by rank.

    Raises:
        ApiError: 404, the industry or the category does not occur.
    """
    rows = market.demand.of(None if industry is None else known_name(market.industries, industry, "Industry"))
    return chosen_skills(market, rows, category, search)


def chosen_skills(
    market: MarketSnapshot, rows: pl.DataFrame, category: str | None, search: str | None
) -> pl.DataFrame:
    """The rows of a category, and of skills whose name has a text in it.

    Raises:
        ApiError: 404, the category does not occur.
    """
    if category is not None:
        rows = rows.filter(pl.col("category") == known_name(market.categories, category, "Category"))
    return with_name(rows, "skill", market.skills, search)


def categories(market: MarketSnapshot, search: str | None) -> pl.DataFrame:
    """Each category of skills that are asked for: category, skills."""
    rows = market.demand.of(None).group_by("category").agg(pl.len().cast(pl.Int64).alias("skills"))
    return with_name(rows, "category", market.categories, search).sort(
        ["skills", "category"], descending=[True, False]
    )


def communities(market: MarketSnapshot, search: str | None) -> pl.DataFrame:
    """The rows of `skill_communities`, the largest community first."""
    return with_name(market.skill_communities, "skill", market.skills, search)


def skill(market: MarketSnapshot, name: str) -> Content:
    """Everything about one skill.

    Raises:
        ApiError: 404, no table has it; the same for every function here that takes a name.
    """
    name = known_skill(market, name)
    return {
        "skill": name,
        "demand": market.skill_demand.one(name),
        **_salaries(market, name),
        "trending": market.trending_by_skill.one(name),
        "trend_direction": (market.trends.one(name) or {}).get("trend_direction"),
        "industries": market.demand_in_industries.of(name).select(IN_INDUSTRY).to_dicts(),
    }


def trend(market: MarketSnapshot, name: str) -> Content:
    name = known_skill(market, name)
    months = market.trends.of(name)
    return {
        "skill": name,
        "trend_direction": months["trend_direction"][0] if months.height else None,
        "months": months.drop("skill", "trend_direction").to_dicts(),
    }


def history(market: MarketSnapshot, name: str) -> Content:
    name = known_skill(market, name)
    return {"skill": name, "months": market.history.of(name).drop("skill").to_dicts()}


def related(market: MarketSnapshot, name: str) -> pl.DataFrame:
    return market.related.of(known_skill(market, name)).drop("skill")


def skill_recommendations(market: MarketSnapshot, name: str) -> Content:
    name = known_skill(market, name)
    return {"skill": name, "recommendations": market.recommendations.of(name).drop("skill").to_dicts()}


def salaries_of_skill(market: MarketSnapshot, name: str) -> Content:
    # In a query string a bare + means a space, and people write ?skill=C++ all the same.
    known = market.skills.find(name.replace(" ", "+")) or known_skill(market, name)
    return {"skill": known, "location": None, **_salaries(market, known)}


def salaries_of_location(market: MarketSnapshot, name: str) -> Content:
    known = known_location(market, name)
    salaries = _without(market.locations.one(known), "location")
    return {"skill": None, "location": known, "salaries": salaries, "by_country": [], "by_seniority": []}


def employment_salaries(market: MarketSnapshot, employment_type: str | None, country: str | None) -> pl.DataFrame:
    """The rows of `employment_salaries` of a type of employment and of a country, those of most postings first.

    Raises:
        ApiError: 404, no posting with pay is of the type, or of the country.
    """
    rows = market.employment_salaries
    if employment_type is not None:
        known = known_name(market.employment_types, employment_type, "Type of employment")
        rows = rows.filter(pl.col("employment_type") == known)
    if country is not None:
        rows = rows.filter(pl.col("country") == known_name(market.pay_countries, country, "Country"))
    return rows


def industry_skills(market: MarketSnapshot, name: str) -> tuple[str, pl.DataFrame]:
    """The industry as the tables spell it, and what it asks for by rank."""
    industry = known_name(market.industries, name, "Industry")
    return industry, market.industry_skills.of(industry).drop("industry")


def occupation(market: MarketSnapshot, name: str) -> Content:
    """Demand for one occupation, and its pay: of all postings, in each country and of each seniority."""
    name = known_name(market.occupations, name, "Occupation")
    demand = market.occupation_demand.filter(pl.col("occupation") == name).row(0, named=True)
    return {
        **{column: demand[column] for column in ("occupation", "code", "postings", "demand_share", "rank")},
        **split_pay(market.occupation_salaries.of(name).drop("occupation")),
    }


def split_pay(pay: pl.DataFrame) -> Content:
    """Rows of pay by country and seniority: of all, of each country and of each seniority; most salaries first."""
    rows = pay.sort("postings_with_salary", "country", "seniority", descending=[True, False, False])
    country, seniority = pl.col("country").is_not_null(), pl.col("seniority").is_not_null()
    return {
        "salaries": next(iter(rows.filter(~country, ~seniority).to_dicts()), None),
        "by_country": rows.filter(country, ~seniority).to_dicts(),
        "by_seniority": rows.filter(seniority, ~country).to_dicts(),
    }


def occupation_skills(market: MarketSnapshot, name: str) -> tuple[str, pl.DataFrame]:
    """The occupation as the tables spell it, and what it asks for by rank."""
    known = known_name(market.occupations, name, "Occupation")
    return known, market.occupation_skills.of(known).drop("occupation")


def trending(market: MarketSnapshot, trend: str | None) -> pl.DataFrame:
    return market.trending if trend is None else market.trending.filter(pl.col("trend") == trend)


def recommendations(market: MarketSnapshot, names: Iterable[str], limit: int) -> Content:
    held, unknown = _split_known(market, names)
    best = market.recommender.recommend(held, limit)
    return {"skills": held, "occupation": None, "recommendations": best, "unknown": unknown}


def recommendations_for(
    market: MarketSnapshot, occupation: str, names: Iterable[str], limit: int, min_sample: int
) -> Content:
    """The skills that an occupation asks for more often than the market and that are not at hand."""
    from market_assets.statistics.occupations import skills_to_learn

    held, unknown = _split_known(market, names)
    name, skills = occupation_skills(market, occupation)
    best = skills_to_learn(skills, held, limit, min_sample).to_dicts()
    partners = _partners(market, held, {row["skill"] for row in best})
    return {
        "skills": held,
        "occupation": name,
        "recommendations": [
            {
                "recommended_skill": row["skill"],
                "score": row["share"],
                "rank": rank,
                **_pay_of(market, row["skill"]),
                "goes_with": [_without(partner, "npmi") for partner in partners.get(row["skill"], [])[:3]],
            }
            for rank, row in enumerate(best, start=1)
        ],
        "unknown": unknown,
    }


def _pay_of(market: MarketSnapshot, skill: str) -> Content:
    pay = market.salaries.one(skill) or {"postings_with_salary": 0, "median_salary": None}
    return {column: pay[column] for column in ("postings_with_salary", "median_salary")}


def skill_gap(market: MarketSnapshot, names: Iterable[str], industry: str | None, limit: int) -> Content:
    """The skills most asked for that are not at hand, and the demand for those at hand."""
    held, unknown = _split_known(market, names)
    demand, at_hand = skills(market, industry), frozenset(held)
    # In Python: only a few rows are needed, and an expression over all of them takes longer.
    missing = [
        row for row in demand.head(limit + len(held)).select(_MISSING).to_dicts() if row["skill"] not in at_hand
    ]
    partners = _partners(market, held, {row["skill"] for row in missing[:limit]})
    places = [place for place, name in enumerate(demand["skill"].to_list()) if name in at_hand]
    return {
        "industry": None if industry is None else market.industries.find(industry),
        "missing": [{**row, "goes_with": partners.get(row["skill"], [])} for row in missing[:limit]],
        "held": demand.select(_HELD)[places].to_dicts(),
        "unknown": unknown,
    }


def known_skill(market: MarketSnapshot, name: str) -> str:
    return known_name(market.skills, name, "Skill")


def find_location(market: MarketSnapshot, name: str) -> str | None:
    """The place as the tables spell it, found by its town alone or as sources write it."""
    if found := market.location_names.find(name):
        return found
    normalised = normalise_locations(pl.Series([name], dtype=pl.String))["location"][0]
    return market.location_names.find(normalised) if normalised else None


def known_location(market: MarketSnapshot, name: str) -> str:
    found = find_location(market, name)
    if found is None:
        raise not_found(market.location_names, name, "Location")
    return found


def known_name(names: Names, name: str, kind: str) -> str:
    """The name as the tables spell it.

    Raises:
        ApiError: 404, no table has it.
    """
    found = names.find(name)
    if found is None:
        raise not_found(names, name, kind)
    return found


def not_found(names: Names, name: str, kind: str) -> ApiError:
    """404, with the names that look like one."""
    suggestions = names.suggestions(name)
    hint = f"; did you mean {' or '.join(suggestions)}?" if suggestions else ""
    return ApiError(404, f"{kind} not found: {name}{hint}", {"suggestions": suggestions} if suggestions else None)


def _salaries(market: MarketSnapshot, skill: str) -> Content:
    """What a skill pays: of all postings, in each country and of each seniority, most postings first."""
    return {
        "salaries": _without(market.salaries.one(skill), "skill"),
        "by_country": market.salaries_by_country.of(skill).drop("skill").to_dicts(),
        "by_seniority": market.salaries_by_seniority.of(skill).drop("skill").to_dicts(),
    }


def _partners(market: MarketSnapshot, held: list[str], missing: set[str]) -> dict[str, list[Content]]:
    """For each missing skill, the skills at hand that it goes with, the surest first."""
    found: dict[str, list[Content]] = {}
    for name in held:
        rows = market.related.of(name)
        for place, other in enumerate(rows["related_skill"].to_list()):
            if other in missing and rows["strength"][place] != _TOO_WEAK:
                row = {column: rows[column][place] for column in _PARTNER}
                found.setdefault(other, []).append({"skill": name, **row})
    return {
        name: sorted(partners, key=lambda row: (-row["npmi_lower"], row["skill"]))[:GOES_WITH]
        for name, partners in found.items()
    }


def _split_known(market: MarketSnapshot, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Given names, each once: those in the tables, as they spell them, and the rest."""
    found = {name: market.skills.find(name) for name in names}
    held = dict.fromkeys(known for known in found.values() if known is not None)
    return list(held), [name for name, known in found.items() if known is None]


def with_name(rows: pl.DataFrame, column: str, names: Names, search: str | None) -> pl.DataFrame:
    """The rows whose name has a text in it; all without one."""
    return rows if search is None else rows.filter(pl.col(column).is_in(sorted(names.containing(search))))


def _without(row: Content | None, column: str) -> Content | None:
    return None if row is None else {name: value for name, value in row.items() if name != column}
