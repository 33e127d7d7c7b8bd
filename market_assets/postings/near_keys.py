"""What near duplicates are known by: a key of company and role, and a sketch of company, rank, place and text.

What boards add to companies and titles (legal forms, 'Careers', requisition numbers, pay, 'hiring now', places,
gender) is put aside, by the words of `names.yaml`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import polars as pl
import yaml

from market_assets.postings.gazetteer import country_names, place_key, places_by_key
from market_assets.postings.identity import SEPARATOR, hashes, plain_text, plain_title
from market_assets.postings.sketches import sketches
from market_assets.postings.texts import MAX_CACHED

#: A sketch of fewer numbers (about 22 words of text) does not distinguish jobs.
MIN_SKETCH_LENGTH = 20

#: What a sketch begins with, a little-endian 16-bit number each: hashes of country, region and city, 0 where
#: unknown; 1 where the work is remote; a bit for each rank in the title; hashes of the company's name and of its
#: first one, two and three words.
HEADER = ("country", "region", "city", "remote", "ranks", "company", "company_1", "company_2", "company_3")

NEAR_IDENTITY = pl.Schema({"near_key": pl.Int64(), "sketch": pl.Binary()})

_WORDS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"))
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
_US_STATE = (
    r",\s*(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[AEINOST]|N[CDEHJMVY]|O[HKR]|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY])\b"
)
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


class _Place(NamedTuple):
    """Country, region and city, each empty where unknown."""

    country: str = ""
    region: str = ""
    city: str = ""


def near_identities(postings: pl.DataFrame) -> pl.DataFrame:
    """The key and the sketch of postings, for `near_duplicates.near_groups`.

    near_key: a hash of the company's first word and of the role; null unless the company is known.
    sketch: the numbers of `HEADER`, then the sketch of the description if that has at least `MIN_SKETCH_LENGTH`
    numbers; null where near_key is.

    Args:
        postings: title, company, description: cleaned texts; location, country, workplace: normalised.

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
        plain_text(pl.when(pl.col("company").is_not_null()).then("description")).alias("description"),
    )
    names: list[str | None] = []
    sketched: list[bytes | None] = []
    texts = sketches(plain["description"])
    for (stated, bare, company, location, country, remote), text in zip(
        plain.drop("description").iter_rows(), texts, strict=True
    ):
        if not company:
            names.append(None)
            sketched.append(None)
            continue
        place, of_place = _place_of(location, country)
        in_title, of_title = _places_in_title(stated)
        employer, of_employer = _company(company)
        role, ranks = _role_and_ranks(bare, of_place | of_title | of_employer)
        names.append(f"{employer[0]}{SEPARATOR}{role}")
        known = place if place.city or not in_title.city else in_title
        company_numbers = [_number(" ".join(employer[:length])) for length in (None, 1, 2, 3)]
        header = np.array([*map(_number, known), remote, ranks, *company_numbers], dtype="<u2").tobytes()
        sketched.append(header + (text if len(text) >= 2 * MIN_SKETCH_LENGTH else b""))
    keys = hashes(pl.Series(names, dtype=pl.String))
    return pl.DataFrame({"near_key": keys, "sketch": sketched}, schema=NEAR_IDENTITY)


def _number(name: str) -> int:
    """A hash of 16 bits; 0 for nothing."""
    return crc32(name.encode()) % 0xFFFF + 1 if name else 0


@lru_cache(MAX_CACHED)
def _company(name: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The words of the name without 'The', 'Careers' and legal form, and all its words."""
    lowered = name.lower()
    plain = " ".join(_WORD.findall(lowered.replace(".", "")))
    words = _CAREERS_AT.sub("", plain).split()
    while len(words) > 1 and words[-1] in _LEGAL_FORMS | _OF_CAREERS:
        words.pop()
    return tuple(words or [lowered]), frozenset((*plain.split(), *_WORD.findall(lowered)))


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
