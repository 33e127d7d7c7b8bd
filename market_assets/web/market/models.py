"""Requests and responses of the market API, as OpenAPI shows them; their examples are in `examples.yaml`.

Responses are encoded from the tables directly, not through these models: tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from market_assets.store.tables import results as tables

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Strength = Literal["very_weak", "weak", "moderate", "strong", "very_strong"]
Trend = Literal["growing", "declining", "emerging", "steady", "uncertain", "insufficient_data"]
TrendDirection = Literal["increasing", "decreasing", "stable", "uncertain", "insufficient_data"]
SkillsAtHand = Annotated[list[Name], Field(max_length=100, description="The skills at hand, in any case")]


class StrictModel(BaseModel):
    """A model with exactly its fields."""

    model_config = ConfigDict(extra="forbid")


Model = TypeVar("Model", bound=StrictModel)


def columns_of(
    table: sa.Table, *, without: tuple[str, ...] = (), all_null: bool = False
) -> Callable[[type[Model]], type[Model]]:
    """A class decorator that adds a table's columns to a model's fields; those that the model declares stay.

    Args:
        table: one of `store.tables.results`.
        without: columns to leave out.
        all_null: whether every column may be null, also one that the table never has empty.
    """

    def add(model: type[Model]) -> type[Model]:
        fields: dict[str, Any] = {
            column.name: (
                _type_of(column, null=all_null or bool(column.nullable)),
                Field(description=column.comment),
            )
            for column in table.columns
            if column.name not in without
        }
        fields |= {name: (field.annotation, field) for name, field in model.model_fields.items()}
        return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **fields)

    return add


def _type_of(column: sa.Column[Any], *, null: bool) -> Any:
    choices = column.info.get("choices")
    kind = Literal[choices] if choices else column.type.python_type
    return kind | None if null else kind


class Paginated(StrictModel):
    """A part of a list; `next` is where the rest of it is, null at the end."""

    count: int = Field(description="Rows in this answer")
    total: int = Field(description="Rows in all")
    next: str | None = Field(description="The path of the next page")


@columns_of(tables.market_summary, all_null=True)
class MarketSummary(StrictModel):
    """The headline figures of the newest refresh; every one is null before the first."""

    as_of: datetime | None = Field(description="The time of the refresh, UTC")
    sources_compared: list[str] | None = Field(description="The sources whose postings trends compare")
    sources_left_out: dict[str, str] | None = Field(description="The other sources, and why they are left out")
    window_start: datetime | None
    currency: str = Field(description="Of all money: MARKET_ASSETS_CURRENCY")


class TopValue(StrictModel):
    value: str
    postings: int


@columns_of(tables.skill_demand)
class SkillDemand(StrictModel):
    """A row of `skill_demand`; `industry` is null for the whole market."""

    top_sources: list[TopValue]
    top_industries: list[TopValue]
    top_locations: list[TopValue]
    rank: int | None = Field(description="By postings; null of one skill in a segment")


class SkillPage(Paginated):
    skills: list[SkillDemand]


@columns_of(tables.salary_statistics, without=("skill",))
class SalaryPercentiles(StrictModel):
    """A row of `salary_statistics`."""


@columns_of(tables.trending_skills)
class TrendingSkill(StrictModel):
    """A row of `trending_skills`."""


class SkillInIndustry(StrictModel):
    industry: str
    postings: int
    demand_share: float
    postings_with_salary: int
    median_salary: float | None
    rank: int


class SkillDetail(StrictModel):
    """Everything known about a skill; null where the window shows nothing."""

    skill: str
    demand: SkillDemand | None
    salaries: SalaryPercentiles | None
    by_country: list[SalaryPercentiles]
    by_seniority: list[SalaryPercentiles]
    trending: TrendingSkill | None
    trend_direction: TrendDirection | None
    industries: list[SkillInIndustry]


@columns_of(tables.salary_trends, without=("skill", "trend_direction"))
class TrendMonth(StrictModel):
    month: str = Field(pattern=r"^\d{4}-\d{2}$")


class SkillTrend(StrictModel):
    """The pay of a skill, month by month."""

    skill: str
    trend_direction: TrendDirection | None
    months: list[TrendMonth]


@columns_of(tables.skill_history, without=("skill",))
class HistoryMonth(StrictModel):
    """A row of `skill_history`."""

    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    recorded_at: datetime
    revised_at: datetime | None


class SkillHistory(StrictModel):
    """The demand for a skill and its pay, as far back as has been recorded."""

    skill: str
    months: list[HistoryMonth]


@columns_of(tables.posting_coverage)
class CoverageRow(StrictModel):
    """A row of `posting_coverage`."""


class Coverage(StrictModel):
    """What postings state, by source and by language."""

    coverage: list[CoverageRow]


@columns_of(tables.location_salaries, without=("location",))
class LocationSalaries(StrictModel):
    """A row of `location_salaries`."""


class Salaries(StrictModel):
    """What a skill or a place pays; `salaries` is null where no posting states pay."""

    skill: str | None
    location: str | None
    currency: str
    salaries: SalaryPercentiles | LocationSalaries | None
    by_country: list[SalaryPercentiles] = Field(description="Of a skill, the country with most postings first")
    by_seniority: list[SalaryPercentiles] = Field(description="Of a skill, the seniority with most postings first")


@columns_of(tables.employment_salaries)
class EmploymentSalaries(StrictModel):
    """A row of `employment_salaries`; a null employment_type or country means all."""


class EmploymentSalariesPage(Paginated):
    currency: str
    employment_salaries: list[EmploymentSalaries]


@columns_of(tables.industry_skills, without=("industry",))
class IndustrySkill(StrictModel):
    """A row of `industry_skills`."""


class IndustryPage(Paginated):
    industry: str
    skills: list[IndustrySkill]


class TrendingPage(Paginated):
    trending: list[TrendingSkill]


@columns_of(tables.skill_relationships, without=("skill_a", "skill_b", "confidence_ab", "confidence_ba"))
class RelatedSkill(StrictModel):
    """A row of `skill_relationships`, seen from one of its skills."""

    related_skill: str
    confidence: float = Field(description="Share of the skill's postings that ask for the related one too")
    confidence_reverse: float = Field(description="Share of the related skill's postings that ask for this one")
    lift_lower: float = Field(description="The lower end of the lift's interval of 99.9 %")
    npmi_lower: float = Field(description="The npmi at that lower end: low where a pair was seldom seen")
    log_likelihood: float = Field(
        description="G² against independence; above 10.8 chance would do so once in 1,000"
    )


class CategoryValue(StrictModel):
    category: str
    skills: int = Field(description="Skills of the category that are asked for")


class CategoryPage(Paginated):
    categories: list[CategoryValue]


@columns_of(tables.skill_communities)
class SkillInCommunity(StrictModel):
    """A row of `skill_communities`."""


class CommunityPage(Paginated):
    communities: list[SkillInCommunity]


class IndustryValue(StrictModel):
    industry: str
    postings: int = Field(description="Counted postings of the industry")


class IndustryValuePage(Paginated):
    industries: list[IndustryValue]


class CompanyValue(StrictModel):
    company: str = Field(description="As its newest posting states it")
    postings: int = Field(description="Counted postings of the employer")


class CompanyPage(Paginated):
    companies: list[CompanyValue]


@columns_of(tables.location_salaries)
class LocationValue(StrictModel):
    """A row of `location_salaries`."""


class LocationPage(Paginated):
    locations: list[LocationValue]


@columns_of(tables.occupation_demand)
@columns_of(tables.occupation_salaries, without=("country", "seniority"))
class OccupationValue(StrictModel):
    """A row of `occupation_demand`, and of `occupation_salaries` for all its postings."""

    postings_with_salary: int


class OccupationPage(Paginated):
    occupations: list[OccupationValue]
    currency: str = Field(description="Of all money: MARKET_ASSETS_CURRENCY")


@columns_of(tables.occupation_salaries, without=("occupation",))
class OccupationPay(StrictModel):
    """A row of `occupation_salaries`."""


@columns_of(tables.occupation_demand)
class OccupationDetail(StrictModel):
    """Demand for one occupation, and its pay: of all postings, in each country and of each seniority."""

    salaries: OccupationPay | None
    by_country: list[OccupationPay]
    by_seniority: list[OccupationPay]
    currency: str = Field(description="Of all money: MARKET_ASSETS_CURRENCY")


@columns_of(tables.occupation_skills, without=("occupation",))
class OccupationSkill(StrictModel):
    """A row of `occupation_skills`."""


class OccupationSkillPage(Paginated):
    occupation: str
    skills: list[OccupationSkill]


class RelatedPage(Paginated):
    skill: str
    related: list[RelatedSkill]


@columns_of(tables.skill_recommendations, without=("skill",))
class Recommendation(StrictModel):
    """A row of `skill_recommendations`: how well two skills go together, how sure that is, and the pay."""

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
    postings_with_salary: int
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
    occupation: Name | None = Field(None, description="Recommend what it asks for more than the market does")
    limit: int = Field(10, ge=1, le=100, description="The greatest number of recommendations")


class RecommendedForSet(StrictModel):
    recommended_skill: str
    score: float = Field(
        description="About the share of postings with the skills at hand that ask for it too; with an occupation,"
        " the share of its postings"
    )
    rank: int
    postings_with_salary: int
    median_salary: float | None = Field(description="Of postings with the recommended skill")
    goes_with: list[RecommendationReason] = Field(
        description="Up to three of the skills at hand, the surest first"
    )


class Recommendations(StrictModel):
    """The skills that go best with those at hand together, or that an occupation asks for, best first."""

    skills: list[str]
    occupation: str | None
    recommendations: list[RecommendedForSet]
    unknown: list[str] = Field(description="Given names that no table has")
