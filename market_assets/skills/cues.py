"""Cues: the wordings of postings that decide how much a mention of a skill counts, read from `cues.yaml`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import yaml

SHIPPED = Path(__file__).with_name("cues.yaml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: In `CueTable`: the cue has no meaning in this position.
NO_MEANING = -1


class Position(IntEnum):
    """Where a cue is, relative to the skills that it applies to."""

    #: A heading of the passage.
    HEADING = 0
    #: Anywhere; the passage begins at the cue.
    PASSAGE = 1
    #: In the same sentence: before the skill, after it, or on either side.
    BEFORE = 2
    AFTER = 3
    EITHER = 4
    #: In the same sentence before the skill; any other cue of the sentence goes first.
    WEAK = 5
    #: Directly before the skill.
    NEGATOR = 6


class Meaning(IntEnum):
    """The meaning of a cue for a skill."""

    REQUIRED = 0
    OPTIONAL = 1
    IN_USE = 2
    NOT_REQUIRED = 3
    COMPANY = 4
    NEUTRAL = 5
    TERMS = 6


@dataclass(frozen=True)
class Cue:
    """One wording with its position and meaning."""

    words: str
    position: Position
    meaning: Meaning


class CueTable:
    """The meanings of cues as columns, with one row for each distinct wording.

    Attributes:
        heading, passage, modifier: the `Meaning` of the wording as a heading, at the beginning of a passage, and
            in a sentence before or after a skill; `NO_MEANING` where it has none.
        before, after: whether a modifier applies to skills after it, and before it.
        weak, negator: whether the wording has these positions.
        in_sentence: whether it applies to skills of its sentence only.
    """

    def __init__(self, wordings: Sequence[Sequence[Cue]]) -> None:
        """Build the table.

        Args:
            wordings: the cues of each wording, which differ in position.
        """
        meaning = np.full((len(Position), len(wordings)), NO_MEANING)
        for row, cues in enumerate(wordings):
            for cue in cues:
                meaning[cue.position, row] = cue.meaning
        has = meaning != NO_MEANING
        self.heading, self.passage = meaning[Position.HEADING], meaning[Position.PASSAGE]
        self.modifier = meaning[[Position.BEFORE, Position.AFTER, Position.EITHER]].max(axis=0)
        self.before = has[Position.BEFORE] | has[Position.EITHER]
        self.after = has[Position.AFTER] | has[Position.EITHER]
        self.weak, self.negator = has[Position.WEAK], has[Position.NEGATOR]
        self.in_sentence = has[Position.BEFORE :].any(axis=0)


@cache
def load_cues() -> tuple[Cue, ...]:
    """The shipped cues, each pair of words and position once."""
    return tuple(dict.fromkeys(_cues(_document())))


@cache
def lone_name_wordings() -> dict[str, list[str]]:
    """The wordings that ask for a name that is an ordinary word too, by place: before it, after it, at its end."""
    wordings: dict[str, list[str]] = _document()["lone_names"]
    return wordings


@cache
def cues_version() -> str:
    """Twelve hexadecimal digits that change with any cue."""
    return hashlib.sha256(repr(_document()).encode()).hexdigest()[:12]


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(SHIPPED.read_text(encoding="utf-8"), Loader=_LOADER)
    return document


def _cues(document: dict[str, Any]) -> Iterator[Cue]:
    for position in (Position.HEADING, Position.PASSAGE, Position.BEFORE, Position.AFTER, Position.EITHER):
        for name, wordings in document[position.name.lower()].items():
            yield from (Cue(words, position, Meaning[name.upper()]) for words in wordings)
    yield from (Cue(words, Position.WEAK, Meaning.REQUIRED) for words in document["asked_for"])
    pairs = product(document["negators"], ("", *document["fillers"]))
    negators = [f"{negator} {filler}".strip() for negator, filler in pairs]
    for words in dict.fromkeys(negators + document["bare_negators"]):
        yield Cue(words, Position.NEGATOR, Meaning.NOT_REQUIRED)
