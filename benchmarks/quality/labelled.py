"""Texts with the skills that a person finds in them, and what is counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.quality.edits import plain
from benchmarks.quality.real_postings import DATA, real_postings
from market_assets.skills.taxonomy import Taxonomy

LABELS = Path(__file__).with_name("labels")
EVALUATION = DATA / "skills" / "skills_eval.jsonl"
SKILL_SETS = DATA / "skills" / "posting_skill_sets.parquet"
#: The sets of labelled postings, with their names in the output.
POSTING_SETS = {
    "tuning": "postings, tuned on",
    "held out": "postings, errors never seen",
    "later": "postings, taxonomy before",
}
#: Labels of `../shared` that mean several skills.
_SEVERAL = {"HTML/CSS": ("HTML", "CSS"), "MS SQL Server": ("SQL Server",)}


@dataclass(frozen=True)
class Labelled:
    """Texts, the skills of each, and the vocabulary: the only skills that count, found or not."""

    name: str
    titles: list[str]
    texts: list[str]
    skills: list[frozenset[str]]
    vocabulary: frozenset[str]


class Names:
    """Maps names of the same skill to one form: by this project's aliases, in any case."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        aliases = {_plain(alias): skill.name for skill in taxonomy.skills for alias in skill.other_spellings}
        # An alias that needs words around it may be the name of another skill.
        self._canonical = aliases | {_plain(skill.name): skill.name for skill in taxonomy.skills}

    def of(self, name: str) -> str:
        key = _plain(name)
        return self._canonical.get(key, key)

    def all_of(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(self.of(part) for name in names for part in _SEVERAL.get(name, (name,)))


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").replace("/", " / ").split())


def evaluation(names: Names) -> Labelled | None:
    """The 20 postings of `../shared`; only the 60 skills that its labels choose from count."""
    if not EVALUATION.exists():
        return None
    rows = [json.loads(line) for line in EVALUATION.read_text(encoding="utf-8").splitlines()]
    skills = [names.all_of(row["expected"]) for row in rows]
    chosen_from = pl.read_parquet(SKILL_SETS)["skill"].drop_nulls().unique() if SKILL_SETS.exists() else []
    return Labelled(
        "skills_eval.jsonl",
        [row["title"] for row in rows],
        [row["text"] for row in rows],
        skills,
        names.all_of(chosen_from).union(*skills),
    )


def postings(names: Names) -> list[Labelled]:
    """The labelled postings of `../shared`, in three sets; the vocabulary of each is the skills of all."""
    if not DATA.exists():
        return []
    known = {
        identity(posting["description"] or ""): (posting["title"] or "", plain(posting))
        for posting in real_postings()
    }
    rows = [json.loads(line) for line in (LABELS / "postings.jsonl").read_text(encoding="utf-8").splitlines()]
    vocabulary = names.all_of(skill for row in rows for skill in row["skills"])
    sets = []
    for code, name in POSTING_SETS.items():
        chosen = [row for row in rows if row["set"] == code and row["posting"] in known]
        titles, texts = zip(*(known[row["posting"]] for row in chosen), strict=True) if chosen else ((), ())
        skills = [names.all_of(row["skills"]) for row in chosen]
        sets.append(Labelled(name, list(titles), list(texts), skills, vocabulary))
    return [labelled for labelled in sets if labelled.texts]


def sentences(names: Names) -> Labelled:
    """The sentences about names that are also ordinary words."""
    rows = [json.loads(line) for line in (LABELS / "sentences.jsonl").read_text(encoding="utf-8").splitlines()]
    skills = [names.all_of(row["skills"]) for row in rows]
    vocabulary = frozenset[str]().union(*skills)
    return Labelled("ambiguous sentences", [""] * len(rows), [row["text"] for row in rows], skills, vocabulary)


def identity(description: str) -> str:
    """The identifier of a posting in the labels: a hash of the letters and digits of its description."""
    return hashlib.sha256("".join(filter(str.isalnum, description)).encode()).hexdigest()[:12]
