"""The wording of postings that says how much a mention of a skill counts, read from `cues.yaml`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).with_name("cues.yaml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(IntEnum):
    """Where a cue stands, and so what it says something about."""

    #: At the head of the passage that it is about.
    HEADING = 0
    #: Anywhere; the passage that it opens starts there.
    PASSAGE = 1
    #: In the same sentence: before the skill, after it, or on either side.
    BEFORE = 2
    AFTER = 3
    EITHER = 4
    #: Before the skill, where nothing stronger is said.
    WEAK = 5
    #: Directly before the skill.
    NEGATOR = 6


class Meaning(IntEnum):
    """What a cue says of a skill."""

    REQUIRED = 0
    OPTIONAL = 1
    IN_USE = 2
    NOT_REQUIRED = 3
    COMPANY = 4
    NEUTRAL = 5


@dataclass(frozen=True)
class Cue:
    """One wording."""

    words: str
    place: Place
    meaning: Meaning


@dataclass(frozen=True)
class Cues:
    """All wordings; those of the same words and place are there once."""

    cues: tuple[Cue, ...]

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that change when any wording does."""
        content = repr([(cue.words, int(cue.place), int(cue.meaning)) for cue in self.cues])
        return hashlib.sha256(content.encode()).hexdigest()[:12]


@lru_cache(maxsize=1)
def load_cues() -> Cues:
    """The shipped wordings."""
    document = yaml.load(SHIPPED.read_text(encoding="utf-8"), Loader=_LOADER)
    return Cues(tuple(_cues(document)))


def _cues(document: dict[str, Any]) -> Iterator[Cue]:
    for name, words in document["headings"].items():
        yield from (Cue(one, Place.HEADING, Meaning[name.upper()]) for one in words)
    yield from (Cue(one, Place.PASSAGE, Meaning.COMPANY) for one in document["passages"])
    for place in (Place.BEFORE, Place.AFTER, Place.EITHER):
        for name, words in document[place.name.lower()].items():
            yield from (Cue(one, place, Meaning[name.upper()]) for one in words)
    yield from (Cue(one, Place.WEAK, Meaning.REQUIRED) for one in document["asked_for"])
    pairs = product(document["negators"], ("", *document["fillers"]))
    negators = [f"{negator} {filler}".strip() for negator, filler in pairs]
    for one in dict.fromkeys(negators + document["bare_negators"]):
        yield Cue(one, Place.NEGATOR, Meaning.NOT_REQUIRED)
