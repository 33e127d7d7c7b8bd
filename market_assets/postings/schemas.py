"""The schemas of raw, normalised and rejected postings; those of stored ones are in `store.tables.postings`."""

from __future__ import annotations

import polars as pl

#: One row a posting, each field as text as the source stated it, null where not stated. `board`: the board that
#: listed the posting, where it is not the source itself. `payload`: the whole record as it came (JSON), which is
#: kept for rejected postings.
RAW_POSTING = pl.Schema(
    dict.fromkeys(
        (
            *("board", "external_id", "title", "company", "location", "description", "url"),
            *("salary_min", "salary_max", "salary_currency", "salary_period", "salary_text"),
            *("posted_at", "employment_type", "industry", "workplace", "seniority", "payload"),
        ),
        pl.String(),
    )
)

UTC_DATETIME = pl.Datetime("us", "UTC")

#: One row an accepted posting. Null where a field is missing or was implausible.
#: `locations` is a JSON list of [location, country] where a posting has several. `salary_currency` (ISO 4217) and
#: `salary_period` are as stated, so null where not stated. `pay_quality` is from_text where only the description
#: states pay, else null: the rest is decided with annual pay. `occupation` is one of
#: `occupations.known_occupations`; `language` (ISO 639-1) is that of the description. `stated_posted_at` is the
#: posting time as stated. `url_key` and `job_key` are hashes that two postings of the same job share (null where
#: too little is known); `near_key` is one that those of the same company and role share, whose places and texts
#: `sketch` compares. `company_key` is a hash of the company, `text_hash` one of title and description.
NORMALISED_POSTING = pl.Schema(
    {
        "source": pl.String(),
        "external_id": pl.String(),
        "title": pl.String(),
        "company": pl.String(),
        "location": pl.String(),
        "country": pl.String(),
        "locations": pl.String(),
        "workplace": pl.String(),
        "is_remote": pl.Boolean(),
        "employment_type": pl.String(),
        "industry": pl.String(),
        "seniority": pl.String(),
        "occupation": pl.String(),
        "language": pl.String(),
        "description": pl.String(),
        "url": pl.String(),
        "salary_min": pl.Float64(),
        "salary_max": pl.Float64(),
        "salary_currency": pl.String(),
        "salary_period": pl.String(),
        "pay_quality": pl.String(),
        "stated_posted_at": UTC_DATETIME,
        "url_key": pl.Int64(),
        "job_key": pl.Int64(),
        "company_key": pl.Int64(),
        "near_key": pl.Int64(),
        "text_hash": pl.Int64(),
        "sketch": pl.Binary(),
    }
)

#: A posting that could not be taken, with the reason in words.
REJECTED_POSTING = pl.Schema({"payload": pl.String(), "payload_hash": pl.String(), "reason": pl.String()})

SALARY_PERIODS = ("hourly", "daily", "weekly", "monthly", "yearly")
#: How the pay of a posting is known: see `salaries.readings.read_pay`; from_text: only the description states it.
PAY_QUALITIES = ("stated", "inferred", "repaired", "from_text", "implausible")
#: The boards that the sample source makes up: the `source` of its postings.
SAMPLE_BOARDS = ("sample_jobs", "sample_board")
WORKPLACES = ("remote", "hybrid", "onsite")
EMPLOYMENT_TYPES = ("full_time", "part_time", "contract", "temporary", "internship", "apprenticeship", "volunteer")
#: From the lowest to the highest.
SENIORITIES = ("intern", "junior", "mid", "senior", "lead", "manager", "director", "executive")
