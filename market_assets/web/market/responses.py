"""How calls of the market API answer: as JSON, as files, or that the client's copy is current."""

from __future__ import annotations

import polars as pl
from fastapi import Request, Response
from pydantic_core import to_json

from market_assets.web.market.lists import MEDIA_TYPES, Wanted, file_of, page_of
from market_assets.web.market.queries import Content
from market_assets.web.market.snapshot import MarketSnapshot

#: Clients may keep a response, but ask each time whether it is still current.
CACHING = "private, no-cache"


def respond(request: Request, market: MarketSnapshot, content: Content) -> Response:
    """200 with the content, or 304 where the client's copy is current."""
    return _not_modified(request, market) or as_json(content, _caching(market))


def respond_list(
    request: Request,
    market: MarketSnapshot,
    wanted: Wanted,
    name: str,
    rows: pl.DataFrame,
    about: Content | None = None,
) -> Response:
    """The wanted rows under a name, beside what the list is about; or as a file of rows alone."""
    not_modified = _not_modified(request, market)
    if not_modified:
        return not_modified
    if wanted.format == "json":
        return as_json({**(about or {}), **page_of(request, name, rows, wanted)}, _caching(market))
    return Response(file_of(rows, wanted), media_type=MEDIA_TYPES[wanted.format], headers=_caching(market))


def _not_modified(request: Request, market: MarketSnapshot) -> Response | None:
    if _matches(request.headers.get("if-none-match"), market.etag):
        return Response(status_code=304, headers=_caching(market))
    return None


def _caching(market: MarketSnapshot) -> dict[str, str]:
    return {"ETag": market.etag, "Cache-Control": CACHING, "Vary": "Accept"}


def as_json(content: Content, headers: dict[str, str] | None = None) -> Response:
    """200 with the content."""
    return Response(to_json(content), media_type="application/json", headers=headers)


def _matches(if_none_match: str | None, etag: str) -> bool:
    """Whether a header of tags, weak or strong, names this one (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
