"""The occupations of postings: from the title, else from what the text looks for where the title says little.

Occupations are the unit groups of ISCO-08, the International Standard Classification of Occupations of the ILO;
where people ask for something finer ("Data engineer"), an occupation of ESCO below one of them, or a few that are
named alike. Codes of ESCO begin with that of their unit group: 2511.20 is of 2511.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from market_assets.postings.occupation_titles import TitleReader, normalised_titles

OCCUPATIONS_FILE = Path(__file__).with_name("occupations.csv")
#: Made by `benchmarks/occupation_labels.py` from ESCO of the European Commission (CC BY 4.0): title, as
#: `normalised_titles` writes it, and occupation.
LABELS_FILE = Path(__file__).with_name("occupation_labels.csv.gz")
WORDS_FILE = Path(__file__).with_name("occupations.yaml")
#: Characters of a description in which the occupation is looked for, and words after those that announce it.
MAX_TEXT, MAX_ANNOUNCED = 1_000, 6


@dataclass(frozen=True)
class Occupation:
    """An occupation.

    Attributes:
        name: unique, in English.
        code: of ISCO-08 (four digits), or of ESCO below one.
        also: codes of ESCO that are counted to it beside those that begin with its own.
        titles: in the words of postings; one that begins with a hyphen ends words of its language.
    """

    name: str
    code: str
    also: tuple[str, ...]
    titles: tuple[str, ...]


@cache
def known_occupations() -> dict[str, Occupation]:
    """All occupations by name, in the order of their codes."""
    with OCCUPATIONS_FILE.open(encoding="utf-8", newline="") as lines:
        return {
            row["occupation"]: Occupation(
                row["occupation"],
                row["code"],
                tuple(row["also"].split()),
                tuple(title for title in row["titles"].split("; ") if title),
            )
            for row in csv.DictReader(lines)
        }


def occupations(titles: pl.Series, texts: pl.Series) -> pl.Series:
    """The occupation of postings.

    Args:
        titles, texts: String, nulls allowed.

    Returns:
        String, named 'occupation': a key of `known_occupations`; null where neither says.
    """
    reader = _reader()
    frame = pl.DataFrame({"title": titles.cast(pl.String), "text": texts.cast(pl.String)})
    each = frame.select(pl.col("title").unique()).with_columns(words=normalised_titles(pl.col("title")))
    read = [(None, True) if words is None else reader.read(words) for words in each["words"]]
    each = each.with_columns(
        occupation=pl.Series([name for name, _little in read], dtype=pl.String),
        little=pl.Series([little for _name, little in read], dtype=pl.Boolean),
    )
    found = frame.join(each, on="title", how="left", nulls_equal=True, maintain_order="left")
    asks = found["occupation"].is_null() & found["little"] & found["text"].is_not_null()
    if not asks.any():
        return found["occupation"]
    return found["occupation"].scatter(asks.arg_true(), _announced(found["text"].filter(asks), reader))


def occupation_spellings() -> dict[str, str]:
    """From the titles of occupations in all languages, casefolded, to their names."""
    return {title.casefold(): name for name, one in known_occupations().items() for title in one.titles}


def _announced(texts: pl.Series, reader: TitleReader) -> pl.Series:
    """The occupation that a text says it looks for ("We are looking for a data engineer")."""
    cues = "|".join(_words()["asked_for"])
    plain = texts.to_frame("text").select(normalised_titles(pl.col("text").str.head(MAX_TEXT)))
    after = plain.select(pl.col("text").str.extract(rf" (?:{cues}) ([^,]*)", 1)).to_series()
    names = [None if words is None else reader.titled(words.split()[:MAX_ANNOUNCED]) for words in after]
    return pl.Series(names, dtype=pl.String)


@cache
def _words() -> dict[str, Any]:
    words: dict[str, Any] = yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))
    return words


@cache
def written_titles() -> dict[str, str]:
    """The titles of `OCCUPATIONS_FILE`, normalised, with their occupations; ends of words begin with a hyphen."""
    rows = [(title, name) for name, one in known_occupations().items() for title in (name, *one.titles)]
    written = pl.DataFrame(rows, schema=["title", "occupation"], orient="row")
    plain = normalised_titles(pl.col("title")).str.strip_chars(" ,")
    ends = pl.when(pl.col("title").str.starts_with("-")).then(pl.lit("-")).otherwise(pl.lit(""))
    return dict(written.select(ends + plain, "occupation").iter_rows())


@cache
def _reader() -> TitleReader:
    titles = dict(pl.read_csv(LABELS_FILE).iter_rows()) | written_titles()
    return TitleReader(titles, _words())
