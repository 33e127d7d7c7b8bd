"""Random days of work: postings come, change, are archived; what a refresh then says does not depend on the way.

Each sequence ends in three comparisons: with a count by hand of the postings in store and archive, with a rebuild
from nothing, and with a second store that took only the last version of each day, in order.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.postings import job_postings, posting_facts, posting_skills
from market_assets_tests import counted_by_hand
from market_assets_tests.pipelines import RESULTS, ListedSource, Pipeline, Row, figures
from market_assets_tests.statistics.changes_by_hand import salary_trends
from market_assets_tests.test_pipeline import assert_recommended, assert_same

DAYS, POSTINGS = 5, 40
#: Everything that counts in the window is in the store; the history reaches into the archive.
SHORT = {"retention_days": 40, "window_days": 30, "trend_days": 120}
TITLES = ("Data Engineer", "Nurse", "Cook", "Backend Developer")
TEXTS = (
    "We look for someone who knows Python and SQL well and who likes to write tests.",
    "Kubernetes, Docker and Terraform are our daily bread; Go or Java help a lot.",
    "You keep the ward running, write reports in Excel and speak with the families of our patients.",
    "",
)
#: The tables that a refresh counts from nothing.
COUNTED_AGAIN = tuple(table for table in RESULTS if table != "skill_history")
#: Long enough that two postings with the same title, company and place are one job.
COMMON_END = " The company offers a pension, thirty days of leave and a canteen that people praise. " * 3


class Work:
    """A source whose days a random generator fills and changes, and the steps that it takes."""

    def __init__(self, seed: int, today: date) -> None:
        self._draw = random.Random(seed)
        self.days = [today - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
        #: A posting's time of posting never changes: some are old enough for the archive from the start.
        ages = [self._draw.choice((6, 9, 20, 29, 35, 50, 70, 100)) for _ in range(POSTINGS)]
        self._posted = [today - timedelta(days=age) for age in ages]
        self.source = ListedSource(days={day: self._listing() for day in self.days})

    def steps(self) -> Iterator[tuple[str, date]]:
        """What to do, with the source changed accordingly; every day is ingested at least once."""
        kinds = ["change", "change", "change", "ingest", "cleanup", "cleanup", "refresh"]
        planned = [("ingest", day) for day in self.days] + [(kind, self._draw.choice(self.days)) for kind in kinds]
        self._draw.shuffle(planned)
        for what, day in planned:
            if what == "change":
                self._change(day)
            yield what, day

    def _change(self, day: date) -> None:
        """A day that is fetched again shows what it showed, some of it changed, and more."""
        before = {posting["id"]: posting for posting in self.source.days[day]}
        changed = {
            number: self._drawn(int(number.removeprefix("job-"))) for number in before if self._draw.random() < 0.4
        }
        more = {posting["id"]: posting for posting in self._listing()}
        self.source.days[day] = list((more | before | changed).values())

    def _listing(self) -> list[dict[str, Any]]:
        return [self._drawn(number) for number in self._draw.sample(range(POSTINGS), 10)]

    def _drawn(self, number: int) -> dict[str, Any]:
        choice = self._draw.choice
        pay = choice((None, 40_000, 55_000, 90_000, 150_000))
        return {
            "id": f"job-{number}",
            "title": choice(TITLES) if number else " ",
            "company": choice(("Acme", "Globex")),
            "location": choice(("Berlin, Germany", "Paris, France", "Paris, France; Berlin, Germany")),
            "description": choice(TEXTS) + COMMON_END,
            "salary_min": pay,
            "salary_max": pay and pay + 10_000,
            "salary_currency": "EUR",
            "salary_period": "year",
            "industry": choice(("Software", "Health", None)),
            "posted_at": f"{self._posted[number]}T06:00:00Z",
        }


def take(pipeline: Pipeline, steps: Iterable[tuple[str, date]], as_of: datetime) -> int:
    """Take the steps; returns how many postings were archived on the way."""
    archived = 0
    for what, day in steps:
        if what == "cleanup":
            archived += figures(pipeline.cleanup(), "expired_postings")["deleted"]
        elif what == "refresh":
            pipeline.refresh(as_of)
        else:
            pipeline.ingest(day, refetch=what == "change")
    return archived


def jobs_of(settings: Settings) -> list[list[Row]]:
    """The postings in the store and in the archive, those of one job together, oldest first."""
    files = sorted(settings.archive_dir.rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    archived = [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]
    rows = {
        (row["source"], row["external_id"]): row
        | {"found": [(skill, level / 100) for skill, level in skills_of(row)], "archived": True}
        for row in archived
    }
    keys = (posting_facts.c.url_key, posting_facts.c.job_key)
    stored = sa.select(job_postings, *keys).join(
        posting_facts, posting_facts.c.posting_id == job_postings.c.posting_id
    )
    with Database(settings.market_url).engine().connect() as connection:
        identities = {}
        for row in connection.execute(stored).mappings():
            identities[row["posting_id"]] = (row["source"], row["external_id"])
            rows[row["source"], row["external_id"]] = {**row, "found": [], "archived": False}
        found = (posting_skills.c.posting_id, posting_skills.c.skill, posting_skills.c.weight)
        for posting_id, skill, weight in connection.execute(sa.select(*found)):
            rows[identities[posting_id]]["found"].append((skill, weight))
    jobs: list[list[Row]] = []
    for row in rows.values():
        same = [job for job in jobs if any(is_same_job(row, other) for other in job)]
        together = [row, *(other for job in same for other in job)]
        jobs = [job for job in jobs if job not in same] + [sorted(together, key=age)]
    return jobs


def skills_of(archived: Row) -> Iterable[tuple[str, int]]:
    """The skills of an archived posting, each with its level."""
    return zip(archived["skill_names"], archived["skill_weights"], strict=True)


def age(row: Row) -> tuple[Any, ...]:
    return row["posted_at"], row["source"], row["external_id"]


def is_same_job(row: Row, other: Row) -> bool:
    return any(row[key] is not None and row[key] == other[key] for key in ("url_key", "job_key"))


def counted(settings: Settings, as_of: datetime) -> counted_by_hand.Tables:
    """The tables by hand: the oldest of a job in the store counts; history goes by the oldest of all."""
    jobs = jobs_of(settings)
    standing = [min(job, key=lambda row: (row["archived"], age(row))) for job in jobs]
    market = replace(
        counted_by_hand.read_market(settings.market_url, as_of),
        originals=[counted_by_hand.posting_of(row, row["found"]) for row in standing],
        duplicates=[
            row["posted_at"] for job in jobs for row in job if row not in standing and not row["archived"]
        ],
    )
    firsts = [counted_by_hand.posting_of(job[0], job[0]["found"]) for job in jobs]
    past = replace(market, originals=firsts).since(market.start(settings.trend_days))
    tables = counted_by_hand.count(market, settings)
    # Months of the history stay as they were when they were first counted.
    del tables["skill_history"]
    return tables | {"salary_trends": salary_trends(past, settings.min_sample)}


def wipe(settings: Settings) -> None:
    """Delete every result."""
    with Database(settings.market_url).engine().begin() as connection:
        for table in RESULTS:
            connection.execute(sa.delete(metadata.tables[table]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.thorough)])
def test_what_a_refresh_says_does_not_depend_on_the_way(seed: int, settings: Settings, tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    as_of = datetime.combine(today, time(18), UTC)
    settings = settings.model_copy(update=SHORT)
    work = Work(seed, today)
    with Pipeline(settings, work.source) as pipeline:
        archived = take(pipeline, work.steps(), as_of)
        archived += take(pipeline, [("cleanup", today), ("refresh", today)], as_of)
        assert archived > 0
        expected = counted(settings, as_of)
        for table, rows in expected.items():
            assert_same(pipeline.rows(table), rows, table)
        pipeline.rebuild(as_of)
        assert_recommended(pipeline.rows("skill_recommendations"), expected["skill_pairs"])
        found = pipeline.everything(COUNTED_AGAIN)

        wipe(settings)
        pipeline.refresh(as_of)
        pipeline.rebuild(as_of)
        assert pipeline.everything(COUNTED_AGAIN) == found

    straight = Settings(
        DATABASE_URL=f"sqlite:///{tmp_path / 'straight.db'}",
        MARKET_ASSETS_DATA_DIR=tmp_path / "straight",
        _env_file=None,
    ).model_copy(update=SHORT)
    with Pipeline(straight, work.source) as pipeline:
        pipeline.ingest(work.days[0], work.days[-1])
        take(pipeline, [("cleanup", today), ("refresh", today)], as_of)
        # What is archived stays as it was then, so that tables which reach beyond the retention may differ.
        for table in set(COUNTED_AGAIN) - {"salary_trends", "trending_skills", "market_summary"}:
            assert pipeline.rows(table) == found[table], table
