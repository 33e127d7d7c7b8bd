"""GraphQL by a viewer who means harm, against the real server: sizes, shapes, rates, subscriptions, refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLField, GraphQLString
from websockets import Subprotocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from market_assets.dagster_ext.graphql_documents import FOR_ADMINS
from market_assets.store import audit
from market_assets_tests.web.whole_process import UNLIMITED, WholeProcess, served, whole_process

PATIENCE_SECONDS = 300
VERSION = {"query": "{ version }"}


@pytest.fixture(scope="module")
def url(web: WholeProcess) -> Iterator[str]:
    with served(web.process) as url:
        yield url


def client_of(web: WholeProcess, url: str, name: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {web.sign_in(name)}"}
    return httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def viewer(web: WholeProcess, url: str) -> Iterator[httpx.Client]:
    with client_of(web, url, "vic") as client:
        yield client


@pytest.fixture(scope="module")
def admin(web: WholeProcess, url: str) -> Iterator[httpx.Client]:
    with client_of(web, url, "ada") as client:
        yield client


@pytest.fixture
def socket(viewer: httpx.Client) -> Iterator[ClientConnection]:
    with opened(viewer) as socket:
        yield socket


def opened(client: httpx.Client) -> ClientConnection:
    headers = {"Authorization": client.headers["Authorization"]}
    address = str(client.base_url.join("/graphql")).replace("http", "ws")
    return connect(address, subprotocols=[Subprotocol("graphql-ws")], additional_headers=headers)


def start(socket: ClientConnection, query: str, name: str = "1", **variables: Any) -> None:
    socket.send(json.dumps({"type": "start", "id": name, "payload": {"query": query, "variables": variables}}))


def answer(socket: ClientConnection) -> dict[str, Any]:
    received: dict[str, Any] = json.loads(socket.recv(PATIENCE_SECONDS))
    return received


# --- size and shape ----------------------------------------------------------------------------


def test_a_request_too_large_is_not_read(viewer: httpx.Client) -> None:
    refused = viewer.post("/graphql", json={**VERSION, "variables": {"x": "a" * 70_000}})
    assert refused.status_code == 413 and "larger than 65536 bytes" in refused.json()["error"]
    pieces = viewer.post(
        "/graphql", content=iter([b" " * 40_000] * 2), headers={"Content-Type": "application/json"}
    )
    assert pieces.status_code == 413 and "error" in pieces.json()


def test_a_message_too_large_ends_its_socket(socket: ClientConnection) -> None:
    with pytest.raises(ConnectionClosed) as ended:
        start(socket, "subscription { locationStateChangeEvents { __typename } }", x="a" * 70_000)
        socket.recv(PATIENCE_SECONDS)
    assert ended.value.rcvd is not None and ended.value.rcvd.code == 1009


NESTED = "{" + "repositoriesOrError{" * 40 + "__typename" + "}" * 40 + "}"
DOUBLED = "{...f0} " + "".join(
    f"fragment f{n} on Query{{a: x{{...f{n + 1}}} b: x{{...f{n + 1}}}}} " for n in range(14)
)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{" + "version " * 2_500 + "}", "2000 tokens"),
        ("{" + "#\n" * 200 + "version}", "comments"),
        ("{" + "a{" * 900 + "b" + "}" * 900 + "}", "nested too deeply"),
        (NESTED, "20 fields deep"),
        (DOUBLED + "fragment f14 on Query{version}", "2000 fields"),
    ],
    ids=["tokens", "comments", "nesting", "depth", "fragments"],
)
def test_a_document_too_large_is_not_validated(
    viewer: httpx.Client, socket: ClientConnection, query: str, said: str
) -> None:
    refused = viewer.post("/graphql", json={"query": query})
    assert refused.status_code == 400 and said in refused.json()["errors"][0]["message"]
    start(socket, query)
    received = answer(socket)
    assert received["type"] == "error" and said in received["payload"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b"1", b"null", b'"{version}"', b"{", b"", b"\xff", b'[{"query": "{version}"}]', b"{}"),
        *(b'{"query": 1}', b'{"query": null}', b'{"query": "{version}", "variables": []}'),
        *(b'{"query": "{version}", "variables": "[]"}', b'{"query": "{version}", "operationName": {}}'),
        *(b"[" * 60_000, b'{"query": "\\ud800"}', b'{"query": "{version}", "variables": {"a":' + b"[" * 50_000),
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)
def test_a_request_of_another_shape_is_the_callers_mistake(viewer: httpx.Client, body: bytes) -> None:
    refused = viewer.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 400 and refused.json()["error"]
    other = viewer.post("/graphql", content=body, headers={"Content-Type": "application/graphql"})
    assert other.status_code == 400


@pytest.mark.parametrize(
    "message",
    [
        *("[]", "1", "{}", "nonsense", '{"type": "start"}', '{"type": "start", "id": "1", "payload": {}}'),
        *('{"type": "start", "id": {}, "payload": {"query": "{version}"}}', '{"type": "x"}', "[" * 50_000),
        b"\x00",
    ],
    ids=lambda message: str(message)[:30],
)
def test_a_message_of_another_shape_ends_its_socket(socket: ClientConnection, message: str | bytes) -> None:
    socket.send(message)
    with pytest.raises(ConnectionClosed) as ended:
        socket.recv(PATIENCE_SECONDS)
    assert ended.value.rcvd is not None and ended.value.rcvd.code == 1007


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/logs",
            "/logs/",
            "/logs/x",
            "/logs/x.out",
            "/logs/x/out",
            "/logs//out",
            "/logs/a/b/c/err",
            "/logs/a/b",
        ),
        *(f"/logs/{'x' * 5_000}/out", "/logs/%00/out", "/logs/a/complete", "/logs/%0A/%F0%9F%94%91/out"),
        *("/download_debug/x", "/download_debug/%00", f"/download_debug/{'x' * 5_000}", "/download_debug/"),
    ],
    ids=lambda path: path[:30],
)
def test_files_that_are_not_there(viewer: httpx.Client, path: str) -> None:
    found = viewer.get(path)
    # Paths that Dagster has no route for are pages of its UI.
    is_page = path in ("/logs", "/download_debug/")
    assert found.status_code == (200 if is_page else 404)
    assert is_page or found.json()["error"]


@pytest.mark.parametrize("key", [["..", "..", "etc", "passwd"], ["\0"], [""], ["x" * 5_000], [], ["a/b"]], ids=str)
def test_logs_outside_the_folder_of_logs(viewer: httpx.Client, key: list[str]) -> None:
    query = "query ($key: [String!]!) { capturedLogs(logKey: $key) { stdout } }"
    refused = viewer.post("/graphql", json={"query": query, "variables": {"key": key}})
    assert refused.status_code == 400 and refused.json()["errors"][0]["message"] == "There is no such log"


# --- subscriptions -----------------------------------------------------------------------------

LOGS = "subscription ($key: [String!]!) { capturedLogs(logKey: $key) { stdout } }"
STATES = "subscription { locationStateChangeEvents { event { message } } }"


def log_folder(web: WholeProcess) -> Path:
    return Path(web.instance.compute_log_manager.get_captured_local_path(["any"], "out")).parent  # type: ignore[attr-defined]


def test_logs_that_nobody_wrote_leave_nothing(web: WholeProcess, socket: ClientConnection) -> None:
    threads = {thread.name for thread in threading.enumerate() if "Observer" in type(thread).__name__}
    before = sorted(log_folder(web).rglob("*")) if log_folder(web).exists() else []
    for number in range(30):
        start(socket, LOGS, str(number), key=[f"made-up-{number}", "compute_logs", "step"])
        received = answer(socket)
        assert received["type"] == "error" and "There is no such log" in str(received["payload"])
    assert (sorted(log_folder(web).rglob("*")) if log_folder(web).exists() else []) == before
    assert {thread.name for thread in threading.enumerate() if "Observer" in type(thread).__name__} == threads


def test_a_log_that_a_step_wrote(web: WholeProcess, viewer: httpx.Client, socket: ClientConnection) -> None:
    folder = log_folder(web) / "a-run" / "compute_logs"
    folder.mkdir(parents=True)
    for extension, content in {"out": "printed", "err": "", "complete": ""}.items():
        (folder / f"step.{extension}").write_text(content)
    start(socket, LOGS, key=["a-run", "compute_logs", "step"])
    assert answer(socket)["payload"]["data"] == {"capturedLogs": {"stdout": "printed"}}
    assert viewer.get("/logs/a-run/compute_logs/step/out").text == "printed"


@pytest.mark.parametrize(
    "query",
    [
        *("{ version }", "mutation { setNuxSeen }", "fragment a on Subscription { __typename }"),
        "subscription { a: locationStateChangeEvents { __typename } b: locationStateChangeEvents { __typename } }",
        "subscription { ...a } fragment a on Subscription { locationStateChangeEvents { __typename } }",
        "subscription { brandNew }",
    ],
)
def test_only_a_known_subscription_is_answered(socket: ClientConnection, query: str) -> None:
    start(socket, query)
    received = answer(socket)
    assert received["type"] == "error" and "one known subscription" in received["payload"]["message"]


def test_a_user_has_fifty_subscriptions(viewer: httpx.Client, admin: httpx.Client) -> None:
    with opened(viewer) as socket, opened(viewer) as other, opened(admin) as another:
        for number in range(50):
            start(socket, STATES, str(number))
        socket.send('{"type": "connection_init"}')
        assert answer(socket) == {"type": "connection_ack"}
        start(other, STATES)
        assert "50 subscriptions" in answer(other)["payload"]["message"]
        start(another, STATES)
        another.send('{"type": "connection_init"}')
        assert answer(another) == {"type": "connection_ack"}


def test_a_user_has_fifty_websockets(web: WholeProcess, url: str, viewer: httpx.Client) -> None:
    web.add_user("zoe", "viewer")
    with client_of(web, url, "zoe") as zoe, ExitStack() as held:
        for _ in range(50):
            held.enter_context(opened(zoe))
        with pytest.raises(InvalidStatus) as refused:
            opened(zoe)
        assert refused.value.response.status_code == 429
        with opened(viewer):
            pass


# --- rates, time -------------------------------------------------------------------------------


def test_one_user_does_not_take_the_threads_of_all(
    web: WholeProcess, url: str, viewer: httpx.Client, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    def wait(*_: Any) -> str:
        entered.release()
        go_on.wait(PATIENCE_SECONDS)
        return "1"

    version = web.process.webserver.schema.graphql_schema.query_type.fields["version"]
    monkeypatch.setattr(version, "resolve", wait)
    many = httpx.Limits(max_connections=60)
    with httpx.Client(base_url=url, headers=viewer.headers, limits=many, timeout=PATIENCE_SECONDS) as client:
        with ThreadPoolExecutor(50) as pool:
            asked = [pool.submit(client.post, "/graphql", json=VERSION) for _ in range(50)]
            try:
                entered.acquire(timeout=PATIENCE_SECONDS)
                assert admin.post("/graphql", json={"query": "{ __typename }"}).status_code == 200
                assert web.sign_in("ada")
            finally:
                go_on.set()
        statuses = [one.result().status_code for one in asked]
    assert set(statuses) == {200, 429} and statuses.count(200) <= 44


def test_an_operation_ends_in_time(
    web: WholeProcess, viewer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web.process.webserver, "_seconds", -1.0)
    late = viewer.post("/graphql", json={"query": "{ a: version b: repositoriesOrError { __typename } }"})
    assert (late.status_code, late.json()["error"]) == (504, "This took longer than -1 seconds")


def test_operations_are_counted_by_user(tmp_path: Path) -> None:
    limits = replace(UNLIMITED, graphql="6/minute")
    with whole_process(tmp_path, limits) as web, served(web.process) as url, client_of(web, url, "vic") as viewer:
        assert [viewer.post("/graphql", json=VERSION).status_code for _ in range(4)] == [200] * 4
        with opened(viewer) as socket:
            for _ in range(2):
                socket.send('{"type": "connection_init"}')
                assert answer(socket) == {"type": "connection_ack"}
            socket.send('{"type": "connection_init"}')
            with pytest.raises(ConnectionClosed) as ended:
                socket.recv(PATIENCE_SECONDS)
        assert ended.value.rcvd is not None and ended.value.rcvd.code == 1013
        refused = viewer.post("/graphql", json=VERSION)
        assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
        with client_of(web, url, "ada") as admin:
            assert admin.post("/graphql", json=VERSION).status_code == 200


# --- what viewers may not ask ------------------------------------------------------------------


def test_many_refused_mutations_leave_one_entry(web: WholeProcess, viewer: httpx.Client) -> None:
    newest = audit.read(web.engine, limit=1)[0]["audit_id"]
    many = " ".join(f'a{number}: deletePipelineRun(runId: "x") {{ __typename }}' for number in range(150))
    refused = viewer.post("/graphql", json={"query": f"mutation {{ {many} }}"})
    assert (refused.status_code, refused.json()["error"]) == (403, "Admin access required")
    entries = [entry for entry in audit.read(web.engine, limit=9) if entry["audit_id"] > newest]
    assert [(one["who"], one["action"], one["result"]) for one in entries] == [
        ("vic", "ui.deletePipelineRun", "refused")
    ]


@pytest.mark.parametrize(
    "query",
    [
        "mutation { brandNew }",
        "mutation { a: setNuxSeen b: brandNew }",
        "mutation { ...a } fragment a on Mutation { brandNew }",
        "mutation { ... on Mutation { brandNew } }",
        "query a { version } mutation b { brandNew }",
    ],
)
def test_a_mutation_that_nobody_has_opened_is_closed(
    web: WholeProcess, viewer: httpx.Client, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    mutations = web.process.webserver.schema.graphql_schema.mutation_type.fields
    called = []
    new = GraphQLField(GraphQLString, resolve=lambda *_: called.append(1))
    monkeypatch.setitem(mutations, "brandNew", new)
    asked = {"query": query, "operationName": "b" if "query a" in query else None}
    assert viewer.post("/graphql", json=asked).status_code == 403
    assert not called
    assert admin.post("/graphql", json=asked).status_code == 200
    assert called


def test_harmless_mutations_are_open(viewer: httpx.Client) -> None:
    assert viewer.post("/graphql", json={"query": "mutation { setNuxSeen }"}).json()["data"] == {
        "setNuxSeen": True
    }


PLAN = """query ($pipeline: PipelineSelector!, $config: RunConfigData!) {
  x: %s(pipeline: $pipeline, mode: "default", runConfigData: $config) { __typename }
}"""
SCHEMA = """query ($pipeline: PipelineSelector!, $config: RunConfigData!) {
  runConfigSchemaOrError(selector: $pipeline) {
    ... on RunConfigSchema { isRunConfigValid(runConfigData: $config) { __typename } }
  }
}"""


@pytest.mark.parametrize("field", sorted(FOR_ADMINS))
def test_viewers_try_no_run_config_and_so_learn_no_variable(
    viewer: httpx.Client, admin: httpx.Client, field: str
) -> None:
    selector = {
        "pipelineName": "refresh_market_stats",
        "repositoryName": "__repository__",
        "repositoryLocationName": "market_assets",
    }
    query = SCHEMA if field == "isRunConfigValid" else PLAN % field
    asked = {"query": query, "variables": {"pipeline": selector, "config": {}}}
    refused = viewer.post("/graphql", json=asked)
    assert (refused.status_code, refused.json()["error"]) == (403, "Admin access required")
    assert admin.post("/graphql", json=asked).status_code == 200
