"""From postings as sources state them to normalised ones, column by column."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from market_assets.compute import vocabulary
from market_assets.compute.dates import parse_dates
from market_assets.compute.identity import external_ids, job_keys, posting_ids, url_keys
from market_assets.compute.locations import normalise_locations
from market_assets.compute.schemas import NORMALISED_POSTING, RAW_POSTING, REJECTED_POSTING
from market_assets.compute.stated_pay import stated_pay
from market_assets.compute.texts import count_lost, first_lines, lines, readable, stated, web_addresses

__all__ = ["LARGEST_RECORD", "NormalisedPostings", "normalise", "posting_ids", "rejected_frame"]

#: Bytes of UTF-8 in a record, or in any of its fields.
LARGEST_RECORD = 1_000_000

#: Bytes that are kept of the payload of a rejected posting.
LARGEST_REJECTED_PAYLOAD = 64_000

#: No job that is still of interest was posted before.
EARLIEST_POSTED_AT = datetime(2000, 1, 1, tzinfo=UTC)

_LONGEST_TITLE = 500
_LONGEST_NAME = 300
_LONGEST_WORD_FIELD = 1_000

_SALARY_FIELDS = ("salary_min", "salary_max", "salary_currency", "salary_period", "salary_text")


@dataclass(frozen=True)
class NormalisedPostings:
    """What became of raw postings.

    Attributes:
        postings: schema `NORMALISED_POSTING`, one row an accepted record, in the order of the input.
        rejected: schema `REJECTED_POSTING`, in the order of the input.
        nulled: field → how many stated values were implausible or unreadable and became null; fields without any
            are not in it.
    """

    postings: pl.DataFrame
    rejected: pl.DataFrame
    nulled: dict[str, int]


def normalise(raw: pl.DataFrame, *, source: str, observed_at: datetime) -> NormalisedPostings:
    """Normalise postings. Only those without a title and those over 1 MB are rejected.

    Args:
        raw: schema `RAW_POSTING`.
        source: the name of the source; a posting's own board takes its place where it names one.
        observed_at: when the source was read; no posting can be from later. UTC where it has no zone.
    """
    raw = raw.select(pl.col(name).cast(dtype) for name, dtype in RAW_POSTING.items())
    size = raw.select(pl.max_horizontal(pl.all().str.len_bytes()).fill_null(0)).to_series()
    fits = size <= LARGEST_RECORD
    title = lines(pl.select(pl.when(fits).then(raw["title"])).to_series(), longest=_LONGEST_TITLE)
    taken = fits & title.is_not_null()
    postings, nulled = _normalised(
        raw.filter(taken).with_columns(title.filter(taken).alias("title")), source, observed_at
    )
    return NormalisedPostings(
        postings=postings,
        rejected=_rejected(raw.filter(~taken), size.filter(~taken)),
        nulled={field: count for field, count in sorted(nulled.items()) if count},
    )


def rejected_frame(payloads: list[str], reasons: list[str]) -> pl.DataFrame:
    """Rejected postings out of their payloads and the reasons, in words.

    Returns:
        Schema `REJECTED_POSTING`. payload_hash: SHA-256 (hex) of the whole payload; payload: its first 64 kB.
    """
    encoded = [payload.encode("utf-8", "surrogatepass") for payload in payloads]
    return pl.DataFrame(
        {
            "payload": [_shortened(payload) for payload in payloads],
            "payload_hash": [hashlib.sha256(payload).hexdigest() for payload in encoded],
            "reason": reasons,
        },
        schema=REJECTED_POSTING,
    )


def _shortened(payload: str) -> str:
    """The beginning of a payload, without what PostgreSQL can't store: NUL and halves of characters."""
    beginning = payload[:LARGEST_REJECTED_PAYLOAD].encode("utf-8", "replace")[:LARGEST_REJECTED_PAYLOAD]
    return beginning.decode("utf-8", "ignore").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _rejected(records: pl.DataFrame, size: pl.Series) -> pl.DataFrame:
    payloads = records.select(
        pl.coalesce("payload", pl.struct(pl.all().exclude("payload")).struct.json_encode())
    ).to_series()
    reasons = [
        f"record of {_megabytes(size_of_one)} MB is over the limit of 1 MB"
        if size_of_one > LARGEST_RECORD
        else "title is missing"
        for size_of_one in size
    ]
    return rejected_frame(payloads.to_list(), reasons)


def _megabytes(size: int) -> str:
    """One decimal, or as many as show that the limit was passed."""
    return next(text for text in (f"{size / 1e6:.{digits}f}" for digits in (1, 3, 6)) if float(text) > 1)


def _normalised(raw: pl.DataFrame, source: str, observed_at: datetime) -> tuple[pl.DataFrame, dict[str, int]]:
    """The normalised postings of records that are taken; their titles are clean already."""
    title = raw["title"]
    company = first_lines(raw["company"], longest=_LONGEST_NAME)
    description = stated(readable(raw["description"]))
    stated_location = lines(raw["location"], longest=_LONGEST_WORD_FIELD)
    location = normalise_locations(stated_location)
    url = web_addresses(raw["url"])
    pay, nulled = stated_pay(raw.select(_SALARY_FIELDS))
    posted_at = _plausible_dates(raw["posted_at"], observed_at)
    employment_type = vocabulary.employment_types(_words(raw["employment_type"]))
    workplace = _workplaces(_words(raw["workplace"]), location["workplace"], title)
    board = lines(raw["board"], longest=_LONGEST_NAME).str.to_lowercase().fill_null(source.strip().lower())
    external_id = external_ids(
        lines(raw["external_id"], longest=_LONGEST_WORD_FIELD), url, title, company, stated_location, description
    )
    postings = pl.DataFrame(
        {
            "posting_id": posting_ids(board, external_id),
            "source": board,
            "external_id": external_id,
            "title": title,
            "company": company,
            "location": location["location"],
            "country": location["country"],
            "workplace": workplace,
            "is_remote": workplace == "remote",
            "employment_type": employment_type,
            "industry": vocabulary.industries(_words(raw["industry"])),
            "description": description,
            "url": url,
            **pay.to_dict(),
            "stated_posted_at": posted_at,
            "url_key": url_keys(url, title),
            "job_key": job_keys(title, company, location["location"], description),
        },
        schema=NORMALISED_POSTING,
    )
    kept = {"posted_at": posted_at, "employment_type": employment_type, "url": url}
    nulled |= {field: count_lost(_words(raw[field]), values) for field, values in kept.items()}
    nulled["workplace"] = count_lost(_words(raw["workplace"]), workplace)
    return postings, nulled


def _words(texts: pl.Series) -> pl.Series:
    return lines(texts, longest=_LONGEST_WORD_FIELD)


def _plausible_dates(texts: pl.Series, observed_at: datetime) -> pl.Series:
    latest = observed_at.replace(tzinfo=UTC) if observed_at.tzinfo is None else observed_at
    dates = parse_dates(_words(texts), observed_at)
    plausible = (dates >= EARLIEST_POSTED_AT) & (dates <= latest)
    return pl.select(pl.when(plausible).then(dates)).to_series()


def _workplaces(field: pl.Series, of_location: pl.Series, title: pl.Series) -> pl.Series:
    """The field's own words first, then the location's, then the title's; a mere 'not remote' counts last."""
    not_remote = vocabulary.denies_remote(field)
    return pl.select(
        pl.coalesce(
            vocabulary.workplaces(field),
            of_location,
            vocabulary.workplaces_of_titles(title),
            pl.when(not_remote).then(pl.lit("onsite")),
        ).alias("workplace")
    ).to_series()
