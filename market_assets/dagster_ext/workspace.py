"""The code locations as the web process sees them, and Dagster's contexts, with the user of each request.

The web process does not import the code of jobs; it reads their definitions from the code server, as Dagster's
own web server does. The contexts are made to be subclassed (Dagster's own products do), but not public.
`market_assets_tests/web/` fails if a new version changes these types: `test_roles.py` calls every mutation in each
role, and `test_server.py` compares signatures with those that are expected here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import dagster as dg
from dagster._core.remote_representation.external import RemoteRepository, RemoteSchedule
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from starlette.requests import HTTPConnection

from market_assets.dagster_ext.records import InstigatorState
from market_assets.settings import SettingsError

__all__ = [
    "CodeLocationError",
    "RemoteRepository",
    "RemoteSchedule",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "WorkspaceRequestContext",
    "is_known_job",
    "is_running",
    "job_names",
    "jobs_of",
    "load_failure",
    "repositories",
]


_SETTINGS_ERROR = f"{SettingsError.__module__}.{SettingsError.__name__}"


class CodeLocationError(Exception):
    """The code location can't be used; the message is the cause, in one line."""


def repositories(context: WorkspaceProcessContext) -> list[tuple[str, RemoteRepository]]:
    """Every repository that is loaded, with the name of its code location."""
    entries = context.get_current_workspace().code_location_entries
    return [
        (name, repository)
        for name, entry in entries.items()
        if entry.code_location is not None
        for repository in entry.code_location.get_repositories().values()
    ]


def load_failure(context: WorkspaceProcessContext) -> str | None:
    """Why a code location did not load; None where all did."""
    for entry in context.get_current_workspace().code_location_entries.values():
        if entry.load_error is not None:
            error = entry.load_error
            # What caused a wrong setting is in its message.
            while error.cause is not None and not error.message.startswith(_SETTINGS_ERROR):
                error = error.cause
            return " ".join(error.message.split()).removeprefix(f"{_SETTINGS_ERROR}: ")[:300]
    return None


def job_names(context: WorkspaceProcessContext) -> set[str]:
    """The names of all jobs that are loaded now."""
    return {name for _location, repository in repositories(context) for name in jobs_of(repository)}


def jobs_of(repository: RemoteRepository) -> list[str]:
    """The names of a repository's jobs, without Dagster's own for assets that are materialized by hand."""
    return [job.name for job in repository.get_all_jobs() if not job.name.startswith("__")]


def is_known_job(context: WorkspaceProcessContext, job: str) -> bool:
    """Whether there is a job of this name, with or without a schedule; Dagster's own are known too."""
    return any(repository.has_job(job) for _location, repository in repositories(context))


def is_running(schedule: RemoteSchedule, states: Mapping[str, InstigatorState]) -> bool:
    """Whether Dagster starts runs by a schedule; `states` are stored ones by the names of schedules."""
    return bool(schedule.get_current_instigator_state(states.get(schedule.name)).is_running)


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
