"""The answers of the market API in JSON: of the rows of a table, its columns.

The API's OpenAPI document is made of these types; it describes their fields by the comments of the columns and by
`web/property_descriptions.yaml`. Times are texts in ISO 8601, in UTC.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

# Of `typing`, pydantic reads only those of Python 3.12.
from typing_extensions import TypedDict

Strength: TypeAlias = Literal["very_weak", "weak", "moderate", "strong", "very_strong"]
Trend: TypeAlias = Literal["growing", "declining", "emerging", "steady", "uncertain", "insufficient_data"]
TrendDirection: TypeAlias = Literal["increasing", "decreasing", "stable", "uncertain", "insufficient_data"]


class Page(TypedDict):
    """A part of a list; `next` is where the rest of it is, null at the end."""

    count: int
    total: int
    next: str | None


class _Averages(TypedDict):
    postings_with_salary: int
    average_salary: float | None
    median_salary: float | None


class _Range(_Averages):
    min_salary: float | None
    max_salary: float | None


class _Quartiles(TypedDict):
    postings_with_salary: int
    p25: float | None
    median_salary: float | None
    median_lower: float | None
    median_upper: float | None
    p75: float | None


class MarketSummary(TypedDict):
    """The headline figures of the newest refresh; every one is null before the first."""

    as_of: str | None
    window_start: str | None
    currency: str
    postings: int | None
    duplicates: int | None
    rejected: int | None
    postings_with_salary: int | None
    salary_countries: int | None
    average_salary: float | None
    median_salary: float | None
    skills: int | None
    industries: int | None
    locations: int | None
    remote_share: float | None
    top_skill: str | None
    fastest_growing_skill: str | None
    sources_compared: list[str] | None
    sources_left_out: dict[str, str] | None
    sample_postings: int | None


class TopValue(TypedDict):
    value: str
    postings: int


class SkillDemand(_Range):
    """A row of `skill_demand`; `industry` is null for the whole market."""

    skill: str
    category: str
    industry: str | None
    postings: int
    demand_share: float
    demand_score: float
    required_share: float | None
    mentions_only: int
    top_sources: list[TopValue]
    top_industries: list[TopValue]
    top_locations: list[TopValue]
    rank: int | None


class SkillPage(Page):
    skills: list[SkillDemand]


class SalaryPercentiles(_Quartiles):
    """A row of `salary_statistics`."""

    country: str | None
    seniority: str | None
    countries: int
    average_salary: float | None
    p10: float | None
    p90: float | None


class TrendingSkill(TypedDict):
    """A row of `trending_skills`."""

    skill: str
    recent_postings: int
    previous_postings: int
    recent_share: float | None
    previous_share: float | None
    growth: float | None
    growth_lower: float | None
    growth_upper: float | None
    p_value: float | None
    q_value: float | None
    trend: Trend


class SkillInIndustry(TypedDict):
    industry: str
    postings: int
    demand_share: float
    postings_with_salary: int
    median_salary: float | None
    rank: int


class SkillDetail(TypedDict):
    """Everything known about a skill; null where the window shows nothing."""

    skill: str
    demand: SkillDemand | None
    salaries: SalaryPercentiles | None
    by_country: list[SalaryPercentiles]
    by_seniority: list[SalaryPercentiles]
    trending: TrendingSkill | None
    trend_direction: TrendDirection | None
    industries: list[SkillInIndustry]


class TrendMonth(_Averages):
    """A row of `salary_trends`."""

    month: str
    postings: int
    change: float | None
    change_lower: float | None
    change_upper: float | None
    q_value: float | None


class SkillTrend(TypedDict):
    """The pay of a skill, month by month."""

    skill: str
    trend_direction: TrendDirection | None
    months: list[TrendMonth]


class HistoryMonth(TypedDict):
    """A row of `skill_history`."""

    month: str
    postings: int
    share: float
    postings_with_salary: int
    median_salary: float | None
    market_postings: int
    filled_postings: int
    recorded_at: str
    revised_at: str | None


class SkillHistory(TypedDict):
    """The demand for a skill and its pay, as far back as has been recorded."""

    skill: str
    months: list[HistoryMonth]


class CoverageRow(TypedDict):
    """A row of `posting_coverage`."""

    dimension: str
    value: str
    postings: int
    pay_share: float
    date_share: float
    place_share: float
    skill_share: float


class Coverage(TypedDict):
    """What postings state, by source and by language."""

    coverage: list[CoverageRow]


class LocationSalaries(_Range):
    """A row of `location_salaries`."""

    postings: int


class Salaries(TypedDict):
    """What a skill or a place pays; `salaries` is null where no posting states pay."""

    skill: str | None
    location: str | None
    currency: str
    salaries: SalaryPercentiles | LocationSalaries | None
    by_country: list[SalaryPercentiles]
    by_seniority: list[SalaryPercentiles]


class EmploymentSalaries(_Quartiles):
    """A row of `employment_salaries`; a null employment_type or country means all."""

    employment_type: str | None
    country: str | None
    average_salary: float | None


class EmploymentSalariesPage(Page):
    currency: str
    employment_salaries: list[EmploymentSalaries]


class IndustrySkill(TypedDict):
    """A row of `industry_skills`."""

    skill: str
    postings: int
    demand_share: float
    postings_with_salary: int
    average_salary: float | None
    rank: int


class IndustryPage(Page):
    industry: str
    skills: list[IndustrySkill]


class TrendingPage(Page):
    trending: list[TrendingSkill]


class RelatedSkill(TypedDict):
    """A row of `skill_relationships`, seen from one of its skills."""

    related_skill: str
    co_occurrences: int
    support: float
    confidence: float
    confidence_reverse: float
    lift: float
    npmi: float
    strength: Strength
    lift_lower: float
    npmi_lower: float
    log_likelihood: float


class RelatedPage(Page):
    skill: str
    related: list[RelatedSkill]


class CategoryValue(TypedDict):
    category: str
    skills: int


class CategoryPage(Page):
    categories: list[CategoryValue]


class SkillInCommunity(TypedDict):
    """A row of `skill_communities`."""

    skill: str
    community: int
    community_name: str
    centrality: float


class CommunityPage(Page):
    communities: list[SkillInCommunity]


class IndustryValue(TypedDict):
    industry: str
    postings: int


class IndustryValuePage(Page):
    industries: list[IndustryValue]


class CompanyValue(TypedDict):
    company: str
    postings: int


class CompanyPage(Page):
    companies: list[CompanyValue]


class LocationValue(LocationSalaries):
    """A row of `location_salaries`."""

    location: str


class LocationPage(Page):
    locations: list[LocationValue]


class _OccupationDemand(TypedDict):
    occupation: str
    code: str | None
    postings: int
    demand_share: float


class OccupationValue(_OccupationDemand, _Quartiles):
    """A row of `occupation_demand`, and of `occupation_salaries` for all its postings."""

    rank: int


class OccupationPage(Page):
    occupations: list[OccupationValue]
    currency: str


class OccupationPay(_Quartiles):
    """A row of `occupation_salaries`."""

    country: str | None
    seniority: str | None


class OccupationDetail(_OccupationDemand):
    """Demand for one occupation, and its pay: of all postings, in each country and of each seniority."""

    rank: int | None
    salaries: OccupationPay | None
    by_country: list[OccupationPay]
    by_seniority: list[OccupationPay]
    currency: str


class OccupationSkill(TypedDict):
    """A row of `occupation_skills`."""

    skill: str
    postings: int
    share: float
    lift: float
    rank: int


class OccupationSkillPage(Page):
    occupation: str
    skills: list[OccupationSkill]


class Recommendation(TypedDict):
    """A row of `skill_recommendations`: how well two skills go together, how sure that is, and the pay."""

    recommended_skill: str
    score: float
    rank: int
    co_occurrences: int
    npmi_lower: float
    strength: Strength
    postings_with_salary: int
    median_salary: float | None


class SkillRecommendations(TypedDict):
    """What to learn next beside one skill, from `skill_recommendations`."""

    skill: str
    recommendations: list[Recommendation]


class RecommendationReason(TypedDict):
    """A skill at hand that goes with a recommended one."""

    skill: str
    co_occurrences: int
    npmi_lower: float
    strength: Strength


class SkillAtHand(RecommendationReason):
    """A skill at hand that goes with a missing one."""

    npmi: float


class HeldSkill(TypedDict):
    """The demand for a skill at hand."""

    skill: str
    postings: int
    demand_share: float
    rank: int


class MissingSkill(HeldSkill, _Averages):
    """The demand for a skill that is not at hand, and what it pays."""

    category: str
    goes_with: list[SkillAtHand]


class SkillGap(TypedDict):
    """The most asked-for skills that are missing, and the demand for the ones at hand."""

    industry: str | None
    missing: list[MissingSkill]
    held: list[HeldSkill]
    unknown: list[str]


class RecommendedForSet(TypedDict):
    recommended_skill: str
    score: float
    rank: int
    postings_with_salary: int
    median_salary: float | None
    goes_with: list[RecommendationReason]


class Recommendations(TypedDict):
    """The skills that go best with those at hand together, or that an occupation asks for, best first."""

    skills: list[str]
    occupation: str | None
    recommendations: list[RecommendedForSet]
    unknown: list[str]
