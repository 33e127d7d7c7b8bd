"""Counting pairs of skills: this project beside what one would write first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import combinations

import numpy as np
import polars as pl

from market_assets.statistics.pairs import skill_pairs
from market_assets.statistics.window import WINDOW_POSTING, Window

POSTINGS, SKILLS, SKILLS_PER_POSTING = 200_000, 2_000, 10


def made_up_window(seed: int = 1) -> Window:
    """Postings with ten skills each, some skills far more frequent than others."""
    random = np.random.default_rng(seed)
    weights = 1 / np.arange(1, SKILLS + 1)
    drawn = random.choice(SKILLS, size=(POSTINGS, SKILLS_PER_POSTING), p=weights / weights.sum())
    rows = [np.unique(row) for row in drawn]
    lengths = np.array([len(row) for row in rows])
    nothing = {
        name: pl.lit(None, dtype)
        for name, dtype in WINDOW_POSTING.items()
        if name not in ("posting_id", "posted_at")
    }
    postings = pl.DataFrame({"posting_id": np.arange(POSTINGS)}).with_columns(
        posted_at=pl.lit(datetime(2026, 1, 1, tzinfo=UTC), WINDOW_POSTING["posted_at"]), **nothing
    )
    return Window(
        postings=postings.select(WINDOW_POSTING.names()),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        codes=np.concatenate(rows).astype(np.int32),
        skills=pl.DataFrame({"skill": [f"skill {n:04d}" for n in range(SKILLS)], "category": ["any"] * SKILLS}),
    )


def with_a_dict(window: Window) -> pl.DataFrame:
    counts: Counter[tuple[int, int]] = Counter()
    for start, end in zip(window.offsets[:-1].tolist(), window.offsets[1:].tolist(), strict=True):
        counts.update(combinations(window.codes[start:end].tolist(), 2))
    names = window.skills["skill"].to_list()
    rows = [(names[a], names[b], count) for (a, b), count in counts.items()]
    return pl.DataFrame(rows, ["skill_a", "skill_b", "co_occurrences"], orient="row").sort("skill_a", "skill_b")


def with_a_join(window: Window) -> pl.DataFrame:
    names = window.skills["skill"].gather(pl.Series(window.codes))
    entries = pl.DataFrame({"posting": window.rows, "skill": names})
    return (
        entries.lazy()
        .join(entries.lazy(), on="posting", suffix="_b")
        .filter(pl.col("skill") < pl.col("skill_b"))
        .group_by(skill_a="skill", skill_b="skill_b")
        .agg(co_occurrences=pl.len().cast(pl.Int64))
        .sort("skill_a", "skill_b")
        .collect()
    )


def timed(count: Callable[[Window], pl.DataFrame], window: Window) -> tuple[float, pl.DataFrame]:
    started = time.perf_counter()
    pairs = count(window)
    return time.perf_counter() - started, pairs


def main() -> None:
    window = made_up_window()
    ours, expected = timed(skill_pairs, window)
    print(f"{POSTINGS:,} postings, {len(window.codes):,} skills found, {expected.height:,} pairs")
    print(f"{'this project':<20} {ours:7.2f} s")
    for name, count in (("dict and loops", with_a_dict), ("Polars self-join", with_a_join)):
        seconds, pairs = timed(count, window)
        assert pairs.equals(expected), f"{name} counts otherwise"
        print(f"{name:<20} {seconds:7.2f} s   {seconds / ours:6.1f} × this project")


if __name__ == "__main__":
    main()
