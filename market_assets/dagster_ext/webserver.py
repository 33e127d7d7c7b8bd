"""Dagster's UI and GraphQL for the users of this product: who started a run, the audit log, missing files.

`DagsterWebserver` is made to be subclassed, but not public. `market_assets_tests/web/test_roles.py` calls every
mutation in each role, and `market_assets_tests/web/test_server.py` compares the mutations with those that are
expected here: both fail if a new version adds or changes one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from inspect import isawaitable
from typing import Any

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from market_assets.dagster_ext.graphql_documents import HARMLESS_MUTATIONS
from market_assets.dagster_ext.graphql_server import STREAMS, GraphqlServer, WaitOf, has_log
from market_assets.dagster_ext.workspace import MarketProcessContext, MarketRequestContext
from market_assets.store import audit

#: Arguments of mutations that start runs, and where in them the runs' tags are.
_TAGS_IN = {
    "executionParams": ("executionMetadata", "tags"),
    "executionParamsList": ("executionMetadata", "tags"),
    "reexecutionParams": ("extraTags",),
    "backfillParams": ("tags",),
}
_log = logging.getLogger(__name__)


class MarketWebserver(GraphqlServer):
    """Dagster's webserver; it records mutations in the audit log, and tags runs with their user."""

    def __init__(
        self,
        process_context: MarketProcessContext,
        engine: sa.Engine,
        triggered_by_tag: str,
        wait_of: WaitOf,
        graphql_seconds: float,
    ) -> None:
        """Prepare it.

        Args:
            process_context: the instance and code locations to serve.
            engine: on the accounts, which the audit log is part of.
            triggered_by_tag: the tag of a run that names its user: `ui:NAME` or `api:NAME`.
            wait_of: counts the operations of each user.
            graphql_seconds: the longest that one may take.
        """
        self._engine = engine
        self._triggered_by_tag = triggered_by_tag
        super().__init__(process_context, wait_of, graphql_seconds)

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

    def make_csp_header(self, nonce: str) -> str:
        """Dagster's policy, and no image from elsewhere: its address may be in what somebody posted."""
        policy: str = super().make_csp_header(nonce)
        own = "img-src 'self' data: blob:; form-action 'self'; frame-ancestors 'none'"
        return f"{policy.strip().rstrip(';')}; {own}"

    async def report_asset_materialization_endpoint(self, request: Request) -> JSONResponse:
        return self._audit_report(request, await super().report_asset_materialization_endpoint(request))

    async def report_asset_check_endpoint(self, request: Request) -> JSONResponse:
        return self._audit_report(request, await super().report_asset_check_endpoint(request))

    async def report_asset_observation_endpoint(self, request: Request) -> JSONResponse:
        return self._audit_report(request, await super().report_asset_observation_endpoint(request))

    async def download_captured_logs_endpoint(self, request: Request) -> Response:
        [*key, stream] = request.path_params["path"].split("/")
        if stream not in STREAMS or not has_log(self._process_context.instance, key, [stream]):
            raise HTTPException(404, "There is no such log")
        found: Response = await super().download_captured_logs_endpoint(request)
        return found

    async def download_debug_file_endpoint(self, request: Request) -> Response:
        if not self._process_context.instance.has_run(request.path_params["run_id"]):
            raise HTTPException(404, "There is no such run")
        found: Response = await super().download_debug_file_endpoint(request)
        return found

    def record_refusal(self, context: MarketRequestContext, fields: Sequence[str]) -> None:
        if isinstance(context.source, HTTPConnection):
            action = f"ui.{fields[0]}" if len(fields) == 1 else "ui.graphql"
            self._write(context.source, action, ", ".join(fields), "refused", "")

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
