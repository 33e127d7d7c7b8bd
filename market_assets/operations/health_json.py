"""Facts and what is wrong as JSON, for `/health` and `market-assets status --json`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from market_assets.operations.health import Facts, Health, HistoryFacts


def detailed(facts: Facts, health: Health) -> dict[str, Any]:
    """All that is known, as JSON; what could not be read is null or missing."""
    history, database, disk = facts.history, facts.database, facts.disk
    return {
        "status": "ok" if health.is_ok else "failing",
        "reasons": [str(reason) for reason in health.reasons],
        "warnings": [str(warning) for warning in health.warnings],
        "timestamp": facts.now.isoformat(),
        **(_history(history, facts.now) if history else {}),
        "database": {"name": database.name, "version": database.version, "needed": database.needed}
        if database
        else None,
        "disk": {"folder": disk.folder, "free_bytes": disk.free, "total_bytes": disk.total} if disk else None,
    }


def _history(history: HistoryFacts, now: datetime) -> dict[str, Any]:
    return {
        "daemons": [
            {"name": one.name, "alive": one.is_alive, "heard_at": _iso(one.heard_at)} for one in history.daemons
        ],
        "jobs": [
            {
                "id": job.job,
                "schedule": job.cron,
                "status": "scheduled" if job.is_on else "paused",
                "paused_because": job.off_because,
                "last_status": job.last_status,
                "last_run": _iso(job.last_run),
                "last_success": _iso(job.last_success),
                "next_run": _iso(job.next_run),
                "late": job.is_late,
            }
            for job in history.jobs
        ],
        "tables": [
            {
                "table": table.table,
                "made_at": _iso(table.made_at),
                "age_seconds": round((now - table.made_at).total_seconds()) if table.made_at else None,
                "stale": table.is_stale(now),
            }
            for table in history.tables
        ],
        "runs": {"queued": history.queued, "running": history.running},
        "incidents": [
            {"kind": one.kind, "title": one.title, "detail": one.detail, "begun_at": _iso(one.begun_at)}
            for one in history.incidents
        ],
        "alerts": [
            {"host": one.host, "error": one.error, "error_at": _iso(one.error_at)} for one in history.recipients
        ],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
