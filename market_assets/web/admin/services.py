"""What the routes of the admin API share: one of each in a process, made when first asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends
from starlette.datastructures import State
from starlette.requests import HTTPConnection, Request

from market_assets.settings import Settings
from market_assets.store import audit
from market_assets.web.admin.events import Broadcast
from market_assets.web.admin.executions import RunReader
from market_assets.web.admin.launching import Launcher
from market_assets.web.admin.scheduler import Scheduler
from market_assets.web.auth.identity import ApiError, Identity, admin

_KEY = "admin_services"
_making = threading.Lock()


@dataclass(frozen=True)
class Services:
    """The parts behind the routes."""

    engine: sa.Engine
    settings: Settings
    scheduler: Scheduler
    runs: RunReader
    launcher: Launcher
    broadcast: Broadcast


def services_of(state: State) -> Services:
    """The services of an application, from what it has in its state."""
    with _making:
        made = getattr(state, _KEY, None)
        if made is None:
            engine = state.database.pooled_engine()
            scheduler = Scheduler(state.process_context, engine)
            runs = RunReader(state.process_context, engine)
            launcher = Launcher(state.process_context, _schema(state), state.database)
            made = Services(engine, state.settings, scheduler, runs, launcher, Broadcast(scheduler, runs))
            setattr(state, _KEY, made)
    assert isinstance(made, Services)
    return made


@dataclass(frozen=True)
class Call:
    """One call of an admin: who, from where, and the services."""

    who: Identity
    connection: HTTPConnection
    services: Services

    @contextmanager
    def audited(self, action: str, target: str = "", detail: str = "") -> Iterator[list[str]]:
        """Write a change into the audit log, whatever comes of it; the list takes further details."""
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
                who=self.who.name,
                address=client.host if client else "",
                action=action,
                target=target,
                result=result,
                detail="; ".join(details),
            )


def _call(request: Request, identity: Annotated[Identity, Depends(admin)]) -> Call:
    return Call(identity, request, services_of(request.app.state))


#: What every route takes; nobody but an admin gets one.
AdminCall = Annotated[Call, Depends(_call)]


def _schema(state: State) -> Any:
    """Dagster's GraphQL schema: large, so the one of Dagster's webserver is used where there is one."""
    schema = getattr(state, "graphql_schema", None)
    if schema is None:
        from market_assets.dagster_ext.workspace_types import create_schema

        schema = create_schema()
    return schema
