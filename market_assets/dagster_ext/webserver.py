"""Dagster's UI and GraphQL with this project's users: roles, who started a run, the audit log.

With `web.server`, the only place that touches what is private to Dagster's webserver.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import sqlalchemy as sa
from dagster_webserver.webserver import DagsterWebserver
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

from market_assets.dagster_ext.workspace_types import WorkspaceProcessContext, WorkspaceRequestContext
from market_assets.operations.executions import TRIGGERED_BY_TAG
from market_assets.store import audit
from market_assets.web.auth.identity import Identity, identity_of

#: Mutations that change nothing of anybody else: what the UI tells Dagster of its own use.
HARMLESS_MUTATIONS = {"logTelemetry", "setNuxSeen"}
#: Arguments of mutations that start runs, and where in them the runs' tags are.
_TAGS_IN = {
    "executionParams": ("executionMetadata", "tags"),
    "executionParamsList": ("executionMetadata", "tags"),
    "reexecutionParams": ("extraTags",),
    "backfillParams": ("tags",),
}
_log = logging.getLogger(__name__)


class MarketRequestContext(WorkspaceRequestContext):
    """What Dagster knows of one request: here, also who makes it."""

    @property
    def identity(self) -> Identity | None:
        return identity_of(self.source) if isinstance(self.source, HTTPConnection) else None

    @property
    def is_api(self) -> bool:
        """Whether it is the scheduler's REST API that asks, on behalf of the user."""
        return isinstance(self.source, HTTPConnection) and self.source.url.path.startswith("/api/")

    @property
    def triggered_by(self) -> str:
        name = self.identity.name if self.identity else "(nobody)"
        return f"{'api' if self.is_api else 'ui'}:{name}"


class MarketProcessContext(WorkspaceProcessContext):
    """Dagster's process context, with the permissions of whoever makes a request.

    Dagster checks them in every mutation, and its UI greys the buttons of what may not be done.
    """

    def create_request_context(self, source: object | None = None) -> MarketRequestContext:
        """The context of a request; of one that nobody signed in for, a read-only one."""
        identity = identity_of(source) if isinstance(source, HTTPConnection) else None
        return MarketRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=identity is None or not identity.is_admin,
        )


class MarketWebserver(DagsterWebserver[MarketProcessContext, MarketRequestContext]):
    """Dagster's webserver, whose changes are written down and whose runs say who started them."""

    def __init__(self, process_context: MarketProcessContext, engine: sa.Engine) -> None:
        self._engine = engine
        # The rate at which the UI asks for news, as `dagster-webserver` sets it.
        super().__init__(process_context, live_data_poll_rate=2000)

    @property
    def schema(self) -> Any:
        """The GraphQL schema that `/graphql` answers by."""
        return self._graphene_schema

    def build_graphql_schema(self) -> Any:
        schema = super().build_graphql_schema()
        mutations = schema.graphql_schema.mutation_type
        assert mutations is not None
        for name, field in mutations.fields.items():
            assert field.resolve is not None
            field.resolve = self._watched(name, field.resolve)
        return schema

    async def report_asset_materialization_endpoint(self, request: Request) -> JSONResponse:
        return self._noted(request, await super().report_asset_materialization_endpoint(request))

    async def report_asset_check_endpoint(self, request: Request) -> JSONResponse:
        return self._noted(request, await super().report_asset_check_endpoint(request))

    async def report_asset_observation_endpoint(self, request: Request) -> JSONResponse:
        return self._noted(request, await super().report_asset_observation_endpoint(request))

    def _watched(self, name: str, resolve: Callable[..., Any]) -> Callable[..., Any]:
        """The resolver of a mutation, that tags the runs which it starts, and is written down."""

        def watched(root: Any, info: Any, **arguments: Any) -> Any:
            context = info.context
            if not isinstance(context, MarketRequestContext):
                return resolve(root, info, **arguments)
            if name == "setNuxSeen" and context.read_only:
                return True
            for argument, place in _TAGS_IN.items():
                _tag(arguments.get(argument), place, context.triggered_by)
            try:
                answer = resolve(root, info, **arguments)
            except Exception as error:
                self._record(context, name, arguments, error)
                raise
            if isawaitable(answer):
                return self._awaited(context, name, arguments, answer)
            self._record(context, name, arguments, answer)
            return answer

        return watched

    async def _awaited(self, context: MarketRequestContext, name: str, arguments: Any, answer: Any) -> Any:
        try:
            result = await answer
        except Exception as error:
            self._record(context, name, arguments, error)
            raise
        self._record(context, name, arguments, result)
        return result

    def _record(self, context: MarketRequestContext, name: str, arguments: Any, result: Any) -> None:
        # The REST API writes down what it was asked for itself, in its own words.
        if context.is_api or name in HARMLESS_MUTATIONS or not isinstance(context.source, HTTPConnection):
            return
        kinds = _kinds(result)
        failed = any(sign in kind for kind in kinds for sign in ("Error", "Failure", "Invalid", "NotFound"))
        outcome = "refused" if any("Unauthorized" in kind for kind in kinds) else "failed" if failed else "ok"
        self._write_down(context.source, f"ui.{name}", str(arguments), outcome, ", ".join(sorted(kinds)))

    def _noted(self, request: Request, answer: JSONResponse) -> JSONResponse:
        _, action, target = request.url.path.split("/", 2)
        outcome = {200: "ok", 401: "refused"}.get(answer.status_code, "failed")
        self._write_down(request, f"ui.{action}", target, outcome, "")
        return answer

    def _write_down(self, source: HTTPConnection, action: str, target: str, outcome: str, detail: str) -> None:
        identity = identity_of(source)
        try:
            audit.record(
                self._engine,
                who=identity.name if identity else "(nobody)",
                address=source.client.host if source.client else "",
                action=action,
                target=target,
                result=outcome,
                detail=detail,
            )
        except sa.exc.SQLAlchemyError:
            # What was asked for has been done already; it can only be told elsewhere.
            _log.exception("%s by %s could not be written into the audit log", action, identity)


def _kinds(result: Any) -> set[str]:
    """The GraphQL types of a mutation's result, and of the results in it where it is about several things."""
    if isinstance(result, Exception):
        return {str(result) or type(result).__name__}
    inner = [one for value in getattr(result, "__dict__", {}).values() if isinstance(value, list) for one in value]
    named = (getattr(getattr(type(one), "_meta", None), "name", None) for one in (result, *inner))
    return {name for name in named if name}


def _tag(argument: Any, place: tuple[str, ...], triggered_by: str) -> None:
    """Put the tag into an argument, in place of any that the caller chose."""
    if argument is None:
        return
    for one in argument if isinstance(argument, list) else [argument]:
        holder = one
        for key in place[:-1]:
            if holder.get(key) is None:
                holder[key] = {}
            holder = holder[key]
        kept = [tag for tag in holder.get(place[-1]) or [] if tag["key"] != TRIGGERED_BY_TAG]
        holder[place[-1]] = [*kept, {"key": TRIGGERED_BY_TAG, "value": triggered_by}]
