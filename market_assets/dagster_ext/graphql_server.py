"""Dagster's GraphQL within bounds: requests of bounded size, rate and time, and by the roles of users.

Dagster's own server takes documents of any size, reads those of WebSockets on the event loop, works for one user
in as many threads as there are, answers a request of another shape with status 500, and looks for captured logs
under any name. `market_assets_tests/web/test_graphql_limits.py` shows each of these against the running process.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from anyio import CapacityLimiter, to_thread
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster_webserver.graphql import _handle_async_results
from dagster_webserver.webserver import DagsterWebserver
from graphql import ExecutionResult, GraphQLError, GraphQLFormattedError, subscribe
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from market_assets.dagster_ext.graphql_documents import GraphqlRequest, SocketMessage, read_document
from market_assets.dagster_ext.workspace import MarketProcessContext, MarketRequestContext

NOT_ADMIN = "Admin access required"
#: Of all users, and of one. Python computes in one at a time; more only wait for databases.
_THREADS, _THREADS_OF_USER = 16, 2
_MOST_WAITING = 40
_MOST_SUBSCRIPTIONS = 50
#: Of each stream, and of the mark that a step has ended.
STREAMS = ("out", "err")
_EXTENSIONS = (*STREAMS, "complete")
_LONGEST_KEY = 1_000
#: A WebSocket's close codes: the message is none; come back later.
_NOT_UNDERSTOOD, _TRY_AGAIN_LATER = 1007, 1013

#: The seconds that the user of a connection has to wait, where this operation is one too many; else None.
WaitOf = Callable[[HTTPConnection], int | None]


class GraphqlServer(DagsterWebserver[MarketProcessContext, MarketRequestContext]):
    """Dagster's web server with bounds on `/graphql`."""

    def __init__(self, process_context: MarketProcessContext, wait_of: WaitOf, seconds: float) -> None:
        """Prepare it.

        Args:
            process_context: the instance and code locations to serve.
            wait_of: counts the operations of each user.
            seconds: the longest that an operation may take.
        """
        self._wait_of = wait_of
        self._seconds = seconds
        self._threads = CapacityLimiter(_THREADS)
        self._threads_of: defaultdict[str, CapacityLimiter] = defaultdict(
            partial(CapacityLimiter, _THREADS_OF_USER)
        )
        self._subscriptions: Counter[str] = Counter()
        # Milliseconds between the UI's requests for news, as in `dagster-webserver`.
        super().__init__(process_context, live_data_poll_rate=2000)

    @abstractmethod
    def record_refusal(self, context: MarketRequestContext, fields: Sequence[str]) -> None:
        """Record that a viewer asked for what is for admins."""

    def build_graphql_schema(self) -> Any:
        schema = super().build_graphql_schema()
        query, subscription = schema.graphql_schema.query_type, schema.graphql_schema.subscription_type
        for name in ("capturedLogs", "capturedLogsMetadata"):
            query.fields[name].resolve = _for_logs(
                query.fields[name].resolve, lambda _instance, key: _is_log_key(key)
            )
        logs = subscription.fields["capturedLogs"]
        # Dagster would make a folder and a thread for each that doesn't exist.
        logs.subscribe = _for_logs(logs.subscribe, has_log)
        return schema

    def build_graphql_middleware(self) -> list[Any]:
        return [_resolve_in_time]

    async def graphql_http_endpoint(self, request: Request) -> Response:
        if request.method != "POST":
            page: Response = await super().graphql_http_endpoint(request)
            page.headers["Content-Security-Policy"] = _graphiql_policy(bytes(page.body).decode())
            return page
        if wait := self._wait_of(request):
            return _problem(429, f"Too many requests: try again in {wait} s", {"Retry-After": str(wait)})
        try:
            if "application/json" in request.headers.get("content-type", ""):
                asked = GraphqlRequest.model_validate_json(await request.body())
            else:
                asked = GraphqlRequest.model_validate(dict(request.query_params))
        except ValueError:
            return _problem(
                400, "Send one JSON object with a query, and variables and operationName if it has them"
            )
        return await self.execute_graphql_request(request, asked.query, asked.variables, asked.operation_name)

    async def execute_graphql_request(
        self, request: Request, query: str, variables: dict[str, Any] | None, operation_name: str | None
    ) -> JSONResponse:
        turns = self._threads_of[self._name_of(request)]
        if turns.statistics().tasks_waiting >= _MOST_WAITING:
            return _problem(429, "Too many requests at once: wait for their answers", {"Retry-After": "1"})
        execute = partial(self.graphql_execution_thread, request, query, variables, operation_name)
        async with turns:
            return await to_thread.run_sync(execute, limiter=self._threads)

    async def gen_graphql_response(
        self,
        request_context: MarketRequestContext,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> JSONResponse:
        try:
            document = read_document(query)
        except GraphQLError as error:
            return JSONResponse({"data": None, "errors": self.handle_graphql_errors([error])}, 400)
        if request_context.read_only and document.refused_to_viewers:
            self.record_refusal(request_context, sorted(document.refused_to_viewers))
            return _problem(403, NOT_ADMIN)
        request_context.deadline = time.monotonic() + self._seconds
        try:
            return await super().gen_graphql_response(request_context, query, variables, operation_name)
        except _OutOfTimeError:
            return _problem(504, f"This took longer than {self._seconds:g} seconds")

    async def graphql_ws_endpoint(self, websocket: WebSocket) -> None:
        await super().graphql_ws_endpoint(_CheckedSocket(websocket, self._wait_of))

    async def execute_graphql_subscription(
        self,
        websocket: WebSocket,
        operation_id: str,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> tuple[asyncio.Task[None] | None, GraphQLFormattedError | None]:
        name = self._name_of(websocket)
        try:
            document = await to_thread.run_sync(read_document, query, limiter=self._threads)
            if not document.is_known_subscription:
                raise GraphQLError("Send one known subscription by WebSocket, and everything else by POST")
            if self._subscriptions[name] >= _MOST_SUBSCRIPTIONS:
                raise GraphQLError(f"You have {_MOST_SUBSCRIPTIONS} subscriptions already")
            with self.request_context(websocket) as context:
                schema = self._graphene_schema.graphql_schema
                results = await subscribe(
                    schema, document.parsed, None, context, variables, operation_name=operation_name
                )
        except GraphQLError as error:
            return None, error.formatted
        if isinstance(results, ExecutionResult):
            return None, self.handle_graphql_errors(results.errors or [])[0]
        task = asyncio.ensure_future(_handle_async_results(results, operation_id, websocket))  # type: ignore[arg-type]
        self._subscriptions[name] += 1
        task.add_done_callback(lambda _task: self._subscriptions.subtract([name]))
        return task, None

    def _determine_status_code(self, resolver_errors: Any, captured_errors: Any) -> int:
        causes = [error.original_error for error in resolver_errors or ()]
        if (
            causes
            and not captured_errors
            and all(cause is None or isinstance(cause, GraphQLError) for cause in causes)
        ):
            return 400
        return super()._determine_status_code(resolver_errors, captured_errors)

    def _name_of(self, connection: HTTPConnection) -> str:
        user = self._process_context.user_of(connection)
        return user.name if user else ""


class _OutOfTimeError(BaseException):
    """An operation has taken too long. GraphQL does not take it for the error of one field, and ends."""


class _CheckedSocket(WebSocket):
    """A WebSocket that ends with the first message that is none of the protocol, or one too many."""

    def __init__(self, socket: WebSocket, wait_of: WaitOf) -> None:
        super().__init__(socket.scope, socket.receive, socket.send)
        self._wait_of = wait_of

    async def receive_json(self, mode: str = "text") -> Any:  # noqa: ARG002
        received = await self.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"])
        if self._wait_of(self):
            await self._end(_TRY_AGAIN_LATER)
        try:
            message = SocketMessage.model_validate_json(received.get("text") or "")
            asked = GraphqlRequest.model_validate(message.payload) if message.type == "start" else None
        except ValueError:
            await self._end(_NOT_UNDERSTOOD)
        return {**message.model_dump(), **({"payload": asked.model_dump()} if asked else {})}

    async def _end(self, code: int) -> None:
        await self.close(code)
        raise WebSocketDisconnect(code)


def _graphiql_policy(page: str) -> str:
    """GraphiQL loads files of this process alone, and runs the one script in its page, known by its hash."""
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error as both clients of GraphQL and of the REST API expect it."""
    return JSONResponse({"data": None, "errors": [{"message": message}], "error": message}, status, headers)


def _resolve_in_time(resolve: Callable[..., Any], root: Any, info: Any, **arguments: Any) -> Any:
    if time.monotonic() > info.context.deadline:
        raise _OutOfTimeError
    return resolve(root, info, **arguments)


def _for_logs(resolve: Callable[..., Any], is_log: Callable[[dg.DagsterInstance, Sequence[str]], bool]) -> Any:
    """A resolver or a subscription of captured logs that looks at no other files."""

    def checked(root: Any, info: Any, **arguments: Any) -> Any:
        if not is_log(info.context.instance, arguments["logKey"]):
            raise GraphQLError("There is no such log")
        return resolve(root, info, **arguments)

    return checked


def _is_log_key(key: Sequence[str]) -> bool:
    """Whether it may be the key of a log: names of folders and of a file, within the folder of logs."""
    return (
        len(key) > 0
        and sum(map(len, key)) <= _LONGEST_KEY
        and all(part.isprintable() and part not in ("", ".", "..") and not {"/", "\\"} & set(part) for part in key)
    )


def has_log(instance: dg.DagsterInstance, key: Sequence[str], extensions: Sequence[str] = _EXTENSIONS) -> bool:
    """Whether a step has written to a log; a step that runs has both streams from its beginning on."""
    logs = instance.compute_log_manager
    if not _is_log_key(key) or not isinstance(logs, LocalComputeLogManager):
        return False
    try:
        return any(Path(logs.get_captured_local_path(key, extension)).is_file() for extension in extensions)
    except (ValueError, OSError):
        return False
