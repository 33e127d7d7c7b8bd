"""`GET /api/admin/alerts`: the incidents, and who could not be told of them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from market_assets.operations.alerts.incidents import DAEMON_LOG, WEB_LOG, Incident, load_log
from market_assets.operations.system_state import recipients_of
from market_assets.web.admin.models import Moment
from market_assets.web.admin.services import AdminCall

Kind = Literal["run", "check", "schedule", "sensor", "missed", "stale", "system"]


class SeenIncident(BaseModel):
    """Something that is or was wrong."""

    kind: Kind
    title: str
    detail: str
    begun_at: Moment
    over_at: Moment | None
    ending: str = Field(description="How it ended; empty while it is open")


class Recipient(BaseModel):
    """Who is told, by the scheme and host of the address."""

    host: str
    error: str | None = Field(description="Why the last message could not be sent; null where it was")
    error_at: Moment | None
    retry_at: Moment | None


class Alerts(BaseModel):
    success: Literal[True] = True
    open: list[SeenIncident] = Field(description="The oldest first")
    over: list[SeenIncident] = Field(description="Those of the last days, the last to end first")
    recipients: list[Recipient]


alerts_router = APIRouter()


@alerts_router.get("/alerts", tags=["alerts"])
def read_alerts(
    call: AdminCall, limit: Annotated[int, Query(ge=0, le=200, description="Of those that are over")] = 50
) -> Alerts:
    """What is wrong, what was, and who could not be told."""
    logs = [load_log(call.services.runs.context.instance, name) for name in (DAEMON_LOG, WEB_LOG)]
    over = sorted((one for log in logs for one in log.recently_over), key=_over_at, reverse=True)
    return Alerts(
        open=[_seen(one) for one in sorted((one for log in logs for one in log.open), key=_begun_at)],
        over=[_seen(one) for one in over[:limit]],
        recipients=[
            Recipient(host=one.host, error=one.error, error_at=one.error_at, retry_at=one.retry_at)
            for one in recipients_of(logs)
        ],
    )


def _begun_at(one: Incident) -> float:
    return one.begun_at.timestamp()


def _over_at(one: Incident) -> float:
    return one.over_at.timestamp() if one.over_at else 0.0


def _seen(one: Incident) -> SeenIncident:
    return SeenIncident(
        kind=one.kind,
        title=one.title,
        detail=one.detail,
        begun_at=one.begun_at,
        over_at=one.over_at,
        ending=one.ending,
    )
