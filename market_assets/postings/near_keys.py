"""What near duplicates are known by: a key of company and role, and a sketch of company, rank, place and text.

The sketch of a text holds the smallest of the 16-bit hashes of all runs of `RUN` words, in ascending order
(bottom-k MinHash: Broder, "On the resemblance and containment of documents", 1997). Unlike MinHash with many hash
functions, it also gives the containment of a short text in a long one, as where a board shows only the beginning.

What boards add to companies and titles (legal forms, 'Careers', requisition numbers, pay, 'hiring now', places,
gender) is put aside, by the words of `names.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.postings.gazetteer import country_names, place_key, places_by_key
from market_assets.postings.identity import SEPARATOR, hashes, plain_descriptions, plain_title
from market_assets.postings.texts import MAX_CACHED
from market_assets.postings.word_lists import word_lists

#: A sketch of fewer numbers (about 22 words of text) does not distinguish jobs.
MIN_SKETCH_LENGTH = 20

#: What a sketch begins with, a little-endian 16-bit number each: hashes of country, region and city, 0 where
#: unknown; 1 where the work is remote; a bit for each rank in the title; hashes of the company's name and of its
#: first one, two and three words.
HEADER = ("country", "region", "city", "remote", "ranks", "company", "company_1", "company_2", "company_3")

_HEADER = Struct(f"<{len(HEADER)}H")

NEAR_IDENTITY = pl.Schema({"near_key": pl.Int64(), "sketch": pl.Binary()})

_WORDS = word_lists("names.yaml")
_LEGAL_FORMS = frozenset(_WORDS["legal_forms"])
_OF_CAREERS = frozenset(_WORDS["of_careers"])
_CAREERS_AT = re.compile(
    rf"^(?:the|(?:{'|'.join(sorted(_OF_CAREERS))}|life|stellen|work|working) (?:at|bei|chez|bij|en|na|w|with)) "
)
#: Words of rank; synonyms share a bit.
_RANKS = {word: 1 << bit for bit, words in enumerate(_WORDS["ranks"]) for word in words}
_NOT_OF_ROLE = frozenset(_WORDS["not_of_role"]) | _LEGAL_FORMS
#: Written as one word or two.
_IN_ONE_WORD = {f" {apart} ": f" {together} " for apart, together in _WORDS["in_one_word"].items()}
_TITLE_NOISE = f"(?i){'|'.join(_WORDS['title_noise'])}"
#: 'Engineer - Austin, TX'; MD and PA are professions too.
_US_STATE = rf",\s*(?:{'|'.join(_WORDS['us_states'])})\b"
#: A part of a title that calls ('Hot job!') or speaks to the reader ('join our team', 'werde Teil des Teams').
_ADVERTISING = (
    r"(?i)(?:^|[|:(\[,/*])[^|:()\[\],!/*]*(?:!+|\b(?:"
    + "|".join(_WORDS["of_address"])
    + r")\b[^|:()\[\],!/*]*)|\*{2,}[^*]*\*{2,}"
)
_DASH = r"\s+[-–—]+\s+"
_SET_APART = re.compile(r"[,()\[\]|/·•:]|\s(?:in|à|en|te|w|i)\s(?=[^,()|/-]+$)")
#: Neither numbers nor single letters, but for the languages.
_CAN_BE_OF_ROLE = re.compile(r"^[cr]$|[^\W\d_][^\W_]|[^\W_][^\W\d_]|[^\W\d_][+#]")
_WORD = re.compile(r"[\w+#]+")

#: Words that are hashed together.
RUN = 3

#: Hashes in the sketch of a long text.
LENGTH = 160

#: Characters of a text that are hashed; more would fill the range of 16 bits, so that any two texts share hashes.
MAX_TEXT_LENGTH = 20_000

#: Two sketches with fewer comparable numbers share nothing.
MIN_COMPARED = 6

#: Arrays of eight bytes for each of these fit into the caches of a processor.
_CHUNK_BYTES = 125_000
_CHUNK_ROWS = 0x10000
_SPACE = 32
_LARGEST = 0xFFFF
#: Odd, so that it has an inverse modulo 2**64.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)

Sketches = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]


class _Place(NamedTuple):
    """Country, region and city, each empty where unknown."""

    country: str = ""
    region: str = ""
    city: str = ""


def near_identities(postings: pl.DataFrame, plain_texts: pl.Series | None = None) -> pl.DataFrame:
    """The key and the sketch of postings, for `near_duplicates.near_groups`.

    near_key: a hash of the company's first word and of the role; null unless the company is known.
    sketch: the numbers of `HEADER`, then the sketch of the description if that has at least `MIN_SKETCH_LENGTH`
    numbers; null where near_key is.

    Args:
        postings: title, company, description: cleaned texts; location, country, workplace: normalised.
        plain_texts: `identity.plain_descriptions` of them, if they are known.

    Returns:
        Schema `NEAR_IDENTITY`.
    """
    whole = pl.col("title").str.replace_all(_US_STATE, " ").str.replace_all(_DASH, " | ")
    bare = whole.str.replace_all(_ADVERTISING, " ")
    # A title that is nothing but advertising is kept ('Data Engineer wanted!').
    title = pl.when(bare.str.contains(r"\pL\pL")).then(bare).otherwise(whole).str.replace_all(_TITLE_NOISE, " ")
    plain = postings.select(
        title.alias("stated_title"),
        plain_title(title).alias("title"),
        "company",
        pl.col("location").fill_null(""),
        pl.col("country").fill_null(""),
        (pl.col("workplace") == "remote").fill_null(False).alias("remote"),
    )
    names: list[str | None] = []
    sketched: list[bytes | None] = []
    texts = sketches(plain_descriptions(postings) if plain_texts is None else plain_texts)
    for (stated, bare, company, location, country, remote), text in zip(plain.iter_rows(), texts, strict=True):
        if not company:
            names.append(None)
            sketched.append(None)
            continue
        place, of_place = _place_of(location, country)
        in_title, of_title = _places_in_title(stated)
        employer, company_numbers, of_employer = _company(company)
        role, ranks = _role_and_ranks(bare, of_place | of_title | of_employer)
        names.append(f"{employer}{SEPARATOR}{role}")
        known = place if place.city or not in_title.city else in_title
        header = _HEADER.pack(*map(_number, known), remote, ranks, *company_numbers)
        sketched.append(header + (text if len(text) >= 2 * MIN_SKETCH_LENGTH else b""))
    keys = hashes(pl.Series(names, dtype=pl.String))
    return pl.DataFrame({"near_key": keys, "sketch": sketched}, schema=NEAR_IDENTITY)


def sketches(texts: pl.Series) -> list[bytes]:
    """The sketch of each text: at most `LENGTH` little-endian 16-bit numbers; no bytes for null.

    Args:
        texts: String; words divided by single spaces.
    """
    read = texts.fill_null("").str.slice(0, MAX_TEXT_LENGTH) + " "
    found: list[bytes] = []
    for start, end in _chunks(read):
        found += _sketches(read[start:end])
    return found


def padded(encoded: list[bytes]) -> Sketches:
    """Sketches as an array of shape (sketches, `LENGTH`), padded with -1."""
    rows = np.full((len(encoded), LENGTH), -1, dtype=np.int32)
    for row, numbers in zip(rows, encoded, strict=True):
        row[: len(numbers) // 2] = np.frombuffer(numbers, dtype="<u2")
    return rows


def shared_shares(rows: Sketches, one: Indices, other: Indices) -> npt.NDArray[np.float64]:
    """For each pair of sketches, the share of the shorter text that is contained in the longer one.

    A full sketch has no information on hashes above its largest, so only those up to the smaller of both largest
    hashes are compared.

    Args:
        rows: padded sketches.
        one, other: the rows of each pair.

    Returns:
        Shape (pairs,), 0 to 1; 0 where fewer than `MIN_COMPARED` hashes can be compared.
    """
    shares = np.zeros(len(one))
    for start in range(0, len(one), 10_000):
        part = slice(start, start + 10_000)
        shares[part] = _shares(rows[one[part]], rows[other[part]])
    return shares


def _shares(one: Sketches, other: Sketches) -> npt.NDArray[np.float64]:
    limit = np.minimum(*(np.where(rows[:, -1] < 0, _LARGEST, rows[:, -1]) for rows in (one, other)))[:, None]
    smaller = np.minimum(*(((rows >= 0) & (rows <= limit)).sum(axis=1) for rows in (one, other)))
    # The padding of both sides must differ.
    both = np.sort(np.concatenate([one, np.where(other < 0, -2, other)], axis=1), axis=1)
    shared = ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0)).sum(axis=1)
    shares: npt.NDArray[np.float64] = np.where(smaller >= MIN_COMPARED, shared / np.maximum(smaller, 1), 0.0)
    return shares


def _number(name: str) -> int:
    """A hash of 16 bits; 0 for nothing."""
    return crc32(name.encode()) % 0xFFFF + 1 if name else 0


@lru_cache(MAX_CACHED)
def _company(name: str) -> tuple[str, list[int], frozenset[str]]:
    """Of the name without 'The', 'Careers' and legal form the first word and `HEADER`'s numbers; and all words."""
    lowered = name.lower()
    plain = " ".join(_WORD.findall(lowered.replace(".", "")))
    words = _CAREERS_AT.sub("", plain).split()
    while len(words) > 1 and words[-1] in _LEGAL_FORMS | _OF_CAREERS:
        words.pop()
    words = words or [lowered]
    numbers = [_number(" ".join(words[:length])) for length in (None, 1, 2, 3)]
    return words[0], numbers, frozenset((*plain.split(), *_WORD.findall(lowered)))


@lru_cache(MAX_CACHED)
def _place_of(location: str, country: str) -> tuple[_Place, frozenset[str]]:
    """The place that a normalised location ('Portland, OR, US', 'Germany') names, and its words."""
    words = frozenset(_WORD.findall(location.lower()))
    if not country:
        return _Place(city=location.lower()), words
    parts = location.split(", ")
    if parts[-1] != country:
        return _Place(country), words
    return _Place(country, parts[1] if len(parts) > 2 else "", place_key(parts[0])), words


def _places_in_title(title: str) -> tuple[_Place, frozenset[str]]:
    """The city that a title sets apart ('Engineer - Berlin'), and the words of all places that it sets apart."""
    first, *rest = _SET_APART.split(title)
    if not rest:
        return _Place(), frozenset()
    place, words = _Place(), set[str]()
    for part in (first, *rest):
        city, named = _named_place(part)
        if named:
            words.update(named)
            place = place if place.city else _Place(city=city)
    return place, frozenset(words)


@lru_cache(MAX_CACHED)
def _named_place(text: str) -> tuple[str, tuple[str, ...]]:
    """The key of the city, if it is one, and the words of a text that is nothing but a place's name."""
    key = place_key(text)
    cities = places_by_key("city").get(key)
    if cities:
        return place_key(cities[0].name), tuple(_WORD.findall(text.lower()))
    known = len(key) > 3 and (key in country_names() or key in places_by_key("region"))
    return "", tuple(_WORD.findall(text.lower())) if known else ()


def _role_and_ranks(plain: str, elsewhere: frozenset[str]) -> tuple[str, int]:
    """The words of a title that describe the role, in alphabetical order, and the bits of its words of rank.

    Words of `elsewhere` (company and place) do not describe the role ('Engineer at Acme, Berlin').
    """
    spaced = f" {plain} "
    for apart, together in _IN_ONE_WORD.items():
        spaced = spaced.replace(apart, together)
    words = set(spaced.split())
    ranks = words & _RANKS.keys()
    role = {word for word in words - ranks - _NOT_OF_ROLE - elsewhere if _CAN_BE_OF_ROLE.search(word)}
    return " ".join(sorted(role or words)), sum({_RANKS[word] for word in ranks})


def _chunks(texts: pl.Series) -> Iterator[tuple[int, int]]:
    """Start and end of slices of about `_CHUNK_BYTES`, each of few enough rows to be numbered in 16 bits."""
    ends = texts.str.len_bytes().cast(pl.Int64).cum_sum()
    start = 0
    while start < len(texts):
        read = int(ends[start - 1]) if start else 0
        end = int(ends.search_sorted(read + _CHUNK_BYTES, side="right"))
        end = min(max(end, start + 1), start + _CHUNK_ROWS)
        yield start, end
        start = end


def _sketches(texts: pl.Series) -> list[bytes]:
    numbers = np.sort(_hashed_runs(texts))
    numbers = numbers[np.concatenate(([True], numbers[1:] != numbers[:-1]))] if len(numbers) else numbers
    starts = np.searchsorted(numbers, np.arange(len(texts), dtype=np.uint32) << 16).tolist()
    values = numbers.astype("<u2").tobytes()
    ends = [*starts[1:], len(numbers)]
    return [values[2 * a : 2 * min(b, a + LENGTH)] for a, b in zip(starts, ends, strict=True)]


def _hashed_runs(texts: pl.Series) -> npt.NDArray[np.uint32]:
    """The hashes of all runs of words: the row in the upper 16 bits, the highest 16 bits of the hash in the lower.

    The hash is a polynomial in the run's bytes, computed from prefix sums over all bytes, and then mixed.
    """
    content = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
    length = 1 << len(content).bit_length()
    powers, inverses = _powers(_BASE, length), _powers(_INVERSE, length)
    ends = np.flatnonzero(content == _SPACE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    words = np.diff(np.searchsorted(ends, texts.str.len_bytes().cum_sum().to_numpy()), prepend=0)
    row_of_word = np.repeat(np.arange(len(texts), dtype=np.uint32), words)
    whole = row_of_word[: 1 - RUN] == row_of_word[RUN - 1 :]
    first = starts[: 1 - RUN][whole]
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(content * powers[: len(content)], dtype=np.uint64)))
    hashes = _mixed((sums[ends[RUN - 1 :][whole]] - sums[first]) * inverses[first])
    numbers: npt.NDArray[np.uint32] = row_of_word[: 1 - RUN][whole] << 16
    return numbers | (hashes >> np.uint64(48)).astype(np.uint32)


@lru_cache(4)
def _powers(base: int, length: int) -> Hashes:
    powers = np.full(length, base, dtype=np.uint64)
    powers[0] = 1
    powers_of_base: Hashes = np.cumprod(powers, dtype=np.uint64)
    return powers_of_base


def _mixed(hashes: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele et al., 2014): every input bit affects every output bit."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    return hashes ^ (hashes >> np.uint64(31))
