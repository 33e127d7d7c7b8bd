"""The OpenAPI document: FastAPI's, with ways to sign in, errors, headers, examples and what properties mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from market_assets.api_client import answers
from market_assets.store.tables import results as tables
from market_assets.store.tables.columns import COMMENTS
from market_assets.web.auth.cross_site import SESSION_COOKIE
from market_assets.web.errors import NOT_SIGNED_IN, PROBLEM_TYPE, Error, Problem, problem_of

Responses = dict[int | str, dict[str, Any]]
#: By status: a description, the status of the example, and what is wrong in it.
Errors = dict[int | str, tuple[str, int, str]]

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
#: What every call may answer.
_ERRORS: Errors = {
    401: ("Not signed in", 401, NOT_SIGNED_IN),
    422: ("The request is not as described here", 422, "limit: Input should be greater than or equal to 1"),
    429: ("Too many requests", 429, "Too many requests: try again in 12 s"),
    "default": ("Any other error", 503, "The market database does not answer"),
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


def problems(**others: tuple[str, int, str]) -> Responses:
    """The errors of calls that answer with problems; `others` are further ones, by `_` and the status."""
    further: Errors = {int(status.removeprefix("_")): error for status, error in others.items()}
    stated: Errors = {**_ERRORS, **further}
    return {
        status: _error(description, PROBLEM_TYPE, "Problem", problem_of(code, error))
        for status, (description, code, error) in stated.items()
    }


def plain_errors() -> Responses:
    """The errors of the admin calls."""
    return {
        status: _error(description, "application/json", "Error", {"error": error})
        for status, (description, _code, error) in _ERRORS.items()
    }


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


def _error(description: str, media_type: str, model: str, example: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"description": description, "content": {media_type: {"schema": schema, "example": example}}}


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
