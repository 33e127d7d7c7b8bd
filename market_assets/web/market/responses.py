"""How calls of the market API answer: as JSON, as files, or that the client's copy is current."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from io import BytesIO
from typing import Any

import polars as pl
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json

from market_assets.web.errors import ApiError
from market_assets.web.market.answer_cache import copied
from market_assets.web.market.queries import Content
from market_assets.web.market.requests import MEDIA_TYPES, USUAL_ROWS, Wanted, accepted, hint
from market_assets.web.market.snapshot import MarketSnapshot

#: Clients may keep a response, but ask each time whether it is still current.
CACHING = "private, no-cache"


class SnapshotRoute(APIRoute):
    """A route that is answered from the newest state of the tables, `request.state.market`.

    A GET is answered with what was made for the same address before, or 304 where the client's copy is current.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            market: MarketSnapshot = await request.app.state.market.current()
            request.state.market = market
            if request.method != "GET":
                return await handler(request)
            scope = request.scope
            key = scope["path"], scope["query_string"], accepted(request.headers.get("accept", ""))
            found = await market.answers.answer(key, lambda: handler(request))
            if found.status_code == 200 and _matches(request.headers.get("if-none-match"), market.etag):
                return Response(status_code=304, headers=_caching(market))
            return copied(found)

        return answer


def respond(market: MarketSnapshot, content: Content) -> Response:
    """200 with the content."""
    return as_json(content, _caching(market))


def respond_list(
    request: Request,
    market: MarketSnapshot,
    wanted: Wanted,
    name: str,
    rows: pl.DataFrame,
    about: Content | None = None,
) -> Response:
    """The wanted rows under a name, beside what the list is about; or as a file of rows alone."""
    if wanted.format == "json":
        return as_json({**(about or {}), **page_of(request, name, rows, wanted)}, _caching(market))
    return Response(file_of(rows, wanted), media_type=MEDIA_TYPES[wanted.format], headers=_caching(market))


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


def page_of(request: Request, name: str, rows: pl.DataFrame, wanted: Wanted) -> dict[str, Any]:
    """The wanted rows under a name, how many there are, and the path of the next ones.

    Raises:
        ApiError: 422, the rows have no such column.
    """
    limit = wanted.limit or USUAL_ROWS
    part = _arranged(rows, wanted)[wanted.offset : wanted.offset + limit]
    end = wanted.offset + part.height
    following = request.url.include_query_params(limit=limit, offset=end)
    return {
        name: part.to_dicts(),
        "count": part.height,
        "total": rows.height,
        "next": f"{following.path}?{following.query}" if part.height > 0 and end < rows.height else None,
    }


def file_of(rows: pl.DataFrame, wanted: Wanted) -> bytes:
    """The wanted rows as CSV, Parquet or an Arrow stream; lists within a row are JSON in CSV.

    Raises:
        ApiError: 422, the rows have no such column.
    """
    part = _arranged(rows, wanted).slice(wanted.offset, wanted.limit)
    into = BytesIO()
    if wanted.format == "csv":
        nested = [name for name, kind in part.schema.items() if kind.is_nested()]
        encoded = (pl.Series(name, [json.dumps(value) for value in part[name].to_list()]) for name in nested)
        part.with_columns(*encoded).write_csv(into)
    elif wanted.format == "parquet":
        part.write_parquet(into)
    else:
        part.write_ipc_stream(into)
    return into.getvalue()


def _arranged(rows: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    sortable = [name for name, kind in rows.schema.items() if not kind.is_nested()]
    for parameter, names, known in (
        ("sort", [name for name, _ in wanted.sort], sortable),
        ("fields", wanted.fields, rows.columns),
    ):
        for name in names:
            if name not in known:
                raise ApiError(422, f"{parameter}: no column {name}{hint(name, known)}")
    if wanted.sort:
        columns, greatest_first = zip(*wanted.sort, strict=True)
        rows = rows.sort(columns, descending=list(greatest_first), nulls_last=True, maintain_order=True)
    return rows.select(list(dict.fromkeys(wanted.fields))) if wanted.fields else rows
