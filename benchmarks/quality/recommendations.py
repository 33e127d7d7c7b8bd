"""Recommendations for a set of skills beside other scorers: `python -m benchmarks.quality.recommendations`.

Of every posting with two skills or more, each skill in turn is left out and all the others are given; a scorer
ranks the skills that are not given, and does well where the one left out comes early: hit-rate@10 is how often it
is among the first ten, MRR the mean of 1 ÷ its rank. Ties go by name, for all alike.

Half of the postings, drawn at random, is what the figures are about. From the other half every scorer learns;
what a scorer lets one choose (λ, shrinkage) is chosen there too, by learning from three quarters of that half and
ranking the last.
This project is measured through its own tables: `skill_affinities`, `skill_relationships`, `recommend`.

Data: `../shared/data/skills/posting_skill_sets.parquet`, or another file of (job_uid, skill) that is named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.pairs import skill_pairs
from market_assets.statistics.recommendations import skill_affinities
from market_assets.statistics.recommender import Recommender
from market_assets.statistics.relationships import related_skills, skill_relationships
from market_assets.statistics.window import WINDOW_POSTING, Window

DATA = Path(__file__).resolve().parents[3] / "shared/data/skills/posting_skill_sets.parquet"
SPLITS, FOLDS = (1, 2, 3), 4

Matrix = npt.NDArray[np.float64]
#: Scores of all skills (columns) for each set of given skills (rows of 0 and 1).
Scorer = Callable[[Matrix], Matrix]


@dataclass(frozen=True)
class Candidate:
    """A scorer, and the settings that it may choose from."""

    name: str
    learn: Callable[[Matrix, float], Scorer]
    settings: tuple[float, ...] = (0.0,)


def read(path: Path) -> tuple[Matrix, list[str]]:
    """A row a posting, a column a skill in order of name, 1 where the posting has it."""
    rows = pl.read_parquet(path)
    postings, names = rows["job_uid"].unique().sort(), rows["skill"].drop_nulls().unique().sort()
    known = rows.drop_nulls("skill").unique()
    table = np.zeros((len(postings), len(names)))
    places = [
        known[column].cast(pl.Enum(of)).to_physical() for column, of in (("job_uid", postings), ("skill", names))
    ]
    table[places[0].to_numpy(), places[1].to_numpy()] = 1
    return table, names.to_list()


def measure(scorer: Scorer, postings: Matrix) -> tuple[float, float]:
    """hit-rate@10 and MRR."""
    several = postings[postings.sum(axis=1) >= 2]
    row, left_out = np.nonzero(several)
    given = several[row]
    each = np.arange(len(row))
    given[each, left_out] = 0
    scores = np.where(given > 0, -np.inf, scorer(given))
    own = scores[each, left_out][:, None]
    earlier_name = np.arange(scores.shape[1]) < left_out[:, None]
    rank = 1 + (scores > own).sum(axis=1) + ((scores == own) & earlier_name).sum(axis=1)
    return float((rank <= 10).mean()), float((1 / rank).mean())


# --- what people use ---------------------------------------------------------------------------


def popularity(seen: Matrix, _: float) -> Scorer:
    return lambda given: np.tile(seen.sum(axis=0), (len(given), 1))


def co_occurrence(seen: Matrix, _: float) -> Scorer:
    return _summed(seen.T @ seen)


def npmi(seen: Matrix, _: float) -> Scorer:
    both, count = seen.T @ seen, seen.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        measure = np.log(both * len(seen) / np.outer(count, count)) / -np.log(both / len(seen))
    return _summed(np.where(both > 0, measure, -1))


def cosine(seen: Matrix, shrinkage: float) -> Scorer:
    both, count = seen.T @ seen, np.maximum(seen.sum(axis=0), 1)
    return _summed(both / np.sqrt(np.outer(count, count)) * both / np.maximum(both + shrinkage, 1))


def ease(seen: Matrix, penalty: float) -> Scorer:
    """Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019)."""
    inverse = np.linalg.inv(seen.T @ seen + penalty * np.eye(seen.shape[1]))
    return _summed(-inverse / np.diagonal(inverse))


def _summed(weights: Matrix) -> Scorer:
    weights = weights.copy()
    np.fill_diagonal(weights, 0)
    return lambda given: given @ weights


# --- this project ------------------------------------------------------------------------------


def regression(seen: Matrix, penalty: float) -> Scorer:
    """The affinities alone, of whatever penalty."""
    window = window_of(seen)
    table = skill_affinities(skill_pairs(window), window, penalty=penalty)
    weights = np.zeros((seen.shape[1], seen.shape[1]))
    skill, other = (table[name].cast(pl.Int64).to_numpy() for name in ("skill", "recommended_skill"))
    weights[skill, other] = table["weight"].to_numpy()
    intercepts = np.diagonal(weights).copy()
    np.fill_diagonal(weights, 0)
    return lambda given: intercepts + given @ weights


def this_project(seen: Matrix, _: float) -> Scorer:
    """Through the tables, as the API answers; what `recommend` doesn't name comes last."""
    window = window_of(seen)
    pairs = skill_pairs(window)
    weights = skill_affinities(pairs, window)
    related = related_skills(skill_relationships(pairs, window))
    pay = pl.DataFrame(schema={"skill": pl.String, "postings_with_salary": pl.Int64, "median_salary": pl.Float64})
    recommender = Recommender(weights, related, pay)

    def scores(given: Matrix) -> Matrix:
        sets, which = np.unique(given, axis=0, return_inverse=True)
        found = np.full(sets.shape, -1e9)
        for row, held in enumerate(sets):
            for best in recommender.recommend([_name(skill) for skill in np.flatnonzero(held)], len(held)):
                found[row, int(best["recommended_skill"])] = best["score"]
        return found[which]

    return scores


def _name(skill: int) -> str:
    return f"{skill:05d}"


def window_of(table: Matrix) -> Window:
    nothing = {
        name: pl.lit(None, dtype)
        for name, dtype in WINDOW_POSTING.items()
        if name not in ("posting_id", "posted_at")
    }
    postings = pl.DataFrame({"posting_id": np.arange(len(table))}).with_columns(
        posted_at=pl.lit(datetime(2026, 1, 1, tzinfo=UTC), WINDOW_POSTING["posted_at"]), **nothing
    )
    return Window(
        postings=postings.select(WINDOW_POSTING.names()),
        offsets=np.concatenate(([0], np.cumsum(table.sum(axis=1)))).astype(np.int64),
        codes=np.nonzero(table)[1].astype(np.int32),
        skills=pl.DataFrame(
            {"skill": [_name(n) for n in range(table.shape[1])], "category": ["any"] * table.shape[1]}
        ),
    )


# --- the run -----------------------------------------------------------------------------------

CANDIDATES = (
    Candidate("popularity", popularity),
    Candidate("raw co-occurrence", co_occurrence),
    Candidate("npmi", npmi),
    Candidate("cosine", cosine),
    Candidate("cosine, shrunk", cosine, (1, 2, 5, 10)),
    Candidate("EASE, λ 200", ease, (200,)),
    Candidate("EASE, λ chosen", ease, (10, 20, 50, 100, 200)),
    Candidate("its regression, λ chosen", regression, (5, 10, 20, 50)),
    Candidate("this project", this_project),
)


def chosen(candidate: Candidate, seen: Matrix, seed: int) -> float:
    """The setting with the best sum of both figures on parts of what may be learnt from."""
    if len(candidate.settings) == 1:
        return candidate.settings[0]
    fold = np.random.default_rng(seed).permutation(len(seen)) % FOLDS

    def figure(setting: float) -> float:
        return mean(
            sum(measure(candidate.learn(seen[fold != part], setting), seen[fold == part])) for part in range(FOLDS)
        )

    return max(candidate.settings, key=figure)


def main(arguments: Iterable[str] = ()) -> None:
    path = Path(next(iter(arguments), DATA))
    if not path.exists():
        raise SystemExit(f"{path} is missing: name a Parquet file with the columns job_uid and skill")
    postings, names = read(path)
    print(f"{len(postings):,} postings, {len(names)} skills; mean of {len(SPLITS)} splits in halves")
    print(f"{'scorer':<24} {'hit-rate@10':>11} {'MRR':>7}   settings")
    for candidate in CANDIDATES:
        figures, settings = [], []
        for seed in SPLITS:
            half = np.random.default_rng(seed).permutation(len(postings)) % 2 == 0
            settings.append(chosen(candidate, postings[half], seed))
            figures.append(measure(candidate.learn(postings[half], settings[-1]), postings[~half]))
        hits, reciprocal = np.mean(figures, axis=0)
        shown = ", ".join(f"{setting:g}" for setting in settings) if any(settings) else ""
        print(f"{candidate.name:<24} {hits:11.3f} {reciprocal:7.3f}   {shown}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
