"""The occupations of postings: from the title, else from what the text looks for where the title says little.

Occupations are the unit groups of ISCO-08, the International Standard Classification of Occupations of the ILO;
where people ask for something finer ("Data engineer"), an occupation of ESCO below one of them, or a few that are
named alike. Codes of ESCO begin with that of their unit group: 2511.20 is of 2511.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from market_assets.postings.word_lists import word_lists

OCCUPATIONS_FILE = Path(__file__).with_name("occupations.csv")
#: Made by `benchmarks/occupation_labels.py` from ESCO of the European Commission (CC BY 4.0): title, as
#: `normalised_titles` writes it, and occupation.
LABELS_FILE = Path(__file__).with_name("occupation_labels.csv.gz")
WORDS_FILE = Path(__file__).with_name("occupations.yaml")
#: Characters of a description in which the occupation is looked for, and words after those that announce it.
MAX_TEXT, MAX_ANNOUNCED = 1_000, 6

#: Words of the longest title that is looked for.
LONGEST = 6

_LETTERS = {"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "’": "'"}
_SIGNS = {"c++": "cplusplus", "c#": "csharp", ".net": "dotnet", "&": " and "}
_JAPANESE = r"[\p{Hiragana}\p{Katakana}\p{Han}]"
#: "(m/w/d)", "m/f/x", "f m x", "(all genders)".
_GENDERS = (
    r"\((?:[mwfdxhngiva][ /|,.*]*){2,5}\)|\b[mwfh][/|][mwfhdvx](?:[/|](?:div|[dxnv]))?\b|\b[mwf] [wfm] [dxn]\b"
    r"|\(?\ball genders\b\)?"
)
#: Both genders in a word: Leiter:in, Leiter/-in, développeur.euse, technicien(ne).
_BOTH = r"([a-z])(?:[:*_·.]|/-?|\(-?)(?:innen|in|euse|rice|trice|iere|ere|ienne|enne|ne|fe|r|e)\b\)?"
_FEMININE = r"(er|eur|ist|ent|or|at|log|ert|arzt|ant|og|iker|ekt)(?:in|innen)\b"
#: "Kälte- und Klimatechniker": the hyphen stands for the rest of the word.
_SUSPENDED = r"([a-z])- (und|oder|u|en|of|och|e)\b"
_BETWEEN_PARTS = r"\s[-–—]+|[-–—]+\s|[()\[\]{},:;|•·/@]"
_NO_WORD = r"[^a-z0-9,]+"

#: Who leads, but may only be the first of several: the word alone does not make a manager.
_LEADS = frozenset({"lead", "leader", "chief", "chef", "president"})
#: A known title before a word of these kinds describes another job. The others may be part of the same.
_OTHER_JOBS = frozenset(
    (
        *("manager", "engineer", "developer", "architect", "analyst", "scientist", "consultant", "technician"),
        *("administrator", "sales", "assistant", "designer", "tester", "profession"),
    )
)


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


@cache
def occupations_version() -> bytes:
    """A digest of the lists by which titles are read; when it changes, stored postings are read again."""
    files = (OCCUPATIONS_FILE, LABELS_FILE, WORDS_FILE)
    return sha256(b"".join(file.read_bytes() for file in files)).digest()


def occupation_spellings() -> dict[str, str]:
    """From the titles of occupations in all languages, casefolded, to their names."""
    return {title.casefold(): name for name, one in known_occupations().items() for title in one.titles}


def _announced(texts: pl.Series, reader: TitleReader) -> pl.Series:
    """The occupation that a text says it looks for ("We are looking for a data engineer")."""
    cues = "|".join(word_lists(WORDS_FILE.name)["asked_for"])
    plain = texts.to_frame("text").select(normalised_titles(pl.col("text").str.head(MAX_TEXT)))
    after = plain.select(pl.col("text").str.extract(rf" (?:{cues}) ([^,]*)", 1)).to_series()
    names = [None if words is None else reader.titled(words.split()[:MAX_ANNOUNCED]) for words in after]
    return pl.Series(names, dtype=pl.String)


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
    return TitleReader(titles, word_lists(WORDS_FILE.name))


def normalised_titles(titles: pl.Expr) -> pl.Expr:
    """Titles as words between spaces, with " , " between their parts and at either end.

    Lower case without accents, endings of a gender and signs: " , data engineer , cloud , ". Titles in Japanese
    only lose their spaces and capitals, and are in the forms of NFKC.
    """
    lower = titles.str.to_lowercase()
    japanese = lower.str.normalize("NFKC").str.replace_all(r"\s+", "")
    plain = lower.str.normalize("NFKD").str.replace_all(r"\p{M}+", "").str.replace_many(_LETTERS | _SIGNS)
    plain = plain.str.replace_all(_GENDERS, " ").str.replace_all(_BOTH, "$1").str.replace_all(_FEMININE, "$1")
    plain = plain.str.replace_all(_SUSPENDED, "$1 $2").str.replace_all(_BETWEEN_PARTS, " , ")
    plain = pl.lit(" , ") + plain.str.replace_all(_NO_WORD, " ").str.replace_all(",", " , ") + pl.lit(" , ")
    return pl.when(titles.str.contains(_JAPANESE)).then(japanese).otherwise(plain.str.replace_all(" {2,}", " "))


class TitleReader:
    """Finds the occupations of normalised titles."""

    def __init__(self, titles: dict[str, str], words: dict[str, Any]) -> None:
        """Take what is known.

        Args:
            titles: normalised titles → occupation; those that begin with a hyphen are ends of words.
            words: of `occupations.yaml`: kinds, fields and little.
        """
        self._titles = titles
        self._endings = {title[1:]: name for title, name in titles.items() if title.startswith("-")}
        self._shortest_ending = min(map(len, self._endings), default=0)
        self._japanese = {title: name for title, name in titles.items() if not title.isascii()}
        self._kinds: dict[str, str] = {word: kind for kind, all_ in words["kinds"].items() for word in all_}
        self._fields: dict[str, dict[str, str]] = {
            word: field for field in words["fields"].values() for word in field["words"]
        }
        self._little = frozenset(map(str, words["little"]))

    def read(self, words: str) -> tuple[str | None, bool]:
        """The occupation of a title (`normalised_titles`), and whether the title says little about it."""
        if not words.isascii():
            return self._japanese_titled(words), False
        parts = [part.split() for part in words.split(" , ") if part.strip(" ,")]
        for number, part in enumerate(parts):
            if name := self.titled(part):
                return name, False
            if self._kind(part) == "manager" and (name := self._composed(parts, number)):
                return name, False
        for number, part in enumerate(parts):
            if self._kind(part) and (name := self._composed(parts, number)):
                return name, False
        return None, all(word in self._little or word in self._kinds for part in parts for word in part)

    def titled(self, part: Sequence[str]) -> str | None:
        """The occupation of the first known title in a part of a title, the longest that begins there."""
        managed = False
        for start, word in enumerate(part):
            found, end = self._longest(self._titles, part, start)
            if found is None and (found := self._ending(word)):
                end = start + 1
            if found is None:
                managed = managed or (self._kinds.get(word) == "manager" and word not in _LEADS)
            elif not self._describes(part, end):
                # "Sachbearbeiter" alone is an office clerk; "Sachbearbeiter Einkauf" is not.
                kind_alone = end == start + 1 and self._kinds.get(word) == "specialist"
                return ((managed or kind_alone) and self._composed([part], 0)) or found
        return None

    def _longest(self, known: dict[str, Any], part: Sequence[str], start: int) -> tuple[Any, int]:
        """What the longest known phrase from a word on means, None without one, and where it ends."""
        for end in range(min(start + LONGEST, len(part)), start, -1):
            if (found := known.get(" ".join(part[start:end]))) is not None:
                return found, end
        return None, start

    def _ending(self, word: str) -> str | None:
        """The occupation of a compound, by the longest of its ends that is known."""
        for start in range(3, len(word) - self._shortest_ending + 1):
            if found := self._endings.get(word[start:]):
                return found
        return None

    def _describes(self, part: Sequence[str], end: int) -> bool:
        """Whether a known title that ends there only describes the job that the next word names."""
        if end == len(part):
            return False
        return part[end] not in _LEADS and self._kinds.get(part[end]) in _OTHER_JOBS

    def _kind(self, part: Sequence[str]) -> str | None:
        """The kind of job that a part names: who leads it before all, who learns it after all, else the last."""
        kinds = [kind for word in part if (kind := self._kinds.get(word))]
        if "manager" in kinds:
            return "manager"
        return next((kind for kind in reversed(kinds) if kind != "learner"), kinds[0] if kinds else None)

    def _composed(self, parts: Sequence[Sequence[str]], number: int) -> str | None:
        """The occupation of the kind of job in a part, by the field there, else in the parts after and before."""
        kind = self._kind(parts[number])
        for part in (parts[number], *parts[number + 1 :], *reversed(parts[:number])):
            fields = list(self._fields_of(part))
            if not fields:
                continue
            kinds = [at for at, word in enumerate(part) if self._kinds.get(word) == kind]
            before = [field for at, field in fields if not kinds or at < kinds[-1]]
            # In English the last noun before the head decides, and the last after "of"; in others the first after.
            field = before[-1] if before else fields[-1 if "of" in part else 0][1]
            if name := field[kind] if kind in field else field.get("any"):
                return name
        return None

    def _fields_of(self, part: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
        """Where the fields in a part begin, with their occupations."""
        start = 0
        while start < len(part):
            found, end = self._longest(self._fields, part, start)
            if found is not None:
                yield start, found
            start = max(end, start + 1)

    def _japanese_titled(self, title: str) -> str | None:
        """The occupation of the longest known title in a Japanese one, the last of several."""
        found = [
            (len(known), title.rfind(known), name) for known, name in self._japanese.items() if known in title
        ]
        return max(found)[2] if found else None
