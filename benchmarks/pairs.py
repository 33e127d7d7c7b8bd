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
from market_assets.statistics.window import FACT, Facts

POSTINGS, SKILLS, SKILLS_PER_POSTING = 200_000, 2_000, 10


def made_up_facts(seed: int = 1) -> Facts:
    """Postings with ten skills each, some skills far more frequent than others."""
    random = np.random.default_rng(seed)
    weights = 1 / np.arange(1, SKILLS + 1)
    drawn = random.choice(SKILLS, size=(POSTINGS, SKILLS_PER_POSTING), p=weights / weights.sum())
    rows = [np.unique(row) for row in drawn]
    lengths = np.array([len(row) for row in rows])
    nothing = {
        name: pl.lit(None, dtype) for name, dtype in FACT.items() if name not in ("posting_id", "posted_at")
    }
    postings = pl.DataFrame({"posting_id": np.arange(POSTINGS)}).with_columns(
        posted_at=pl.lit(datetime(2026, 1, 1, tzinfo=UTC), FACT["posted_at"]), **nothing
    )
    return Facts(
        postings=postings.select(FACT.names()),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        codes=np.concatenate(rows).astype(np.int32),
        skills=pl.DataFrame({"skill": [f"skill {n:04d}" for n in range(SKILLS)], "category": ["any"] * SKILLS}),
    )


def with_a_dict(facts: Facts) -> pl.DataFrame:
    counts: Counter[tuple[int, int]] = Counter()
    for start, end in zip(facts.offsets[:-1].tolist(), facts.offsets[1:].tolist(), strict=True):
        counts.update(combinations(facts.codes[start:end].tolist(), 2))
    names = facts.skills["skill"].to_list()
    rows = [(names[a], names[b], count) for (a, b), count in counts.items()]
    return pl.DataFrame(rows, ["skill_a", "skill_b", "co_occurrences"], orient="row").sort("skill_a", "skill_b")


def with_a_join(facts: Facts) -> pl.DataFrame:
    names = facts.skills["skill"].gather(pl.Series(facts.codes))
    entries = pl.DataFrame({"posting": facts.rows, "skill": names})
    return (
        entries.lazy()
        .join(entries.lazy(), on="posting", suffix="_b")
        .filter(pl.col("skill") < pl.col("skill_b"))
        .group_by(skill_a="skill", skill_b="skill_b")
        .agg(co_occurrences=pl.len().cast(pl.Int64))
        .sort("skill_a", "skill_b")
        .collect()
    )


def timed(count: Callable[[Facts], pl.DataFrame], facts: Facts) -> tuple[float, pl.DataFrame]:
    started = time.perf_counter()
    pairs = count(facts)
    return time.perf_counter() - started, pairs


def main() -> None:
    facts = made_up_facts()
    ours, expected = timed(skill_pairs, facts)
    print(f"{POSTINGS:,} postings, {len(facts.codes):,} skills found, {expected.height:,} pairs")
    print(f"{'this project':<20} {ours:7.2f} s")
    for name, count in (("dict and loops", with_a_dict), ("Polars self-join", with_a_join)):
        seconds, pairs = timed(count, facts)
        assert pairs.equals(expected), f"{name} counts otherwise"
        print(f"{name:<20} {seconds:7.2f} s   {seconds / ours:6.1f} × this project")


if __name__ == "__main__":
    main()
