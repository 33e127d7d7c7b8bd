"""What nobody, a viewer and an admin may do: every route of the process, every mutation of GraphQL.

Both tables are made from what the process really serves: a route or a mutation that a new version of Dagster
brings is in them at once, and must be closed until it is named here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.workspace.permissions import Permissions
from dagster._daemon.asset_daemon import get_auto_materialize_paused
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
)
from starlette.routing import Mount
from starlette.testclient import TestClient, WebSocketDenialResponse

from market_assets.dagster_ext.graphql_documents import HARMLESS_MUTATIONS
from market_assets.store import audit
from market_assets.web.errors import NOT_ADMIN
from market_assets_tests.web.whole_process import LOCATION, SITE, WholeProcess, whole_process

ROLES = {"nobody": None, "viewer": "vic", "admin": "ada"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READING = ("GET", "HEAD", "OPTIONS")

#: What nobody may ask for. `/metrics` is asked for from elsewhere here.
OPEN = {"/health", "/health/live", "/login", "/api/auth/login"}
#: What a viewer may POST: none of it changes anything of the market or the scheduler.
VIEWERS_POSTS = {
    *("/graphql", "/logout", "/api/auth/refresh", "/api/auth/logout"),
    *("/api/v1/market/skill-gap", "/api/v1/market/recommendations"),
}
#: What Dagster lets nobody do: components that are edited in its cloud alone, and partitions of definitions
#: that the project doesn't have.
NOBODYS_MUTATIONS = {
    *("setAppManagedComponent", "deleteAppManagedComponent"),
    *("addDynamicPartition", "deleteDynamicPartitions"),
}
#: After these, code that is loaded in the same process is gone.
ENDING_MUTATIONS = {"reloadRepositoryLocation", "reloadWorkspace", "shutdownRepositoryLocation"}


def routes_of(web: WholeProcess) -> list[tuple[str, bool]]:
    """Every path of the process, and whether it is a WebSocket's, with names in place of parameters."""
    found: list[tuple[str, bool]] = []

    def walk(routes: Any, prefix: str = "") -> None:
        for route in routes:
            included = getattr(route, "original_router", None)
            if included is not None:
                walk(included.routes, prefix + route.include_context.prefix)
            elif isinstance(route, Mount):
                if route.app is not web.process.dagster:
                    found.append((f"{route.path}/any/file.js", False))
            else:
                found.append((prefix + route.path, not hasattr(route, "methods")))

    process = web.process
    for application in (process.pages, process.market_pages, process.dagster, process.api):
        walk(application.routes)
    return [(named(path), is_socket) for path, is_socket in dict.fromkeys(found)]


def named(path: str) -> str:
    parts = path.split("{")
    return parts[0] + "".join(f"any{part.split('}', 1)[1]}" for part in parts[1:])


def expected(path: str, method: str, role: str) -> int | None:
    """401, 403, or None where the request goes through to whatever answers it."""
    if path in OPEN:
        return None
    if role == "nobody":
        return 401
    if role == "admin":
        return None
    if path.startswith("/api/admin/"):
        return 403
    is_of_tokens = path.startswith("/api/auth/tokens")
    return None if method in READING or path in VIEWERS_POSTS or is_of_tokens else 403


@pytest.fixture(scope="module")
def clients(web: WholeProcess) -> dict[str, TestClient]:
    return {role: web.signed_in(name, "203.0.113.9") for role, name in ROLES.items()}


def test_every_route_by_every_role(web: WholeProcess, clients: dict[str, TestClient]) -> None:
    routes = [path for path, is_socket in routes_of(web) if not is_socket]
    for known in ("/graphql", "/logs/any", "/download_debug/any", "/report_asset_check/any", "/metrics", "/"):
        assert known in routes
    assert {path for path in routes if path.startswith("/api/admin/")} and "/api/docs" in routes
    wrong = []
    for path in routes:
        for role in ROLES:
            # Signing out ends the session that the others use, and at the pages wants the form's token.
            client = web.signed_in(ROLES[role], "203.0.113.9") if "logout" in path else clients[role]
            for method in METHODS if "logout" not in path else ("GET", "PUT"):
                status = client.request(method, path).status_code
                wanted = expected(path, method, role)
                # Signed in or not, the form of the login page is refused for want of its token.
                refused = status in (401, 403) and (method, path) != ("POST", "/login")
                if refused != (wanted is not None) or wanted not in (None, status):
                    wrong.append((role, method, path, status, wanted))
                if status == 500:
                    wrong.append((role, method, path, status, wanted))
    assert wrong == []


def test_every_route_by_a_viewers_browser(web: WholeProcess) -> None:
    """By cookie, the same: and without the signs of a page of this site, nothing that changes anything."""
    browser = web.browser("vic")
    signs = {"Origin": SITE, "X-CSRF-Token": browser.cookies["market_assets_csrf"]}
    for path, is_socket in routes_of(web):
        if is_socket or path in OPEN or "logout" in path:
            continue
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert browser.request(method, path).status_code == 403, (method, path)
            refused = browser.request(method, path, headers=signs).status_code == 403
            assert refused == (expected(path, method, "viewer") == 403), (method, path)


def test_every_websocket_by_every_role(web: WholeProcess, clients: dict[str, TestClient]) -> None:
    sockets = [path for path, is_socket in routes_of(web) if is_socket]
    assert "/graphql" in sockets and any(path.startswith("/api/admin/") for path in sockets)
    for path in sockets:
        for role, client in clients.items():
            status = None
            try:
                with client.websocket_connect(path):
                    pass
            except WebSocketDenialResponse as denied:
                status = denied.status_code
            assert status == expected(path, "GET", role), (path, role)


# --- GraphQL -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Things:
    """What mutations are asked about: real ones, so that only the role can be the obstacle."""

    run_id: str
    backfill_id: str
    ended_backfill_id: str
    schedule_id: str
    sensor: str
    sensor_id: str


@pytest.fixture(scope="module")
def things(web: WholeProcess) -> Things:
    return real_things(web)


def real_things(web: WholeProcess) -> Things:
    admin = web.signed_in("ada")
    listed = ask(admin, LISTED)
    (repository,) = listed["data"]["repositoriesOrError"]["nodes"]
    launched = ask(admin, LAUNCH, parameters=launch_parameters())["data"]["launchRun"]
    backfills = [
        ask(admin, BACKFILL, parameters=backfill_parameters())["data"]["launchPartitionBackfill"]["backfillId"]
        for _ in range(2)
    ]
    ended = web.instance.get_backfill(backfills[1])
    assert ended is not None
    web.instance.update_backfill(ended.with_status(BulkActionStatus.FAILED))
    schedule, sensor = repository["schedules"][0], repository["sensors"][0]
    return Things(launched["run"]["runId"], *backfills, schedule["id"], sensor["name"], sensor["id"])


LISTED = """{ repositoriesOrError { ... on RepositoryConnection {
  nodes { schedules { id name } sensors { id name } }
} } }"""
LAUNCH = """mutation ($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) { __typename ... on LaunchRunSuccess { run { runId } } }
}"""
BACKFILL = """mutation ($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) { __typename ... on LaunchBackfillSuccess { backfillId } }
}"""
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION}


def launch_parameters(*tags: tuple[str, str]) -> dict[str, Any]:
    return {
        "selector": {**REPOSITORY, "jobName": "refresh_market_stats"},
        "runConfigData": {},
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags]},
    }


def backfill_parameters(*tags: tuple[str, str]) -> dict[str, Any]:
    return {
        "selector": {
            "partitionSetName": "daily_sample_ingestion_partition_set",
            "repositorySelector": REPOSITORY,
        },
        # Today, which is a partition whenever the test is run.
        "partitionNames": [f"{datetime.now(UTC):%Y-%m-%d}"],
        "tags": [{"key": key, "value": value} for key, value in tags],
    }


def ask(client: TestClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = client.post("/graphql", json={"query": query, "variables": variables})
    body: dict[str, Any] = answer.json()
    return body


def value_of(kind: GraphQLInputType, name: str, things: Things) -> Any:
    """A value of an input type that names something real."""
    if isinstance(kind, GraphQLNonNull):
        return value_of(kind.of_type, name, things)
    if name in ("executionParams", "executionParamsList"):
        return launch_parameters() if name == "executionParams" else [launch_parameters()]
    if name == "backfillParams":
        return backfill_parameters()
    if isinstance(kind, GraphQLList):
        return [value_of(kind.of_type, name, things)]
    if isinstance(kind, GraphQLEnumType):
        return "ALL_STEPS" if name == "strategy" else next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        required = {key: field for key, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)}
        return {key: value_of(field.type, key, things) for key, field in required.items()}
    texts = {
        **REPOSITORY,
        "locationName": LOCATION,
        "scheduleName": "refresh_market_stats_schedule",
        "sensorName": things.sensor,
        "path": "market_summary",
        **dict.fromkeys(("runId", "runIds", "parentRunId"), things.run_id),
        "backfillId": things.backfill_id,
        "clientTime": "0",
        **dict.fromkeys(("metadata", "attributes"), "{}"),
    }
    plain = {"Boolean": True, "Int": 1, "Float": 1_780_000_000.0}
    return plain.get(kind.name, texts.get(name, "any"))


def call(web: WholeProcess, name: str, things: Things) -> tuple[str, dict[str, Any]]:
    """The text and the variables of a mutation, with every argument that it takes."""
    schema = web.process.webserver.schema.graphql_schema
    field = schema.mutation_type.fields[name]
    wanted = {argument: kind.type for argument, kind in field.args.items() if argument not in OTHER_WAYS}
    if "reexecutionParams" in wanted:
        wanted.pop("executionParams", None)
    variables = {argument: value_of(kind, argument, things) for argument, kind in wanted.items()}
    if "id" in variables:
        variables["id"] = things.schedule_id if name == "stopRunningSchedule" else things.sensor_id
    if name == "reexecutePartitionBackfill":
        variables["reexecutionParams"]["parentRunId"] = things.ended_backfill_id
    declared = ", ".join(f"${argument}: {kind}" for argument, kind in wanted.items())
    passed = ", ".join(f"{argument}: ${argument}" for argument in wanted)
    head = f"mutation ({declared}) {{ {name}({passed})" if wanted else f"mutation {{ {name}"
    return f"{head} {selection(schema, field.type)} }}", variables


#: Other ways to name what another argument of the same mutation names.
OTHER_WAYS = {"scheduleOriginId", "scheduleSelectorId", "jobOriginId", "jobSelectorId"}


def selection(schema: Any, kind: Any, depth: int = 2) -> str:
    """What to ask of a result: its type, its message, and the same of the results in it."""
    named_type = get_named_type(kind)
    if isinstance(named_type, GraphQLScalarType | GraphQLEnumType):
        return ""
    possible = schema.get_possible_types(named_type) if isinstance(named_type, GraphQLUnionType) else [named_type]
    parts = ["__typename"]
    for one in possible:
        fields = getattr(one, "fields", {})
        if "message" in fields:
            parts.append(f"... on {one.name} {{ {one.name}: message }}")
        for inner, field in fields.items():
            if (
                depth
                and isinstance(get_named_type(field.type), GraphQLUnionType)
                and inner.endswith(INNER_RESULTS)
            ):
                parts.append(f"... on {one.name} {{ {inner} {selection(schema, field.type, depth - 1)} }}")
    return f"{{ {' '.join(parts)} }}"


#: Where a mutation about several things has the results of each.
INNER_RESULTS = ("Result", "Results")


def state_of(instance: dg.DagsterInstance) -> Any:
    """Everything in Dagster's instance that a mutation may change."""
    return (
        sorted((run.run_id, run.status, str(run.tags)) for run in instance.get_runs()),
        sorted((str(state.selector_id), str(state.status)) for state in instance.all_instigator_state()),
        sorted((job.backfill_id, job.status) for job in instance.get_backfills()),
        sorted(map(str, instance.all_asset_keys())),
        sorted(instance.event_log_storage.get_concurrency_keys()),
        get_auto_materialize_paused(instance),
        instance.get_dynamic_partitions("any"),
        sum(len(instance.all_logs(run.run_id)) for run in instance.get_runs()),
    )


def mutations_of(web: WholeProcess) -> Iterator[str]:
    yield from web.process.webserver.schema.graphql_schema.mutation_type.fields


def is_refused(answer: dict[str, Any]) -> bool:
    """Whether it was refused for want of a permission; of admins' mutations Dagster refuses some itself."""
    return answer.get("error") == NOT_ADMIN or "Unauthorized" in str(answer)


def test_a_viewer_can_run_no_mutation(web: WholeProcess, clients: dict[str, TestClient], things: Things) -> None:
    names = list(mutations_of(web))
    assert {"launchRun", "startSchedule", "wipeAssets", "deleteRun", *HARMLESS_MUTATIONS} <= set(names)
    before = state_of(web.instance)
    allowed = []
    for name in names:
        query, variables = call(web, name, things)
        answer = ask(clients["viewer"], query, **variables)
        assert "Variable" not in str(answer) and "Syntax" not in str(answer), (name, answer)
        if not is_refused(answer):
            allowed.append(name)
    assert set(allowed) == HARMLESS_MUTATIONS
    assert state_of(web.instance) == before


def test_nobody_can_run_any(web: WholeProcess, clients: dict[str, TestClient], things: Things) -> None:
    before = state_of(web.instance)
    for name in mutations_of(web):
        query, variables = call(web, name, things)
        for content in ({"json": {"query": query, "variables": variables}}, {"params": {"query": query}}):
            answer = clients["nobody"].post("/graphql", **content)
            assert (answer.status_code, answer.json()["error"]) == (401, "Sign in first")
    assert state_of(web.instance) == before


def test_no_mutation_by_get(web: WholeProcess, clients: dict[str, TestClient], things: Things) -> None:
    before = state_of(web.instance)
    for name in mutations_of(web):
        query, variables = call(web, name, things)
        asked = {"query": query, "variables": json.dumps(variables)}
        assert clients["admin"].get("/graphql", params=asked).status_code == 405
        page = clients["admin"].get("/graphql", params=asked, headers={"Accept": "text/html"})
        assert page.headers["content-type"].startswith("text/html")
    assert state_of(web.instance) == before


def test_an_admin_is_refused_none(tmp_path: Path) -> None:
    """In a process of its own, since some of them take its code away."""
    with whole_process(tmp_path) as web:
        things, admin = real_things(web), web.signed_in("ada")
        refused = set()
        for name in sorted(mutations_of(web), key=lambda name: name in ENDING_MUTATIONS):
            query, variables = call(web, name, things)
            answer = ask(admin, query, **variables)
            assert "Variable" not in str(answer) and "Syntax" not in str(answer), (name, answer)
            if is_refused(answer):
                refused.add(name)
        assert refused == NOBODYS_MUTATIONS


def test_the_ui_gets_the_permissions_by_which_it_greys_buttons(clients: dict[str, TestClient]) -> None:
    query = "{ permissions { permission value disabledReason } }"
    viewers = ask(clients["viewer"], query)["data"]["permissions"]
    admins = ask(clients["admin"], query)["data"]["permissions"]
    assert {entry["permission"] for entry in viewers} == {str(permission) for permission in Permissions}
    assert [entry for entry in viewers if entry["value"]] == []
    assert {entry["disabledReason"] for entry in viewers} == {"Disabled by your administrator"}
    assert [entry["permission"] for entry in admins if not entry["value"]] == ["edit_app_managed_components"]


def test_a_request_that_nobody_made_may_change_nothing(web: WholeProcess) -> None:
    context = web.process.services.context.create_request_context()
    assert context.read_only and not any(result.enabled for result in context.permissions.values())


# --- who did it --------------------------------------------------------------------------------


def tags_of(web: WholeProcess, run_id: str) -> dict[str, str]:
    run = web.instance.get_run_by_id(run_id)
    assert run is not None
    return dict(run.tags)


TAG = "market_assets/triggered_by"


def test_runs_are_tagged_with_who_started_them(web: WholeProcess, clients: dict[str, TestClient]) -> None:
    parameters = launch_parameters((TAG, "api:somebody"), ("team", "blue"), (TAG, "schedule"))
    launched = ask(clients["admin"], LAUNCH, parameters=parameters)["data"]["launchRun"]["run"]["runId"]
    tags = tags_of(web, launched)
    assert (tags[TAG], tags["team"]) == ("ui:ada", "blue")
    written = """mutation { launchRun(executionParams: { selector: {
        repositoryName: "__repository__", repositoryLocationName: "market_assets", jobName: "cleanup_old_data"
    } }) { ... on LaunchRunSuccess { run { runId } } } }"""
    inline = ask(clients["admin"], written)["data"]["launchRun"]["run"]["runId"]
    assert tags_of(web, inline)[TAG] == "ui:ada"


def test_backfills_and_repeated_runs_are_tagged_too(web: WholeProcess, clients: dict[str, TestClient]) -> None:
    started = ask(clients["admin"], BACKFILL, parameters=backfill_parameters((TAG, "schedule")))
    backfill = web.instance.get_backfill(started["data"]["launchPartitionBackfill"]["backfillId"])
    assert backfill is not None and backfill.tags[TAG] == "ui:ada"
    run_id = ask(clients["admin"], LAUNCH, parameters=launch_parameters())["data"]["launchRun"]["run"]["runId"]
    run = web.instance.get_run_by_id(run_id)
    assert run is not None
    web.instance.report_run_failed(run)
    repeat = """mutation ($again: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $again) {
        __typename ... on LaunchRunSuccess { run { runId } } } }"""
    extra = [{"key": TAG, "value": "cli"}]
    again = {"parentRunId": run_id, "strategy": "ALL_STEPS", "extraTags": extra}
    answer = ask(clients["admin"], repeat, again=again)["data"]["launchRunReexecution"]
    assert tags_of(web, answer["run"]["runId"])[TAG] == "ui:ada"


def test_what_a_viewer_may_not_send_is_written_down(web: WholeProcess, clients: dict[str, TestClient]) -> None:
    assert clients["viewer"].post("/api/admin/scheduler/stop").status_code == 403
    assert clients["viewer"].get("/api/admin/audit").status_code == 403
    (entry,) = audit.read(web.engine, limit=1)
    assert (entry["who"], entry["action"], entry["result"]) == ("vic", "request", "refused")
    assert entry["target"] == "POST /api/admin/scheduler/stop"


def test_what_the_ui_changes_is_written_down(web: WholeProcess, clients: dict[str, TestClient]) -> None:
    selector = {**REPOSITORY, "scheduleName": "cleanup_old_data_schedule"}
    start = "mutation ($s: ScheduleSelector!) { startSchedule(scheduleSelector: $s) { __typename } }"
    for role in ("viewer", "admin"):
        ask(clients[role], start, s=selector)
    ask(clients["admin"], "{ version }")
    many = "mutation ($l: [ExecutionParams!]!) { launchMultipleRuns(executionParamsList: $l) { __typename } }"
    ask(clients["viewer"], many, l=[launch_parameters()])
    clients["admin"].post("/report_asset_materialization/outside/table")
    clients["viewer"].post("/report_asset_materialization/outside/table")
    entries = audit.read(web.engine, limit=5)
    assert [(entry["who"], entry["action"], entry["result"]) for entry in reversed(entries)] == [
        ("vic", "ui.startSchedule", "refused"),
        ("ada", "ui.startSchedule", "ok"),
        ("vic", "ui.launchMultipleRuns", "refused"),
        ("ada", "ui.report_asset_materialization", "ok"),
        ("vic", "request", "refused"),
    ]
    assert {entry["address"] for entry in entries} == {"203.0.113.9"}
    assert "cleanup_old_data_schedule" in entries[3]["target"]
    assert entries[1]["target"] == "outside/table"
    assert entries[0]["target"] == "POST /report_asset_materialization/outside/table"
