"""What the routes of the admin API share, one of each in a process, and the audit of their calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from market_assets.dagster_ext.workspace import WorkspaceProcessContext
from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.web.admin.executions import RunReader
from market_assets.web.admin.jobs import Launcher
from market_assets.web.admin.scheduler import Scheduler
from market_assets.web.auth.credentials import Identity, identity_of
from market_assets.web.auth.guard import record
from market_assets.web.errors import NOT_ADMIN, ApiError


class Services:
    """The parts behind the routes."""

    def __init__(
        self, context: WorkspaceProcessContext, graphql_schema: Any, settings: Settings, database: Database
    ) -> None:
        self.context = context
        self.settings = settings
        self.engine = database.pooled_engine()
        self.accounts = database.accounts.pooled_engine()
        self.scheduler = Scheduler(context, database)
        self.runs = RunReader(context, self.engine)
        self.launcher = Launcher(context, graphql_schema, database)


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that answers a request."""
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


@dataclass(frozen=True)
class Call:
    """One call of an admin: the user, the HTTP request, and the services."""

    user: Identity
    connection: HTTPConnection
    services: Services

    @contextmanager
    def audited(self, action: str, target: str = "", detail: str = "") -> Iterator[list[str]]:
        """Write a change into the audit log, whatever its result; the yielded list takes further details."""
        details = [detail] if detail else []
        result = "failed"
        try:
            yield details
            result = "ok"
        except ApiError as error:
            result = "refused" if error.status_code < 500 else "failed"
            details.append(error.detail)
            raise
        finally:
            record(self.connection, self.user.name, action, target, result, "; ".join(details))


# A coroutine, because FastAPI runs plain functions in a thread each time.
async def _call(request: Request) -> Call:
    identity = identity_of(request)
    if identity is None or not identity.is_admin:
        raise ApiError(403, NOT_ADMIN)
    return Call(identity, request, services_of(request))


#: What every route takes; the guard lets only admins through.
AdminCall = Annotated[Call, Depends(_call)]
