"""Power cuts under SQLite while days are written: `python -m benchmarks.faults.power_cuts [NUMBER]`, else 200."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from market_assets.store import schema
from market_assets.store.database import Database
from market_assets_tests.faults.power_cut import WRITER, assert_goes_on, assert_whole_days, cuts, undisturbed
from market_assets_tests.store.programs import program


def main(number: int) -> None:
    """Cut, check; at every tenth cut, go on and compare with a store that knew no cut."""
    seen = set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        live = folder / "live.db"
        schema.upgrade(Database(f"sqlite:///{live}"))
        with program(WRITER, f"sqlite:///{live}") as writer:
            for each, cut in enumerate(cuts(writer, live, folder, random.Random(), number)):
                days = assert_whole_days(cut)
                seen.add(days)
                if each % 10 == 0 and days < 100:
                    twin = folder / f"twin{each}.db"
                    schema.upgrade(Database(f"sqlite:///{twin}"))
                    assert_goes_on(cut, days, lambda days, twin=twin: undisturbed(twin, days))  # type: ignore[misc]
            writer.kill()
    print(f"{number} power cuts at {len(seen)} different days: every copy sound, no day lost, next run right")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
