"""What a posting is known by: its external id, its number, and the keys that postings of one job share."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from market_assets.compute.texts import canonical_urls

#: Between the parts of what is hashed; no cleaned text holds it.
SEPARATOR = "\x1f"

#: A shorter description says too little to tell two jobs apart.
SHORTEST_TELLING_DESCRIPTION = 200

#: A longer external id is replaced by its hash, as the store keeps it in an index.
LONGEST_EXTERNAL_ID = 300

_LETTER = r"(?:divers|div\.?|m|w|f|d|x|h|v|i)"
_GENDERS_IN_BRACKETS = (
    rf"[(\[]\s*(?:{_LETTER}(?:\s*[/|,*:]\s*{_LETTER})+|mwd|mfd|gn|(?:all|any) genders?|alle geschlechter"
    r"|gender[ -]?neutral)\s*[)\]]"
)
_GENDERS_BARE = r"(?:^|[\s,|–-])(?:[mwfdx]/[mwfdx]/[mwfdx]|m/w|w/m|m/f|f/m|h/f|f/h|all genders)(?:$|[\s,|–-])"
#: Letters, digits and the marks of languages ('C++' is not 'C#'); everything else only divides words.
_BETWEEN_WORDS = r"[^\p{L}\p{M}\p{N}+#]+"


def hashes(texts: pl.Series) -> pl.Series:
    """A non-negative 63-bit number for each text, the same on every machine and in every version; null for null.

    The first 8 bytes of BLAKE2b, big-endian, without the lowest bit. Done row by row, as the hash of polars may
    change between versions.
    """
    known = texts.drop_nulls()
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in known)
    numbers = (np.frombuffer(digests, dtype=">u8") >> np.uint64(1)).astype(np.int64)
    filled = pl.Series(texts.name, [None], dtype=pl.Int64).new_from_index(0, len(texts))
    return filled.scatter(texts.is_not_null().arg_true(), pl.Series(numbers))


def posting_ids(source: pl.Series, external_id: pl.Series) -> pl.Series:
    """The number of each posting. Int64, not negative."""
    return hashes(_joined(source, external_id)).alias("posting_id")


def external_ids(
    stated: pl.Series,
    url: pl.Series,
    title: pl.Series,
    company: pl.Series,
    location: pl.Series,
    description: pl.Series,
) -> pl.Series:
    """The stated id, else the canonical URL, else SHA-256 (hex) of title, company, location and description.

    All are cleaned texts; the location is the one that was stated, so that what is known of places does not
    matter. An id that is longer than `LONGEST_EXTERNAL_ID` characters is replaced by its SHA-256.
    """
    content = _joined(title, company, location, description)
    known = pl.select(
        pl.when(stated.is_not_null()).then(stated).otherwise(canonical_urls(url)).alias("external_id")
    ).to_series()
    unwieldy = known.is_not_null() & (known.str.len_chars() > LONGEST_EXTERNAL_ID)
    hashed = pl.select(pl.when(unwieldy).then(known).when(known.is_null()).then(content)).to_series()
    digests = pl.Series(
        [None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in hashed],
        dtype=pl.String,
    )
    return pl.select(pl.coalesce(digests, known).alias("external_id")).to_series()


def url_keys(url: pl.Series, title: pl.Series) -> pl.Series:
    """A number for each page and title, so that the jobs of one careers page stay apart. Null without a URL."""
    canonical = canonical_urls(url)
    joined = _joined(canonical, plain_titles(title))
    return hashes(pl.select(pl.when(canonical.is_not_null()).then(joined)).to_series()).alias("url_key")


def job_keys(title: pl.Series, company: pl.Series, location: pl.Series, description: pl.Series) -> pl.Series:
    """A number for the same job, wherever it was posted: of title, company, location and description.

    Null unless the company and a description of at least `SHORTEST_TELLING_DESCRIPTION` characters are known.
    """
    telling = company.is_not_null() & (description.str.len_chars() >= SHORTEST_TELLING_DESCRIPTION)
    rows = telling.fill_null(False).arg_true()
    joined = _joined(
        plain_titles(title.gather(rows)),
        plain_texts(company.gather(rows)),
        plain_texts(location.gather(rows)),
        plain_texts(description.gather(rows)),
    )
    empty = pl.Series("job_key", [None], dtype=pl.Int64).new_from_index(0, len(title))
    return empty.scatter(rows, hashes(joined))


def plain_titles(titles: pl.Series) -> pl.Series:
    """As `plain_texts`, without the letters that invite every gender ('(m/f/d)', '(all genders)')."""
    lowered = titles.str.to_lowercase()
    return plain_texts(lowered.str.replace_all(_GENDERS_IN_BRACKETS, " ").str.replace_all(_GENDERS_BARE, " "))


def plain_texts(texts: pl.Series) -> pl.Series:
    """The words alone: in lower case, without punctuation, one space between them."""
    return texts.str.to_lowercase().str.replace_all(_BETWEEN_WORDS, " ").str.strip_chars(" ")


def _joined(*texts: pl.Series) -> pl.Series:
    return pl.select(pl.concat_str([text.fill_null("") for text in texts], separator=SEPARATOR)).to_series()
