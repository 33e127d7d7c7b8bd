"""Real postings, of boards and of collections."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from market_assets.postings.normalise import normalise
from market_assets.postings.schemas import (
    RAW_POSTING,
)
from market_assets_tests.postings.raw_records import normalised

POSTINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "postings"
needs_recordings = pytest.mark.skipif(
    not POSTINGS.exists(), reason="the recordings (shared/data) are not beside the checkout"
)


def glassdoor() -> list[dict[str, str]]:
    with (POSTINGS / "glassdoor.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@needs_recordings
def test_real_postings_with_descriptions() -> None:
    rows = glassdoor()
    result = normalised(
        *(
            {
                "title": row["Job Title"],
                "company": row["Company Name"],
                "location": row["Location"],
                "description": row["Job Description"],
                "salary_text": row["Salary Estimate"],
                "industry": row["Industry"],
            }
            for row in rows
        )
    )
    postings = result.postings
    assert postings.height == len(rows)
    assert result.nulled == {}
    has_salary = pl.Series([row["Salary Estimate"] != "-1" for row in rows])
    stated, others = postings.filter(has_salary), postings.filter(~has_salary)
    assert stated["salary_min"].null_count() == stated["salary_max"].null_count() == 0
    assert stated["pay_quality"].null_count() == stated.height
    in_texts = others.filter(pay_quality="from_text").unique("description")
    assert in_texts.select("salary_min", "salary_max", "salary_currency").sort("salary_min").rows() == [
        (80e3, 150e3, "USD"),
        (125e3, 160e3, "USD"),
    ]
    assert set(postings["salary_currency"]) == {"USD", None}
    assert (postings["country"] == "US").mean() > 0.95  # type: ignore[operator]
    assert postings["industry"].is_null().to_list() == [row["Industry"] == "-1" for row in rows]
    assert not postings["company"].str.contains(r"\n|\d\.\d$").any()
    # Exact repeats, and only they, have the same id and the same key.
    fields = ("Job Title", "Company Name", "Location", "Job Description")
    distinct = len({tuple(row[field] for field in fields) for row in rows})
    assert postings["external_id"].n_unique() == postings["job_key"].n_unique() == distinct < len(rows)
    first = postings.row(0, named=True)
    assert (first["title"], first["company"], first["location"]) == (
        "Data Scientist",
        "Tecolote Research",
        "Albuquerque, NM, US",
    )
    assert (first["salary_min"], first["salary_max"], first["industry"]) == (53e3, 91e3, "Aerospace & Defense")


@needs_recordings
def test_real_postings_of_boards() -> None:
    boards = pl.read_parquet(POSTINGS / "ats_jobs_2026.parquet")
    raw = boards.select(
        board="source",
        external_id="job_uid",
        title="title",
        company="company",
        location="location_raw",
        url="apply_url",
        salary_min=pl.col("salary_min_orig").cast(pl.String),
        salary_max=pl.col("salary_max_orig").cast(pl.String),
        salary_currency="currency_original",
        salary_period="salary_interval_orig",
        posted_at="published_at",
        employment_type="employment_type",
        workplace=pl.col("is_remote").cast(pl.String),
    )
    missing = [pl.lit(None, pl.String).alias(name) for name in RAW_POSTING if name not in raw.columns]
    observed_at = datetime(2026, 8, 9, tzinfo=UTC)
    result = normalise(raw.with_columns(missing), source="boards", observed_at=observed_at)
    postings = result.postings
    assert (postings.height, result.rejected.height) == (boards.height, 0)
    assert set(result.nulled) <= {"salary"}
    assert postings.select("source", "external_id").n_unique() == boards["job_uid"].n_unique()
    assert postings["url_key"].n_unique() == boards.select("apply_url", "title").n_unique()
    assert postings["stated_posted_at"].null_count() == 0
    assert (
        postings["stated_posted_at"].max() == boards["published_at"].str.to_datetime("%+", time_zone="UTC").max()
    )
    assert dict(postings["salary_period"].value_counts().iter_rows()) == {
        None: 2191,
        "yearly": 1215 + 654 + 30,
        "hourly": 7,
        "monthly": 2 + 1,
    }
    assert postings["salary_currency"].to_list() == boards["currency_original"].to_list()
    assert postings["workplace"].null_count() == 0
    kept = postings.filter(pl.Series(boards["is_remote"]))
    assert set(kept["workplace"]) == {"remote"}


@needs_recordings
def test_real_listings() -> None:
    listings = json.loads((POSTINGS / "listings.json").read_text(encoding="utf-8"))
    result = normalised(
        *(
            {
                "external_id": listing["id"],
                "title": listing["title"],
                "company": listing["company_name"],
                "location": json.dumps(listing["locations"]),
                "url": listing["url"],
                "posted_at": str(listing["date_posted"]),
                "payload": json.dumps(listing),
            }
            for listing in listings
        )
    )
    postings = result.postings
    assert result.rejected.is_empty()
    assert result.nulled == {}
    stated = [datetime.fromtimestamp(listing["date_posted"], UTC) for listing in listings]
    assert postings["stated_posted_at"].to_list() == stated
    remote = [any("remote" in place.lower() for place in listing["locations"]) for listing in listings]
    assert (postings["workplace"] == "remote").fill_null(False).to_list() == [
        is_remote or any(words in listing["title"] for words in ("(Remote", "- Remote", "Telework"))
        for is_remote, listing in zip(remote, listings, strict=True)
    ]
    assert postings["country"].is_not_null().mean() > 0.97  # type: ignore[operator]
    assert postings.row(0, named=True)["location"] == "San Jose, CA, US"
