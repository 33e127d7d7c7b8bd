"""Requests and responses of the market API, as OpenAPI shows them; their examples are in `examples.yaml`.

Responses are encoded from the tables directly, not through these models: tests compare the two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Strength = Literal["very_weak", "weak", "moderate", "strong", "very_strong"]
Trend = Literal["growing", "declining", "emerging", "steady"]
TrendDirection = Literal["increasing", "decreasing", "stable", "insufficient_data"]
SkillsAtHand = Annotated[list[Name], Field(max_length=100, description="The skills at hand, in any case")]


class StrictModel(BaseModel):
    """A model with exactly its fields."""

    model_config = ConfigDict(extra="forbid")


class Paginated(StrictModel):
    """A part of a list; `next` is where the rest of it is, null at the end."""

    count: int = Field(description="Rows in this answer")
    total: int = Field(description="Rows in all")
    next: str | None = Field(description="The path of the next page")


class MarketSummary(StrictModel):
    """The headline figures of the newest refresh; every one is null before the first."""

    as_of: datetime | None = Field(description="The time of the refresh, UTC")
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


class TopValue(StrictModel):
    value: str
    postings: int


class SkillDemand(StrictModel):
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


class SkillPage(Paginated):
    skills: list[SkillDemand]


class SalaryPercentiles(StrictModel):
    """A row of `salary_statistics`."""

    postings_with_salary: int
    average_salary: float | None
    p10: float | None
    p25: float | None
    median_salary: float | None
    p75: float | None
    p90: float | None


class TrendingSkill(StrictModel):
    """A row of `trending_skills`."""

    skill: str
    recent_postings: int
    previous_postings: int
    growth: float | None
    trend: Trend


class SkillInIndustry(StrictModel):
    industry: str
    postings: int
    demand_share: float
    median_salary: float | None
    rank: int


class SkillDetail(StrictModel):
    """Everything known about a skill; null where the window shows nothing."""

    skill: str
    demand: SkillDemand | None
    salaries: SalaryPercentiles | None
    trending: TrendingSkill | None
    trend_direction: TrendDirection | None
    industries: list[SkillInIndustry]


class TrendMonth(StrictModel):
    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    postings: int
    average_salary: float | None
    median_salary: float | None


class SkillTrend(StrictModel):
    """The pay of a skill, month by month."""

    skill: str
    trend_direction: TrendDirection | None
    months: list[TrendMonth]


class LocationSalaries(StrictModel):
    """A row of `location_salaries`."""

    postings: int
    average_salary: float | None
    median_salary: float | None
    min_salary: float | None
    max_salary: float | None


class Salaries(StrictModel):
    """What a skill or a place pays; `salaries` is null where no posting states pay."""

    skill: str | None
    location: str | None
    currency: str
    salaries: SalaryPercentiles | LocationSalaries | None


class IndustrySkill(StrictModel):
    """A row of `industry_skills`."""

    skill: str
    postings: int
    demand_share: float
    average_salary: float | None
    rank: int


class IndustryPage(Paginated):
    industry: str
    skills: list[IndustrySkill]


class TrendingPage(Paginated):
    trending: list[TrendingSkill]


class RelatedSkill(StrictModel):
    """A row of `skill_relationships`, seen from one of its skills."""

    related_skill: str
    co_occurrences: int
    support: float
    confidence: float = Field(description="Share of the skill's postings that ask for the related one too")
    confidence_reverse: float = Field(description="Share of the related skill's postings that ask for this one")
    lift: float
    npmi: float
    strength: Strength
    lift_lower: float = Field(description="The lower end of the lift's interval of 99.9 %")
    npmi_lower: float = Field(description="The npmi at that lower end: low where a pair was seldom seen")
    log_likelihood: float = Field(
        description="G² against independence; above 10.8 chance would do so once in 1,000"
    )


class RelatedPage(Paginated):
    skill: str
    related: list[RelatedSkill]


class Recommendation(StrictModel):
    """A row of `skill_recommendations`: how well two skills go together, how sure that is, and the pay."""

    recommended_skill: str
    score: float
    rank: int
    co_occurrences: int
    npmi_lower: float
    strength: Strength
    median_salary: float | None = Field(description="Of postings with the recommended skill")


class SkillRecommendations(StrictModel):
    """What to learn next beside one skill, from `skill_recommendations`."""

    skill: str
    recommendations: list[Recommendation]


class SkillGapRequest(StrictModel):
    """The skills at hand, and what they are compared with."""

    skills: SkillsAtHand
    industry: Name | None = Field(None, description="Compare with this industry, else with the whole market")
    limit: int = Field(10, ge=1, le=100, description="The greatest number of missing skills")


class RecommendationReason(StrictModel):
    """A skill at hand that goes with a recommended one."""

    skill: str
    co_occurrences: int
    npmi_lower: float
    strength: Strength


class SkillAtHand(RecommendationReason):
    """A skill at hand that goes with a missing one."""

    npmi: float


class HeldSkill(StrictModel):
    """The demand for a skill at hand."""

    skill: str
    postings: int
    demand_share: float
    rank: int


class MissingSkill(HeldSkill):
    """The demand for a skill that is not at hand, and what it pays."""

    category: str
    average_salary: float | None
    median_salary: float | None
    goes_with: list[SkillAtHand] = Field(description="Skills at hand that postings ask for together with it")


class SkillGap(StrictModel):
    """The most asked-for skills that are missing, and the demand for the ones at hand."""

    industry: str | None
    missing: list[MissingSkill]
    held: list[HeldSkill] = Field(description="Skills at hand that are asked for, by rank")
    unknown: list[str] = Field(description="Given names that no table has")


class RecommendationRequest(StrictModel):
    """The skills at hand."""

    skills: SkillsAtHand
    limit: int = Field(10, ge=1, le=100, description="The greatest number of recommendations")


class RecommendedForSet(StrictModel):
    recommended_skill: str
    score: float = Field(description="About the share of postings with the skills at hand that ask for it too")
    rank: int
    median_salary: float | None = Field(description="Of postings with the recommended skill")
    goes_with: list[RecommendationReason] = Field(
        description="Up to three of the skills at hand, the surest first"
    )


class Recommendations(StrictModel):
    """The skills that go best with those at hand together, best first, each with the reason."""

    skills: list[str]
    recommendations: list[RecommendedForSet]
    unknown: list[str] = Field(description="Given names that no table has")
