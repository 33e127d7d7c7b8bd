"""The OpenAPI document: how to sign in, and what an error looks like, said once for every operation."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from market_assets.web.auth.csrf import SESSION_COOKIE
from market_assets.web.market import models, together_models

SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access_token of POST /api/auth/login",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "Set by the page /login; browsers only",
    },
}
ERROR = {
    "type": "object",
    "title": "Error",
    "description": "Every answer that is not a success; some carry more beside it, such as run_id.",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
    "example": {"error": "Skill not found: Qbasic"},
}
_ERRORS = {"401": "Not signed in", "422": "The request is not as described here", "429": "Too many requests"}
#: FastAPI's own descriptions of a 422, which is not what this API answers.
_FASTAPI_ERRORS = ("HTTPValidationError", "ValidationError")
_METHODS = ("get", "put", "post", "delete", "patch")


def describe(api: FastAPI) -> None:
    """Have the application describe itself with this project's errors and ways to sign in."""

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _document(api)
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]


def _document(api: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    components = document.setdefault("components", {})
    components["securitySchemes"] = {**SECURITY_SCHEMES, **components.get("securitySchemes", {})}
    schemas = components.setdefault("schemas", {})
    for name in _FASTAPI_ERRORS:
        schemas.pop(name, None)
    schemas["Error"] = ERROR
    for name, schema in schemas.items():
        model = vars(models).get(name) or vars(together_models).get(name)
        if "example" in schema and model is not None:
            # FastAPI leaves nulls out, in examples too.
            schema["example"] = model.model_config["json_schema_extra"]["example"]
    document["security"] = [{name: []} for name in components["securitySchemes"]]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _describe_errors(path, operation)
    return document


def _describe_errors(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    meanings = {**_ERRORS, "default": "Any other error"}
    if path.startswith("/api/admin"):
        meanings["403"] = "Admin access required"
    if path.startswith("/api/auth/login"):
        operation["security"] = []
    for status, meaning in meanings.items():
        described = {"description": meaning, "content": {"application/json": {"schema": _ERROR_SCHEMA}}}
        if status == "422" or status not in responses:
            responses[status] = described


_ERROR_SCHEMA = {"$ref": "#/components/schemas/Error"}
