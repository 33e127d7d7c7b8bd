"""The pipeline as tests run it: through the jobs, in this process, on a store and sources of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import dagster as dg
import sqlalchemy as sa

from market_assets.definitions import build_defs
from market_assets.defs.assets.raw_postings import refetching
from market_assets.defs.assets.result_tables import RELATIONSHIPS, STATISTICS
from market_assets.operations.names import AS_OF_TAG, CLEANUP, INGESTION, PARTITION_TAG, REBUILD, REFRESH
from market_assets.settings import Settings
from market_assets.sources.files.source import FileSource
from market_assets.sources.protocol import Fetch, Payload, RawBatch, Source, SourceError, SourceKind
from market_assets.store.database import Database
from market_assets.store.tables.catalog import metadata

RESULTS = tuple(table.name for table in (*STATISTICS, *RELATIONSHIPS))
#: Those of the results that a refresh leaves as they are.
WEEKLY = tuple(table.name for table in RELATIONSHIPS if table.weekly)
INGESTED = ("job_postings", "posting_facts", "posting_skill_facts", "rejected_postings")

QUIET = {"loggers": {"progress": {"config": {"quiet": True}}}}

Row = dict[str, Any]


@dataclass
class ListedSource:
    """A source whose postings, day by day, a test lists and changes; observed at noon."""

    name: str = "listed"
    days: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    failure: str | None = None
    any_day: bool = True
    kind: SourceKind = "file"
    origins: tuple[str, ...] = ()

    def fetch(self, day: date, now: datetime) -> Fetch:  # noqa: ARG002
        if self.failure:
            raise SourceError(self.failure)
        text = "\n".join(json.dumps(posting) for posting in self.days.get(day, []))
        payloads = [Payload("postings.jsonl", lambda: BytesIO(text.encode()))] if text else []
        return Fetch(datetime.combine(day, time(12), UTC), iter(payloads))

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        return FileSource(self.name, Path(name)).read(name, content)


class Pipeline:
    """The code location over a store, with an instance of Dagster that forgets."""

    def __init__(self, settings: Settings, *sources: Source) -> None:
        self.settings = settings
        self.instance = dg.DagsterInstance.ephemeral()
        self._sources = sources
        self.definitions = build_defs(settings, sources)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.instance.dispose()

    def run(
        self,
        job: str,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        selection: Sequence[dg.AssetKey] | None = None,
    ) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            asset_selection=selection,
            tags=dict(tags or {}),
            run_config={**QUIET, **(config or {})},
            raise_on_error=False,
        )

    def materialize(
        self, *assets: str, tags: Mapping[str, str] | None = None, config: Mapping[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Some assets by themselves, as from the UI."""
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(asset.split("/")) for asset in assets],
            tags=dict(tags or {}),
            run_config={**QUIET, **(config or {})},
            raise_on_error=False,
        )

    def check(self, *assets: str, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """The checks of some assets by themselves, as from the UI."""
        checks = dg.AssetSelection.checks_for_assets(*(dg.AssetKey(asset.split("/")) for asset in assets))
        job = self.definitions.resolve_implicit_global_asset_job_def()
        keys = checks.resolve_checks(self.definitions.resolve_asset_graph())
        return job.get_subset(asset_check_selection=keys).execute_in_process(
            instance=self.instance, tags=dict(tags or {}), run_config=QUIET, raise_on_error=False
        )

    def ingest(self, first: date, last: date | None = None, *, refetch: bool = False) -> dg.ExecuteInProcessResult:
        """One day, or all days from the first to the last in one run."""
        tags = {PARTITION_TAG: first.isoformat()}
        if last is not None:
            tags = {
                "dagster/asset_partition_range_start": first.isoformat(),
                "dagster/asset_partition_range_end": last.isoformat(),
            }
        return done(self.run(INGESTION, tags, refetching(self._sources) if refetch else {}))

    def refresh(self, as_of: datetime | None = None, *, report: bool = False) -> dg.ExecuteInProcessResult:
        """The tables, as of now by default, and the report where asked: it takes as long as several tables."""
        tables = dg.AssetSelection.groups("statistics", "relationships") - dg.AssetSelection.assets(
            "market_report"
        )
        keys = sorted(tables.resolve(self.definitions.resolve_asset_graph()))
        tags = {} if as_of is None else {AS_OF_TAG: as_of.isoformat()}
        return done(self.run(REFRESH, tags, selection=None if report else keys))

    def rebuild(self, as_of: datetime) -> dg.ExecuteInProcessResult:
        return done(self.run(REBUILD, {AS_OF_TAG: as_of.isoformat()}))

    def cleanup(self) -> dg.ExecuteInProcessResult:
        return done(self.run(CLEANUP))

    def rows(self, table: str) -> list[Row]:
        return read_rows(self.settings.market_url, table)

    def everything(self, tables: Sequence[str] = (*INGESTED, *RESULTS)) -> dict[str, list[Row]]:
        return {table: self.rows(table) for table in tables}


def by_identity(stored: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """What `INGESTED` holds by source and external_id: the numbers of postings depend on the order of the days."""
    identity_of = {row["posting_id"]: (row["source"], row["external_id"]) for row in stored["posting_facts"]}
    numbers = ("posting_id", "duplicate_of")
    return {
        table: sorted(
            (row | {name: identity_of.get(row[name]) for name in numbers if name in row} for row in rows), key=str
        )
        for table, rows in stored.items()
    }


def done(result: dg.ExecuteInProcessResult) -> dg.ExecuteInProcessResult:
    """The result of a run that must have succeeded."""
    assert result.success, failure_of(result)
    return result


def read_rows(url: str, table: str) -> list[Row]:
    """All rows of a table, ordered by all their values."""
    with Database(url).engine().connect() as connection:
        found = connection.execute(sa.select(metadata.tables[table]))
        names = list(found.keys())
        rows = [dict(zip(names, row, strict=True)) for row in found]
    return sorted(rows, key=lambda row: [(value is not None, str(value)) for value in row.values()])


def figures(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """The metadata that an asset reported with its last materialization in a run."""
    key = dg.AssetKey(asset.split("/"))
    events = [event for event in result.get_asset_materialization_events() if event.asset_key == key]
    assert events, f"{asset} was not materialized"
    return {name: value.value for name, value in events[-1].materialization.metadata.items()}


def failed_checks(result: dg.ExecuteInProcessResult) -> set[tuple[str, str, str]]:
    """asset, check and severity of the checks that did not pass."""
    return {
        (check.asset_key.to_user_string(), check.check_name, check.severity.value)
        for check in result.get_asset_check_evaluations()
        if not check.passed
    }


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What the first failed step of a run that must have failed says."""
    assert not result.success
    data = next(event.step_failure_data for event in result.all_events if event.is_step_failure)
    stated = data.user_failure_data.description if data.user_failure_data else None
    return stated or str(data.error)
