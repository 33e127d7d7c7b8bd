"""How an answer of the market API goes out: encoded once, with the tag of the state that it shows."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from fastapi import Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from market_assets.web.market.queries import Content
from market_assets.web.market.snapshot import Market

JSON = "application/json"
#: Clients may keep an answer, but ask each time whether it still holds.
CACHING = "private, no-cache"


def answer(request: Request, market: Market, content: Callable[[], Content]) -> Response:
    """200 with the content, or 304 where the client has it already."""
    body = _body(market, f"{request.url.path}?{request.url.query}", content)
    headers = {"ETag": market.etag, "Cache-Control": CACHING}
    if _has_it(request.headers.get("if-none-match"), market.etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


def answer_to_post(request: Request, market: Market, sent: BaseModel, content: Callable[[], Content]) -> Response:
    """200 with the content, which clients don't keep."""
    body = _body(market, f"{request.url.path} {sent.model_dump_json()}", content)
    return Response(body, media_type=JSON, headers={"Cache-Control": "no-store"})


def _body(market: Market, asked: str, content: Callable[[], Content]) -> bytes:
    """What was made once for a question is sent again as long as the market is the same."""
    body = market.bodies.get(asked)
    if body is None:
        body = to_json(content())
        market.bodies.put(asked, body)
    return body


def page(request: Request, name: str, rows: pl.DataFrame, *, limit: int, offset: int) -> Content:
    """`limit` rows from `offset` on under a name, and where the next ones are."""
    part = rows.slice(offset, limit)
    end = offset + part.height
    more = part.height > 0 and end < rows.height
    return {
        name: part.to_dicts(),
        "count": part.height,
        "total": rows.height,
        "next": _path(request, limit=limit, offset=end) if more else None,
    }


def _path(request: Request, **parameters: int) -> str:
    url = request.url.include_query_params(**parameters)
    return f"{url.path}?{url.query}"


def _has_it(if_none_match: str | None, etag: str) -> bool:
    """Whether a header of tags, weak or strong, names this one (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
