"""The audit log: who changed what, when, from where, and with what result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from market_assets.store.database import Database, accounts_engine_of
from market_assets.store.tables.administration import audit_log

#: Characters of a column: names and addresses come from requests, and must not grow without bounds.
_LONGEST = 2_000


def record(
    store: Database | sa.Engine, *, who: str, address: str, action: str, target: str, result: str, detail: str = ""
) -> None:
    """Add an entry.

    Args:
        store: the market database, or an engine on its accounts.
        who: the user's name, or `cli:` and the name at the operating system.
        address: where the request came from; empty for a command.
        action: the kind of change, such as `user.add` or `scheduler.pause`.
        target: what is changed, such as a job's name.
        result: `ok`, `refused` or another result.
        detail: further information.
    """
    row = {"who": who, "address": address, "action": action, "target": target, "result": result, "detail": detail}
    texts = {column: _storable(text) for column, text in row.items()}
    with accounts_engine_of(store).begin() as connection:
        connection.execute(sa.insert(audit_log).values(at=datetime.now(UTC), **texts))


def read(store: Database | sa.Engine, limit: int = 100, *, before_id: int | None = None) -> list[dict[str, Any]]:
    """The newest entries first, as dictionaries by column.

    Args:
        store: the market database, or an engine on its accounts.
        limit: the maximum number of entries.
        before_id: only entries older than the entry with this `audit_id`, for the next page.
    """
    query = sa.select(audit_log).order_by(audit_log.c.audit_id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(audit_log.c.audit_id < before_id)
    with accounts_engine_of(store).connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def prune(store: Database | sa.Engine, before: datetime, *, dry_run: bool = False) -> int:
    """Delete the entries that are older; how many there are. With `dry_run` they stay."""
    is_old = audit_log.c.at < before
    with accounts_engine_of(store).begin() as connection:
        entries = connection.scalar(sa.select(sa.func.count()).where(is_old)) or 0
        if not dry_run:
            connection.execute(sa.delete(audit_log).where(is_old))
    return entries


def _storable(text: str) -> str:
    """Text that PostgreSQL can store: without NUL and lone surrogates, and cut to `_LONGEST` characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")[:_LONGEST]
