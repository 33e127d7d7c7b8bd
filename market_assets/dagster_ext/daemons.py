"""The state of Dagster's daemons, as their heartbeats show it."""

from dagster._daemon.controller import get_daemon_statuses

__all__ = ["get_daemon_statuses"]
