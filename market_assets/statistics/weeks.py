"""What has changed within a week: the last seven days against the seven before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from market_assets.statistics.comparison import Comparison
from market_assets.statistics.trends import trending_skills
from market_assets.statistics.window import Window

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class WeeklyChanges:
    """How many postings came in either week, and how the share of each skill changed.

    Attributes:
        postings, postings_before: counted postings of the last seven days and of the seven before.
        skills: schema `TRENDING_SKILLS`, recent being the last week and previous the one before.
    """

    postings: int
    postings_before: int
    skills: pl.DataFrame


def weekly_changes(window: Window, as_of: datetime, sources: Collection[str]) -> WeeklyChanges:
    """Compare two weeks as `trends.trending_skills` compares its periods.

    Args:
        window: counted postings that reach back two weeks.
        as_of: where the last week ends, UTC.
        sources: those that are compared (see `comparison`); without any, no change is known.
    """
    boundary = as_of - WEEK
    compared = Comparison(as_of, boundary, boundary - WEEK, tuple(sorted(sources)), {})
    posted = window.postings["posted_at"]
    return WeeklyChanges(
        postings=int(posted.is_between(boundary, as_of).sum()),
        postings_before=int(posted.is_between(boundary - WEEK, boundary, closed="left").sum()),
        skills=trending_skills(window, compared),
    )
