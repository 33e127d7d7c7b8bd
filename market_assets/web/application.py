"""The FastAPI application for everything under `/api`, and its OpenAPI document.

The document is FastAPI's, with ways to sign in, headers, examples and what properties mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from market_assets.api_client import answers
from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.tables import results as tables
from market_assets.store.tables.columns import COMMENTS
from market_assets.web.admin.router import admin_router
from market_assets.web.admin.services import Services
from market_assets.web.auth.cross_site import SESSION_COOKIE
from market_assets.web.auth.login import auth_router
from market_assets.web.errors import Error, Problem, add_error_handlers, plain_errors, problems
from market_assets.web.market.counted_postings import CountedPostings
from market_assets.web.market.router import market_router, unversioned_router
from market_assets.web.market.snapshot import SnapshotCache
from market_assets.web.pages import docs_router

DESCRIPTION = "The job market as it was counted at the last refresh, and the scheduler that counts it."
_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The access_token of POST /api/auth/login, or a personal access token",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "Set by the page /login; browsers only",
    },
}
#: By type of row, the table whose columns it has: their comments describe it in the OpenAPI document.
TABLE_OF: dict[str, sa.Table] = {
    "MarketSummary": tables.market_summary,
    "SkillDemand": tables.skill_demand,
    "SalaryPercentiles": tables.salary_statistics,
    "TrendingSkill": tables.trending_skills,
    "TrendMonth": tables.salary_trends,
    "HistoryMonth": tables.skill_history,
    "CoverageRow": tables.posting_coverage,
    "LocationSalaries": tables.location_salaries,
    "LocationValue": tables.location_salaries,
    "EmploymentSalaries": tables.employment_salaries,
    "IndustrySkill": tables.industry_skills,
    "RelatedSkill": tables.skill_relationships,
    "SkillInCommunity": tables.skill_communities,
    "OccupationValue": tables.occupation_demand,
    "OccupationDetail": tables.occupation_demand,
    "OccupationPay": tables.occupation_salaries,
    "OccupationSkill": tables.occupation_skills,
    "Recommendation": tables.skill_recommendations,
}
#: Of every answer to a user.
_RATE_HEADERS = {
    "RateLimit-Limit": "Requests that a user may send in a minute",
    "RateLimit-Remaining": "How many of them are left",
    "RateLimit-Reset": "Seconds until one more is left",
}
#: Properties of the market API's answers that are times.
_TIMES = ("as_of", "window_start", "recorded_at", "revised_at")
_EXAMPLES = Path(__file__).parent / "market" / "examples.yaml"
_WORDS = Path(__file__).with_name("property_descriptions.yaml")


def build_api(services: Services | None, settings: Settings, database: Database) -> FastAPI:
    """The application for `/api`; the guard has to be in front of it. Without services, the admin API fails."""
    api = FastAPI(
        title="market_assets",
        description=DESCRIPTION,
        version=version("market-assets"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.services = services
    api.state.settings = settings
    api.state.market = SnapshotCache(database, settings.taxonomy)
    api.state.postings = CountedPostings(database, settings.data_dir)
    for router in (auth_router, market_router, unversioned_router, docs_router):
        api.include_router(router, responses=problems())
    api.include_router(admin_router, responses=plain_errors())
    add_error_handlers(api)
    api.openapi = cache(partial(openapi_document, api))  # type: ignore[method-assign]
    return api


def openapi_document(api: FastAPI) -> dict[str, Any]:
    """The document of an application."""
    document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    components = document["components"]
    components["securitySchemes"] = _SECURITY_SCHEMES
    components["headers"] = {
        name: {"description": description, "schema": {"type": "integer"}}
        for name, description in _RATE_HEADERS.items()
    }
    schemas = components["schemas"]
    for model in (Error, Problem):
        schemas[model.__name__] = model.model_json_schema(mode="serialization")
    for name, example in yaml.safe_load(_EXAMPLES.read_text(encoding="utf-8")).items():
        # Not through the models: FastAPI leaves nulls out, in examples too.
        schemas[name]["example"] = example
    _describe(schemas)
    for response in _successes(document):
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_HEADERS}
    return document


def _describe(schemas: dict[str, dict[str, Any]]) -> None:
    """Describe the properties whose types leave that to their names, and those of answers to the last one."""
    words = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    for schema_name, schema in schemas.items():
        table = TABLE_OF.get(schema_name)
        columns = {column.name: column.comment for column in table.columns} if table is not None else {}
        of_schema = {name: words.get(f"{schema_name}.{name}") for name in schema.get("properties", {})}
        for name, described in schema.get("properties", {}).items():
            meaning = of_schema[name] or columns.get(name) or words.get(name) or COMMENTS.get(name)
            if meaning:
                described.setdefault("description", meaning)
            if name in _TIMES:
                for kind in described.get("anyOf", [described]):
                    kind |= {"format": "date-time"} if kind["type"] == "string" else {}
        if hasattr(answers, schema_name):
            schema["additionalProperties"] = False


def _successes(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status.startswith("2") and operation.get("security") != []:
                    yield response
