"""Fixed values for what postings state in many wordings: workplace, employment type and industry."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import polars as pl

from market_assets.postings.texts import MAX_CACHED, listed, parsed_each
from market_assets.postings.word_lists import word_lists

_AFFIRMED = frozenset({"true", "yes", "y", "1", "1.0", "t"})
_DENIED = frozenset({"false", "no", "n", "0", "0.0", "f"})

#: A workplace by the more specific word first.
_ORDER = ("hybrid", "remote", "onsite")

_OF_WORKPLACES = word_lists("workplaces.yaml")
_NAMES = {value: re.compile("|".join(_OF_WORKPLACES[value])) for value in (*_ORDER, "not_remote", "partly")}
#: All words that name a workplace, in lower case.
WORKPLACE_WORDS = "|".join(_NAMES[workplace].pattern for workplace in _ORDER)

#: In titles these are said of systems and of fields of work too, so they count only where they are set apart:
#: '(Remote)', '- Remote', 'Fully remote', not 'Remote Sensing Engineer'.
_AMBIGUOUS_IN_TITLES = re.compile(rf"(?i)\b(?:{'|'.join(_OF_WORKPLACES['ambiguous_in_titles'])})\b")
_FIELD = re.compile(rf"(?i)\b(?:remote|hybrid)\s+(?:{'|'.join(_OF_WORKPLACES['fields_of_work'])})\w*")
_AROUND = re.compile(rf"(?i)100\s?%|\b(?:{'|'.join(_OF_WORKPLACES['beside_in_titles'])})\b|\W")
_WHOLLY = re.compile(r"(?i)\b(?:100\s?%|fully|full)\s+remote\b")
_BRACKETS = re.compile(r"[(\[]([^)\]]*)[)\]]")
_PARTS = re.compile(r"\s*[-–—|,:/()\[\]]\s*")

MAX_INDUSTRY_LENGTH = 100

_CAMEL_CASE = re.compile(r"(?<=[a-zà-ÿ])(?=[A-Z])")
_LIST_SEPARATOR = re.compile(r"[,;|/\[\]{}\"\n&+]+|\s(?:and|or|und|oder|et|ou|y|o)\s")

_NOT_A_WORD = re.compile(r"[\W_]+")


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
    """The workplace that a title states ('Engineer (Remote)'). String; null where there is none."""
    stated = titles.str.to_lowercase().str.contains(WORKPLACE_WORDS)
    return parsed_each(
        pl.select(pl.when(stated).then(titles)).to_series().alias(titles.name), _workplace_of_title, pl.String()
    )


def workplaces_of_texts(texts: pl.Series) -> pl.Series:
    """The workplace that the text of a posting states of its job. String; null where there is none."""
    # Few texts have a stem; what is searched for in them is far slower.
    rows = texts.str.contains_any(_OF_WORKPLACES["stems"], ascii_case_insensitive=True).fill_null(False).arg_true()
    lowered = texts.gather(rows).str.to_lowercase().to_frame("text")
    stated = [
        pl.when(pl.col("text").str.contains("|".join(_OF_WORKPLACES["in_texts"][value]))).then(pl.lit(value))
        for value in _ORDER
    ]
    found = pl.repeat(None, len(texts), dtype=pl.String, eager=True).alias(texts.name)
    return found.scatter(rows, lowered.select(pl.coalesce(stated)).to_series()) if len(rows) else found


def workplace_of(text: str) -> str | None:
    """The workplace that a text of a few words names; partly remote is hybrid."""
    words = text.lower()
    named = {workplace for workplace, pattern in _NAMES.items() if pattern.search(words)}
    if "not_remote" in named:
        named = named - {"remote"} | {"onsite"}
    if {"remote", "partly"} <= named:
        named.add("hybrid")
    return next((workplace for workplace in _ORDER if workplace in named), None)


@lru_cache(MAX_CACHED)
def _workplace_of_field(text: str) -> str | None:
    return "remote" if text.strip().lower() in _AFFIRMED else workplace_of(text)


def _workplace_of_title(title: str) -> str | None:
    bare = _FIELD.sub(" ", title)
    clear = _AMBIGUOUS_IN_TITLES.sub(" ", bare)
    said = [clear, *_WHOLLY.findall(bare), *_BRACKETS.findall(bare)]
    said += [part for part in _PARTS.split(bare) if not _AROUND.sub("", _AMBIGUOUS_IN_TITLES.sub("", part))]
    return workplace_of(" | ".join(said))


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
