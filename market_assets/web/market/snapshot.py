"""The result tables in memory, sorted for the queries of the market API, and read again after a refresh."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property, lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa
from anyio import to_thread

from market_assets.postings.categories import industry_names
from market_assets.postings.occupations import occupation_spellings
from market_assets.statistics.pay import pay_by
from market_assets.statistics.relationships import CLOSEST_FIRST, related_skills
from market_assets.store.database import Database
from market_assets.store.revisions import read_table_revisions
from market_assets.store.tables import results as tables
from market_assets.store.tables.columns import arrow_schema
from market_assets.web.errors import ApiError
from market_assets.web.market.requests import Names, town_spellings
from market_assets.web.market.responses import AnswerCache

if TYPE_CHECKING:
    from market_assets.statistics.recommender import Recommender

CHECK_SECONDS = 0.25
#: What is kept in memory.
TABLES: tuple[sa.Table, ...] = (
    tables.market_summary,
    tables.skill_demand,
    tables.industry_skills,
    tables.salary_statistics,
    tables.salary_trends,
    tables.location_salaries,
    tables.trending_skills,
    tables.posting_statistics,
    tables.skill_history,
    tables.posting_coverage,
    tables.skill_relationships,
    tables.skill_recommendations,
    tables.skill_affinities,
    tables.employment_salaries,
    tables.skill_communities,
    tables.occupation_demand,
    tables.occupation_skills,
    tables.occupation_salaries,
)

#: The columns of `skill_demand` that hold JSON.
TOP_LISTS = ("top_sources", "top_industries", "top_locations")
_TOP_LIST = pl.List(pl.Struct({"value": pl.String(), "postings": pl.Int64()}))


class Grouped:
    """The rows of a table by group, each group found without a search."""

    def __init__(self, rows: pl.DataFrame, by: str, order: Mapping[str, bool]) -> None:
        """Sort by group and, within it, by the columns of `order` (True: greatest first)."""
        self._rows = rows.sort([by, *order], descending=[False, *order.values()], nulls_last=True)
        sizes = self._rows.group_by(by, maintain_order=True).len()
        starts = sizes["len"].cum_sum() - sizes["len"]
        self._slices: dict[str | None, tuple[int, int]] = {
            name: (start, size) for name, start, size in zip(sizes[by], starts, sizes["len"], strict=True)
        }

    def of(self, group: str | None) -> pl.DataFrame:
        """The rows of a group, none where there is no such group."""
        return self._rows.slice(*self._slices.get(group, (0, 0)))

    def one(self, group: str) -> dict[str, Any] | None:
        """The first row of a group."""
        rows = self.of(group)
        return rows.row(0, named=True) if rows.height else None

    @property
    def groups(self) -> list[str]:
        return [group for group in self._slices if group is not None]


class MarketSnapshot:
    """One state of the result tables, each with the column types of its declaration; only replaced as a whole."""

    def __init__(
        self, frames: Mapping[str, pl.DataFrame], revisions: Mapping[str, int], taxonomy: Path | None = None
    ) -> None:
        """Sort the tables.

        Args:
            frames: the tables by name.
            revisions: how often each has been written.
            taxonomy: the file of MARKET_ASSETS_TAXONOMY, for other spellings of skills.
        """
        demand = with_lists(frames["skill_demand"])
        in_industries = pl.col("industry").is_not_null()
        by_rank, trending = {"rank": False, "skill": False}, frames["trending_skills"]
        both_sides = related_skills(frames["skill_relationships"])
        summaries = frames["market_summary"].sort("as_of").tail(1).to_dicts()
        for summary in summaries:
            summary |= {name: json.loads(summary[name]) for name in ("sources_compared", "sources_left_out")}
        #: Compared with a client's copy: changes with every table, with as_of and with the program's version.
        self.etag = _etag(summaries, revisions)
        self.summary: dict[str, Any] | None = summaries[0] if summaries else None
        #: Those that were made from these tables.
        self.answers = AnswerCache()
        #: Counted up by every refresh, also by one for the same time.
        self.revision = revisions["market_summary"]
        #: skill_demand by industry, None for the whole market.
        self.demand = Grouped(demand, "industry", by_rank)
        self.industry_skills = Grouped(frames["industry_skills"], "industry", by_rank)
        self.locations = Grouped(frames["location_salaries"], "location", {})
        self.location_salaries = frames["location_salaries"].sort(
            ["postings", "location"], descending=[True, False]
        )
        self.postings_of_industries = _postings_of(frames["posting_statistics"], "industry")
        #: By growth; skills without a previous period come last, the most asked for first.
        self.trending = trending.sort(
            ["growth", "recent_postings", "skill"], descending=[True, True, False], nulls_last=True
        )
        #: Those of most postings with pay first.
        self.employment_salaries = frames["employment_salaries"].sort(
            ["postings_with_salary", "employment_type", "country"],
            descending=[True, False, False],
            nulls_last=False,
        )
        self._take_occupations(frames)
        self.coverage = frames["posting_coverage"].sort("dimension", "value")
        # By skill.
        self.skill_demand = Grouped(demand.filter(~in_industries), "skill", {})
        self.demand_in_industries = Grouped(
            demand.filter(in_industries), "skill", {"postings": True, "industry": False}
        )
        pay, most_first = (
            frames["salary_statistics"],
            {"postings_with_salary": True, "country": False, "seniority": False},
        )
        by_country, by_seniority = pl.col("country").is_not_null(), pl.col("seniority").is_not_null()
        of_all = pay.filter(~by_country & ~by_seniority)
        self.salaries = Grouped(of_all, "skill", {})
        self.salaries_by_country = Grouped(pay.filter(by_country & ~by_seniority), "skill", most_first)
        self.salaries_by_seniority = Grouped(pay.filter(by_seniority & ~by_country), "skill", most_first)
        self.trends = Grouped(frames["salary_trends"], "skill", {"month": False})
        self.history = Grouped(frames["skill_history"], "skill", {"month": False})
        self.trending_by_skill = Grouped(trending, "skill", {})
        self.related = Grouped(both_sides, "skill", CLOSEST_FIRST)
        self.recommendations = Grouped(frames["skill_recommendations"], "skill", {"rank": False})
        #: The most central skill of the largest community first.
        self.skill_communities = frames["skill_communities"].sort(
            ["community", "centrality", "skill"], descending=[False, True, False]
        )
        self.communities = Grouped(
            frames["skill_communities"], "community_name", {"centrality": True, "skill": False}
        )
        #: What jobs pay by country, the country with most known salaries first.
        self.pay_by_country = pay_by(frames["employment_salaries"], "country")
        self.pay_by_employment = pay_by(frames["employment_salaries"], "employment_type")
        self._recommender_tables = (frames["skill_affinities"], both_sides, of_all)

        by_skill = (
            *(self.skill_demand, self.demand_in_industries, self.salaries, self.trends),
            *(self.trending_by_skill, self.related, self.recommendations),
        )
        self.skills = Names(
            (name for grouped in by_skill for name in grouped.groups), partial(_other_spellings, taxonomy)
        )
        self.industries = Names({*self.industry_skills.groups, *self.demand.groups}, industry_names)
        self.categories = Names(demand["category"].unique())
        places = self.location_salaries["location"].to_list()
        self.employment_types = Names(self.employment_salaries["employment_type"].drop_nulls().unique())
        self.pay_countries = Names(self.employment_salaries["country"].drop_nulls().unique())
        self.location_names = Names(places, partial(town_spellings, places))

    def _take_occupations(self, frames: Mapping[str, pl.DataFrame]) -> None:
        pay, most_first = (
            frames["occupation_salaries"],
            {"postings_with_salary": True, "country": False, "seniority": False},
        )
        demand = frames["occupation_demand"].sort("rank")
        #: Demand of each occupation and what it pays in all, by rank.
        self.occupation_demand = with_pay(demand, pay)
        self.occupation_salaries = Grouped(pay, "occupation", most_first)
        self.occupation_skills = Grouped(frames["occupation_skills"], "occupation", {"rank": False})
        self.occupations = Names(demand["occupation"], occupation_spellings)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Where the window of the counted postings begins, and the time of the refresh, where it ends; UTC.

        Raises:
            ApiError: 404, nothing has been counted yet.
        """
        if self.summary is None:
            raise ApiError(404, "Nothing has been counted yet")
        return self.summary["window_start"], self.summary["as_of"]

    @cached_property
    def recommender(self) -> Recommender:
        """Made on first use: it imports NumPy, which would slow the start of the web process."""
        from market_assets.statistics.recommender import Recommender

        return Recommender(*self._recommender_tables)


def with_lists(demand: pl.DataFrame) -> pl.DataFrame:
    """Rows of skill_demand with their JSON as lists."""
    return demand.with_columns(pl.col(*TOP_LISTS).str.json_decode(_TOP_LIST))


def with_pay(demand: pl.DataFrame, pay: pl.DataFrame) -> pl.DataFrame:
    """Rows of occupation_demand with those of occupation_salaries that are about all their postings."""
    of_all = pay.filter(pl.col("country").is_null(), pl.col("seniority").is_null()).drop("country", "seniority")
    rows = demand.join(of_all, on="occupation", how="left", maintain_order="left")
    return rows.with_columns(pl.col("postings_with_salary").fill_null(0))


class SnapshotCache:
    """The newest snapshot of a database. Its SQL runs in a thread, one read at a time, never on the event loop."""

    def __init__(
        self, database: Database, taxonomy: Path | None = None, check_seconds: float = CHECK_SECONDS
    ) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._check_seconds = check_seconds
        self._lock = threading.Lock()
        self._frames: dict[str, pl.DataFrame] = {}
        self._version: tuple[Any, dict[str, int]] = (None, {})
        self._snapshot: MarketSnapshot | None = None
        self._next_check = 0.0

    async def current(self) -> MarketSnapshot:
        """A snapshot at most `check_seconds` older than the store.

        While one request reads a newer one, the others are answered from the one in memory.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the store can't be read.
        """
        snapshot = self._snapshot
        if snapshot is None:
            return await to_thread.run_sync(self._first)
        if time.monotonic() < self._next_check or not self._lock.acquire(blocking=False):
            return snapshot
        try:
            return await to_thread.run_sync(self._newest)
        finally:
            self._lock.release()

    def _first(self) -> MarketSnapshot:
        with self._lock:
            return self._snapshot or self._newest()

    def _newest(self) -> MarketSnapshot:
        with consistent_connection(self._database.pooled_engine()) as connection:
            revisions = read_table_revisions(connection, *TABLES)
            as_of = connection.scalar(sa.select(sa.func.max(tables.market_summary.c.as_of)))
            if self._snapshot is None or (as_of, revisions) != self._version:
                _as_of, known = self._version
                changed = [table for table in TABLES if revisions[table.name] != known.get(table.name)]
                # Another as_of at the same revisions: another database has taken the place of the first.
                read = {
                    table.name: pl.read_database(
                        sa.select(*table.columns), connection, schema_overrides=arrow_schema(table)
                    )
                    for table in changed or TABLES
                }
                frames = {**self._frames, **read}
                self._snapshot = MarketSnapshot(frames, revisions, self._taxonomy)
                self._frames, self._version = frames, (as_of, revisions)
        self._next_check = time.monotonic() + self._check_seconds
        return self._snapshot


def _postings_of(statistics: pl.DataFrame, dimension: str) -> pl.DataFrame:
    """The values of a dimension of `posting_statistics` that are known, and their postings, most first."""
    return (
        statistics.filter(pl.col("dimension") == dimension, pl.col("value") != "unknown")
        .select(pl.col("value").alias(dimension), "postings")
        .sort(["postings", dimension], descending=[True, False])
    )


@lru_cache(maxsize=1)
def _other_spellings(taxonomy: Path | None) -> dict[str, str]:
    """From the other spellings of skills, casefolded, to their names."""
    from market_assets.skills.taxonomy import load_taxonomy

    return {
        spelling.casefold(): skill.name
        for skill in load_taxonomy(taxonomy).skills
        for spelling in skill.other_spellings
    }


def _etag(summaries: list[dict[str, Any]], revisions: Mapping[str, int]) -> str:
    state = (version("market-assets"), [row["as_of"].isoformat() for row in summaries], sorted(revisions.items()))
    # Weak: the same content, though another version of a library may write its numbers differently.
    return f'W/"{hashlib.sha256(repr(state).encode()).hexdigest()[:20]}"'


def consistent_connection(engine: sa.Engine) -> sa.Connection:
    """A connection whose reads all see the same state of the store."""
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        # Python's driver begins a transaction only before writes.
        connection.exec_driver_sql("BEGIN")
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
