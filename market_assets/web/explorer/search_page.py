"""`/market/search?q=…`: skills, occupations, places, industries and companies by name or by another spelling."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from market_assets.web.explorer.parameters import page_of
from market_assets.web.explorer.problems import Link, closest
from market_assets.web.explorer.view import View
from market_assets.web.market import queries
from market_assets.web.market.names import Names

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
        "Skills": _links("skills", wanted, market.skills),
        "Occupations": _links("occupations", wanted, market.occupations),
        "Places": _links("places", wanted, market.location_names),
        "Industries": _links("industries", wanted, market.industries),
        "Companies": _links("companies", wanted, view.companies.names),
    }
    found = {kind: links for kind, links in found.items() if links}
    return view.answer("search.html", parameters, wanted=wanted, found=found)


def _meant(view: View, wanted: str) -> str | None:
    """The page of what has exactly this name, where there is one."""
    if skill := view.market.skills.find(wanted):
        return page_of("skills", skill)
    if occupation := view.market.occupations.find(wanted):
        return page_of("occupations", occupation)
    if place := queries.find_location(view.market, wanted):
        return page_of("places", place)
    if industry := view.market.industries.find(wanted):
        return page_of("industries", industry)
    company = view.companies.names.find(wanted)
    return page_of("companies", company) if company else None


def _links(kind: str, wanted: str, names: Names) -> list[Link]:
    return [Link(one, page_of(kind, one)) for one in closest(wanted, names, _MOST_FOUND)]
