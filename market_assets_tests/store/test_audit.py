"""The audit log forgets what is old, and only that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from market_assets.store import audit
from market_assets.store.database import Database
from market_assets.store.tables.administration import audit_log


@pytest.mark.parametrize("dry_run", [False, True])
def test_old_entries_are_pruned(database: Database, dry_run: bool) -> None:
    now = datetime.now(UTC)
    for days in (401, 399, 0):
        audit.record(database, who=f"{days}", address="", action="x", target="", result="ok")
        with database.accounts.engine().begin() as connection:
            aged = sa.update(audit_log).where(audit_log.c.who == f"{days}").values(at=now - timedelta(days=days))
            connection.execute(aged)
    assert audit.prune(database, now - timedelta(days=400), dry_run=dry_run) == 1
    left = [entry["who"] for entry in audit.read(database)]
    assert left == (["0", "399", "401"] if dry_run else ["0", "399"])
