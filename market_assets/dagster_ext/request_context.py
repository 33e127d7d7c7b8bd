"""Dagster's contexts of the process and of a request, with the user of each request.

The workspace contexts are made to be subclassed (Dagster's own products do), but not public.
`market_assets_tests/web/test_roles.py` calls every mutation in each role, and
`market_assets_tests/web/test_server.py` compares their signatures with those that are expected here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import dagster as dg
from starlette.requests import HTTPConnection

from market_assets.dagster_ext.workspace import WorkspaceProcessContext, WorkspaceRequestContext


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

    #: On the monotonic clock: no field is resolved any more after it.
    deadline = math.inf

    @property
    def user(self) -> User | None:
        context = self.process_context
        assert isinstance(context, MarketProcessContext)
        return context.user_of(self.source) if isinstance(self.source, HTTPConnection) else None

    @property
    def user_name(self) -> str:
        return self.user.name if self.user else "(nobody)"

    @property
    def is_api(self) -> bool:
        """Whether the request is one of the scheduler's REST API, which runs mutations for its user."""
        return isinstance(self.source, HTTPConnection) and self.source.url.path.startswith("/api/")

    @property
    def triggered_by(self) -> str:
        return f"{'api' if self.is_api else 'ui'}:{self.user_name}"
