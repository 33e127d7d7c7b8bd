"""How calls of the market API answer: as JSON, as files, or that the client's copy is current.

Answers to GETs are made once for all who ask, and kept until the next refresh; those of the pages too.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from io import BytesIO
from typing import Any, Protocol

import polars as pl
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json

from market_assets.web.errors import ApiError
from market_assets.web.market.requests import MEDIA_TYPES, USUAL_ROWS, Wanted, accepted, hint

#: Clients may keep a response, but ask each time whether it is still current.
CACHING = "private, no-cache"
#: Of the answers that are kept.
MOST_BYTES = 64 << 20
#: What an answer takes beside its body and its address, about.
_OVERHEAD = 2_000

#: The address that is asked for, and what else the answer depends on.
Key = tuple[str | bytes, ...]


class Snapshot(Protocol):
    """The state of the tables that requests are answered from: `snapshot.MarketSnapshot`."""

    etag: str
    answers: AnswerCache


class SnapshotRoute(APIRoute):
    """A route that is answered from the newest state of the tables, `request.state.market`.

    A GET is answered with what was made for the same address before, or 304 where the client's copy is current.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            market: Snapshot = await request.app.state.market.current()
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


def respond(market: Snapshot, content: Mapping[str, Any]) -> Response:
    """200 with the content."""
    return as_json(content, _caching(market))


def respond_list(
    request: Request,
    market: Snapshot,
    wanted: Wanted,
    name: str,
    rows: pl.DataFrame,
    about: Mapping[str, Any] | None = None,
) -> Response:
    """The wanted rows under a name, beside what the list is about; or as a file of rows alone."""
    if wanted.format == "json":
        return as_json({**(about or {}), **page_of(request, name, rows, wanted)}, _caching(market))
    return Response(file_of(rows, wanted), media_type=MEDIA_TYPES[wanted.format], headers=_caching(market))


def _caching(market: Snapshot) -> dict[str, str]:
    return {"ETag": market.etag, "Cache-Control": CACHING, "Vary": "Accept"}


def as_json(content: Mapping[str, Any], headers: dict[str, str] | None = None) -> Response:
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


class AnswerCache:
    """The answers that were made from one snapshot, which has the cache: a newer snapshot begins with none.

    For the event loop alone. An answer must not depend on who asks.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Keep the answers that were used last, up to so many bytes."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, Response] = OrderedDict()
        self._under_way: dict[Key, asyncio.Task[Response]] = {}

    async def answer(self, key: Key, make: Callable[[], Awaitable[Response]]) -> Response:
        """The answer to a request, which is never sent itself (`copied`): middleware adds headers to what is sent.

        Whoever asks while it is being made waits for the same one, and gets the same error; it is made to the end
        also when the first to ask has gone. Only successful answers are kept.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._under_way:
            task = asyncio.ensure_future(make())
            self._under_way[key] = task
            task.add_done_callback(lambda made: self._keep(key, made))
        return await asyncio.shield(self._under_way[key])

    def _keep(self, key: Key, made: asyncio.Task[Response]) -> None:
        del self._under_way[key]
        if made.cancelled() or made.exception() or made.result().status_code != 200:
            return
        self._kept[key] = made.result()
        self._bytes += _size(key, made.result())
        while self._bytes > self._most_bytes:
            self._bytes -= _size(*self._kept.popitem(last=False))


def copied(answer: Response, body: bytes | None = None) -> Response:
    """An answer to send, with the body of another or its own."""
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(bytes(answer.body) if body is None else body, answer.status_code, headers)


def _size(key: Key, answer: Response) -> int:
    return len(answer.body) + sum(map(len, key)) + _OVERHEAD
