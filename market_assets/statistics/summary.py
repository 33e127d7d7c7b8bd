"""The headline figures of the market, in one row."""

from __future__ import annotations

import json
from datetime import datetime

import polars as pl

from market_assets.postings.schemas import SAMPLE_BOARDS
from market_assets.statistics.comparison import Comparison
from market_assets.statistics.groups import labels, pay_of
from market_assets.statistics.segments import places
from market_assets.statistics.tables import MARKET_SUMMARY
from market_assets.statistics.window import Window


def market_summary(
    window: Window,
    *,
    as_of: datetime,
    window_start: datetime,
    duplicates: int,
    rejections: pl.DataFrame,
    trending: pl.DataFrame,
    compared: Comparison,
    min_sample: int,
) -> pl.DataFrame:
    """The headline figures of the window.

    Args:
        window: the counted postings.
        as_of: the time of the refresh, UTC.
        window_start: where the window begins, UTC.
        duplicates: postings of the window that are not counted because they are another's duplicates.
        rejections: reason, postings: what was rejected on the days of the window.
        trending: schema `tables.TRENDING_SKILLS`.
        compared: the sources that trends compare.
        min_sample: average and median of fewer postings with a salary are null.

    Returns:
        Schema `MARKET_SUMMARY`, one row, with and without postings. `salary_countries` is from how many known
        countries the salaries are: above 1, average and median mix them. `skills`, `industries` and `locations`
        are the distinct ones found; `remote_share` is the part of all postings that is known to be remote;
        `top_skill` has the most postings, `fastest_growing_skill` the greatest growth of those that are
        growing (ties by name). Null where there is none. `sources_compared` is a JSON list, `sources_left_out` a
        JSON object of source and reason. `sample_postings` are those made up by the sample source.
    """
    postings = window.postings
    by_skill = window.postings_by_skill
    remote = int((postings["workplace"] == "remote").sum())
    return pl.DataFrame(
        {
            "as_of": [as_of],
            "window_start": [window_start],
            "postings": [len(window)],
            "duplicates": [duplicates],
            "rejected": [int(rejections["postings"].sum())],
            **pay_of(window, labels(window), min_sample).figures(MARKET_SUMMARY),
            "salary_countries": [postings.select("salary", "country").drop_nulls()["country"].n_unique()],
            "skills": [int((by_skill > 0).sum())],
            "industries": [postings["industry"].drop_nulls().n_unique()],
            "locations": [places(window)["location"].n_unique()],
            "remote_share": [remote / len(window) if len(window) else None],
            "top_skill": [window.skills["skill"][int(by_skill.argmax())] if by_skill.any() else None],
            "fastest_growing_skill": [_fastest_growing(trending)],
            "sources_compared": [json.dumps(compared.sources)],
            "sources_left_out": [json.dumps(compared.left_out)],
            "sample_postings": [int(postings["source"].is_in(SAMPLE_BOARDS).sum())],
        },
        schema=MARKET_SUMMARY,
    )


def _fastest_growing(trending: pl.DataFrame) -> str | None:
    growing = trending.filter(pl.col("trend") == "growing").sort("growth", "skill", descending=[True, False])
    return growing["skill"][0] if growing.height else None
