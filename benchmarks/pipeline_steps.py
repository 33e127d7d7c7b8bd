"""The steps of the pipeline and their baselines, each a process that prints as JSON what it cost and came to.

Use: `python -m benchmarks.pipeline_steps STEP FOLDER URL SIZE`.
"""

from __future__ import annotations

import json
import pickle
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import sqlalchemy as sa

from benchmarks.baseline import orm_loops
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.tables.postings import job_postings
from market_assets.store.tables.results import skill_demand

DAY = date(2026, 3, 1)
AS_OF = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A store, the folder of everything else, and how many postings a day has."""

    folder: Path
    database: Database
    size: int

    @property
    def settings(self) -> Settings:
        url = self.database.url.render_as_string(hide_password=False)
        return Settings(
            MARKET_ASSETS_START=date(2026, 1, 1),
            DATABASE_URL=url,
            MARKET_ASSETS_DATA_DIR=self.folder,
            MARKET_ASSETS_RETENTION_DAYS=1,
            _env_file=None,
        )

    def pipeline(self, size: int) -> Any:
        from market_assets_tests.pipelines import Pipeline

        return Pipeline(self.settings, SampleSource(postings_per_day=size))

    def normalised(self) -> list[Any]:
        """The postings of the day, made once."""
        from market_assets.sources.reading import LandedSource, normalise_pack, read_raw

        file = self.folder.parent / f"normalised-{self.size}"
        if not file.exists():
            source = SampleSource(postings_per_day=self.size)
            fetched = source.fetch(DAY, AS_OF)
            landed = LandedSource(source, fetched.observed_at, tuple(fetched.payloads))
            file.write_bytes(pickle.dumps(normalise_pack(list(read_raw([landed], {})))))
        batches: list[Any] = pickle.loads(file.read_bytes())
        return batches

    def stored(self, query: sa.Select[Any]) -> list[Any]:
        with self.database.engine().connect() as connection:
            return [list(row) for row in connection.execute(query)]


def prepare(world: World) -> None:
    """The empty store, and the postings."""
    schema.upgrade(world.database)
    world.normalised()


def write(world: World) -> Callable[[], Any]:
    """Write the day's postings, with merging, linking and sketches."""
    from market_assets.postings.salaries.currencies import load_exchange_rates
    from market_assets.store.ingestion import write_day

    batches, rates = world.normalised(), load_exchange_rates(None)

    def work() -> Any:
        with MarketConnection(world.database) as connection:
            write_day(connection, batches, ["sample"], day=DAY, rates=rates, currency="USD")
        length = sa.func.sum(sa.func.length(job_postings.c.title))
        return lambda: world.stored(sa.select(sa.func.count(), length))

    return work


def write_by_to_sql(world: World) -> Callable[[], Any]:
    """Write them with pandas, without anything else."""
    postings = pl.concat(batch.postings.drop("sketch") for batch in world.normalised())
    postings = postings.unique(["source", "external_id"], keep="last")
    frame = pd.DataFrame({name: postings[name].to_list() for name in postings.columns})

    def work() -> Any:
        frame.to_sql("plain_postings", world.database.engine(), index=False, chunksize=10_000)
        return lambda: world.stored(sa.text("SELECT count(*), sum(length(title)) FROM plain_postings"))  # type: ignore[arg-type]

    return work


def ingest(world: World, size: int | None = None, day: date = DAY) -> Callable[[], Any]:
    """Land, normalise, write and search a day, by its job."""
    pipeline = world.pipeline(size or world.size)

    def work() -> Any:
        pipeline.ingest(day)
        return lambda: world.stored(sa.select(sa.func.count()).select_from(job_postings))

    return work


def add_one(world: World) -> Callable[[], Any]:
    """Write one more posting into the day's partition, and search what is new."""
    from market_assets.postings.salaries.currencies import load_exchange_rates
    from market_assets.store.ingestion import write_day

    (batch, *_) = world.normalised()
    one = batch.postings.head(1).with_columns(external_id=pl.lit("one more"))
    only = replace(batch, postings=one, rejected=batch.rejected.clear(), nulled={})
    rates, pipeline = load_exchange_rates(None), world.pipeline(world.size)

    def work() -> Any:
        with MarketConnection(world.database) as connection:
            write_day(connection, [only], [], day=DAY, rates=rates, currency="USD")
        tags = {"dagster/partition": DAY.isoformat()}
        assert pipeline.materialize("posting_skills", tags=tags).success
        return lambda: world.stored(sa.select(sa.func.count()).select_from(job_postings))

    return work


def refresh(world: World) -> Callable[[], Any]:
    """Every statistic and relationship, by its job."""
    pipeline = world.pipeline(world.size)

    def work() -> Any:
        pipeline.refresh(AS_OF)
        demand = sa.select(skill_demand.c.skill, skill_demand.c.postings)
        return lambda: sorted(
            world.stored(demand.where(skill_demand.c.industry.is_(None), skill_demand.c.postings > 0))
        )

    return work


def demand_by_loops(world: World) -> Callable[[], Any]:
    """The least part of a refresh, the demand of skills, by objects and loops."""

    def work() -> Any:
        found = orm_loops.skill_demand(world.database)
        return lambda: sorted([skill, postings] for skill, postings in found.items())

    return work


def clean_up(world: World) -> Callable[[], Any]:
    """Archive and delete every posting."""
    from market_assets.store.expiry import expire

    def work() -> Any:
        with MarketConnection(world.database) as connection:
            later = AS_OF + timedelta(days=365)
            deleted = sum(each for _, each in expire(connection, world.folder / "archive", later, later))
        return lambda: deleted

    return work


STEPS: dict[str, Callable[[World], Callable[[], Any]]] = {
    "write": write,
    "write, to_sql": write_by_to_sql,
    "ingest": ingest,
    "ingest again": ingest,
    "one more posting": add_one,
    "refresh": refresh,
    "demand, ORM and loops": demand_by_loops,
    "ingest one more day of 1,000": partial(ingest, size=1_000, day=DAY - timedelta(days=1)),
    "refresh again": refresh,
    "clean-up": clean_up,
}


def bytes_written() -> int:
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def usage() -> Iterator[resource.struct_rusage]:
    yield from map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def cpu_seconds() -> float:
    return sum(each.ru_utime + each.ru_stime for each in usage())


def measured(step: str, world: World) -> dict[str, Any]:
    """What a step costs, without what it needs to begin, and what comes of it."""
    work = STEPS[step](world)
    wall, cpu, written = time.perf_counter(), cpu_seconds(), bytes_written()
    outcome = work()
    cost = {
        "seconds": time.perf_counter() - wall,
        "cpu": cpu_seconds() - cpu,
        "written_mb": (bytes_written() - written) / 1e6,
        "peak_mib": sum(each.ru_maxrss for each in usage()) / 1024,
    }
    return {**cost, "outcome": outcome()}


def main() -> None:
    step, folder, url, size = sys.argv[1:]
    world = World(Path(folder), Database(url), int(size))
    if step == "prepare":
        prepare(world)
        return
    print(json.dumps(measured(step, world)))


if __name__ == "__main__":
    main()
