"""`market-assets run --from` on real files; what should come out is counted here with json, csv and pyarrow."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.pipelines import Row, read_rows

Record = dict[str, Any]


def run_from(invoke: Invoke, path: Path) -> tuple[Record, list[Row]]:
    """The summary and the postings in the store."""
    result = invoke("run", "--json", "--from", path)
    assert result.exit_code == 0, result.stderr
    summary: Record = json.loads(result.stdout)
    return summary, read_rows(f"sqlite:///{summary['database']}", "job_postings")


def in_window(times: list[datetime], newest: datetime) -> int:
    start = newest.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=90)
    return sum(start <= time <= newest for time in times)


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_glassdoor(invoke: Invoke, real_data: Path) -> None:
    path = real_data / "postings/glassdoor.csv"
    with path.open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    # The company's name is followed by its rating; postings of one text are one job.
    jobs = {
        (
            words(r["Job Title"]),
            words(r["Company Name"].split("\n")[0]),
            words(r["Location"]),
            words(r["Job Description"]),
        )
        for r in records
    }
    summary, rows = run_from(invoke, path)
    assert (summary["postings_in"], summary["rejected"]) == (len(records), 0) == (330, 0)
    assert summary["postings"] == len(jobs) == 241
    assert summary["duplicates"] == len(records) - len(jobs) == 89
    assert "no dates" in summary["window_note"]

    originals = [row for row in rows if row["duplicate_of"] is None]
    assert {row["company"] for row in rows} == {r["Company Name"].split("\n")[0] for r in records}
    assert all(row["description"] for row in rows)
    stated = [found for r in records if (found := re.match(r"\$(\d+)(K?)-", r["Salary Estimate"]))]
    lowest = {
        float(amount) * (1000 if thousands else 2080) for amount, thousands in (found.groups() for found in stated)
    }
    assert {row["annual_salary_min"] for row in rows} - {None} == lowest
    paid = [row for row in originals if row["annual_salary_min"] is not None]
    assert summary["postings_with_salary"] == len(paid) > 0


def test_listings(invoke: Invoke, real_data: Path) -> None:
    path = real_data / "postings/listings.json"
    records: list[Record] = json.loads(path.read_text(encoding="utf-8"))
    posted = {record["id"]: datetime.fromtimestamp(record["date_posted"], UTC) for record in records}
    newest = max(posted.values())
    summary, rows = run_from(invoke, path)
    assert (summary["postings_in"], summary["rejected"]) == (len(records), 0)
    assert datetime.fromisoformat(summary["as_of"]) == newest
    assert {row["external_id"] for row in rows} == posted.keys()
    assert {row["external_id"]: row["posted_at"] for row in rows} == posted
    assert {row["company"] for row in rows} == {record["company_name"].strip() for record in records}
    # One page with one title is one job, however often it is listed.
    pages = Counter((record["url"], words(record["title"])) for record in records)
    duplicates = len(records) - len(pages)
    assert len(rows) - sum(row["duplicate_of"] is not None for row in rows) <= len(pages)
    assert summary["duplicates"] >= duplicates
    counted = [row["posted_at"] for row in rows if row["duplicate_of"] is None]
    assert summary["postings"] == in_window(counted, newest) > 100
    assert summary["postings_with_salary"] == 0


def test_postings_of_applicant_tracking_systems(invoke: Invoke, real_data: Path) -> None:
    path = real_data / "postings/ats_jobs_2026.parquet"
    records: list[Record] = pq.read_table(path).to_pylist()
    posted = {
        record["job_uid"]: datetime.fromisoformat(record["published_at"]).astimezone(UTC)
        for record in records
        if record["published_at"]
    }
    newest = max(posted.values())
    summary, rows = run_from(invoke, path)
    by_id = {row["external_id"]: row for row in rows}
    assert (summary["postings_in"], summary["rejected"]) == (len(records), 0)
    assert by_id.keys() == {record["job_uid"] for record in records}
    assert datetime.fromisoformat(summary["as_of"]) == newest
    assert {name: by_id[name]["stated_posted_at"] for name in posted} == posted
    assert Counter(row["source"] for row in rows) == Counter(record["source"] for record in records)
    assert summary["duplicates"] == sum(row["duplicate_of"] is not None for row in rows)
    originals = [row["posted_at"] for row in rows if row["duplicate_of"] is None]
    assert summary["postings"] == in_window(originals, newest) > 2_000
    for record in yearly_in_dollars(records):
        row = by_id[record["job_uid"]]
        stated = (record["salary_min_orig"], record["salary_max_orig"])
        assert (row["annual_salary_min"], row["annual_salary_max"]) == stated, record["job_uid"]
    # Złoty that the boards call dollars, and what nobody would pay.
    in_warsaw = [row for row in rows if row["location"] == "Warsaw, PL" and row["pay_quality"]]
    assert [row["pay_quality"] for row in in_warsaw] == ["repaired"] * 2
    assert all(60_000 < row["annual_salary_min"] < row["annual_salary_max"] < 180_000 for row in in_warsaw)
    implausible = [row for row in rows if row["pay_quality"] == "implausible"]
    assert {(row["salary_min"], row["salary_max"]) for row in implausible} >= {(40e6, 60e6), (1.0, 1.0)}
    assert all(row["annual_salary_min"] is row["annual_salary_max"] is None for row in implausible)


def yearly_in_dollars(records: list[Record]) -> Iterator[Record]:
    """Those whose yearly pay is stated in US dollars, and could be true."""
    for record in records:
        yearly = record["salary_interval_orig"] in ("1 YEAR", "year", "per-year-salary")
        amounts = (record["salary_min_orig"], record["salary_max_orig"])
        if (
            yearly
            and record["currency_original"] == "USD"
            and all(amounts)
            and 10_000 <= amounts[0] <= amounts[1] < min(2_000_000, 10 * amounts[0])
            and amounts[1] < max(800_000, 4 * amounts[0])
            and "Poland" not in record["location_raw"]
        ):
            yield record
