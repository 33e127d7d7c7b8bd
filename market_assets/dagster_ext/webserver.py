"""Dagster's UI and GraphQL for the users of this product: their roles, who started a run, the audit log.

`DagsterWebserver` and the workspace contexts are made to be subclassed (Dagster's own products do), but not
public. `market_assets_tests/web/test_roles.py` calls every mutation in each role, and
`market_assets_tests/web/test_server.py` compares the mutations with those that are expected here: both fail if
a new version adds or changes one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Protocol

import dagster as dg
import sqlalchemy as sa
from dagster_webserver.webserver import DagsterWebserver
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

from market_assets.dagster_ext.workspace import WorkspaceProcessContext, WorkspaceRequestContext
from market_assets.store import audit

#: Mutations that change nothing for other users: the UI's own bookkeeping.
HARMLESS_MUTATIONS = {"logTelemetry", "setNuxSeen"}
#: Arguments of mutations that start runs, and where in them the runs' tags are.
_TAGS_IN = {
    "executionParams": ("executionMetadata", "tags"),
    "executionParamsList": ("executionMetadata", "tags"),
    "reexecutionParams": ("extraTags",),
    "backfillParams": ("tags",),
}
_log = logging.getLogger(__name__)


class User(Protocol):
    """A user who has signed in."""

    @property
    def name(self) -> str: ...

    @property
    def is_admin(self) -> bool: ...


#: The user of a request; None without a sign-in.
UserOf = Callable[[HTTPConnection], User | None]


class MarketProcessContext(WorkspaceProcessContext):
    """Dagster's process context, with the permissions of the user of each request.

    Dagster checks them in every mutation, and its UI greys the buttons of what may not be done.
    """

    def __init__(self, instance: dg.DagsterInstance, target: Any, *, user_of: UserOf) -> None:
        """Load the code locations of a target, such as a `WorkspaceFileTarget`."""
        self.user_of = user_of
        super().__init__(instance, target, version=dg.__version__)

    def create_request_context(self, source: object | None = None) -> MarketRequestContext:
        """The context of a request: read-only unless an admin makes it."""
        user = self.user_of(source) if isinstance(source, HTTPConnection) else None
        return MarketRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=user is None or not user.is_admin,
        )


class MarketRequestContext(WorkspaceRequestContext):
    """Dagster's context of a request, with its user."""

    @property
    def user(self) -> User | None:
        context = self.process_context
        assert isinstance(context, MarketProcessContext)
        return context.user_of(self.source) if isinstance(self.source, HTTPConnection) else None

    @property
    def is_api(self) -> bool:
        """Whether the request is one of the scheduler's REST API, which runs mutations for its user."""
        return isinstance(self.source, HTTPConnection) and self.source.url.path.startswith("/api/")

    @property
    def triggered_by(self) -> str:
        name = self.user.name if self.user else "(nobody)"
        return f"{'api' if self.is_api else 'ui'}:{name}"


class MarketWebserver(DagsterWebserver[MarketProcessContext, MarketRequestContext]):
    """Dagster's webserver; it records mutations in the audit log, and tags runs with their user."""

    def __init__(self, process_context: MarketProcessContext, engine: sa.Engine, triggered_by_tag: str) -> None:
        """Prepare it.

        Args:
            process_context: the instance and code locations to serve.
            engine: on the market database, which has the audit log.
            triggered_by_tag: the tag of a run that names its user: `ui:NAME` or `api:NAME`.
        """
        self._engine = engine
        self._triggered_by_tag = triggered_by_tag
        # Milliseconds between the UI's requests for news, as in `dagster-webserver`.
        super().__init__(process_context, live_data_poll_rate=2000)

    @property
    def schema(self) -> Any:
        """The GraphQL schema that `/graphql` uses."""
        return self._graphene_schema

    def build_graphql_schema(self) -> Any:
        schema = super().build_graphql_schema()
        mutations = schema.graphql_schema.mutation_type
        assert mutations is not None
        for name, field in mutations.fields.items():
            assert field.resolve is not None
            field.resolve = self._audited(name, field.resolve)
        return schema

    async def report_asset_materialization_endpoint(self, request: Request) -> JSONResponse:
        return self._audit_report(request, await super().report_asset_materialization_endpoint(request))

    async def report_asset_check_endpoint(self, request: Request) -> JSONResponse:
        return self._audit_report(request, await super().report_asset_check_endpoint(request))

    async def report_asset_observation_endpoint(self, request: Request) -> JSONResponse:
        return self._audit_report(request, await super().report_asset_observation_endpoint(request))

    def _audited(self, name: str, resolve: Callable[..., Any]) -> Callable[..., Any]:
        """A mutation's resolver that also tags the runs that it starts, and writes to the audit log."""

        async def audited(root: Any, info: Any, **arguments: Any) -> Any:
            context = info.context
            assert isinstance(context, MarketRequestContext)
            if name == "setNuxSeen" and context.read_only:
                return True
            for argument, place in _TAGS_IN.items():
                _tag(arguments.get(argument), place, self._triggered_by_tag, context.triggered_by)
            try:
                answer = resolve(root, info, **arguments)
                if isawaitable(answer):
                    answer = await answer
            except Exception as error:
                self._record(context, name, arguments, error)
                raise
            self._record(context, name, arguments, answer)
            return answer

        return audited

    def _record(self, context: MarketRequestContext, name: str, arguments: Any, result: Any) -> None:
        # The REST API records its own calls.
        if context.is_api or name in HARMLESS_MUTATIONS or not isinstance(context.source, HTTPConnection):
            return
        kinds = _kinds(result)
        failed = any(part in kind for kind in kinds for part in ("Error", "Failure", "Invalid", "NotFound"))
        outcome = "refused" if any("Unauthorized" in kind for kind in kinds) else "failed" if failed else "ok"
        self._write(context.source, f"ui.{name}", str(arguments), outcome, ", ".join(sorted(kinds)))

    def _audit_report(self, request: Request, answer: JSONResponse) -> JSONResponse:
        _, action, target = request.url.path.split("/", 2)
        outcome = {200: "ok", 401: "refused"}.get(answer.status_code, "failed")
        self._write(request, f"ui.{action}", target, outcome, "")
        return answer

    def _write(self, source: HTTPConnection, action: str, target: str, outcome: str, detail: str) -> None:
        user = self._process_context.user_of(source)
        name = user.name if user else "(nobody)"
        try:
            audit.record(
                self._engine,
                who=name,
                address=source.client.host if source.client else "",
                action=action,
                target=target,
                result=outcome,
                detail=detail,
            )
        except sa.exc.SQLAlchemyError:
            # The mutation is done already.
            _log.exception("%s by %s could not be written to the audit log", action, name)


def _kinds(result: Any) -> set[str]:
    """The GraphQL types of a mutation's result, and of the results in it where it is about several things."""
    if isinstance(result, Exception):
        return {str(result) or type(result).__name__}
    inner = [one for value in getattr(result, "__dict__", {}).values() if isinstance(value, list) for one in value]
    named = (getattr(getattr(type(one), "_meta", None), "name", None) for one in (result, *inner))
    return {name for name in named if name}


def _tag(argument: Any, place: tuple[str, ...], tag: str, value: str) -> None:
    """Set a tag in the argument of a mutation, in place of any value that the caller chose."""
    if argument is None:
        return
    for one in argument if isinstance(argument, list) else [argument]:
        holder = one
        for key in place[:-1]:
            if holder.get(key) is None:
                holder[key] = {}
            holder = holder[key]
        others = [entry for entry in holder.get(place[-1]) or [] if entry["key"] != tag]
        holder[place[-1]] = [*others, {"key": tag, "value": value}]
