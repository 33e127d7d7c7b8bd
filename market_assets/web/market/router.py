"""The routes of the market API; every one is for whoever has signed in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from market_assets.web.auth.identity import ApiError, Identity, signed_in
from market_assets.web.market import models, queries
from market_assets.web.market import together_models as together
from market_assets.web.market.answers import answer, answer_to_post, page
from market_assets.web.market.cache import MarketCache
from market_assets.web.market.snapshot import Market

MAX_PAGE = 500
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client's copy (If-None-Match) still holds"}
}


async def viewer(request: Request) -> Identity:
    """Whoever signed in; a coroutine, because FastAPI runs plain functions in a thread each time."""
    return signed_in(request)


async def current_market(request: Request) -> Market:
    """The newest state of the tables."""
    cache: MarketCache = request.app.state.market
    return await cache.current()


CurrentMarket = Annotated[Market, Depends(current_market)]
SkillName = Annotated[
    str,
    Path(max_length=200, description="In any case; %23 for #", examples=["Python", "CI/CD"]),
]
Filter = Annotated[str | None, Query(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="The greatest number of rows")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="Rows to leave out")]

market_router = APIRouter(prefix="/api/market", tags=["market"], dependencies=[Depends(viewer)])


@market_router.get("/summary", response_model=models.MarketSummary, responses=NOT_MODIFIED)
async def get_summary(request: Request, market: CurrentMarket) -> Response:
    """The headline figures of the newest refresh."""
    return answer(request, market, lambda: {**queries.summary(market), **_currency(request)})


@market_router.get("/skills", response_model=models.SkillPage, responses=NOT_MODIFIED)
async def list_skills(
    request: Request,
    market: CurrentMarket,
    industry: Filter = None,
    category: Filter = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """Skills by demand: of the whole market or of an industry, all or of a category."""

    def content() -> queries.Content:
        rows = queries.skills(market, industry, category)
        return page(request, "skills", rows, limit=limit, offset=offset)

    return answer(request, market, content)


# Names hold slashes (CI/CD), so the longer paths come first and the bare name last.
@market_router.get("/skills/{skill:path}/trend", response_model=models.SkillTrend, responses=NOT_MODIFIED)
async def get_trend(request: Request, market: CurrentMarket, skill: SkillName) -> Response:
    """What a skill paid, month by month, and where that goes."""
    return answer(request, market, lambda: queries.trend(market, skill))


@market_router.get("/skills/{skill:path}/related", response_model=together.RelatedPage, responses=NOT_MODIFIED)
async def list_related(
    request: Request, market: CurrentMarket, skill: SkillName, limit: Limit = 50, offset: Offset = 0
) -> Response:
    """The skills that postings ask for together with this one, the closest (by npmi_lower) first."""

    def content() -> queries.Content:
        name = queries.known_skill(market, skill)
        rows = queries.related(market, name)
        return {"skill": name, **page(request, "related", rows, limit=limit, offset=offset)}

    return answer(request, market, content)


@market_router.get(
    "/skills/{skill:path}/recommendations",
    response_model=together.SkillRecommendations,
    responses=NOT_MODIFIED,
)
async def list_recommendations(request: Request, market: CurrentMarket, skill: SkillName) -> Response:
    """Up to ten skills to learn next beside this one."""
    return answer(request, market, lambda: queries.skill_recommendations(market, skill))


@market_router.get("/skills/{skill:path}", response_model=models.SkillDetail, responses=NOT_MODIFIED)
async def get_skill(request: Request, market: CurrentMarket, skill: SkillName) -> Response:
    """Demand, pay, growth and industries of one skill."""
    return answer(request, market, lambda: queries.skill(market, skill))


@market_router.get("/salaries", response_model=models.Salaries, responses=NOT_MODIFIED)
async def get_salaries(
    request: Request,
    market: CurrentMarket,
    skill: Annotated[Filter, Query(examples=["Python"])] = None,
    location: Filter = None,
) -> Response:
    """What a skill pays, or a place: exactly one of the two."""
    if (skill is None) == (location is None):
        raise ApiError(400, "Give either skill or location")
    of, name = (queries.salaries_of_location, location) if skill is None else (queries.salaries_of_skill, skill)
    return answer(request, market, lambda: {**of(market, name or ""), **_currency(request)})


@market_router.get(
    "/industries/{industry:path}/skills", response_model=models.IndustryPage, responses=NOT_MODIFIED
)
async def list_industry_skills(
    request: Request,
    market: CurrentMarket,
    industry: Annotated[str, Path(max_length=200, examples=["Technology"])],
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """What an industry asks for, by rank."""

    def content() -> queries.Content:
        name, rows = queries.industry_skills(market, industry)
        return {"industry": name, **page(request, "skills", rows, limit=limit, offset=offset)}

    return answer(request, market, content)


@market_router.get("/trending", response_model=models.TrendingPage, responses=NOT_MODIFIED)
async def list_trending(
    request: Request,
    market: CurrentMarket,
    trend: models.Trend | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """Skills by growth, the fastest first; new ones, which have no past to grow from, at the end."""
    rows = queries.trending(market, trend)
    return answer(request, market, lambda: page(request, "trending", rows, limit=limit, offset=offset))


@market_router.post("/skill-gap", response_model=together.SkillGap)
async def find_skill_gap(request: Request, market: CurrentMarket, gap: together.Gap) -> Response:
    """What the market, or an industry, asks for most and the given skills lack."""
    return answer_to_post(
        request, market, gap, lambda: queries.skill_gap(market, gap.skills, gap.industry, gap.limit)
    )


@market_router.post("/recommendations", response_model=together.Recommendations)
async def recommend_skills(request: Request, market: CurrentMarket, held: together.Held) -> Response:
    """What goes best with all the given skills together, each with the reason."""
    return answer_to_post(request, market, held, lambda: queries.recommendations(market, held.skills, held.limit))


def _currency(request: Request) -> dict[str, str]:
    return {"currency": request.app.state.settings.currency}
