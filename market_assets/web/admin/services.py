"""What the routes of the admin API share: one of each in a process, made on first use; and their audit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends
from starlette.datastructures import State
from starlette.requests import HTTPConnection, Request

from market_assets.dagster_ext.workspace import WorkspaceProcessContext, create_schema
from market_assets.settings import Settings
from market_assets.store import audit
from market_assets.web.admin.events import Broadcast
from market_assets.web.admin.executions import RunReader
from market_assets.web.admin.jobs import Launcher
from market_assets.web.admin.scheduler import Scheduler
from market_assets.web.auth.identity import Identity, admin
from market_assets.web.errors import ApiError

_KEY = "admin_services"
_lock = threading.Lock()


@dataclass(frozen=True)
class Services:
    """The parts behind the routes."""

    context: WorkspaceProcessContext
    engine: sa.Engine
    settings: Settings
    scheduler: Scheduler
    runs: RunReader
    launcher: Launcher
    broadcast: Broadcast


def services_of(state: State) -> Services:
    """The services of an application, from what it has in its state."""
    with _lock:
        made = getattr(state, _KEY, None)
        if made is None:
            context, engine = state.process_context, state.database.pooled_engine()
            # The schema is large: where Dagster's webserver runs in this process, its schema is used.
            schema = getattr(state, "graphql_schema", None) or create_schema()
            scheduler, runs = Scheduler(context, engine), RunReader(context, engine)
            launcher = Launcher(context, schema, state.database)
            made = Services(context, engine, state.settings, scheduler, runs, launcher, Broadcast(scheduler, runs))
            setattr(state, _KEY, made)
    assert isinstance(made, Services)
    return made


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
            result = "refused" if error.status < 500 else "failed"
            details.append(error.error)
            raise
        finally:
            client = self.connection.client
            audit.record(
                self.services.engine,
                who=self.user.name,
                address=client.host if client else "",
                action=action,
                target=target,
                result=result,
                detail="; ".join(details),
            )


def _call(request: Request, identity: Annotated[Identity, Depends(admin)]) -> Call:
    return Call(identity, request, services_of(request.app.state))


#: What every route takes; only admins get one.
AdminCall = Annotated[Call, Depends(_call)]
