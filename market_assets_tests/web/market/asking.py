"""Asking the market API, and what its tables hold."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import sqlalchemy as sa
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets.web.application import build_api
from market_assets.web.market.snapshot import TOP_LISTS
from market_assets_tests.web.market_tables import stored

API = "/api/v1/market"
Row = dict[str, Any]


def got(client: TestClient, path: str, **parameters: object) -> Row:
    answer = client.get(API + path, params=parameters)
    assert answer.status_code == 200, answer.text
    content: Row = answer.json()
    return content


@cache
def openapi_document() -> dict[str, Any]:
    settings = Settings(_env_file=None)
    return build_api(None, settings, Database(settings.market_url)).openapi()


def conforms(schema: str, content: Row) -> None:
    """Check that content is as the OpenAPI document describes it, without any other property."""
    Draft202012Validator({**openapi_document(), "$ref": f"#/components/schemas/{schema}"}).validate(content)


def walked(client: TestClient, path: str, name: str, **parameters: object) -> list[Row]:
    """All rows of a paged list, by following `next`."""
    page, rows = got(client, path, **parameters), []
    while True:
        assert page["count"] == len(page[name])
        rows += page[name]
        if page["next"] is None:
            assert page["total"] == len(rows)
            return rows
        answer = client.get(page["next"])
        assert answer.status_code == 200, answer.text
        page = answer.json()


def demand_rows(database: Database, industry: str | None) -> list[Row]:
    rows = stored(database, tables.skill_demand, tables.skill_demand.c.industry.is_not_distinct_from(industry))
    parsed = [{**row, **{name: json.loads(row[name]) for name in TOP_LISTS}} for row in rows]
    return sorted(parsed, key=lambda row: row["rank"])


def without(rows: list[Row], *names: str) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def skill_rows(database: Database, table: sa.Table, skill: str) -> list[Row]:
    return stored(database, table, table.c.skill == skill)
