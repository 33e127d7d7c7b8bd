"""What the market API is asked and answers of skills together: related ones, gaps, recommendations."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from market_assets.web.market.models import Answer, Name, Page, Strength, example


class RelatedSkill(Answer):
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


class RelatedPage(Page):
    skill: str
    related: list[RelatedSkill]

    model_config = example(
        skill="Python",
        related=[
            {
                "related_skill": "Django",
                "co_occurrences": 88,
                "support": 0.07,
                "confidence": 0.21,
                "confidence_reverse": 0.95,
                "lift": 2.8,
                "npmi": 0.39,
                "strength": "strong",
                "lift_lower": 1.87,
                "npmi_lower": 0.21,
                "log_likelihood": 161.0,
            }
        ],
        count=1,
        total=1,
        next=None,
    )


class Recommendation(Answer):
    """A row of `skill_recommendations`: how well two skills go together, how sure that is, and the pay."""

    recommended_skill: str
    score: float
    rank: int
    co_occurrences: int
    npmi_lower: float
    strength: Strength
    median_salary: float | None = Field(description="Of postings with the recommended skill")


DJANGO: dict[str, Any] = {
    "recommended_skill": "Django",
    "score": 0.44,
    "rank": 1,
    "co_occurrences": 88,
    "npmi_lower": 0.21,
    "strength": "strong",
    "median_salary": 127000.0,
}


class SkillRecommendations(Answer):
    """What to learn next beside one skill, from `skill_recommendations`."""

    skill: str
    recommendations: list[Recommendation]

    model_config = example(skill="Python", recommendations=[DJANGO])


class Gap(BaseModel):
    """The skills at hand, and what they are compared with."""

    skills: list[Name] = Field(max_length=100, description="The skills at hand, in any case")
    industry: Name | None = Field(None, description="Compare with this industry, else with the whole market")
    limit: int = Field(10, ge=1, le=100, description="The greatest number of missing skills")

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"skills": ["Python", "SQL"], "limit": 5}}
    )


class GoesWith(Answer):
    skill: str
    co_occurrences: int
    npmi: float
    npmi_lower: float
    strength: Strength


class MissingSkill(Answer):
    skill: str
    category: str
    postings: int
    demand_share: float
    rank: int
    average_salary: float | None
    median_salary: float | None
    goes_with: list[GoesWith] = Field(description="Skills at hand that postings ask for together with it")


class HeldSkill(Answer):
    skill: str
    postings: int
    demand_share: float
    rank: int


class SkillGap(Answer):
    """The most asked-for skills that are missing, and where the ones at hand stand."""

    industry: str | None
    missing: list[MissingSkill]
    held: list[HeldSkill] = Field(description="Skills at hand that are asked for, by rank")
    unknown: list[str] = Field(description="Given names that the market does not know")

    model_config = example(
        industry=None,
        missing=[
            {
                "skill": "AWS",
                "category": "Cloud",
                "postings": 300,
                "demand_share": 0.25,
                "rank": 3,
                "average_salary": 134000.0,
                "median_salary": 131000.0,
                "goes_with": [
                    {
                        "skill": "Python",
                        "co_occurrences": 120,
                        "npmi": 0.12,
                        "npmi_lower": 0.01,
                        "strength": "weak",
                    }
                ],
            }
        ],
        held=[{"skill": "Python", "postings": 412, "demand_share": 0.34, "rank": 1}],
        unknown=["Qbasic"],
    )


class Held(BaseModel):
    """The skills at hand."""

    skills: list[Name] = Field(max_length=100, description="The skills at hand, in any case")
    limit: int = Field(10, ge=1, le=100, description="The greatest number of recommendations")

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"skills": ["Python", "Docker"], "limit": 5}}
    )


class Reason(Answer):
    skill: str
    co_occurrences: int
    npmi_lower: float
    strength: Strength


class RecommendedForSet(Answer):
    recommended_skill: str
    score: float = Field(description="About the share of postings with the skills at hand that ask for it too")
    rank: int
    median_salary: float | None = Field(description="Of postings with the recommended skill")
    goes_with: list[Reason] = Field(description="Up to three of the skills at hand, the surest first")


DJANGO_FOR_PYTHON: dict[str, Any] = {
    **{name: DJANGO[name] for name in ("recommended_skill", "score", "rank", "median_salary")},
    "goes_with": [
        {"skill": "Python", **{name: DJANGO[name] for name in ("co_occurrences", "npmi_lower", "strength")}}
    ],
}


class Recommendations(Answer):
    """The skills that go best with those at hand together, best first, each with the reason."""

    skills: list[str]
    recommendations: list[RecommendedForSet]
    unknown: list[str] = Field(description="Given names that the market does not know")

    model_config = example(skills=["Python"], recommendations=[DJANGO_FOR_PYTHON], unknown=["Qbasic"])
