"""The code locations as the web process sees them: Dagster's workspace, its repositories, and the GraphQL schema.

The web process does not import the code of jobs; it reads their definitions from the code server, as Dagster's
own web server does. `market_assets_tests/web/test_admin_scheduler.py` and
`market_assets_tests/web/test_health.py` run it against a real code location, and fail if a new version changes
these types.
"""

from __future__ import annotations

from collections.abc import Mapping

from dagster._core.remote_representation.external import RemoteRepository, RemoteSchedule
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from market_assets.dagster_ext.schedules import InstigatorState

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
            while error.cause is not None:
                error = error.cause
            return " ".join(error.message.split())[:300]
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
