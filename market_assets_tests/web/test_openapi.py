"""The OpenAPI document says what the API does: by its own examples, and by generated requests in every role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from market_assets.api_client import answers
from market_assets.web import errors
from market_assets.web.auth.cross_site import SESSION_COOKIE
from market_assets.web.errors import PROBLEM_TYPE
from market_assets_tests.web.market.asking import conforms
from market_assets_tests.web.market_tables import fill
from market_assets_tests.web.whole_process import ROLES, WholeProcess

DOCUMENT = "/api/openapi.json"
LOGOUT = "/api/auth/logout"
METHODS = ("get", "post", "put", "patch", "delete")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def market(web: WholeProcess) -> Iterator[WholeProcess]:
    """The process over a store with a market in it."""
    fill(web.database)
    yield web


def document_of(web: WholeProcess) -> dict[str, Any]:
    answer = web.signed_in("vic").get(DOCUMENT)
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> list[Operation]:
    return [
        (method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    ]


def test_it_says_how_to_sign_in_and_what_an_error_is(market: WholeProcess) -> None:
    document = document_of(market)
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["cookie"]["name"] == SESSION_COOKIE
    assert document["security"] == [{"bearer": []}, {"cookie": []}]
    assert document["paths"]["/api/auth/login"]["post"]["security"] == []
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for method, path, operation in operations(document):
        is_plain = path.startswith("/api/admin/")
        media_type, model = ("application/json", "Error") if is_plain else (PROBLEM_TYPE, "Problem")
        for status in ("401", "422", "429", "default"):
            content = operation["responses"][status]["content"][media_type]
            assert content["schema"] == {"$ref": f"#/components/schemas/{model}"}, (method, path, status)
            (vars(errors)[model]).model_validate(content["example"])
            assert is_plain or status == "default" or str(content["example"]["status"]) == status


def test_every_property_and_parameter_is_described(market: WholeProcess) -> None:
    document = document_of(market)
    for name, schema in document["components"]["schemas"].items():
        for named, described in schema.get("properties", {}).items():
            assert described.get("description"), (name, named)
    for method, path, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (method, path, parameter["name"])


def test_answers_of_the_market_have_what_is_described_alone_and_times_are_times(market: WholeProcess) -> None:
    schemas = document_of(market)["components"]["schemas"]
    described = {name: schema for name, schema in schemas.items() if hasattr(answers, name)}
    assert {name for name, schema in described.items() if schema["additionalProperties"] is not False} == set()
    assert {"MarketSummary", "SkillDemand", "SkillGap"} <= set(described)
    time = {"type": "string", "format": "date-time"}
    assert described["MarketSummary"]["properties"]["as_of"]["anyOf"] == [time, {"type": "null"}]
    assert described["HistoryMonth"]["properties"]["recorded_at"].items() >= time.items()


def test_answers_say_how_many_requests_are_left(market: WholeProcess) -> None:
    viewer = market.signed_in("vic")
    headers = [viewer.get(path).headers for path in ("/api/v1/market/summary", "/api/nothing")]
    left = [int(each["RateLimit-Remaining"]) for each in headers]
    assert left == [left[0], left[0] - 1]
    assert {int(each["RateLimit-Limit"]) for each in headers} == {1_000_000}
    assert all(0 <= int(each["RateLimit-Reset"]) <= 60 for each in headers)
    stated = document_of(market)["paths"]["/api/v1/market/summary"]["get"]["responses"]["200"]["headers"]
    assert set(stated) == {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}


def test_every_operation_is_described(market: WholeProcess) -> None:
    found = operations(document_of(market))
    assert len(found) > 20
    for method, path, operation in found:
        assert operation.get("description"), (method, path)
        assert operation["tags"], (method, path)
        assert {"200", "201", "202"} & set(operation["responses"]), (method, path)


def test_every_operation_of_the_market_works_by_its_example(market: WholeProcess) -> None:
    document = document_of(market)
    viewer = market.signed_in("vic")
    asked = 0
    for method, path, operation in operations(document):
        if not path.startswith("/api/v1/market"):
            continue
        examples = {
            (parameter["in"], parameter["name"]): parameter["schema"]["examples"][0]
            for parameter in operation.get("parameters", [])
            if "examples" in parameter["schema"]
        }
        for (where, name), value in examples.items():
            path = path.replace(f"{{{name}}}", quote(value, safe="")) if where == "path" else path
        query = {name: value for (where, name), value in examples.items() if where == "query"}
        answer = viewer.request(method, path, params=query, json=_body_example(document, operation))
        assert answer.status_code == 200, (method, path, answer.text)
        asked += 1
    assert asked == 22


def test_answers_show_an_example(market: WholeProcess) -> None:
    document = document_of(market)
    for method, path, operation in operations(document):
        if path.startswith("/api/v1/market"):
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            model = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            conforms(model["title"], model["example"])
            assert set(model["example"]) == set(model["properties"]), (method, path)


@pytest.mark.slow
def test_generated_requests(market: WholeProcess, thorough: bool) -> None:
    """Positive and negative requests to every operation, by each: no 5xx, and every answer as described."""
    # What nobody may ask for is asked for, call by call, in test_roles.py.
    names = (None, "vic", "ada") if thorough else ("vic", "ada")
    headers = {name: {"Authorization": f"Bearer {market.sign_in(name)}"} if name else {} for name in names}
    schema = schemathesis.openapi.from_dict(document_of(market))
    schema.app = market.process.application
    succeeded, found = set(), [result.ok() for result in schema.get_all_operations()]
    # Signing out ends the session of all the requests after it.
    for operation in sorted(found, key=lambda operation: operation.path == LOGOUT):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=25 if thorough else 4,
                deadline=None,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Case) -> None:
                # Nothing runs here that could be waited for.
                (case.query or {}).pop("wait", None)
                for name in names:
                    answer = case.call(base_url="http://localhost:3000", headers=headers[name])
                    case.validate_response(answer, checks=CHECKS)
                    if answer.status_code < 300:
                        succeeded.add((name, case.path))
                    if name is None and case.path != "/api/auth/login":
                        assert answer.status_code in (400, 401, 403), (case.method, case.path)
                    if ROLES.get(name or "") != "admin" and case.path.startswith("/api/admin"):
                        assert answer.status_code in (400, 401, 403), (case.method, case.path)

            ask()
    for name in names[-2:]:
        assert {(name, f"/api/v1/market/{path}") for path in ("summary", "skill-gap")} <= succeeded


def _body_example(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["example"]
