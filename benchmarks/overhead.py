"""`dagster job execute` of each job, beside empty jobs of Dagster's own, as whole processes: CPU seconds.

Each has two baselines: a job of one asset that does nothing, and one of as many such assets as it has steps, each
with a check: what Dagster itself takes for that many. Where PyArrow and pandas are installed, as for development,
ADBC imports both: half a second to a second of each job, which other installations do not have.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from market_assets.operations.names import CLEANUP, INGESTION, REBUILD, REFRESH
from market_assets.settings import environment_for_children

#: How many steps each job has.
STEPS = {INGESTION: 4, REFRESH: 21, REBUILD: 7, CLEANUP: 2}
EMPTY = """
import dagster as dg

def nothing(number):
    @dg.asset(
        name=f"nothing_{number}",
        deps=[f"nothing_{number - 1}"] if number else [],
        check_specs=[dg.AssetCheckSpec("valid", asset=f"nothing_{number}")],
    )
    def asset():
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])
    return asset

assets = [nothing(number) for number in range(HOW_MANY)]
defs = dg.Definitions(assets, jobs=[dg.define_asset_job("empty")], executor=dg.in_process_executor)
"""


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    """What a command and its children compute, whatever else the machine does."""
    before = os.times()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def main(rounds: int = 5) -> None:
    dagster = [str(Path(sys.executable).with_name("dagster")), "job", "execute"]
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_for_children(MARKET_ASSETS_DATA_DIR=folder, DATABASE_URL="")
        commands = {}
        for steps in (1, *STEPS.values()):
            empty = Path(folder) / f"empty_{steps}.py"
            empty.write_text(EMPTY.replace("HOW_MANY", str(steps)))
            commands[_empty(steps)] = [*dagster, "-f", str(empty), "-j", "empty"]
        for job in STEPS:
            commands[job] = [*dagster, "-m", "market_assets.definitions", "-j", job]
        took: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                took[name].append(cpu_seconds(command, environment))
    median = {name: statistics.median(times) for name, times in took.items()}
    for name, seconds in median.items():
        as_many = median[_empty(STEPS.get(name, 1))]
        print(
            f"{name:<28} {seconds:5.2f} s   {seconds / median[_empty(1)]:4.2f} × an empty job   "
            f"{seconds / as_many:4.2f} × one of as many steps"
        )


def _empty(steps: int) -> str:
    return f"empty, {steps} steps"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
