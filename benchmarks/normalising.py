"""Normalising 100,000 postings of 3 kB on one core, beside turning only their HTML into text, row by row."""

from __future__ import annotations

import os

os.environ["POLARS_MAX_THREADS"] = "1"

import resource
import time
from datetime import UTC, datetime

import polars as pl
from selectolax.lexbor import LexborHTMLParser

from benchmarks.quality.real_postings import Posting, real_postings
from market_assets.postings.normalise import normalise
from market_assets.postings.schemas import RAW_POSTING

POSTINGS, LENGTH, BATCH = 100_000, 3_000, 10_000
WANTED = 20.0
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PAY = ("$90,000 - $120,000 a year", "€60.000", "£45k", "$31,2k- $52k", "competitive", None)
DATES = ("2026-02-27T10:00:00+01:00", "1772000000", "2026-02-20", "3 days ago", None)


def made_of(postings: list[Posting]) -> pl.DataFrame:
    """Real postings again and again, each text with a number of its own, half of them as HTML."""
    rows = []
    for number in range(POSTINGS):
        posting = postings[number % len(postings)]
        text = (posting["description"] or "")[: LENGTH - 30]
        marked_up = "<p>" + "</p><p>".join(text.split("\n\n")) + "</p>" if number % 2 else text
        rows.append(
            {
                **posting,
                "external_id": str(number),
                "description": f"{marked_up} No. {number}",
                "url": f"https://jobs.example/{number}?utm_source=x",
                "salary_text": PAY[number % len(PAY)],
                "posted_at": DATES[number % len(DATES)],
            }
        )
    frame = pl.DataFrame(rows, schema_overrides={name: pl.String() for name in RAW_POSTING})
    missing = [pl.lit(None, pl.String()).alias(name) for name in RAW_POSTING if name not in frame.columns]
    return frame.with_columns(missing).select(RAW_POSTING.names())


def main() -> None:
    raw = made_of(real_postings())
    megabytes = raw["description"].str.len_bytes().sum() / 1e6
    print(f"{POSTINGS:,} postings, {megabytes:.0f} MB of text, batches of {BATCH:,}, one thread, seconds of CPU")

    started = time.process_time()
    for text in raw["description"]:
        LexborHTMLParser(text).text()
    baseline = time.process_time() - started

    started = time.process_time()
    kept = sum(
        normalise(raw.slice(start, BATCH), source="board", observed_at=NOW).postings.height
        for start in range(0, POSTINGS, BATCH)
    )
    seconds = time.process_time() - started
    assert kept == POSTINGS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"HTML to text alone, row by row {baseline:6.1f} s")
    ratio = seconds / baseline
    print(f"everything, in columns         {seconds:6.1f} s  {ratio:.2f} x, under {WANTED:.0f} s wanted")
    print(f"peak memory, texts included    {peak:6.0f} MiB")


if __name__ == "__main__":
    main()
