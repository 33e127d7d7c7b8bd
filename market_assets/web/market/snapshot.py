"""The market as the API answers from it: the result tables in memory, sorted for the questions that are asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

from market_assets.statistics.related import CLOSEST_FIRST, related_skills
from market_assets.store.tables import results as tables

if TYPE_CHECKING:
    from market_assets.statistics.recommender import Recommender

#: What is kept in memory.
TABLES: tuple[sa.Table, ...] = (
    tables.market_summary,
    tables.skill_demand,
    tables.industry_skills,
    tables.salary_statistics,
    tables.salary_trends,
    tables.location_salaries,
    tables.trending_skills,
    tables.skill_relationships,
    tables.skill_recommendations,
    tables.skill_affinities,
)

#: The columns of `skill_demand` that hold JSON.
TOP_LISTS = ("top_sources", "top_industries", "top_locations")
_TOP_LIST = pl.List(pl.Struct({"value": pl.String(), "postings": pl.Int64()}))


class Names:
    """The names of one kind of thing, found whatever their case."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._folded = {name.casefold(): name for name in sorted(self._names, reverse=True)}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def find(self, name: str) -> str | None:
        """The name as the tables spell it, None where they don't have it."""
        return name if name in self._names else self._folded.get(name.strip().casefold())


class Grouped:
    """The rows of a table, to be had group by group without a search."""

    def __init__(self, rows: pl.DataFrame, by: str, order: Mapping[str, bool]) -> None:
        """Sort by group and, within it, by the columns of `order` (True: greatest first)."""
        columns = [by, *order]
        self._rows = rows.sort(columns, descending=[False, *order.values()], nulls_last=True)
        sizes = self._rows.group_by(by, maintain_order=True).len()
        starts = sizes["len"].cum_sum() - sizes["len"]
        self._places: dict[str | None, tuple[int, int]] = {
            name: (start, size) for name, start, size in zip(sizes[by], starts, sizes["len"], strict=True)
        }

    def of(self, group: str | None) -> pl.DataFrame:
        """The rows of a group, none where there is no such group."""
        return self._rows.slice(*self._places.get(group, (0, 0)))

    def one(self, group: str) -> dict[str, Any] | None:
        """The first row of a group."""
        rows = self.of(group)
        return rows.row(0, named=True) if rows.height else None

    @property
    def groups(self) -> list[str]:
        return [group for group in self._places if group is not None]


class Bodies:
    """Encoded answers by what was asked, up to a number of bytes; the oldest make room."""

    def __init__(self, most_bytes: int = 32 << 20) -> None:
        self._bodies: dict[str, bytes] = {}
        self._room = most_bytes

    def get(self, asked: str) -> bytes | None:
        return self._bodies.get(asked)

    def put(self, asked: str, body: bytes) -> None:
        self._bodies[asked] = body
        self._room -= len(asked) + len(body)
        while self._room < 0:
            oldest = next(iter(self._bodies))
            self._room += len(oldest) + len(self._bodies.pop(oldest))


@dataclass(frozen=True)
class Market:
    """One state of the result tables; never changed, only replaced."""

    #: What a client's copy is compared with: changes with every table, with as_of and with the program.
    etag: str
    summary: dict[str, Any] | None
    #: skill_demand by industry, None for the whole market, by rank.
    demand: Grouped
    #: skill_demand of the whole market, by skill.
    skill_demand: Grouped
    #: skill_demand within industries, by skill, the greatest first.
    demand_in_industries: Grouped
    industry_skills: Grouped
    salaries: Grouped
    trends: Grouped
    locations: Grouped
    trending: pl.DataFrame
    trending_of: Grouped
    #: skill_relationships seen from either of the two skills, the closest first.
    related: Grouped
    #: skill_affinities, skill_relationships seen from either skill, and salary_statistics.
    recommended_from: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
    recommendations_of: Grouped
    skills: Names
    industries: Names
    categories: Names
    bodies: Bodies = field(default_factory=Bodies)

    @cached_property
    def recommender(self) -> Recommender:
        """Made on first use: it brings NumPy, which would slow the start of the web process."""
        from market_assets.statistics.recommender import Recommender

        return Recommender(*self.recommended_from)


def market_of(frames: Mapping[str, pl.DataFrame], revisions: Mapping[str, int]) -> Market:
    """The market from its tables, each with the types of its declaration."""
    demand = frames["skill_demand"].with_columns(pl.col(*TOP_LISTS).str.json_decode(_TOP_LIST))
    whole, parts = demand.filter(pl.col("industry").is_null()), demand.filter(pl.col("industry").is_not_null())
    by_rank, trending = {"rank": False, "skill": False}, frames["trending_skills"]
    recommendations = frames["skill_recommendations"]
    both_sides = related_skills(frames["skill_relationships"])
    related = Grouped(both_sides, "skill", CLOSEST_FIRST)
    trends = Grouped(frames["salary_trends"], "skill", {"month": False})
    salaries = Grouped(frames["salary_statistics"], "skill", {})
    industry_skills = Grouped(frames["industry_skills"], "industry", by_rank)
    known = (demand["skill"], trending["skill"], recommendations["skill"], related.groups, trends.groups)
    summary = frames["market_summary"].sort("as_of").tail(1).to_dicts()
    return Market(
        etag=_etag(summary, revisions),
        summary=summary[0] if summary else None,
        demand=Grouped(demand, "industry", by_rank),
        skill_demand=Grouped(whole, "skill", {}),
        demand_in_industries=Grouped(parts, "skill", {"postings": True, "industry": False}),
        industry_skills=industry_skills,
        salaries=salaries,
        trends=trends,
        locations=Grouped(frames["location_salaries"], "location", {}),
        trending=_fastest_first(trending),
        trending_of=Grouped(trending, "skill", {}),
        related=related,
        recommended_from=(frames["skill_affinities"], both_sides, frames["salary_statistics"]),
        recommendations_of=Grouped(recommendations, "skill", {"rank": False}),
        skills=Names(name for names in (*known, salaries.groups) for name in names),
        industries=Names({*industry_skills.groups, *parts["industry"].unique()}),
        categories=Names(demand["category"].unique()),
    )


def _fastest_first(trending: pl.DataFrame) -> pl.DataFrame:
    """By growth; those without a past to compare with come last, the most asked for first."""
    return trending.sort(["growth", "recent_postings", "skill"], descending=[True, True, False], nulls_last=True)


def _etag(summary: list[dict[str, Any]], revisions: Mapping[str, int]) -> str:
    state = (version("market-assets"), [row["as_of"].isoformat() for row in summary], sorted(revisions.items()))
    # Weak: the same content, though another version of a library may write its numbers differently.
    return f'W/"{hashlib.sha256(repr(state).encode()).hexdigest()[:20]}"'
