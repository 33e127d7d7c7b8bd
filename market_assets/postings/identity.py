"""What identifies a posting and its text, and the keys that postings of one job share."""

from __future__ import annotations

import hashlib

import polars as pl

from market_assets.postings.texts import canonical_url

#: Divides the parts of a text that is hashed; no cleaned text contains it.
SEPARATOR = "\x1f"

#: Characters; a shorter description does not distinguish two jobs.
MIN_DESCRIPTION_LENGTH = 200

#: Characters; a longer external id is replaced by its hash, as it is indexed in the store.
MAX_EXTERNAL_ID_LENGTH = 300

_LETTER = r"(?:divers|div\.?|m|w|f|d|x|h|v|i)"
_GENDERS_IN_BRACKETS = (
    rf"[(\[]\s*(?:{_LETTER}(?:\s*[/|,*:]\s*{_LETTER})+|mwd|mfd|gn|(?:all|any) genders?|alle geschlechter"
    r"|gender[ -]?neutral)\s*[)\]]"
)
_GENDERS_BARE = r"(?:^|[\s,|–-])(?:[mwfdx]/[mwfdx]/[mwfdx]|m/w|w/m|m/f|f/m|h/f|f/h|all genders)(?:$|[\s,|–-])"
#: Words consist of letters, digits, + and # ('C++' is not 'C#'). A single space, the usual separator, is not
#: replaced.
_BETWEEN_WORDS = r" *[^\p{L}\p{M}\p{N}+# ][^\p{L}\p{M}\p{N}+#]*| {2,}"

#: The columns that identify a posting, in all sources and at all times.
IDENTITY = ("source", "external_id")

IDENTITIES = pl.Schema(
    {"external_id": pl.String()} | dict.fromkeys(("url_key", "job_key", "company_key", "text_hash"), pl.Int64())
)


def identities(postings: pl.DataFrame, plain: pl.Series | None = None) -> pl.DataFrame:
    """The external id of postings, the keys of their jobs, and the hash of their texts.

    external_id: the stated one, else the canonical URL, else SHA-256 (hex) of title, company, stated location and
    description; an id of more than `MAX_EXTERNAL_ID_LENGTH` characters is replaced by its SHA-256. The stated
    location is used, so that a change of the gazetteer does not change ids.
    url_key: a hash of canonical URL and title, so that the jobs of one careers page differ; null without URL.
    job_key: a hash of title, company, location and description, equal for the same job on several boards; null
    unless the company and a description of at least `MIN_DESCRIPTION_LENGTH` characters are known.
    company_key: as `company_keys`.
    text_hash: a hash of title and description.

    Args:
        postings: stated_id, url, title, company, location, stated_location, description: cleaned texts.
        plain: `plain_descriptions` of them, if they are known.

    Returns:
        Schema `IDENTITIES`.
    """
    known = postings.select(
        "stated_id", canonical_url(pl.col("url")).alias("page"), plain_title(pl.col("title")).alias("plain_title")
    )
    external_id = _external_ids(known.select(pl.coalesce("stated_id", "page")).to_series(), postings)
    page_and_title = known.select(pl.when(pl.col("page").is_not_null()).then(_joined("page", "plain_title")))
    return pl.DataFrame(
        {
            "external_id": external_id,
            "url_key": hashes(page_and_title.to_series()),
            "job_key": _job_keys(
                postings.with_columns(known["plain_title"]),
                plain_descriptions(postings) if plain is None else plain,
            ),
            "company_key": company_keys(postings["company"]),
            "text_hash": text_hashes(postings["title"], postings["description"]),
        },
        schema=IDENTITIES,
    )


def company_keys(company: pl.Series) -> pl.Series:
    """A hash of the words of each company's name, by which its postings are counted as one employer's. Int64."""
    names = pl.DataFrame({"company": company})
    known = names.unique(maintain_order=True)
    keys = hashes(known.select(plain_text(pl.col("company"))).to_series()).alias("company_key")
    return names.join(known.with_columns(keys), on="company", how="left", maintain_order="left")["company_key"]


def text_hashes(title: pl.Series, description: pl.Series) -> pl.Series:
    """A hash of each posting's title and description. Skills are extracted again when it changes. Int64."""
    parts = pl.DataFrame([title.alias("title"), description.alias("description")])
    return hashes(parts.select(_joined("title", "description").alias("text_hash")).to_series())


def hashes(texts: pl.Series) -> pl.Series:
    """Hash texts (String) to non-negative Int64, stable across machines and versions; null for null.

    The hash is the first 8 bytes of BLAKE2b, big-endian, without the lowest bit. Polars' own hash is not used, as
    it may change between versions.
    """
    encoded = texts.cast(pl.Binary)
    return pl.Series(texts.name, [None if text is None else _hash(text) for text in encoded], pl.Int64)


def plain_title(title: pl.Expr) -> pl.Expr:
    """As `plain_text`, without words for all genders ('(m/f/d)', '(all genders)')."""
    lowered = title.str.to_lowercase()
    return plain_text(lowered.str.replace_all(_GENDERS_IN_BRACKETS, " ").str.replace_all(_GENDERS_BARE, " "))


def plain_text(text: pl.Expr) -> pl.Expr:
    """The words of a text in lower case, without punctuation, divided by single spaces."""
    return text.str.to_lowercase().str.replace_all(_BETWEEN_WORDS, " ").str.strip_chars(" ")


def plain_descriptions(postings: pl.DataFrame) -> pl.Series:
    """The `plain_text` of the descriptions of postings (company, description); null without a company."""
    return postings.select(plain_text(pl.when(pl.col("company").is_not_null()).then("description"))).to_series()


def _external_ids(known: pl.Series, postings: pl.DataFrame) -> pl.Series:
    unknown = postings.filter(known.is_null()) if known.null_count() else postings.clear()
    content = iter(unknown.select(_joined("title", "company", "stated_location", "description")).to_series())
    ids = [
        _sha256(next(content)) if text is None else _sha256(text) if len(text) > MAX_EXTERNAL_ID_LENGTH else text
        for text in known
    ]
    return pl.Series("external_id", ids, pl.String)


def _job_keys(postings: pl.DataFrame, plain: pl.Series) -> pl.Series:
    has_key = postings.select(
        pl.col("company").is_not_null() & (pl.col("description").str.len_chars() >= MIN_DESCRIPTION_LENGTH)
    ).to_series()
    joined = (
        postings.with_columns(plain.alias("description"))
        .filter(has_key)
        .with_columns(plain_text(pl.col("company", "location")))
        .select(_joined("plain_title", "company", "location", "description"))
        .to_series()
    )
    keys = pl.repeat(None, postings.height, dtype=pl.Int64, eager=True).alias("job_key")
    return keys.scatter(has_key.arg_true(), hashes(joined)) if len(joined) else keys


def _joined(*names: str) -> pl.Expr:
    return pl.concat_str([pl.col(name).fill_null("") for name in names], separator=SEPARATOR)


def _hash(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
