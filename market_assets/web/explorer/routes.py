"""The addresses of the pages, and their answers where there is no page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from market_assets.web.errors import ApiError
from market_assets.web.explorer import index_page, segment_pages, several_skills_pages, skill_page
from market_assets.web.explorer.parameters import MARKET, PageProblem, address, path_of
from market_assets.web.explorer.view import Explorer, View, filled
from market_assets.web.pages import render, static_route

REPORT = f"{MARKET}/report"
_log = logging.getLogger(__name__)

PageFunction = Callable[[View], Response]


def explorer_routes(explorer: Explorer) -> list[BaseRoute]:
    """The routes of all pages under `/market`, with their style and the report."""
    pages: dict[str, PageFunction] = {
        MARKET: index_page.show,
        f"{MARKET}/search": index_page.search,
        f"{MARKET}/compare": several_skills_pages.show_comparison,
        f"{MARKET}/map": several_skills_pages.show_map,
        f"{MARKET}/skills/{{name:path}}": skill_page.show,
        f"{MARKET}/places/{{name:path}}": segment_pages.show_place,
        f"{MARKET}/occupations": index_page.show_occupations,
        f"{MARKET}/occupations/{{name:path}}": segment_pages.show_occupation,
        f"{MARKET}/industries/{{name:path}}": segment_pages.show_industry,
        f"{MARKET}/companies/{{name:path}}": segment_pages.show_company,
    }
    return [
        Route(REPORT, _report(explorer), methods=["GET"]),
        static_route(f"{MARKET}/page.css", "market.css"),
        *(Route(path, _endpoint(explorer, show), methods=["GET"]) for path, show in pages.items()),
    ]


def _endpoint(explorer: Explorer, show: PageFunction) -> Callable[[Request], object]:
    async def page(request: Request) -> Response:
        try:
            market = await explorer.state.market.current()
            short = _without_empty(request)
            if short is not None:
                return RedirectResponse(short, 303)
            view = View(explorer, request, market)
            make = partial(to_thread.run_sync, _shown, show, view, limiter=explorer.postings.threads)
            key = request.scope["path"], request.scope["query_string"]
            return await filled(await market.answers.answer(key, make), request, explorer.newest)
        except sa.exc.SQLAlchemyError as error:
            _log.error("%s: the market database failed: %s", request.url.path, error)
            headers = {"Retry-After": "5"}
            raise ApiError(503, "The market database does not answer", headers=headers) from None

    return page


def _shown(show: PageFunction, view: View) -> Response:
    try:
        return show(view)
    except PageProblem as found:
        problem = found
    except ApiError as error:
        problem = PageProblem(error.status_code, "Not found", f"{error.detail}.")
    return view.page("problem.html", status=problem.status, problem=problem)


def _without_empty(request: Request) -> str | None:
    """The address without the fields that a form left empty, so that it can be passed on; None if it has none."""
    pairs = request.query_params.multi_items()
    kept = [(name, value) for name, value in pairs if value.strip()]
    if len(kept) == len(pairs):
        return None
    return address(path_of(request), kept)


def _report(explorer: Explorer) -> Callable[[Request], object]:
    """The report that the pipeline made last."""

    async def report(_request: Request) -> Response:
        path = explorer.settings.report_path
        if not path.exists():
            return render("no_report.html", status_code=404)
        return FileResponse(path, media_type="text/html")

    return report
