"""Pruning of Dagster's own history: runs, their events and logs, results of checks, ticks."""
