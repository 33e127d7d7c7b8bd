"""Normalisation: from raw postings, as sources state them, to normalised ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl

from market_assets.postings import categories
from market_assets.postings.dates import parse_dates
from market_assets.postings.identity import identities, plain_descriptions
from market_assets.postings.languages import languages
from market_assets.postings.near_keys import near_identities
from market_assets.postings.occupations import occupations
from market_assets.postings.places import normalise_locations
from market_assets.postings.salaries.descriptions import completed_pay
from market_assets.postings.salaries.parse import stated_pay
from market_assets.postings.schemas import NORMALISED_POSTING, RAW_POSTING, REJECTED_POSTING, UTC_DATETIME
from market_assets.postings.seniority import seniorities
from market_assets.postings.texts import (
    MARKED_UP_OR_UNTIDY,
    MAX_ADDRESS_INPUT,
    first_line,
    in_one_line,
    is_lost,
    plain_columns,
    tidied,
    unless_missing,
    web_address,
)

#: Bytes of UTF-8 in a record or in any of its fields; larger records are rejected.
MAX_RECORD_BYTES = 1_000_000

#: Bytes of the payload of a rejected posting that are kept.
MAX_REJECTED_PAYLOAD_BYTES = 64_000

#: Earlier publication times are implausible.
EARLIEST_POSTED_AT = datetime(2000, 1, 1, tzinfo=UTC)

_MAX_NAME_LENGTH = 300

#: Fields of one line, and the number of characters that are kept.
_LINES = {
    "board": _MAX_NAME_LENGTH,
    "external_id": 1_000,
    "title": 500,
    "location": 1_000,
    "url": MAX_ADDRESS_INPUT,
    **dict.fromkeys(("salary_min", "salary_max", "salary_currency", "salary_period", "salary_text"), 5_000),
    **dict.fromkeys(("posted_at", "employment_type", "industry", "workplace", "seniority"), 1_000),
}

#: Fields whose implausible or unreadable values are counted → the column in which these become null.
_COUNTED = {
    "posted_at": "stated_posted_at",
    "employment_type": "employment_type",
    "url": "url",
    "workplace": "workplace",
}


class StatedBatch(NamedTuple):
    """Some postings of one source, as stated.

    Attributes:
        source: the name of the source, for postings that name no board.
        observed_at: when the source was read; later publication times become null. UTC where it has no time zone.
        frame: schema `RAW_POSTING`.
    """

    source: str
    observed_at: datetime
    frame: pl.DataFrame


@dataclass(frozen=True)
class NormalisedBatch:
    """Some postings of one source, normalised.

    Attributes:
        source: the name of the source.
        observed_at: when the source was read, UTC.
        postings: schema `NORMALISED_POSTING`, one row an accepted record, in the order of the input.
        rejected: schema `REJECTED_POSTING`, in the order of the input.
        nulled: field → how many stated values were implausible or unreadable and became null; without fields that
            have none.
    """

    source: str
    observed_at: datetime
    postings: pl.DataFrame
    rejected: pl.DataFrame
    nulled: dict[str, int]


def normalise(raw: pl.DataFrame, *, source: str, observed_at: datetime) -> NormalisedBatch:
    """Normalise postings. Only those without a title and those over 1 MB are rejected.

    Args:
        raw, source, observed_at: as in `StatedBatch`.
    """
    return normalise_each([StatedBatch(source, observed_at, raw)])[0]


def normalise_each(batches: Sequence[StatedBatch]) -> list[NormalisedBatch]:
    """Normalise batches, each as `normalise` would; many small ones take a third of the time together."""
    if not batches:
        return []
    columns = [pl.col(name).cast(dtype) for name, dtype in RAW_POSTING.items()]
    raw = pl.concat([batch.frame.select(columns) for batch in batches])
    number = pl.concat([pl.repeat(at, batch.frame.height, eager=True) for at, batch in enumerate(batches)])
    # The payload is the whole record.
    size = raw.select(pl.max_horizontal(pl.all().str.len_bytes()).fill_null(0)).to_series()
    fits = size <= MAX_RECORD_BYTES
    clean = _clean(raw if fits.all() else raw.filter(fits))
    titled = clean["title"].is_not_null()
    accepted = fits.scatter(fits.arg_true(), titled)
    clean = clean if titled.all() else clean.filter(titled)
    of_accepted = number.filter(accepted)
    normalised, nulled = _normalised(clean, _origins(clean["posted_at"], of_accepted, batches))
    rejected = _rejected(raw.filter(~accepted), size.filter(~accepted))
    of_rejected = number.filter(~accepted)
    return [
        NormalisedBatch(
            source=batch.source,
            observed_at=batch.observed_at,
            postings=normalised.filter(of_accepted == at),
            rejected=rejected.filter(of_rejected == at),
            nulled={field: count for field, count in sorted(_sums(nulled.filter(of_accepted == at))) if count},
        )
        for at, batch in enumerate(batches)
    ]


def without_payloads(raw: pl.DataFrame) -> pl.DataFrame:
    """Raw postings with the payloads of those alone that may be rejected: half of the bytes, where all are."""
    title = pl.col("title")
    is_titled = unless_missing(title).is_not_null() & ~title.str.contains(MARKED_UP_OR_UNTIDY)
    is_small = pl.col("payload").str.len_bytes() <= MAX_RECORD_BYTES
    needed = raw.select(~(is_titled & is_small).fill_null(False)).to_series()
    # Scattered, as any other way leaves the bytes of all payloads behind those that are kept.
    none = pl.repeat(None, raw.height, dtype=pl.String, eager=True).alias("payload")
    return raw.with_columns(
        none.scatter(needed.arg_true(), raw["payload"].filter(needed)) if needed.any() else none
    )


def _origins(posted_at: pl.Series, number: pl.Series, batches: Sequence[StatedBatch]) -> pl.DataFrame:
    """For each posting the source and the time of its batch, and the publication time, read beside its batch's."""
    return pl.concat(
        pl.select(
            date=parse_dates(posted_at.filter(number == at), batch.observed_at),
            source_of_batch=pl.lit(batch.source.strip().lower()),
            latest=pl.lit(batch.observed_at.replace(tzinfo=batch.observed_at.tzinfo or UTC), UTC_DATETIME),
        )
        for at, batch in enumerate(batches)
    )


def _sums(counts: pl.DataFrame) -> Iterable[tuple[str, int]]:
    return counts.sum().row(0, named=True).items()


def rejected_frame(payloads: list[str], reasons: list[str]) -> pl.DataFrame:
    """A frame of rejected postings.

    Args:
        payloads: the records as they came.
        reasons: why each was rejected, for people to read.

    Returns:
        Schema `REJECTED_POSTING`. payload_hash: SHA-256 (hex) of the whole payload; payload: its first
        `MAX_REJECTED_PAYLOAD_BYTES`.
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
    """The beginning of a payload, without NUL and lone surrogates, which PostgreSQL can't store."""
    beginning = payload[:MAX_REJECTED_PAYLOAD_BYTES].encode("utf-8", "replace")[:MAX_REJECTED_PAYLOAD_BYTES]
    return beginning.decode("utf-8", "ignore").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _rejected(records: pl.DataFrame, size: pl.Series) -> pl.DataFrame:
    payloads = records.select(
        pl.coalesce("payload", pl.struct(pl.all().exclude("payload")).struct.json_encode())
    ).to_series()
    reasons = [
        over_limit(size_of_one) if size_of_one > MAX_RECORD_BYTES else "title is missing" for size_of_one in size
    ]
    return rejected_frame(payloads.to_list(), reasons)


def over_limit(size: int) -> str:
    """The reason for rejecting a record of `size` bytes, with enough decimals to show that it is too large."""
    shown = next(text for text in (f"{size / 1e6:.{digits}f}" for digits in (1, 3, 6)) if float(text) > 1)
    return f"record of {shown} MB is over the limit of 1 MB"


def _clean(raw: pl.DataFrame) -> pl.DataFrame:
    """Every field but the payload as clean text, null for `texts.MISSING_WORDS`."""
    arranged = [
        *(in_one_line(pl.col(name), longest) for name, longest in _LINES.items()),
        first_line(pl.col("company"), _MAX_NAME_LENGTH),
        tidied(pl.col("description")),
    ]
    return plain_columns(raw.drop("payload")).select(arranged).select(unless_missing(pl.all()))


def _normalised(clean: pl.DataFrame, origins: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The normalised postings of records that have a title, and in each how many of its values became null."""
    employment_types = categories.employment_types(clean["employment_type"])
    place = normalise_locations(clean["location"])
    stated, nulled = stated_pay(clean.with_columns(place["country"]))
    pay = completed_pay(stated.with_columns(clean["description"], place["country"]))
    of_text = pl.when(~(pl.col("denies_remote") & (pl.col("workplace_of_text") == "remote")).fill_null(False))
    workplace = pl.coalesce(
        "workplace_of_field",
        "workplace_of_location",
        "workplace_of_title",
        of_text.then("workplace_of_text"),
        pl.when("denies_remote").then(pl.lit("onsite")),
    )
    is_plausible_date = pl.col("date").is_between(EARLIEST_POSTED_AT, pl.col("latest"))
    columns = pl.DataFrame(
        [
            clean["title"],
            clean["company"],
            clean["description"],
            clean["external_id"].alias("stated_id"),
            clean["location"].alias("stated_location"),
            place["location"],
            place["country"],
            place["locations"],
            place["workplace"].alias("workplace_of_location"),
            categories.workplaces(clean["workplace"]).alias("workplace_of_field"),
            categories.workplaces_of_titles(clean["title"]).alias("workplace_of_title"),
            categories.workplaces_of_texts(clean["description"]).alias("workplace_of_text"),
            categories.denies_remote(clean["workplace"]).alias("denies_remote"),
            employment_types,
            categories.industries(clean["industry"]),
            seniorities(clean["title"], clean["seniority"], clean["description"], employment_types),
            occupations(clean["title"], clean["description"]),
            languages(clean["title"], clean["description"]),
            *origins,
            *(clean[field].alias(f"{field}_text") for field in ("board", *_COUNTED)),
            *pay,
        ]
    ).with_columns(
        pl.col("board_text").str.to_lowercase().fill_null(pl.col("source_of_batch")).alias("source"),
        pl.when(is_plausible_date).then("date").alias("stated_posted_at"),
        workplace.alias("workplace"),
        (workplace == "remote").alias("is_remote"),
        web_address(pl.col("url_text")).alias("url"),
    )
    plain = plain_descriptions(columns)
    known = columns.hstack(identities(columns, plain)).hstack(near_identities(columns, plain))
    lost = known.select(is_lost(f"{field}_text", column).alias(field) for field, column in _COUNTED.items())
    return known.select(NORMALISED_POSTING.names()), nulled.hstack(lost)
