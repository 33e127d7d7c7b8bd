"""The routes of the market API, for every user who has signed in.

A GET carries the ETag of the snapshot that it is answered from, so that clients can keep copies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import polars as pl
from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from market_assets.api_client import answers
from market_assets.web.errors import ApiError
from market_assets.web.market import queries, requests
from market_assets.web.market.queries import Content
from market_assets.web.market.requests import (
    FILE_RESPONSES,
    Filter,
    ListRequest,
    NamedSegment,
    Search,
    SegmentRequest,
    ValuesRequest,
    ValuesWanted,
    refuse_unknown_parameters,
)
from market_assets.web.market.responses import SnapshotRoute, as_json, respond, respond_list
from market_assets.web.market.segment_queries import SegmentQueries
from market_assets.web.market.snapshot import MarketSnapshot

_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client's copy (If-None-Match) is still current"}
}


async def current_snapshot(request: Request) -> MarketSnapshot:
    """The state of the tables that a request is answered from."""
    market: MarketSnapshot = request.state.market
    return market


Snapshot = Annotated[MarketSnapshot, Depends(current_snapshot)]
SkillName = Annotated[
    str, Path(max_length=200, description="In any case; %23 for #", examples=["Python", "CI/CD"])
]
OccupationName = Annotated[
    str, Path(max_length=200, description="In any case, or a title of it", examples=["Data engineer"])
]

PREFIX = "/api/v1/market"
Counted = TypeVar("Counted")
#: Where the API was before it had versions.
UNVERSIONED = "/api/market"
market_router = APIRouter(
    prefix=PREFIX, tags=["market"], dependencies=[Depends(refuse_unknown_parameters)], route_class=SnapshotRoute
)
_get = partial(market_router.get, responses=_NOT_MODIFIED)
_list = partial(market_router.get, responses={**_NOT_MODIFIED, **FILE_RESPONSES})

unversioned_router = APIRouter(include_in_schema=False)


@unversioned_router.api_route(UNVERSIONED + "/{path:path}", methods=["GET", "POST"])
async def redirect_to_version(request: Request) -> Response:
    """Where a call is now, its method and body unchanged."""
    path = PREFIX + request.scope["raw_path"].decode().removeprefix(UNVERSIONED)
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(path + query, status_code=308)


@_get("/summary", response_model=answers.MarketSummary)
async def get_summary(request: Request, market: Snapshot) -> Response:
    """The headline figures of the newest refresh."""
    return respond(market, {**queries.summary(market), **_currency(request)})


@_get("/coverage", response_model=answers.Coverage)
async def get_coverage(market: Snapshot) -> Response:
    """What postings state, by source and by language: the share with pay, a date, a place and skills."""
    return respond(market, {"coverage": market.coverage.to_dicts()})


@_list("/skills", response_model=answers.SkillPage)
async def list_skills(
    request: Request,
    market: Snapshot,
    wanted: ListRequest,
    named: SegmentRequest,
    category: Annotated[Filter, Query(description="Only skills of the category")] = None,
    search: Search = None,
) -> Response:
    """Skills by demand: of the whole market or of a segment, all or of a category."""
    rows = await _counted(
        request,
        market,
        lambda segments: segments.skills(named, category, search),
        published=named.chosen <= {"industry"},
    )
    return respond_list(request, market, wanted, "skills", rows)


# Names contain slashes (CI/CD), so the longer paths come first and the bare name last.
@_get("/skills/{skill:path}/trend", response_model=answers.SkillTrend)
async def get_trend(market: Snapshot, skill: SkillName) -> Response:
    """What a skill paid, month by month, and the direction of the change."""
    return respond(market, queries.trend(market, skill))


@_get("/skills/{skill:path}/history", response_model=answers.SkillHistory)
async def get_history(market: Snapshot, skill: SkillName) -> Response:
    """How often a skill was asked for, month by month, also when the postings have been archived since."""
    return respond(market, queries.history(market, skill))


@_list("/skills/{skill:path}/related", response_model=answers.RelatedPage)
async def list_related(request: Request, market: Snapshot, skill: SkillName, wanted: ListRequest) -> Response:
    """The skills that postings ask for together with this one, the closest (by npmi_lower) first."""
    name = queries.known_skill(market, skill)
    rows = queries.related(market, name)
    return respond_list(request, market, wanted, "related", rows, {"skill": name})


@_get("/skills/{skill:path}/recommendations", response_model=answers.SkillRecommendations)
async def list_recommendations(market: Snapshot, skill: SkillName) -> Response:
    """Up to ten skills to learn next beside this one."""
    return respond(market, queries.skill_recommendations(market, skill))


@_get("/skills/{skill:path}", response_model=answers.SkillDetail)
async def get_skill(request: Request, market: Snapshot, skill: SkillName, named: SegmentRequest) -> Response:
    """Demand, pay and industries of one skill, in the whole market or a segment; growth in the whole market."""
    found = await _counted(
        request, market, lambda segments: segments.skill(skill, named), published=not named.chosen
    )
    return respond(market, found)


@_list("/categories", response_model=answers.CategoryPage)
async def list_categories(
    request: Request, market: Snapshot, wanted: ListRequest, search: Search = None
) -> Response:
    """The categories of the skills that are asked for, those with the most skills first."""
    return respond_list(request, market, wanted, "categories", queries.categories(market, search))


@_list("/communities", response_model=answers.CommunityPage)
async def list_communities(
    request: Request, market: Snapshot, wanted: ListRequest, search: Search = None
) -> Response:
    """The skills by community, those that are asked for together: the largest community first."""
    return respond_list(request, market, wanted, "communities", queries.communities(market, search))


@_list("/industries", response_model=answers.IndustryValuePage)
async def list_industries(
    request: Request, market: Snapshot, wanted: ListRequest, values: ValuesRequest
) -> Response:
    """The industries of the postings, those with the most postings first."""
    rows = await _values(request, market, values, SegmentQueries.industries)
    return respond_list(request, market, wanted, "industries", rows)


@_list("/locations", response_model=answers.LocationPage)
async def list_locations(
    request: Request, market: Snapshot, wanted: ListRequest, values: ValuesRequest
) -> Response:
    """The locations of the postings and what they pay, those with the most postings first."""
    rows = await _values(request, market, values, SegmentQueries.locations)
    return respond_list(request, market, wanted, "locations", rows)


@_list("/companies", response_model=answers.CompanyPage)
async def list_companies(
    request: Request, market: Snapshot, wanted: ListRequest, values: ValuesRequest
) -> Response:
    """The employers of the postings, those with the most postings first."""
    rows = await _values(request, market, values, SegmentQueries.companies, published=False)
    return respond_list(request, market, wanted, "companies", rows)


@_get("/salaries", response_model=answers.Salaries)
async def get_salaries(
    request: Request,
    market: Snapshot,
    named: SegmentRequest,
    skill: Annotated[Filter, Query(description="The skill; or give location", examples=["Python"])] = None,
) -> Response:
    """What a skill pays, or a place: exactly one of the two."""
    place = named.location

    def salaries(segments: SegmentQueries) -> Content:
        if skill is not None and place is None:
            return segments.salaries_of_skill(skill, named)
        if skill is None and place is not None:
            return segments.salaries_of_location(place, named)
        raise ApiError(400, "Give either skill or location")

    is_published = named.chosen <= (set() if skill else {"location"})
    found = await _counted(request, market, salaries, published=is_published)
    return respond(market, {**found, **_currency(request)})


@_list("/employment-salaries", response_model=answers.EmploymentSalariesPage)
async def list_employment_salaries(
    request: Request,
    market: Snapshot,
    wanted: ListRequest,
    employment_type: Annotated[Filter, Query(description="full_time, part_time, internship, contract …")] = None,
    country: Annotated[Filter, Query(description="ISO 3166-1 code of two letters")] = None,
) -> Response:
    """What types of employment pay, in all and by country: internships, part-time work and contracts apart."""
    rows = queries.employment_salaries(market, employment_type, country)
    return respond_list(request, market, wanted, "employment_salaries", rows, _currency(request))


@_list("/industries/{industry:path}/skills", response_model=answers.IndustryPage)
async def list_industry_skills(
    request: Request,
    market: Snapshot,
    industry: Annotated[str, Path(max_length=200, description="In any case", examples=["Technology"])],
    wanted: ListRequest,
) -> Response:
    """What an industry asks for, by rank."""
    name, rows = queries.industry_skills(market, industry)
    return respond_list(request, market, wanted, "skills", rows, {"industry": name})


@_list("/occupations", response_model=answers.OccupationPage)
async def list_occupations(
    request: Request, market: Snapshot, wanted: ListRequest, values: ValuesRequest
) -> Response:
    """The occupations of the postings and what they pay, those with the most postings first."""
    rows = await _values(request, market, values, SegmentQueries.occupations)
    return respond_list(request, market, wanted, "occupations", rows, _currency(request))


@_list("/occupations/{occupation:path}/skills", response_model=answers.OccupationSkillPage)
async def list_occupation_skills(
    request: Request, market: Snapshot, occupation: OccupationName, wanted: ListRequest
) -> Response:
    """What an occupation asks for, by rank, and how much more often than the market does."""
    name, rows = queries.occupation_skills(market, occupation)
    return respond_list(request, market, wanted, "skills", rows, {"occupation": name})


# Not {occupation}, by which a segment may be named.
@_get("/occupations/{name:path}", response_model=answers.OccupationDetail)
async def get_occupation(
    request: Request, market: Snapshot, name: OccupationName, named: SegmentRequest
) -> Response:
    """Demand for one occupation and its pay by country and seniority, in the whole market or a segment."""
    found = await _counted(
        request, market, lambda segments: segments.occupation(name, named), published=not named.chosen
    )
    return respond(market, {**found, **_currency(request)})


@_list("/trending", response_model=answers.TrendingPage)
async def list_trending(
    request: Request,
    market: Snapshot,
    wanted: ListRequest,
    trend: Annotated[answers.Trend | None, Query(description="Only skills of which the test says so")] = None,
) -> Response:
    """Skills by growth, the fastest first; new ones, without a previous period to grow from, at the end."""
    rows = queries.trending(market, trend)
    return respond_list(request, market, wanted, "trending", rows)


@market_router.post("/skill-gap", response_model=answers.SkillGap)
async def find_skill_gap(market: Snapshot, body: requests.SkillGapRequest) -> Response:
    """What the market, or an industry, asks for most and the given skills lack."""
    return as_json(queries.skill_gap(market, body.skills, body.industry, body.limit))


@market_router.post("/recommendations", response_model=answers.Recommendations)
async def recommend_skills(request: Request, market: Snapshot, body: requests.RecommendationRequest) -> Response:
    """What goes best with all the given skills together, each with the reason; or what an occupation asks for."""
    if body.occupation is None:
        return as_json(queries.recommendations(market, body.skills, body.limit))
    least = request.app.state.settings.min_sample
    return as_json(queries.recommendations_for(market, body.occupation, body.skills, body.limit, least))


async def _counted(
    request: Request, market: MarketSnapshot, query: Callable[[SegmentQueries], Counted], *, published: bool
) -> Counted:
    """The result of a query; in a thread, unless the figures are `published`: nothing is counted for these."""
    state = request.app.state
    segments = SegmentQueries(market, state.postings, state.settings.min_sample)
    if published:
        return query(segments)
    return await to_thread.run_sync(query, segments, limiter=state.postings.threads)


async def _values(
    request: Request,
    market: MarketSnapshot,
    values: ValuesWanted,
    query: Callable[[SegmentQueries, NamedSegment, str | None, str | None], pl.DataFrame],
    *,
    published: bool = True,
) -> pl.DataFrame:
    """A list of values; `published` where a table has that of the whole market."""
    return await _counted(
        request,
        market,
        lambda segments: query(segments, values.named, values.skill, values.search),
        published=published and values.are_of_all,
    )


def _currency(request: Request) -> dict[str, str]:
    return {"currency": request.app.state.settings.currency}
