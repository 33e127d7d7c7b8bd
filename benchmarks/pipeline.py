"""A day of 50,000 postings through the whole pipeline on SQLite: seconds and peak memory of the whole process.

The baseline is what must be done in any case: generating those postings and reading them again.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from market_assets.settings import environment_for_children
from market_assets.sources.sample.source import SampleSource

POSTINGS = 50_000


def baseline() -> tuple[float, int]:
    source, now = SampleSource(postings_per_day=POSTINGS), datetime.now(UTC)
    started, rows = time.perf_counter(), 0
    for payload in source.fetch(now.date(), now).payloads:
        with payload.open() as content:
            rows += sum(
                batch.frame.height + len(batch.undecodable) for batch in source.read(payload.name, content)
            )
    return time.perf_counter() - started, rows


def whole_pipeline(folder: Path) -> tuple[float, float, str]:
    sources = folder / "sources.yaml"
    sources.write_text(f"sources:\n  - type: sample\n    postings_per_day: {POSTINGS}\n")
    environment = environment_for_children(
        MARKET_ASSETS_SOURCES=str(sources), MARKET_ASSETS_DATA_DIR=str(folder / "data"), DATABASE_URL=""
    )
    command = [str(Path(sys.executable).with_name("market-assets")), "run", "--days", "1"]
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return seconds, peak, done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seconds, peak, output = whole_pipeline(Path(folder))
    least, rows = baseline()
    print("\n".join(line for line in output.splitlines() if "✓" in line))
    assert f"{rows:,} postings in" in output, "the pipeline did not see every posting"
    print(f"{rows:,} postings: {seconds:.1f} s, {peak:,.0f} MiB at the most")
    print(f"generating and reading them alone: {least:.1f} s; the whole pipeline is {seconds / least:.1f} × that")


if __name__ == "__main__":
    main()
