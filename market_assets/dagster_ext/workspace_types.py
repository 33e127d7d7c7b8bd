"""The web process's view of code locations: the types of Dagster's workspace, and its GraphQL schema."""

from dagster._core.remote_representation.external import RemoteRepository, RemoteSchedule
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_graphql.schema import create_schema

__all__ = [
    "RemoteRepository",
    "RemoteSchedule",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "WorkspaceRequestContext",
    "create_schema",
]
