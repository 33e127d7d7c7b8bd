"""An inbox with real ingestion behind it, and ticks of its sensor one after another."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from market_assets.defs.sensors import InboxTick, Seen
from market_assets.operations.names import INGESTION, PARTITION_TAG
from market_assets.sources.files.inbox import Inbox
from market_assets.store.landing import Landing
from market_assets_tests.pipelines import Pipeline

GOOD = "title,company\nCook,Inn\nBaker,Inn\n"
TODAY = datetime.now(UTC).date()


@dataclass
class World:
    """An inbox, the pipeline over it, and a sensor with its cursor."""

    folder: Path
    pipeline: Pipeline
    seen: Seen = field(default_factory=dict)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.folder)

    def put(self, name: str, content: str = GOOD) -> Path:
        path = self.folder / name
        path.write_text(content)
        return path

    def tick(self, *, blocked: str | None = None, later: timedelta = timedelta()) -> dg.SensorResult:
        landing = Landing(self.pipeline.settings.landing)
        tick = InboxTick(self.inbox, landing, self.pipeline.instance, datetime.now(UTC) + later)
        result = tick.outcome(self.seen, blocked)
        assert result.cursor is not None
        self.seen = json.loads(result.cursor)
        return result

    def request(self, **options: timedelta) -> dg.RunRequest:
        (request,) = self.tick(**options).run_requests or []  # type: ignore[arg-type]
        return request

    def reason(self, **options: object) -> str:
        result = self.tick(**options)  # type: ignore[arg-type]
        assert not result.run_requests
        assert result.skip_reason is not None
        return str(result.skip_reason.skip_message)

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        assert request.partition_key is not None
        return self.pipeline.run(INGESTION, {PARTITION_TAG: request.partition_key}, request.run_config)

    def files(self) -> list[str]:
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [str(path.relative_to(self.folder)).replace(TODAY.isoformat(), "TODAY") for path in found]

    def titles(self, source: str = "inbox") -> list[str]:
        return sorted(row["title"] for row in self.pipeline.rows("job_postings") if row["source"] == source)
