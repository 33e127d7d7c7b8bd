"""The answers of the market API as they come, in JSON: the types of `market_assets.web.market.models`.

Written by `market_assets_tests.api_client.test_answers`; fields are described in the OpenAPI document.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class MarketSummary(TypedDict):
    as_of: str | None
    sources_compared: list[str] | None
    sources_left_out: dict[str, str] | None
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
    sample_postings: int | None


class TopValue(TypedDict):
    value: str
    postings: int


class SkillDemand(TypedDict):
    top_sources: list[TopValue]
    top_industries: list[TopValue]
    top_locations: list[TopValue]
    rank: int | None
    skill: str
    category: str
    industry: str | None
    postings: int
    demand_share: float
    demand_score: float
    required_share: float | None
    mentions_only: int
    postings_with_salary: int
    average_salary: float | None
    median_salary: float | None
    min_salary: float | None
    max_salary: float | None


class SkillPage(TypedDict):
    count: int
    total: int
    next: str | None
    skills: list[SkillDemand]


class SalaryPercentiles(TypedDict):
    country: str | None
    seniority: str | None
    postings_with_salary: int
    countries: int
    average_salary: float | None
    p10: float | None
    p25: float | None
    median_salary: float | None
    median_lower: float | None
    median_upper: float | None
    p75: float | None
    p90: float | None


class TrendingSkill(TypedDict):
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
    trend: Literal["growing", "declining", "emerging", "steady", "uncertain", "insufficient_data"]


class SkillInIndustry(TypedDict):
    industry: str
    postings: int
    demand_share: float
    postings_with_salary: int
    median_salary: float | None
    rank: int


class SkillDetail(TypedDict):
    skill: str
    demand: SkillDemand | None
    salaries: SalaryPercentiles | None
    by_country: list[SalaryPercentiles]
    by_seniority: list[SalaryPercentiles]
    trending: TrendingSkill | None
    trend_direction: Literal["increasing", "decreasing", "stable", "uncertain", "insufficient_data"] | None
    industries: list[SkillInIndustry]


class TrendMonth(TypedDict):
    month: str
    postings: int
    postings_with_salary: int
    average_salary: float | None
    median_salary: float | None
    change: float | None
    change_lower: float | None
    change_upper: float | None
    q_value: float | None


class SkillTrend(TypedDict):
    skill: str
    trend_direction: Literal["increasing", "decreasing", "stable", "uncertain", "insufficient_data"] | None
    months: list[TrendMonth]


class HistoryMonth(TypedDict):
    month: str
    recorded_at: str
    revised_at: str | None
    postings: int
    share: float
    postings_with_salary: int
    median_salary: float | None
    market_postings: int
    filled_postings: int


class SkillHistory(TypedDict):
    skill: str
    months: list[HistoryMonth]


class CoverageRow(TypedDict):
    dimension: str
    value: str
    postings: int
    pay_share: float
    date_share: float
    place_share: float
    skill_share: float


class Coverage(TypedDict):
    coverage: list[CoverageRow]


class LocationSalaries(TypedDict):
    postings: int
    postings_with_salary: int
    average_salary: float | None
    median_salary: float | None
    min_salary: float | None
    max_salary: float | None


class Salaries(TypedDict):
    skill: str | None
    location: str | None
    currency: str
    salaries: SalaryPercentiles | LocationSalaries | None
    by_country: list[SalaryPercentiles]
    by_seniority: list[SalaryPercentiles]


class EmploymentSalaries(TypedDict):
    employment_type: str | None
    country: str | None
    postings_with_salary: int
    average_salary: float | None
    p25: float | None
    median_salary: float | None
    median_lower: float | None
    median_upper: float | None
    p75: float | None


class EmploymentSalariesPage(TypedDict):
    count: int
    total: int
    next: str | None
    currency: str
    employment_salaries: list[EmploymentSalaries]


class IndustrySkill(TypedDict):
    skill: str
    postings: int
    demand_share: float
    postings_with_salary: int
    average_salary: float | None
    rank: int


class IndustryPage(TypedDict):
    count: int
    total: int
    next: str | None
    industry: str
    skills: list[IndustrySkill]


class TrendingPage(TypedDict):
    count: int
    total: int
    next: str | None
    trending: list[TrendingSkill]


class RelatedSkill(TypedDict):
    related_skill: str
    confidence: float
    confidence_reverse: float
    lift_lower: float
    npmi_lower: float
    log_likelihood: float
    co_occurrences: int
    support: float
    lift: float
    npmi: float
    strength: Literal["very_weak", "weak", "moderate", "strong", "very_strong"]


class CategoryValue(TypedDict):
    category: str
    skills: int


class CategoryPage(TypedDict):
    count: int
    total: int
    next: str | None
    categories: list[CategoryValue]


class SkillInCommunity(TypedDict):
    skill: str
    community: int
    community_name: str
    centrality: float


class CommunityPage(TypedDict):
    count: int
    total: int
    next: str | None
    communities: list[SkillInCommunity]


class IndustryValue(TypedDict):
    industry: str
    postings: int


class IndustryValuePage(TypedDict):
    count: int
    total: int
    next: str | None
    industries: list[IndustryValue]


class CompanyValue(TypedDict):
    company: str
    postings: int


class CompanyPage(TypedDict):
    count: int
    total: int
    next: str | None
    companies: list[CompanyValue]


class LocationValue(TypedDict):
    location: str
    postings: int
    postings_with_salary: int
    average_salary: float | None
    median_salary: float | None
    min_salary: float | None
    max_salary: float | None


class LocationPage(TypedDict):
    count: int
    total: int
    next: str | None
    locations: list[LocationValue]


class OccupationValue(TypedDict):
    postings_with_salary: int
    occupation: str
    p25: float | None
    median_salary: float | None
    median_lower: float | None
    median_upper: float | None
    p75: float | None
    code: str | None
    postings: int
    demand_share: float
    rank: int


class OccupationPage(TypedDict):
    count: int
    total: int
    next: str | None
    occupations: list[OccupationValue]
    currency: str


class OccupationPay(TypedDict):
    country: str | None
    seniority: str | None
    postings_with_salary: int
    p25: float | None
    median_salary: float | None
    median_lower: float | None
    median_upper: float | None
    p75: float | None


class OccupationDetail(TypedDict):
    salaries: OccupationPay | None
    by_country: list[OccupationPay]
    by_seniority: list[OccupationPay]
    currency: str
    occupation: str
    code: str | None
    postings: int
    demand_share: float
    rank: int


class OccupationSkill(TypedDict):
    skill: str
    postings: int
    share: float
    lift: float
    rank: int


class OccupationSkillPage(TypedDict):
    count: int
    total: int
    next: str | None
    occupation: str
    skills: list[OccupationSkill]


class RelatedPage(TypedDict):
    count: int
    total: int
    next: str | None
    skill: str
    related: list[RelatedSkill]


class Recommendation(TypedDict):
    median_salary: float | None
    recommended_skill: str
    score: float
    rank: int
    co_occurrences: int
    npmi_lower: float
    strength: Literal["very_weak", "weak", "moderate", "strong", "very_strong"]
    postings_with_salary: int


class SkillRecommendations(TypedDict):
    skill: str
    recommendations: list[Recommendation]


class RecommendationReason(TypedDict):
    skill: str
    co_occurrences: int
    npmi_lower: float
    strength: Literal["very_weak", "weak", "moderate", "strong", "very_strong"]


class SkillAtHand(TypedDict):
    skill: str
    co_occurrences: int
    npmi_lower: float
    strength: Literal["very_weak", "weak", "moderate", "strong", "very_strong"]
    npmi: float


class HeldSkill(TypedDict):
    skill: str
    postings: int
    demand_share: float
    rank: int


class MissingSkill(TypedDict):
    skill: str
    postings: int
    demand_share: float
    rank: int
    category: str
    postings_with_salary: int
    average_salary: float | None
    median_salary: float | None
    goes_with: list[SkillAtHand]


class SkillGap(TypedDict):
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
    skills: list[str]
    occupation: str | None
    recommendations: list[RecommendedForSet]
    unknown: list[str]
