"""A made-up market of any size: window from a seed, the real computations over them, and the tables filled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa

from market_assets.statistics.communities import skill_communities
from market_assets.statistics.comparison import comparison
from market_assets.statistics.counts import posting_coverage, posting_statistics
from market_assets.statistics.demand import industry_skills, skill_demand
from market_assets.statistics.history import skill_history
from market_assets.statistics.occupations import occupation_demand, occupation_salaries, occupation_skills
from market_assets.statistics.pairs import skill_pairs
from market_assets.statistics.pay import employment_salaries, location_salaries, salary_statistics
from market_assets.statistics.pay_trends import salary_trends
from market_assets.statistics.recommendations import skill_affinities, skill_recommendations
from market_assets.statistics.relationships import skill_relationships
from market_assets.statistics.summary import market_summary
from market_assets.statistics.tables import SKILL_HISTORY
from market_assets.statistics.trends import trending_skills
from market_assets.statistics.window import WINDOW_POSTING, Window, window_start
from market_assets.store.database import Database
from market_assets.store.revisions import count_up_table
from market_assets.store.tables import results as tables

AS_OF = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
MIN_SAMPLE = 5
#: Names that are hard on paths and query strings.
AWKWARD = ("Python", "C", "C#", "C++", "CI/CD", ".NET", "100 % Agile", "Qualité", "R&D?", "A/B/trend test")
_INDUSTRIES = ("Technology", "Finance", "Health / Care", "Retail & Trade", None)
_COUNTRIES = ("DE", "CH", "US", None)
_EMPLOYMENT_TYPES = (None, "full_time", "internship", "contract")
_SENIORITIES = ("junior", "senior", None)
_OCCUPATIONS = ("Data engineer", "Nurse", "Truck driver", None)
_LOCATIONS = ("Berlin, DE", "Zürich, CH", "New York, US", None)


def made_up_window(skills: int = 30, postings: int = 400, seed: int = 7, as_of: datetime = AS_OF) -> Window:
    """Postings of the 90 days before `as_of`; skills get rarer in a random order of their names."""
    random, occupied = np.random.default_rng(seed), np.random.default_rng(seed)
    names = sorted(islice((*AWKWARD, *(f"Skill {number}" for number in range(skills))), skills))
    popularity = random.permutation(1 / np.arange(1, len(names) + 1) ** 0.8)
    lengths = random.integers(0, min(12, len(names)), postings)
    codes = [
        np.sort(random.choice(len(names), length, replace=False, p=popularity / popularity.sum()))
        for length in lengths
    ]
    seconds = random.integers(0, 89 * 86_400, postings)
    salaries = random.integers(30_000, 200_000, postings).astype(float)
    drawn = {
        "posting_id": range(postings),
        "source": random.choice(["sample", "file"], postings).tolist(),
        "posted_at": [as_of - timedelta(seconds=int(second)) for second in seconds],
        "dated": [True] * postings,
        "partition_date": [as_of.date()] * postings,
        "company_key": random.integers(0, 40, postings),
        "location": [_LOCATIONS[place] for place in random.integers(0, len(_LOCATIONS), postings)],
        "locations": [None] * postings,
        "industry": [_INDUSTRIES[place] for place in random.integers(0, len(_INDUSTRIES), postings)],
        "employment_type": [_EMPLOYMENT_TYPES[place % len(_EMPLOYMENT_TYPES)] for place in range(postings)],
        "workplace": ["remote"] * postings,
        "country": [_COUNTRIES[place] for place in random.integers(0, len(_COUNTRIES), postings)],
        "seniority": [_SENIORITIES[place] for place in random.integers(0, len(_SENIORITIES), postings)],
        "occupation": [_OCCUPATIONS[place] for place in occupied.integers(0, len(_OCCUPATIONS), postings)],
        "language": ["en"] * postings,
        "salary": [
            None if unknown else pay for unknown, pay in zip(random.random(postings) < 0.3, salaries, strict=True)
        ],
    }
    return Window(
        postings=pl.DataFrame(drawn, schema=WINDOW_POSTING),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        codes=np.concatenate(codes).astype(np.int32),
        skills=pl.DataFrame({"skill": names, "category": [f"Category {len(name) % 3}" for name in names]}),
    )


@cache
def tables_of_the_usual_window(as_of: datetime) -> dict[sa.Table, pl.DataFrame]:
    return computed_tables(made_up_window(), as_of)


def computed_tables(window: Window, as_of: datetime = AS_OF) -> dict[sa.Table, pl.DataFrame]:
    """What a refresh would write."""
    compared = comparison(window, as_of)
    pairs, trending = skill_pairs(window), trending_skills(window, compared)
    relationships = skill_relationships(pairs, window)
    month = pl.col("posted_at").dt.strftime("%Y-%m").alias("month")
    months = window.postings.group_by(month).agg(postings=pl.len().cast(pl.Int64))
    return {
        tables.skill_demand: skill_demand(window, MIN_SAMPLE),
        tables.industry_skills: industry_skills(window, MIN_SAMPLE),
        tables.salary_statistics: salary_statistics(window, MIN_SAMPLE),
        tables.salary_trends: salary_trends(window, MIN_SAMPLE),
        tables.location_salaries: location_salaries(window, MIN_SAMPLE),
        tables.employment_salaries: employment_salaries(window, MIN_SAMPLE),
        tables.occupation_demand: occupation_demand(window),
        tables.occupation_skills: occupation_skills(window),
        tables.occupation_salaries: occupation_salaries(window, MIN_SAMPLE),
        tables.trending_skills: trending,
        tables.skill_relationships: relationships,
        tables.skill_communities: skill_communities(relationships),
        tables.skill_recommendations: skill_recommendations(pairs, window, MIN_SAMPLE),
        tables.skill_affinities: skill_affinities(pairs, window),
        tables.skill_history: skill_history(window, pl.DataFrame(schema=SKILL_HISTORY), months, as_of, MIN_SAMPLE),
        tables.posting_coverage: posting_coverage(window),
        tables.posting_statistics: posting_statistics(window),
        tables.market_summary: market_summary(
            window,
            as_of=as_of,
            window_start=window_start(as_of, 90),
            duplicates=3,
            rejections=pl.DataFrame({"reason": ["no title"], "postings": [1]}),
            trending=trending,
            compared=compared,
            min_sample=MIN_SAMPLE,
        ),
    }


def fill(database: Database, window: Window | None = None, as_of: datetime = AS_OF) -> None:
    """Replace the result tables as a refresh does, and leave no connection open.

    By SQLAlchemy, since a web process may have the file open, into which ADBC must not write beside it.
    """
    computed = tables_of_the_usual_window(as_of) if window is None else computed_tables(window, as_of)
    with database.engine().begin() as connection:
        for table, rows in computed.items():
            connection.execute(table.delete())
            if rows.height:
                connection.execute(table.insert(), rows.select(table.columns.keys()).to_dicts())
            count_up_table(connection, table)


def stored(database: Database, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """A table's rows as they are in the database, by plain SQL."""
    engine = database.engine()
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(table).where(*where)).mappings()]
