"""Top skills, pay by skill and pairs of skills out of Parquet: this project beside Polars and DuckDB.

`python -m benchmarks.engines [POSTINGS]`. The same made-up facts are read by each, in a process of its own, and
what they count must be equal; printed are CPU seconds, imports included, and peak memory.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

SKILLS, SKILLS_PER_POSTING, PAID = 500, 10, 0.66
#: Postings that are drawn at once.
BATCH = 1_000_000

Counted = tuple[pl.DataFrame, pl.DataFrame]


def make_facts(folder: Path, postings: int) -> None:
    """Postings (row, salary) and their skills (row, code), some far more frequent than others, by row and code."""
    random = np.random.default_rng(1)
    popularity = 1 / np.arange(1, SKILLS + 1)
    for start in range(0, postings, BATCH):
        size = min(BATCH, postings - start)
        drawn = np.sort(random.choice(SKILLS, (size, SKILLS_PER_POSTING), p=popularity / popularity.sum()), axis=1)
        first_of_its_code = np.diff(drawn, axis=1, prepend=-1) != 0
        rows = np.broadcast_to(np.arange(start, start + size)[:, None], drawn.shape)[first_of_its_code]
        salaries = np.where(random.random(size) < PAID, random.integers(60, 400, size) * 500.0, np.nan)
        row = pl.int_range(start, start + size, dtype=pl.Int32, eager=True)
        paid = pl.DataFrame({"row": row, "salary": pl.Series(salaries).fill_nan(None)})
        found = pl.DataFrame({"row": rows.astype(np.int32), "code": drawn[first_of_its_code].astype(np.int16)})
        for name, frame in (("postings", paid), ("skills", found)):
            (folder / name).mkdir(exist_ok=True)
            frame.write_parquet(folder / name / f"{start:09}.parquet", compression="lz4")


def by_this_project(folder: Path) -> Counted:
    from market_assets.statistics.groups import SkillGroups
    from market_assets.statistics.pairs import skill_pairs
    from market_assets.statistics.window import WINDOW_POSTING, Window

    postings, skills = (pl.read_parquet(folder / name) for name in ("postings", "skills"))
    sizes = np.bincount(skills["row"].to_numpy(), minlength=postings.height)
    others = {name: pl.lit(None, dtype) for name, dtype in WINDOW_POSTING.items() if name not in ("row", "salary")}
    times = {"posted_at": pl.lit(datetime(2026, 1, 1, tzinfo=UTC), WINDOW_POSTING["posted_at"])}
    names = [f"{code:03}" for code in range(SKILLS)]
    window = Window(
        postings=postings.select(**{**others, **times, "salary": pl.col("salary")}).select(WINDOW_POSTING.names()),
        offsets=np.concatenate(([0], np.cumsum(sizes))),
        codes=skills["code"].to_numpy(),
        skills=pl.DataFrame({"skill": names, "category": [""] * SKILLS}),
    )
    groups = SkillGroups.of(window)
    pay = pl.DataFrame({"code": groups.skill, "postings": groups.postings, **groups.pay(PERCENTILES, 1)})
    pairs = skill_pairs(window)
    return pay, pairs.select(
        a=pl.col("skill_a").cast(pl.Int64), b=pl.col("skill_b").cast(pl.Int64), postings="co_occurrences"
    )


PERCENTILES = {"p25": 0.25, "median_salary": 0.5, "p75": 0.75}


def by_polars(folder: Path) -> Counted:
    postings, skills = (pl.scan_parquet(folder / name) for name in ("postings", "skills"))
    quantiles = {name: pl.col("salary").quantile(q, "linear") for name, q in PERCENTILES.items()}
    pay = skills.join(postings, on="row").group_by("code").agg(postings=pl.len(), **quantiles)
    pairs = (
        skills.join(skills, on="row", suffix="_b")
        .filter(pl.col("code") < pl.col("code_b"))
        .group_by(a="code", b="code_b")
        .agg(postings=pl.len())
    )
    return pay.collect(engine="streaming"), pairs.collect(engine="streaming")


def by_duckdb(folder: Path) -> Counted:
    import duckdb

    postings, skills = (f"'{folder / name}/*.parquet'" for name in ("postings", "skills"))
    quantiles = ", ".join(f"quantile_cont(salary, {q}) AS {name}" for name, q in PERCENTILES.items())
    pay = duckdb.sql(
        f"SELECT code, count(*) AS postings, {quantiles} FROM {skills} JOIN {postings} USING (row) GROUP BY code"
    )
    pairs = duckdb.sql(
        f"SELECT a.code AS a, b.code AS b, count(*) AS postings FROM {skills} a JOIN {skills} b USING (row) "
        "WHERE a.code < b.code GROUP BY ALL"
    )
    # Exchanged as files: DuckDB's frames of Polars go through PyArrow.
    for name, found in (("pay", pay), ("pairs", pairs)):
        found.write_parquet(str(folder / f"{name}.parquet"))
    return pl.read_parquet(folder / "pay.parquet"), pl.read_parquet(folder / "pairs.parquet")


ENGINES: dict[str, Callable[[Path], Counted]] = {
    "this project": by_this_project,
    "Polars": by_polars,
    "DuckDB": by_duckdb,
}


def measured(engine: str, folder: Path) -> dict[str, object]:
    """What an engine takes, what its imports take included, and a digest of what it has counted."""
    pay, pairs = ENGINES[engine](folder)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = pay.select("code", "postings", *PERCENTILES).cast({"code": pl.Int64, "postings": pl.Int64})
    counted = pairs.cast(dict.fromkeys(("a", "b", "postings"), pl.Int64))
    text = figures.sort("code").write_csv() + counted.sort("a", "b").write_csv()
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"cpu": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024, "digest": digest}


def main(postings: int = 1_000_000, rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make_facts(Path(folder), postings)
        costs: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
        digests = set()
        for _ in range(rounds):
            for engine, measures in costs.items():
                command = [sys.executable, "-m", "benchmarks.engines", engine, folder]
                done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                digests.add(done.pop("digest"))
                measures.append(done)
        assert len(digests) == 1, "they come to different results"
        for engine, measures in costs.items():
            cpu = min(each["cpu"] for each in measures)
            print(f"{engine:<14} {cpu:6.2f} CPU s {max(each['peak_mib'] for each in measures):7,.0f} MiB")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]))))
    else:
        main(*map(int, sys.argv[1:]))
