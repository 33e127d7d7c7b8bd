"""Why skills are found in a text, how much each mention counts, and why others are not found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from market_assets.skills.matching import SkillMatcher, joined_texts
from market_assets.skills.mentions import CueHits, Decided, Hits, Mentions, Weight
from market_assets.skills.patterns import NO_SKILL, Pattern
from market_assets.skills.tokenize import PreparedTexts, prepare_texts

#: How much of the text is shown on either side of a mention, in bytes.
_SHOWN = 40
#: A version number directly after a skill, and no number of years.
_VERSION = re.compile(
    r"[ (]*v?(\d{1,4}(?:\.\d+)*\+?)(?![\w.]*\d)(?!\s*(?:%|\+?\s*(?:years?|yrs?|months?|jahre)\b))", re.I
)
_LABELS = {
    Weight.REQUIRED: "required",
    Weight.ALTERNATIVE: "required, as one of several",
    Weight.MENTIONED: "mentioned",
    Weight.OPTIONAL: "nice to have",
    Weight.IN_USE: "in use at the company",
    Weight.BOILERPLATE: "said about the company",
    Weight.NEGATED: "not asked for",
}


@dataclass(frozen=True)
class Mention:
    """One place where a text names a skill, or seems to.

    Attributes:
        skill, category: of the taxonomy.
        counted: whether the skill is found here.
        place: 'title' or 'text'.
        before, written, after: the mention as the text has it, and what stands around it.
        spelling: the taxonomy's spelling that was hit.
        version: the version number that follows, None where none does.
        weight: 0 to 1, as in `posting_skills`; 0 where it is not counted.
        meaning: the weight in words; None where the name does not stand for the skill.
        reason: why it weighs so much, or is not counted.
    """

    skill: str
    category: str
    counted: bool
    place: str
    before: str
    written: str
    after: str
    spelling: str
    version: str | None
    weight: float
    meaning: str | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def explain(matcher: SkillMatcher, title: str, text: str) -> list[Mention]:
    """Every mention of a skill in a title and a text, in order, with what speaks for or against it.

    The skills of the mentions that are `counted` are those that the matcher finds.
    """
    readable = [part.encode("utf-8", "replace").decode("utf-8") for part in (title, text)]
    texts = joined_texts(pl.Series([readable[0]]), pl.Series([readable[1]]))
    return list(_Explainer(matcher, prepare_texts(texts)).mentions())


class _Explainer:
    def __init__(self, matcher: SkillMatcher, prepared: PreparedTexts) -> None:
        self._matcher = matcher
        self._prepared = prepared
        self._hits, self._cues = matcher.hits(prepared)
        self._weighed = matcher.mentions(prepared)
        self._title_end = int(prepared.title_ends()[0])

    def mentions(self) -> Iterator[Mention]:
        meant = self._matcher.meant(self._prepared, self._hits)
        standing = np.flatnonzero(meant)
        counted = set(standing[self._matcher.outermost(self._hits.where(meant))].tolist())
        place = 0
        for hit in range(len(self._hits.pattern)):
            pattern = self._matcher.patterns[self._hits.pattern[hit]]
            if pattern.skill == NO_SKILL:
                continue
            if hit in counted:
                yield self._counted(pattern, hit, place)
                place += 1
            elif meant[hit]:
                yield self._mention(pattern, hit, 0, None, self._covered(hit, meant))
            else:
                start, end = self._bounds(hit)
                reason = pattern.objection(self._prepared, start, end) or ""
                yield self._mention(pattern, hit, 0, None, reason)

    def _counted(self, pattern: Pattern, hit: int, place: int) -> Mention:
        weight = Weight(int(self._weighed.weight[place]))
        context = pattern.context(self._prepared, *self._bounds(hit)) if pattern.near else None
        reasons = [_why(self._weighed, place, self._cue_words(place)), f"“{context}” is near" if context else ""]
        return self._mention(pattern, hit, int(weight), _LABELS[weight], "; ".join(filter(None, reasons)))

    def _mention(self, pattern: Pattern, hit: int, weight: int, meaning: str | None, reason: str) -> Mention:
        start, end = self._bounds(hit)
        skill = self._matcher.taxonomy.skills[pattern.skill]
        plain = self._prepared.plain
        after = _shown(plain[end : end + _SHOWN].split(b"\0")[0])
        version = _VERSION.match(after)
        return Mention(
            skill=skill.name,
            category=skill.category,
            counted=weight > 0,
            place="title" if start < self._title_end else "text",
            before=_shown(plain[max(start - _SHOWN, 0) : start].split(b"\x1f")[-1]),
            written=_shown(plain[start:end]),
            after=after.split("\x1f")[0],
            spelling=pattern.spelling,
            version=version[1] if version else None,
            weight=weight / 100,
            meaning=meaning,
            reason=reason,
        )

    def _covered(self, hit: int, meant: np.typing.NDArray[np.bool_]) -> str:
        """What longer name or phrase a hit is part of."""
        hits = self._hits
        covers = meant & (hits.start <= hits.start[hit]) & (hits.end >= hits.end[hit])
        covers[hit] = False
        longest = max(np.flatnonzero(covers).tolist(), key=lambda one: int(hits.end[one] - hits.start[one]))
        pattern = self._matcher.patterns[hits.pattern[longest]]
        if pattern.skill == NO_SKILL:
            return f"“{pattern.spelling}” means something else"
        return f"part of {self._matcher.taxonomy.skills[pattern.skill].name}"

    def _bounds(self, hit: int) -> tuple[int, int]:
        """Where the words of a hit are, without the spaces around them."""
        return int(self._hits.start[hit]) + 1, int(self._hits.end[hit]) - 1

    def _cue_words(self, place: int) -> str:
        cue = int(self._weighed.cue[place])
        return "" if cue < 0 else _written(self._prepared.plain, self._cues, cue)


def _why(mentions: Mentions, place: int, cue: str) -> str:
    """What decided the weight of a mention, in words."""
    reason = {
        Decided.TITLE: "in the title",
        Decided.HEADING: f"under “{cue}”",
        Decided.BEFORE: f"after “{cue}”",
        Decided.AFTER: f"before “{cue}”",
        Decided.NEGATOR: f"negated by “{cue}”",
        Decided.LIST: f"listed with what “{cue}” negates",
        Decided.NOTHING: "nothing says how much it matters",
    }[Decided(int(mentions.decided[place]))]
    alternative = mentions.weight[place] == Weight.ALTERNATIVE
    return f"{reason}; listed with “or”" if alternative else reason


def _written(plain: bytes, hits: CueHits | Hits, hit: int) -> str:
    return _shown(plain[int(hits.start[hit]) + 1 : int(hits.end[hit]) - 1])


def _shown(part: bytes) -> str:
    return part.decode("utf-8", "ignore").replace("\n", " ").replace("\0", "")
