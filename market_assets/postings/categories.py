"""Fixed values for what postings state in many wordings: employment type, workplace and industry."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

import polars as pl
import yaml

from market_assets.postings.texts import MAX_CACHED, listed, parsed_each

EMPLOYMENT_TYPES_FILE = Path(__file__).with_name("employment_types.yaml")
WORKPLACES_FILE = Path(__file__).with_name("workplaces.yaml")
INDUSTRIES_FILE = Path(__file__).with_name("industries.yaml")
MAX_INDUSTRY_LENGTH = 100

_CAMEL_CASE = re.compile(r"(?<=[a-zà-ÿ])(?=[A-Z])")
_LIST_SEPARATOR = re.compile(r"[,;|/\[\]{}\"\n&+]+|\s(?:and|or|und|oder|et|ou|y|o)\s")

_NOT_A_WORD = re.compile(r"[\W_]+")
_AFFIRMED = frozenset({"true", "yes", "y", "1", "1.0", "t"})
_DENIED = frozenset({"false", "no", "n", "0", "0.0", "f"})

#: In a title only what is set apart counts: '(Remote)', '- Remote', 'Fully remote', not 'Remote Sensing Engineer'.
_SET_APART = (
    r"(?i)(?:[(\[][^)\]]*\b{0}\b[^)\]]*[)\]]"
    r"|[-–—|,:/]\s*(?:100\s?%\s*|fully\s+)?{0}\s*(?:$|[-–—|,:/(\[])"
    r"|\b(?:100\s?%|fully)\s+{0}\b)"
)
_REMOTE_FIELD = (
    r"(?i)\bremote\s+(?:sens|monitor|control|access|support|infrastruct|desktop|operat|diagnos|handl)\w*"
)


def employment_types(texts: pl.Series) -> pl.Series:
    """One of `schemas.EMPLOYMENT_TYPES` for any wording ('FullTime', 'CDI'); of a list, the first known.

    Returns:
        String; null for unknown words.
    """
    return parsed_each(texts, _employment_type_of, pl.String())


def workplaces(texts: pl.Series) -> pl.Series:
    """One of `schemas.WORKPLACES` for fields that state the workplace, or whether the job is remote.

    Returns:
        String; null for unknown words, and for 'false' and the like (see `denies_remote`).
    """
    return parsed_each(texts, _workplace_of_field, pl.String())


def denies_remote(texts: pl.Series) -> pl.Series:
    """Whether a field states only that the job is not remote ('false'). Boolean; null for null."""
    return texts.str.strip_chars().str.to_lowercase().is_in(sorted(_DENIED))


def workplaces_of_titles(titles: pl.Series) -> pl.Series:
    """The workplace that a title sets apart ('Engineer (Remote)'). String; null where there is none."""
    title = pl.col("title").str.replace_all(_REMOTE_FIELD, "")
    workplace = (
        pl.when(title.str.contains(_SET_APART.format("hybrid")))
        .then(pl.lit("hybrid"))
        .when(title.str.contains(_SET_APART.format("remote")))
        .then(pl.lit("remote"))
        .when(title.str.contains(_SET_APART.format("on-?site")))
        .then(pl.lit("onsite"))
    )
    return titles.to_frame("title").select(workplace.alias(titles.name)).to_series()


def workplace_of(text: str) -> str | None:
    """The workplace that a text names; hybrid before remote, as it is the more specific word."""
    words = text.lower()
    named = {workplace for workplace, pattern in _patterns(WORKPLACES_FILE).items() if pattern.search(words)}
    if "not_remote" in named:
        named = named - {"remote"} | {"onsite"}
    return next((workplace for workplace in ("hybrid", "remote", "onsite") if workplace in named), None)


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
    entries: dict[str, list[str]] = yaml.safe_load(INDUSTRIES_FILE.read_text(encoding="utf-8"))
    return {industry_key(alias): name for name, aliases in entries.items() for alias in (name, *aliases)}


@lru_cache(MAX_CACHED)
def _workplace_of_field(text: str) -> str | None:
    return "remote" if text.strip().lower() in _AFFIRMED else workplace_of(text)


@lru_cache(MAX_CACHED)
def _employment_type_of(text: str) -> str | None:
    for item in _LIST_SEPARATOR.split(_CAMEL_CASE.sub(" ", text).lower()):
        words = " ".join(item.replace("_", " ").replace("-", " ").split()).replace("fulltime", "full time")
        for employment_type, pattern in _patterns(EMPLOYMENT_TYPES_FILE).items():
            if pattern.search(words):
                return employment_type
    return None


@cache
def _patterns(file: Path) -> dict[str, re.Pattern[str]]:
    """The pattern of each value in a file of regular expressions."""
    entries: dict[str, list[str]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {value: re.compile("|".join(patterns)) for value, patterns in entries.items()}


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
