"""Which events Dagster still needs: what it shows of an asset or a partition is read from the latest of a kind.

The statements are about the event log that all runs share: all of it on PostgreSQL, the index on SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from dagster import DagsterEventType
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)

from market_assets.dagster_ext.run_events import AssetCheckExecutionRecordStatus

EVENTS = SqlEventLogStorageTable
RESULTS = AssetCheckExecutionsTable
_MATERIALIZATION = DagsterEventType.ASSET_MATERIALIZATION.value
_PLANNED = DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value
#: Of these the latest stays: for each asset, and for each of its partitions.
LASTING = (
    _MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION.value,
    DagsterEventType.FRESHNESS_STATE_CHANGE.value,
    DagsterEventType.ASSET_HEALTH_CHANGED.value,
)
_CHECK_PLANNED = AssetCheckExecutionRecordStatus.PLANNED.value


def _followed_by(*kinds: str) -> sa.ColumnElement[bool]:
    """Whether an event of the same asset and partition follows: of these kinds, or of its own kind."""
    later = EVENTS.alias("later")
    kind = later.c.dagster_event_type
    same_kind = kind.in_(kinds) if kinds else kind == EVENTS.c.dagster_event_type
    about = sa.and_(later.c.asset_key == EVENTS.c.asset_key, same_kind, later.c.id > EVENTS.c.id)
    # Two cases, for each of which there is an index.
    return sa.or_(
        sa.and_(
            EVENTS.c.partition.is_not(None), sa.exists().where(about, later.c.partition == EVENTS.c.partition)
        ),
        sa.and_(EVENTS.c.partition.is_(None), sa.exists().where(about, later.c.partition.is_(None))),
    )


def can_go(run_ids: Sequence[str], newest_id: int) -> sa.ColumnElement[bool]:
    """The events of runs but for the latest of a kind, and the newest of all, whose id SQLite would reuse."""
    kind = EVENTS.c.dagster_event_type
    return sa.and_(
        EVENTS.c.run_id.in_(run_ids),
        EVENTS.c.id < newest_id,
        sa.or_(kind.is_(None), kind.not_in(LASTING), _followed_by()),
    )


def tags_of(events: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The tags of events."""
    return AssetEventTagsTable.c.event_id.in_(sa.select(EVENTS.c.id).where(events))


def runs_of_last_attempts(run_ids: Sequence[str]) -> sa.Select[Any]:
    """Those of some runs whose attempt at a partition is the last, and made nothing."""
    return (
        sa.select(EVENTS.c.run_id)
        .where(
            EVENTS.c.run_id.in_(run_ids),
            EVENTS.c.dagster_event_type == _PLANNED,
            ~_followed_by(_PLANNED, _MATERIALIZATION),
        )
        .distinct()
    )


def superseded(before: datetime, after_id: int, limit: int) -> sa.Select[Any]:
    """Old events that were once the latest of their kind and are no more, in the order of their ids."""
    return (
        sa.select(EVENTS.c.id, EVENTS.c.run_id)
        .where(
            EVENTS.c.dagster_event_type.in_(LASTING),
            EVENTS.c.timestamp < before,
            EVENTS.c.id > after_id,
            _followed_by(),
        )
        .order_by(EVENTS.c.id)
        .limit(limit)
    )


def unanswered_checks() -> sa.Select[Any]:
    """The runs of checks whose latest word is that they were planned: they are shown by how the run ended."""
    return sa.select(RESULTS.c.run_id).where(_is_unanswered())


def made_before_unanswered_checks() -> sa.Select[Any]:
    """The runs that last made what such checks are about: Dagster compares when both runs began."""
    asked = sa.select(RESULTS.c.asset_key, RESULTS.c.partition).where(_is_unanswered()).subquery()
    same = sa.and_(
        EVENTS.c.asset_key == asked.c.asset_key,
        sa.or_(asked.c.partition.is_(None), EVENTS.c.partition == asked.c.partition),
    )
    newest = (
        sa.select(sa.func.max(EVENTS.c.id))
        .select_from(sa.join(EVENTS, asked, same))
        .where(EVENTS.c.dagster_event_type == _MATERIALIZATION)
        .group_by(EVENTS.c.asset_key, asked.c.partition)
    )
    return sa.select(EVENTS.c.run_id).where(EVENTS.c.id.in_(newest))


def superseded_results(before: datetime, after_id: int, limit: int) -> sa.Select[Any]:
    """Old results of checks but for the latest, and the latest of an ended one, of each asset and partition."""
    return (
        sa.select(RESULTS.c.id, RESULTS.c.run_id)
        .where(
            RESULTS.c.create_timestamp < before,
            RESULTS.c.id > after_id,
            sa.or_(RESULTS.c.id.not_in(_latest_results()), _answered()),
            RESULTS.c.id.not_in(_latest_results().where(RESULTS.c.execution_status != _CHECK_PLANNED)),
        )
        .order_by(RESULTS.c.id)
        .limit(limit)
    )


def _is_unanswered() -> sa.ColumnElement[bool]:
    return sa.and_(RESULTS.c.execution_status == _CHECK_PLANNED, RESULTS.c.id.in_(_latest_results()), ~_answered())


def _latest_results() -> sa.Select[Any]:
    latest = sa.select(sa.func.max(RESULTS.c.id)).correlate(None)
    return latest.group_by(RESULTS.c.asset_key, RESULTS.c.check_name, RESULTS.c.partition)


def _answered() -> sa.ColumnElement[bool]:
    """Whether a check was planned, and the same run told its result in another row.

    So it is where a check without partitions is of an asset with partitions: it is planned for the partition.
    """
    result = RESULTS.alias("result")
    return sa.and_(
        RESULTS.c.execution_status == _CHECK_PLANNED,
        sa.exists().where(
            result.c.asset_key == RESULTS.c.asset_key,
            result.c.check_name == RESULTS.c.check_name,
            result.c.run_id == RESULTS.c.run_id,
            result.c.execution_status != _CHECK_PLANNED,
        ),
    )
