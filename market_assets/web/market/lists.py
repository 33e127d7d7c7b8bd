"""What every request for a list may ask: a page, an order, columns, a format; and how it is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from io import BytesIO
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant

from market_assets.web.errors import ApiError

MOST_ROWS, USUAL_ROWS = 500, 50
Format = Literal["json", "csv", "parquet", "arrow"]
#: Media type by format, the usual one first.
MEDIA_TYPES: dict[str, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
#: For the OpenAPI document, of each route that answers with a list.
FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in MEDIA_TYPES.values()
            if media_type != "application/json"
        }
    }
}


@dataclass(frozen=True)
class Wanted:
    """What a request wants of a list.

    Attributes:
        limit: the greatest number of rows; None: all in a file, `USUAL_ROWS` in JSON.
        offset: rows to leave out.
        sort: columns in the order of their weight, each with whether the greatest comes first.
        fields: the columns to keep; none: all.
        format: how the rows are written.
    """

    limit: int | None
    offset: int
    sort: tuple[tuple[str, bool], ...]
    fields: tuple[str, ...]
    format: Format


async def requested_list(
    request: Request,
    limit: Annotated[int | None, Query(ge=1, le=MOST_ROWS, description="The greatest number of rows")] = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000, description="Rows to leave out")] = 0,
    sort: Annotated[
        str | None, Query(max_length=200, description="Columns, with commas between; `-` first: greatest first")
    ] = None,
    fields: Annotated[
        str | None, Query(max_length=1000, description="Columns to keep, with commas between")
    ] = None,
    format: Annotated[Format | None, Query(description="Else by the header Accept, else JSON")] = None,
) -> Wanted:
    """The part of a list that a request is for."""
    order = tuple((column.removeprefix("-"), column.startswith("-")) for column in _split(sort))
    chosen = format or _accepted(request.headers.get("accept", ""))
    return Wanted(limit, offset, order, _split(fields), chosen)


ListRequest = Annotated[Wanted, Depends(requested_list)]


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a request whose query has a parameter that its route does not know.

    Raises:
        ApiError: 422, with the names that look alike.
    """
    known = _parameters(request.scope["route"].dependant)
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise ApiError(
            422, "; ".join(f"{name[:100]}: unknown parameter{_hint(name, known)}" for name in unknown[:5])
        )


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
                raise ApiError(422, f"{parameter}: no column {name}{_hint(name, known)}")
    if wanted.sort:
        columns, greatest_first = zip(*wanted.sort, strict=True)
        rows = rows.sort(columns, descending=list(greatest_first), nulls_last=True, maintain_order=True)
    return rows.select(list(dict.fromkeys(wanted.fields))) if wanted.fields else rows


def _split(value: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


def _accepted(accept: str) -> Format:
    """The first format of the header that there is; JSON where none is."""
    for part in accept.split(","):
        media_type = part.partition(";")[0].strip().lower()
        for name in ("json", "csv", "parquet", "arrow"):
            if MEDIA_TYPES[name] == media_type:
                return name
    return "json"


def _parameters(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*(_parameters(each) for each in dependant.dependencies))


def _hint(name: str, known: set[str] | list[str]) -> str:
    alike = get_close_matches(name[:100], sorted(known), n=1)
    return f"; did you mean {alike[0]}?" if alike else f" (known: {', '.join(sorted(known)) or 'none'})"
