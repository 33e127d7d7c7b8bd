"""`market-assets run` as a user runs it: a process of its own in the project's folder."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from market_assets.checked_settings import get_settings
from market_assets.definitions import build_defs
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import (
    PATIENCE_SECONDS,
    PROGRAMS,
    environment,
    market_assets,
    run,
)
from market_assets_tests.pipelines import RESULTS, read_rows

pytestmark = pytest.mark.slow


def test_the_main_job_from_nothing_and_once_more(project: Path, invoke: Invoke) -> None:
    before = datetime.now(UTC).date()
    first = market_assets("run", "--days", "3", cwd=project)
    assert first.code == 0, first.err
    url = f"sqlite:///{project / 'data/market.db'}"
    for shown in ("Filling 2 days", "raw_postings/sample", "skill_demand", "market_report", "data/market.db"):
        assert shown in first.out
    days = {row["partition_date"] for row in read_rows(url, "job_postings")}
    assert len(days) == 3
    assert min(days) >= before - timedelta(days=2)
    assert all(read_rows(url, table) for table in RESULTS)
    assert (project / "data/reports/market_report.html").read_text(encoding="utf-8").startswith("<!")

    # The store is filled now: only today is run again, and that changes no posting.
    again = invoke("run", "--json")
    assert again.exit_code == 0, again.stderr
    summary = json.loads(again.stdout)
    assert summary["postings"] == read_rows(url, "market_summary")[0]["postings"] > 0
    assert json.loads(invoke("summary", "--json").stdout)["top_skills"] == summary["top_skills"]

    with dg.DagsterInstance.from_config(str(project)) as instance:
        runs = instance.get_runs()
    assert {record.job_name for record in runs} == {"daily_sample_ingestion", "refresh_market_stats"}
    assert {record.status for record in runs} == {dg.DagsterRunStatus.SUCCESS}

    jobs = {job["id"]: job for job in json.loads(invoke("status", "--json").stdout)["jobs"]}
    assert {name for name, job in jobs.items() if job["last_status"]} == {record.job_name for record in runs}


#: `market-assets`, with a first fill of fewer days, given as the first argument.
FILLING = """
    import sys
    from market_assets.cli.main import main
    from market_assets.cli import run
    run.FIRST_DAYS = int(sys.argv.pop(1))
    main()
"""


@pytest.mark.thorough
def test_a_first_fill_that_was_killed_is_finished_by_the_next_run(project: Path) -> None:
    url, days = f"sqlite:///{project / 'data/market.db'}", 40
    command = [sys.executable, "-c", textwrap.dedent(FILLING), str(days), "run"]
    killed = subprocess.Popen(command, cwd=project, env=environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ((project / "data/market.db").exists() and has_postings(url)):
        assert killed.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    before = {row["partition_date"] for row in read_rows(url, "job_postings")}
    assert 0 < len(before) < days - 1

    subprocess.run([*command, "--json"], cwd=project, env=environment(), check=True, timeout=PATIENCE_SECONDS)
    assert len({row["partition_date"] for row in read_rows(url, "job_postings")}) == days


def has_postings(url: str) -> bool:
    with contextlib.suppress(sa.exc.OperationalError):
        return bool(read_rows(url, "job_postings"))
    return False


def test_ctrl_c_is_one_line(project: Path) -> None:
    process = subprocess.Popen(
        [PROGRAMS / "market-assets", "run", "--days", "100"],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, it would ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Filling 99 days")
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, err) == (130, "market-assets: interrupted\n")
    with dg.DagsterInstance.from_config(str(project)) as instance:
        assert {run.status for run in instance.get_runs()} <= {dg.DagsterRunStatus.CANCELED}


def test_days_before_the_first_partition_are_refused(invoke: Invoke) -> None:
    refused = invoke("run", "--days", "181")
    assert refused.exit_code == 2
    assert "MARKET_ASSETS_START" in refused.stderr.splitlines()[-1]


def test_settings_in_the_env_file_count(project: Path, invoke: Invoke) -> None:
    (project / ".env").write_text("MARKET_ASSETS_DATA_DIR=elsewhere\n")
    assert invoke("db", "upgrade").exit_code == 0
    assert (project / "elsewhere/market.db").exists()
    assert not (project / "data").exists()


def test_faults_end_it_as_promised(project: Path, invoke: Invoke) -> None:
    (project / "sources.yaml").write_text("sources: [{type: file, name: mine, path: missing.csv}]")
    ended = invoke("run", "--days", "2")
    assert ended.exit_code == 1
    last_line = ended.stderr.splitlines()[-1]
    assert last_line.startswith("market-assets: job_postings failed: nothing could be ingested for ")
    assert last_line.endswith("mine: missing.csv: there is no such file")
    assert ended.stderr.count("missing.csv: there is no such file") == 1, "a cause is shown once"
    wrong = invoke("run", MARKET_ASSETS_INGESTION_CRON="at two")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("market-assets: MARKET_ASSETS_INGESTION_CRON: ")
    assert "version" in invoke("--version").stdout


JOBS = (
    "daily_sample_ingestion",
    "refresh_market_stats",
    "cleanup_old_data",
    "rebuild_skill_relationships",
)
EXECUTE = ("job", "execute", "-m", "market_assets.definitions", "-j")


@pytest.mark.thorough
@pytest.mark.usefixtures("invoke")
def test_every_job_runs_by_dagster_alone(project: Path) -> None:
    """From nothing, with the settings and the instance of the folder, without the commands of this program."""
    with dg.DagsterInstance.from_config(str(project)) as instance:
        for job in JOBS:
            assert build_defs(get_settings()).resolve_job_def(job).execute_in_process(instance=instance).success
    url = f"sqlite:///{project / 'data/market.db'}"
    # In the postings of a day no two skills are surely close.
    filled = {*RESULTS, "job_postings"} - {"skill_communities"}
    assert {table for table in filled if read_rows(url, table)} == filled


def test_a_job_that_fails_ends_with_1_and_its_last_line_names_the_cause(project: Path) -> None:
    job = JOBS[0]
    ended = run("dagster", *EXECUTE, job, cwd=project, DATABASE_URL="postgresql://nobody@127.0.0.1:1/market")
    assert ended.code == 1
    assert ended.last_line.startswith(f"{job}: ")
    assert "Connection refused" in ended.last_line


def test_dagster_materializes_from_the_folder(project: Path) -> None:
    materialized = run(
        "dagster", "asset", "materialize", "-m", "market_assets.definitions", "--select", "group:ingestion",
        "--partition", "2024-02-29", cwd=project, MARKET_ASSETS_START="2024-01-01",
    )  # fmt: skip
    assert materialized.code == 0, materialized.err
    (day,) = {
        row["partition_date"] for row in read_rows(f"sqlite:///{project / 'data/market.db'}", "job_postings")
    }
    assert day.isoformat() == "2024-02-29"
