"""PostgreSQL crashes in the middle of runs: `python -m benchmarks.faults.server_crashes [NUMBER]`, 20 a job."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from market_assets.operations.names import INGESTION, REBUILD, REFRESH
from market_assets_tests.faults.restarts import own_server, survive_crashes


def main(number: int) -> None:
    """Each job on a server of its own."""
    for job in (INGESTION, REFRESH, REBUILD):
        with own_server() as server, tempfile.TemporaryDirectory() as folder:
            crashes = survive_crashes(server, Path(folder), job, number)
        print(f"{job}: {crashes} crashes; nothing half-written, the next run gives what it gives without them")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
