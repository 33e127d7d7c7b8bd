"""Texts with the skills that a person finds in them, and what is counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.quality.edits import plain
from benchmarks.quality.real_postings import DATA, real_postings
from market_assets.skills.taxonomy import Taxonomy

LABELS = Path(__file__).with_name("labels")
EVALUATION = DATA / "skills" / "skills_eval.jsonl"
SKILL_SETS = DATA / "skills" / "posting_skill_sets.parquet"
#: Postings in several languages.
FOREIGN = tuple(DATA / "postings" / f"{name}.json" for name in ("cyberjobs", "multilingual", "italian_japanese"))
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
    rows = _rows("postings.jsonl")
    vocabulary = names.all_of(skill for row in rows for skill in row["skills"])
    sets = []
    for code, name in POSTING_SETS.items():
        chosen = [row for row in rows if row["set"] == code and row["posting"] in known]
        titles, texts = zip(*(known[row["posting"]] for row in chosen), strict=True) if chosen else ((), ())
        skills = [names.all_of(row["skills"]) for row in chosen]
        sets.append(Labelled(name, list(titles), list(texts), skills, vocabulary))
    return [labelled for labelled in sets if labelled.texts]


def languages(names: Names) -> list[Labelled]:
    """Postings in ten languages, most of them outside IT: tuned on, held out, and the latter by language.

    The vocabulary of each set is the skills of all.
    """
    known = {
        identity(posting["description"]): posting for path in FOREIGN if path.exists() for posting in _read(path)
    }
    rows = _rows("languages.jsonl")
    vocabulary = names.all_of(skill for row in rows for skill in row["skills"])
    held_out = [row for row in rows if row["set"] == "held out"]
    groups = {"languages, held out": held_out, "languages, tuned on": [row for row in rows if row not in held_out]}
    groups |= {
        f"held out, {field}": [row for row in held_out if row["field"] == field] for field in ("IT", "other")
    }
    for language in sorted({row["language"] for row in rows}):
        groups[f"held out, {language}"] = [row for row in held_out if row["language"] == language]
    sets = []
    for name, group in groups.items():
        chosen = [row for row in group if row["posting"] in known]
        postings = [known[row["posting"]] for row in chosen]
        skills = [names.all_of(row["skills"]) for row in chosen]
        titles = [posting["title"] for posting in postings]
        sets.append(Labelled(name, titles, [posting["description"] for posting in postings], skills, vocabulary))
    return [labelled for labelled in sets if labelled.texts]


def sentences(names: Names) -> list[Labelled]:
    """The sentences about names that are also ordinary words; alone: without other skills beside them."""
    sets = []
    for name, code in (("ambiguous sentences", None), ("ambiguous names alone", "lone")):
        rows = [row for row in _rows("sentences.jsonl") if row.get("set") == code]
        skills = [names.all_of(row["skills"]) for row in rows]
        vocabulary = frozenset[str]().union(*skills)
        sets.append(Labelled(name, [""] * len(rows), [row["text"] for row in rows], skills, vocabulary))
    return sets


def _rows(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (LABELS / file).read_text(encoding="utf-8").splitlines()]


def _read(path: Path) -> list[dict[str, str]]:
    postings: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return [posting for posting in postings if posting["description"]]


def identity(description: str) -> str:
    """The identifier of a posting in the labels: a hash of the letters and digits of its description."""
    return hashlib.sha256("".join(filter(str.isalnum, description)).encode()).hexdigest()[:12]
