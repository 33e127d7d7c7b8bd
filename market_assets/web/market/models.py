"""Requests of the market API, and the tables whose rows its answers (`api_client.answers`) have."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from market_assets.store.tables import results as tables

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
SkillsAtHand = Annotated[list[Name], Field(max_length=100, description="The skills at hand, in any case")]

#: By type of row, the table whose columns it has: their comments describe it in the OpenAPI document.
TABLE_OF: dict[str, sa.Table] = {
    "MarketSummary": tables.market_summary,
    "SkillDemand": tables.skill_demand,
    "SalaryPercentiles": tables.salary_statistics,
    "TrendingSkill": tables.trending_skills,
    "TrendMonth": tables.salary_trends,
    "HistoryMonth": tables.skill_history,
    "CoverageRow": tables.posting_coverage,
    "LocationSalaries": tables.location_salaries,
    "LocationValue": tables.location_salaries,
    "EmploymentSalaries": tables.employment_salaries,
    "IndustrySkill": tables.industry_skills,
    "RelatedSkill": tables.skill_relationships,
    "SkillInCommunity": tables.skill_communities,
    "OccupationValue": tables.occupation_demand,
    "OccupationDetail": tables.occupation_demand,
    "OccupationPay": tables.occupation_salaries,
    "OccupationSkill": tables.occupation_skills,
    "Recommendation": tables.skill_recommendations,
}


class SkillGapRequest(BaseModel):
    """The skills at hand, and what they are compared with."""

    model_config = ConfigDict(extra="forbid")

    skills: SkillsAtHand
    industry: Name | None = Field(None, description="Compare with this industry, else with the whole market")
    limit: int = Field(10, ge=1, le=100, description="The greatest number of missing skills")


class RecommendationRequest(BaseModel):
    """The skills at hand."""

    model_config = ConfigDict(extra="forbid")

    skills: SkillsAtHand
    occupation: Name | None = Field(None, description="Recommend what it asks for more than the market does")
    limit: int = Field(10, ge=1, le=100, description="The greatest number of recommendations")
