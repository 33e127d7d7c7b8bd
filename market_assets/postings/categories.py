"""Fixed values for what postings state in many wordings: employment type and industry."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import polars as pl

from market_assets.postings.texts import MAX_CACHED, listed, parsed_each
from market_assets.postings.word_lists import word_lists

MAX_INDUSTRY_LENGTH = 100

_CAMEL_CASE = re.compile(r"(?<=[a-zà-ÿ])(?=[A-Z])")
_LIST_SEPARATOR = re.compile(r"[,;|/\[\]{}\"\n&+]+|\s(?:and|or|und|oder|et|ou|y|o)\s")

_NOT_A_WORD = re.compile(r"[\W_]+")


def employment_types(texts: pl.Series) -> pl.Series:
    """One of `schemas.EMPLOYMENT_TYPES` for any wording ('FullTime', 'CDI'); of a list, the first known.

    Returns:
        String; null for unknown words.
    """
    return parsed_each(texts, _employment_type_of, pl.String())


def industries(texts: pl.Series) -> pl.Series:
    """The canonical name of stated industries (`industries.yaml`); of a list, the first known.

    Returns:
        String; an unknown industry is kept as stated.
    """
    return parsed_each(texts, _industry_of, pl.String())


def industry_key(name: str) -> str:
    """The form that spellings of one industry share: no case, no punctuation, '&' as 'and'."""
    return _NOT_A_WORD.sub(" ", name.casefold().replace("&", " and ")).strip()


@cache
def industry_names() -> dict[str, str]:
    """`industry_key` of a name or alias → the canonical name."""
    entries = word_lists("industries.yaml").items()
    return {industry_key(alias): name for name, aliases in entries for alias in (name, *aliases)}


@lru_cache(MAX_CACHED)
def _employment_type_of(text: str) -> str | None:
    for item in _LIST_SEPARATOR.split(_CAMEL_CASE.sub(" ", text).lower()):
        words = " ".join(item.replace("_", " ").replace("-", " ").split()).replace("fulltime", "full time")
        for employment_type, pattern in _employment_types().items():
            if pattern.search(words):
                return employment_type
    return None


@cache
def _employment_types() -> dict[str, re.Pattern[str]]:
    entries = word_lists("employment_types.yaml").items()
    return {value: re.compile("|".join(patterns)) for value, patterns in entries}


@lru_cache(MAX_CACHED)
def _industry_of(text: str) -> str | None:
    names = industry_names()
    items = listed(text)
    pieces = [piece for item in items for piece in re.split(r"[,;|/>]", item)]
    for name in (text, *items, *pieces):
        known = names.get(industry_key(name))
        if known is not None:
            return known
    return ", ".join(items)[:MAX_INDUSTRY_LENGTH].strip() or None
