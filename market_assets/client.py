"""A client of the market API, for programs in Python: `docs/api.md` shows it.

with Client("http://127.0.0.1:3000", token="mapat_…") as client:
    print(client.send(salaries(skill="Kubernetes", country="DE"))["salaries"])
    for row in client.rows(skills(seniority="senior", sort="-median_salary")):
        print(row["skill"], row["median_salary"])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack
from urllib.parse import quote

from market_assets.api_client import answers
from market_assets.api_client.sending import AsyncClient as AsyncClient
from market_assets.api_client.sending import Call as Call
from market_assets.api_client.sending import Client as Client
from market_assets.api_client.sending import ListCall as ListCall
from market_assets.api_client.sending import MarketError as MarketError


class Segment(TypedDict, total=False):
    """A part of the market; the whole without any."""

    country: str
    industry: str
    location: str
    company: str
    occupation: str
    seniority: Literal["intern", "junior", "mid", "senior", "lead", "manager", "director", "executive"]
    workplace: Literal["remote", "hybrid", "onsite"]
    period: int


class Page(TypedDict, total=False):
    """A part of a list: `sort` names columns with commas between, `-` before one for the greatest first."""

    limit: int
    offset: int
    sort: str


class SearchedPage(Page, total=False):
    """A part of a list of names that hold a text."""

    search: str


class SegmentPage(Segment, SearchedPage, total=False):
    """A part of a list about a part of the market."""


class ValuePage(SegmentPage, total=False):
    """A part of a list of values, of the postings that ask for a skill."""

    skill: str


def summary() -> Call[answers.MarketSummary]:
    """The headline figures of the newest refresh."""
    return Call("/summary")


def coverage() -> Call[answers.Coverage]:
    """What postings state, by source and by language."""
    return Call("/coverage")


def skills(
    *, category: str | None = None, **options: Unpack[SegmentPage]
) -> ListCall[answers.SkillPage, answers.SkillDemand]:
    """Skills by demand."""
    return ListCall("/skills", _stated(options, category=category), name="skills")


def skill(name: str, **segment: Unpack[Segment]) -> Call[answers.SkillDetail]:
    """Demand, pay, growth and industries of a skill."""
    return Call(_path("skills", name), segment)


def trend(name: str) -> Call[answers.SkillTrend]:
    """What a skill paid, month by month."""
    return Call(_path("skills", name, "trend"))


def history(name: str) -> Call[answers.SkillHistory]:
    """How often a skill was asked for, month by month."""
    return Call(_path("skills", name, "history"))


def related(name: str, **page: Unpack[Page]) -> ListCall[answers.RelatedPage, answers.RelatedSkill]:
    """The skills that postings ask for together with one, the closest first."""
    return ListCall(_path("skills", name, "related"), page, name="related")


def recommendations(name: str) -> Call[answers.SkillRecommendations]:
    """Up to ten skills to learn next beside one."""
    return Call(_path("skills", name, "recommendations"))


def salaries(*, skill: str | None = None, **segment: Unpack[Segment]) -> Call[answers.Salaries]:
    """What a skill pays, or a place (`location`)."""
    return Call("/salaries", _stated(segment, skill=skill))


def employment_salaries(
    *, employment_type: str | None = None, country: str | None = None, **page: Unpack[Page]
) -> ListCall[answers.EmploymentSalariesPage, answers.EmploymentSalaries]:
    """What forms of employment pay, in all and by country."""
    parameters = _stated(page, employment_type=employment_type, country=country)
    return ListCall("/employment-salaries", parameters, name="employment_salaries")


def categories(**page: Unpack[SearchedPage]) -> ListCall[answers.CategoryPage, answers.CategoryValue]:
    """The categories of the skills that are asked for."""
    return ListCall("/categories", page, name="categories")


def communities(**page: Unpack[SearchedPage]) -> ListCall[answers.CommunityPage, answers.SkillInCommunity]:
    """The skills by community: those that are asked for together."""
    return ListCall("/communities", page, name="communities")


def industries(**options: Unpack[ValuePage]) -> ListCall[answers.IndustryValuePage, answers.IndustryValue]:
    """The industries of the postings."""
    return ListCall("/industries", options, name="industries")


def locations(**options: Unpack[ValuePage]) -> ListCall[answers.LocationPage, answers.LocationValue]:
    """The places of the postings, and what they pay."""
    return ListCall("/locations", options, name="locations")


def occupations(**options: Unpack[ValuePage]) -> ListCall[answers.OccupationPage, answers.OccupationValue]:
    """The occupations of the postings, and what they pay."""
    return ListCall("/occupations", options, name="occupations")


def occupation(name: str, **segment: Unpack[Segment]) -> Call[answers.OccupationDetail]:
    """Demand for an occupation, and what it pays."""
    return Call(_path("occupations", name), segment)


def occupation_skills(
    name: str, **page: Unpack[Page]
) -> ListCall[answers.OccupationSkillPage, answers.OccupationSkill]:
    """What an occupation asks for, by rank."""
    return ListCall(_path("occupations", name, "skills"), page, name="skills")


def companies(**options: Unpack[ValuePage]) -> ListCall[answers.CompanyPage, answers.CompanyValue]:
    """The employers of the postings."""
    return ListCall("/companies", options, name="companies")


def industry_skills(industry: str, **page: Unpack[Page]) -> ListCall[answers.IndustryPage, answers.IndustrySkill]:
    """What an industry asks for, by rank."""
    return ListCall(_path("industries", industry, "skills"), page, name="skills")


def trending(
    *, trend: str | None = None, **page: Unpack[Page]
) -> ListCall[answers.TrendingPage, answers.TrendingSkill]:
    """Skills by growth, the fastest first."""
    return ListCall("/trending", _stated(page, trend=trend), name="trending")


def skill_gap(skills: Sequence[str], *, industry: str | None = None, limit: int = 10) -> Call[answers.SkillGap]:
    """What the market, or an industry, asks for most and the skills at hand lack."""
    body = {"skills": list(skills), "industry": industry, "limit": limit}
    return Call("/skill-gap", body=body)


def recommend(
    skills: Sequence[str], *, occupation: str | None = None, limit: int = 10
) -> Call[answers.Recommendations]:
    """What goes best with all the skills at hand together, or what an occupation asks for."""
    return Call("/recommendations", body={"skills": list(skills), "occupation": occupation, "limit": limit})


def _path(*parts: str) -> str:
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _stated(options: Mapping[str, Any], **further: str | None) -> dict[str, Any]:
    return {**options, **{name: value for name, value in further.items() if value is not None}}
