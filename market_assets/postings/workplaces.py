"""Where the work is done: what fields, titles and texts say of remote, hybrid and on-site work."""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl

from market_assets.postings.texts import MAX_CACHED, parsed_each
from market_assets.postings.word_lists import word_lists

_AFFIRMED = frozenset({"true", "yes", "y", "1", "1.0", "t"})
_DENIED = frozenset({"false", "no", "n", "0", "0.0", "f"})

#: A workplace by the more specific word first.
_ORDER = ("hybrid", "remote", "onsite")

_WORDS = word_lists("workplaces.yaml")
_NAMES = {value: re.compile("|".join(_WORDS[value])) for value in (*_ORDER, "not_remote", "partly")}
#: All words that name a workplace, in lower case.
WORKPLACE_WORDS = "|".join(_NAMES[workplace].pattern for workplace in _ORDER)

#: In titles these are said of systems and of fields of work too, so they count only where they are set apart:
#: '(Remote)', '- Remote', 'Fully remote', not 'Remote Sensing Engineer'.
_AMBIGUOUS_IN_TITLES = re.compile(rf"(?i)\b(?:{'|'.join(_WORDS['ambiguous_in_titles'])})\b")
_FIELD = re.compile(rf"(?i)\b(?:remote|hybrid)\s+(?:{'|'.join(_WORDS['fields_of_work'])})\w*")
_AROUND = re.compile(rf"(?i)100\s?%|\b(?:{'|'.join(_WORDS['beside_in_titles'])})\b|\W")
_WHOLLY = re.compile(r"(?i)\b(?:100\s?%|fully|full)\s+remote\b")
_BRACKETS = re.compile(r"[(\[]([^)\]]*)[)\]]")
_PARTS = re.compile(r"\s*[-–—|,:/()\[\]]\s*")


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
    rows = texts.str.contains_any(_WORDS["stems"], ascii_case_insensitive=True).fill_null(False).arg_true()
    lowered = texts.gather(rows).str.to_lowercase().to_frame("text")
    stated = [
        pl.when(pl.col("text").str.contains("|".join(_WORDS["in_texts"][value]))).then(pl.lit(value))
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
