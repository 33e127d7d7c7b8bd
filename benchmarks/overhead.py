"""`dagster job execute` of each job, beside an empty job of Dagster's own, as whole processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from market_assets.automation.jobs import CLEANUP, INGESTION, REBUILD, REFRESH
from market_assets.settings import environment_for_children

ROUNDS = 5
EMPTY = """
import dagster as dg

@dg.asset
def nothing(): ...

defs = dg.Definitions([nothing], jobs=[dg.define_asset_job("empty")], executor=dg.in_process_executor)
"""


def seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    dagster = [str(Path(sys.executable).with_name("dagster")), "job", "execute"]
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY)
        environment = environment_for_children(MARKET_ASSETS_DATA_DIR=folder, DATABASE_URL="")
        commands = {"empty": [*dagster, "-f", str(empty), "-j", "empty"]}
        for job in (INGESTION, REFRESH, REBUILD, CLEANUP):
            commands[job] = [*dagster, "-m", "market_assets.definitions", "-j", job]
        took: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                took[name].append(seconds(command, environment))
    baseline = statistics.median(took["empty"])
    for name, times in took.items():
        median = statistics.median(times)
        print(f"{name:<28} {median:5.2f} s   {median - baseline:+5.2f} s   {median / baseline:4.2f} ×")


if __name__ == "__main__":
    main()
