"""Near duplicates: postings of one company, role and place whose texts are nearly the same.

`near_identities` gives each posting the key of its company, role and place, and a sketch of its text;
`near_groups` compares the sketches of each key. Where one employer has posted many texts for one role and place,
only pairs whose sketches begin alike are compared, so that the time does not grow with the square of their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml

from market_assets.postings.identity import SEPARATOR, hashes, plain_text, plain_title
from market_assets.postings.sketches import padded, shared_shares, sketches

#: The least share of the shorter text that the longer one contains.
MIN_SHARED = 0.65
#: The same where only one of both titles states a rank ('Senior').
MIN_SHARED_OF_ANY_RANK = 0.9

#: Up to this many distinct texts of one company, role and place, all pairs are compared.
MAX_ALL_PAIRS = 64
#: Beyond, the texts that share one of the first `BANDS` numbers of their sketches are sorted, and each is compared
#: with its next `NEIGHBOURS`.
BANDS, NEIGHBOURS = 12, 4
#: A sketch of fewer numbers (about 22 words of text) does not distinguish jobs.
MIN_SKETCH_LENGTH = 20


_WORDS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"))
_LEGAL_FORMS = frozenset(_WORDS["legal_forms"])
#: Words of rank; synonyms share a bit.
_RANKS = {word: 1 << bit for bit, words in enumerate(_WORDS["ranks"]) for word in words}
_NOT_OF_ROLE = frozenset(_WORDS["not_of_role"])
#: Written as one word or two.
_IN_ONE_WORD = {f" {apart} ": f" {together} " for apart, together in _WORDS["in_one_word"].items()}
#: 'Engineer - Austin, TX'; MD and PA are professions too.
_US_STATE = (
    r",\s*(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[AEINOST]|N[CDEHJMVY]|O[HKR]|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY])\b"
)

NEAR_IDENTITY = pl.Schema({"near_key": pl.Int64(), "sketch": pl.Binary()})

Indices = npt.NDArray[np.int64]
Pairs = tuple[Indices, Indices]


def near_identities(postings: pl.DataFrame) -> pl.DataFrame:
    """The key and the sketch of postings, for `near_groups`.

    near_key: a hash of company, role and place; null unless the company is known and the description gives a
    sketch of at least `MIN_SKETCH_LENGTH` numbers. Legal forms ('GmbH') are ignored, and in titles ranks, gender,
    workplace and place.
    sketch: two little-endian bytes with a bit for each rank in the title, then the sketch of the description; null
    where near_key is.

    Args:
        postings: title, company, location, description: cleaned texts.

    Returns:
        Schema `NEAR_IDENTITY`.
    """
    plain = postings.select(
        plain_title(pl.col("title").str.replace_all(_US_STATE, " ")).alias("title"),
        plain_text(pl.col("company").str.replace_all(".", "", literal=True)).alias("company"),
        plain_text(pl.col("location")).fill_null("").alias("location"),
        plain_text(pl.concat_str("company", "location", separator=" ", ignore_nulls=True)).alias("elsewhere"),
        plain_text(pl.when(pl.col("company").is_not_null()).then("description")).alias("description"),
    )
    encoded = sketches(plain["description"])
    names: list[str | None] = []
    ranked_sketches: list[bytes | None] = []
    for (title, company, location, elsewhere), sketch in zip(
        plain.drop("description").rows(), encoded, strict=True
    ):
        if company and len(sketch) >= 2 * MIN_SKETCH_LENGTH:
            role, rank = _role_and_rank(title, elsewhere)
            names.append(SEPARATOR.join((_company(company), role, location)))
            ranked_sketches.append(rank.to_bytes(2, "little") + sketch)
        else:
            names.append(None)
            ranked_sketches.append(None)
    keys = hashes(pl.Series(names, dtype=pl.String))
    return pl.DataFrame({"near_key": keys, "sketch": ranked_sketches}, schema=NEAR_IDENTITY)


def near_groups(postings: pl.DataFrame) -> pl.Series:
    """Group near duplicates, also those that are only connected by way of others.

    Args:
        postings: near_key, sketch; every posting of each near_key.

    Returns:
        near_group, Int64: a number that all postings of a group share, and no others; null for a posting whose
        near_key or sketch is null, or whose near_key no other posting has.
    """
    known = pl.col("near_key").is_not_null() & pl.col("sketch").is_not_null()
    numbered = postings.select("near_key", "sketch", pl.int_range(pl.len()).alias("row")).filter(
        known & (pl.len().over("near_key") > 1)
    )
    texts = numbered.select("near_key", "sketch").unique().sort("near_key", "sketch").with_row_index("text")
    group = _components(texts.height, *_same_pairs(texts))
    of_text = texts.with_columns(group=pl.Series(group, dtype=pl.Int64))
    grouped = numbered.join(of_text, on=["near_key", "sketch"], how="left", maintain_order="left")
    groups = pl.repeat(None, postings.height, dtype=pl.Int64, eager=True).alias("near_group")
    return groups.scatter(grouped["row"], grouped["group"]) if grouped.height else groups


def _company(plain: str) -> str:
    """The name without 'The' and legal form, and without spaces: 'Data Robot' is 'DataRobot'."""
    words = plain.removeprefix("the ").split()
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words.pop()
    return "".join(words)


def _role_and_rank(plain: str, elsewhere: str) -> tuple[str, int]:
    """The words of a title that describe the role, in alphabetical order, and the bits of its words of rank.

    Words of `elsewhere` (company and place) do not describe the role ('Engineer at Acme, Berlin').
    """
    spaced = f" {plain} "
    for apart, together in _IN_ONE_WORD.items():
        spaced = spaced.replace(apart, together)
    words = set(spaced.split())
    role = words - _RANKS.keys() - _NOT_OF_ROLE - set(elsewhere.split())
    return " ".join(sorted(role or words)), sum({_RANKS[word] for word in words & _RANKS.keys()})


def _same_pairs(texts: pl.DataFrame) -> Pairs:
    """The pairs of texts, by index, that are nearly the same and not of two different ranks."""
    encoded = texts["sketch"].to_list()
    ranks = np.array([int.from_bytes(sketch[:2], "little") for sketch in encoded], dtype=np.int64)
    rows = padded([sketch[2:] for sketch in encoded])
    one, other = _candidates(texts["near_key"].to_numpy(), rows)
    common = ranks[one] & ranks[other]
    compatible = (common == ranks[one]) | (common == ranks[other])
    one, other = one[compatible], other[compatible]
    min_shared = np.where(ranks[one] == ranks[other], MIN_SHARED, MIN_SHARED_OF_ANY_RANK)
    same = shared_shares(rows, one, other) >= min_shared
    return one[same], other[same]


def _candidates(keys: Indices, rows: npt.NDArray[np.int32]) -> Pairs:
    """The pairs to compare, each once. `keys` are in ascending order."""
    _, key, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    many = sizes[key] > MAX_ALL_PAIRS
    few = np.flatnonzero(~many)
    pairs = [*_neighbours(few, key[few], MAX_ALL_PAIRS - 1), *_banded(np.flatnonzero(many), key, rows)]
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return np.divmod(np.unique(one * len(keys) + other), len(keys))


def _banded(many: Indices, key: Indices, rows: npt.NDArray[np.int32]) -> Iterator[Pairs]:
    """Pairs of texts, by index, that have one of the first `BANDS` numbers of their sketches in common."""
    numbers = rows[many, :BANDS]
    band = (key[many, None] << 16 | numbers).ravel()
    texts = np.repeat(many, BANDS)
    order = np.lexsort((texts, band))
    return _neighbours(texts[order], band[order], NEIGHBOURS)


def _neighbours(texts: Indices, bucket: Indices, reach: int) -> Iterator[Pairs]:
    """Pairs within a bucket, up to `reach` apart. The texts of a bucket must be adjacent."""
    for distance in range(1, reach + 1):
        same = bucket[:-distance] == bucket[distance:]
        if not same.any():
            return
        yield texts[:-distance][same], texts[distance:][same]


def _components(count: int, one: Indices, other: Indices) -> Indices:
    """Connected components: for each of `count` nodes the smallest node of its component."""
    smallest = np.arange(count)
    while True:
        spread = smallest.copy()
        for from_side, to_side in ((one, other), (other, one)):
            np.minimum.at(spread, to_side, smallest[from_side])
        # The smallest node that the smallest one has found: chains become half as long in each round.
        spread = np.minimum(spread, spread[spread])
        if np.array_equal(spread, smallest):
            return spread
        smallest = spread
