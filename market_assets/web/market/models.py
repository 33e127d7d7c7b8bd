"""What the market API answers of a skill, a place or an industry, as its OpenAPI document has it, with examples.

Answers are encoded from the tables directly, not through these models: tests hold the two together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Strength = Literal["very_weak", "weak", "moderate", "strong", "very_strong"]
Trend = Literal["growing", "declining", "emerging", "steady"]
TrendDirection = Literal["increasing", "decreasing", "stable", "insufficient_data"]

PYTHON: dict[str, Any] = {
    "skill": "Python",
    "category": "Programming Languages",
    "industry": None,
    "postings": 412,
    "demand_share": 0.34,
    "demand_score": 68.0,
    "required_share": 0.72,
    "average_salary": 131250.0,
    "median_salary": 128000.0,
    "min_salary": 62000.0,
    "max_salary": 245000.0,
    "top_sources": [{"value": "sample", "postings": 412}],
    "top_industries": [{"value": "Technology", "postings": 201}],
    "top_locations": [{"value": "Berlin, DE", "postings": 37}],
    "rank": 1,
}
TRENDING: dict[str, Any] = {
    "skill": "Rust",
    "recent_postings": 30,
    "previous_postings": 40,
    "growth": 0.5,
    "trend": "growing",
}
SALARIES: dict[str, Any] = {
    "postings_with_salary": 301,
    "average_salary": 131250.0,
    "p10": 78000.0,
    "p25": 99000.0,
    "median_salary": 128000.0,
    "p75": 158000.0,
    "p90": 190000.0,
}


class Answer(BaseModel):
    """Exactly these fields."""

    model_config = ConfigDict(extra="forbid")


def example(**values: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": values})


class Page(Answer):
    """A part of a list; `next` is where the rest of it is, null at the end."""

    count: int = Field(description="Rows in this answer")
    total: int = Field(description="Rows in all")
    next: str | None = Field(description="The path of the next page")


class MarketSummary(Answer):
    """The headline figures of the newest refresh; every one is null before the first."""

    as_of: datetime | None = Field(description="The moment of the refresh, UTC")
    window_start: datetime | None
    postings: int | None
    duplicates: int | None
    rejected: int | None
    postings_with_salary: int | None
    average_salary: float | None
    median_salary: float | None
    skills: int | None
    industries: int | None
    locations: int | None
    remote_share: float | None
    top_skill: str | None
    fastest_growing_skill: str | None
    currency: str = Field(description="Of all money: MARKET_ASSETS_CURRENCY")

    model_config = example(
        as_of="2026-11-24T02:30:00Z",
        window_start="2026-08-26T00:00:00Z",
        postings=1210,
        duplicates=34,
        rejected=2,
        postings_with_salary=880,
        average_salary=112400.5,
        median_salary=108000.0,
        skills=182,
        industries=14,
        locations=61,
        remote_share=0.31,
        top_skill="Python",
        fastest_growing_skill="Rust",
        currency="USD",
    )


class TopValue(Answer):
    value: str
    postings: int


class SkillDemand(Answer):
    """A row of `skill_demand`; `industry` is null for the whole market."""

    skill: str
    category: str
    industry: str | None
    postings: int
    demand_share: float
    demand_score: float
    required_share: float | None
    average_salary: float | None
    median_salary: float | None
    min_salary: float | None
    max_salary: float | None
    top_sources: list[TopValue]
    top_industries: list[TopValue]
    top_locations: list[TopValue]
    rank: int

    model_config = example(**PYTHON)


class SkillPage(Page):
    skills: list[SkillDemand]

    model_config = example(skills=[PYTHON], count=1, total=182, next="/api/market/skills?limit=1&offset=1")


class SalaryPercentiles(Answer):
    """A row of `salary_statistics`."""

    postings_with_salary: int
    average_salary: float | None
    p10: float | None
    p25: float | None
    median_salary: float | None
    p75: float | None
    p90: float | None


class TrendingSkill(Answer):
    """A row of `trending_skills`."""

    skill: str
    recent_postings: int
    previous_postings: int
    growth: float | None
    trend: Trend


class SkillInIndustry(Answer):
    industry: str
    postings: int
    demand_share: float
    median_salary: float | None
    rank: int


class SkillDetail(Answer):
    """All that is known of a skill; null is what the window does not show."""

    skill: str
    demand: SkillDemand | None
    salaries: SalaryPercentiles | None
    trending: TrendingSkill | None
    trend_direction: TrendDirection | None
    industries: list[SkillInIndustry]

    model_config = example(
        skill="Python",
        demand=PYTHON,
        salaries=SALARIES,
        trending=None,
        trend_direction="increasing",
        industries=[
            {
                "industry": "Technology",
                "postings": 201,
                "demand_share": 0.51,
                "median_salary": 134000.0,
                "rank": 1,
            }
        ],
    )


class TrendMonth(Answer):
    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    postings: int
    average_salary: float | None
    median_salary: float | None


class SkillTrend(Answer):
    """The pay of a skill, month by month."""

    skill: str
    trend_direction: TrendDirection | None
    months: list[TrendMonth]

    model_config = example(
        skill="Python",
        trend_direction="increasing",
        months=[{"month": "2026-10", "postings": 130, "average_salary": 127000.0, "median_salary": 125000.0}],
    )


class LocationSalaries(Answer):
    """A row of `location_salaries`."""

    postings: int
    average_salary: float | None
    median_salary: float | None
    min_salary: float | None
    max_salary: float | None


class Salaries(Answer):
    """What a skill or a place pays; `salaries` is null where no posting states pay."""

    skill: str | None
    location: str | None
    currency: str
    salaries: SalaryPercentiles | LocationSalaries | None

    model_config = example(skill="Python", location=None, currency="USD", salaries=SALARIES)


class IndustrySkill(Answer):
    """A row of `industry_skills`."""

    skill: str
    postings: int
    demand_share: float
    average_salary: float | None
    rank: int


class IndustryPage(Page):
    industry: str
    skills: list[IndustrySkill]

    model_config = example(
        industry="Technology",
        skills=[{"skill": "Python", "postings": 201, "demand_share": 0.51, "average_salary": 134000.0, "rank": 1}],
        count=1,
        total=120,
        next="/api/market/industries/Technology/skills?limit=1&offset=1",
    )


class TrendingPage(Page):
    trending: list[TrendingSkill]

    model_config = example(trending=[TRENDING], count=1, total=182, next="/api/market/trending?limit=1&offset=1")
