"""The audit log: who changed what, when, from where, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from market_assets.store.database import Database
from market_assets.store.tables.access import audit_log

#: Names and addresses come from outside: no entry may grow without bounds.
_LONGEST = 2_000


def record(
    store: Database | sa.Engine,
    *,
    who: str,
    address: str,
    action: str,
    target: str,
    result: str,
    detail: str = "",
    at: datetime | None = None,
) -> None:
    """Add an entry.

    Args:
        store: the market database, or an engine on it.
        who: the user's name, or `cli:` and the name at the operating system.
        address: where the request came from; empty for a command.
        action: what was asked for, such as `user.add` or `scheduler.pause`.
        target: what it was asked of, such as a job's name.
        result: what came of it, such as `ok` or `refused`.
        detail: anything else that a reader should know.
        at: when; by default now.
    """
    row = {
        "who": who,
        "address": address,
        "action": action,
        "target": target,
        "result": result,
        "detail": detail,
    }
    texts = {column: _storable(text) for column, text in row.items()}
    with engine_of(store).begin() as connection:
        connection.execute(sa.insert(audit_log).values(at=at or datetime.now(UTC), **texts))


def read(
    store: Database | sa.Engine,
    limit: int = 100,
    *,
    who: str | None = None,
    action: str | None = None,
    before_id: int | None = None,
) -> list[dict[str, Any]]:
    """The newest entries first, as dictionaries by column.

    Args:
        store: the market database, or an engine on it.
        limit: at most so many.
        who: of this user alone.
        action: of this action alone.
        before_id: only those older than the entry with this `audit_id`, for the next page.
    """
    query = sa.select(audit_log).order_by(audit_log.c.audit_id.desc()).limit(limit)
    if who is not None:
        query = query.where(audit_log.c.who == who)
    if action is not None:
        query = query.where(audit_log.c.action == action)
    if before_id is not None:
        query = query.where(audit_log.c.audit_id < before_id)
    with engine_of(store).connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def engine_of(store: Database | sa.Engine) -> sa.Engine:
    """The engine itself, or one on the database."""
    return store.engine() if isinstance(store, Database) else store


def _storable(text: str) -> str:
    """PostgreSQL's text takes neither NUL nor half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")[:_LONGEST]
