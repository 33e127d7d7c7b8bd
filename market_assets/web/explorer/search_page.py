"""`/market/search?q=…`: skills, places, industries and companies by name or by another spelling."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import RedirectResponse, Response

from market_assets.web.explorer.parameters import known_industry, page_of
from market_assets.web.explorer.problems import Link, closest
from market_assets.web.explorer.segment_pages import known_place
from market_assets.web.explorer.skill_names import find_skill, similar_skills
from market_assets.web.explorer.view import View

_MOST_FOUND = 8


def show(view: View) -> Response:
    parameters = view.parameters("q")
    wanted = parameters.get("q")
    if wanted is None:
        return view.answer("search.html", parameters, wanted="", found={})
    meant = _meant(view, wanted)
    if meant:
        return RedirectResponse(meant, 303)
    market = view.market
    found = {
        "Skills": [Link(one, page_of("skills", one)) for one in similar_skills(view, wanted, _MOST_FOUND)],
        "Places": _links("places", wanted, market.places.all),
        "Industries": _links("industries", wanted, market.industries.all),
        "Companies": _links("companies", wanted, view.explorer.companies(view)),
    }
    found = {kind: links for kind, links in found.items() if links}
    return view.answer("search.html", parameters, wanted=wanted, found=found)


def _meant(view: View, wanted: str) -> str | None:
    """The page of what has exactly this name, where there is one."""
    if skill := find_skill(view, wanted):
        return page_of("skills", skill)
    if place := known_place(view, wanted):
        return page_of("places", place)
    if industry := known_industry(view.market, wanted):
        return page_of("industries", industry)
    companies = {name.casefold(): name for name in view.explorer.companies(view)}
    company = companies.get(wanted.casefold())
    return page_of("companies", company) if company else None


def _links(kind: str, wanted: str, names: Iterable[str]) -> list[Link]:
    return [Link(one, page_of(kind, one)) for one in closest(wanted, names, _MOST_FOUND)]
