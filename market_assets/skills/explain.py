"""Explains the skills of a text: where each is mentioned, its weight and the reason, and what was not counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from market_assets.skills.matching import SkillMatcher
from market_assets.skills.patterns import NO_SKILL, Pattern
from market_assets.skills.tokenize import TITLE_END, PreparedTexts, prepare_texts
from market_assets.skills.weights import NO_CUE, Reason, Weight

#: Bytes of the text that are shown before and after a mention.
_CONTEXT_LENGTH = 40
_LABELS = {
    Weight.REQUIRED: "required",
    Weight.ALTERNATIVE: "required, as one of several",
    Weight.MENTIONED: "mentioned",
    Weight.OPTIONAL: "nice to have",
    Weight.IN_USE: "in use at the company",
    Weight.BOILERPLATE: "about the company or the application",
    Weight.NEGATED: "not required",
}


@dataclass(frozen=True)
class Mention:
    """One place where a text names a skill, or seems to.

    Attributes:
        skill, category: as in the taxonomy.
        counted: whether the skill is found here.
        place: 'title' or 'text'.
        before, written, after: the mention as written, and the text around it.
        spelling: the spelling of the taxonomy that matches.
        weight: 0 to 1, as in `posting_skills`; 0 if not counted.
        meaning: the weight in words; None if the name does not mean the skill here.
        reason: why it has this weight, or is not counted.
    """

    skill: str
    category: str
    counted: bool
    place: str
    before: str
    written: str
    after: str
    spelling: str
    weight: float
    meaning: str | None
    reason: str


def explain(matcher: SkillMatcher, title: str, text: str) -> list[Mention]:
    """Every mention of a skill in a title and a text, in order, counted or not.

    The skills of the `counted` mentions are those that the matcher finds.
    """
    # A lone surrogate has no UTF-8 form.
    joined = f"{title} {TITLE_END} {text}".encode("utf-8", "replace")
    return list(_Explainer(matcher, prepare_texts([joined])).mentions())


class _Explainer:
    def __init__(self, matcher: SkillMatcher, prepared: PreparedTexts) -> None:
        self._matcher = matcher
        self._prepared = prepared
        self._hits, self._cues = matcher.hits(prepared)
        self._accepted = matcher.accepted(prepared, self._hits)
        self._weighed = matcher.mentions(prepared)
        self._title_end = int(prepared.title_ends()[0])

    def mentions(self) -> Iterator[Mention]:
        accepted = np.flatnonzero(self._accepted)
        counted = accepted[self._matcher.outermost(self._hits.where(self._accepted))]
        # Mentions are in the order of the hits that count.
        number = {hit: mention for mention, hit in enumerate(counted.tolist())}
        for hit in range(len(self._hits.pattern)):
            pattern = self._matcher.patterns[self._hits.pattern[hit]]
            if pattern.skill == NO_SKILL:
                continue
            if hit in number:
                yield self._counted(pattern, hit, number[hit])
            elif self._accepted[hit]:
                yield self._mention(pattern, hit, reason=self._covered(hit))
            else:
                yield self._mention(
                    pattern, hit, reason=pattern.rejection(self._prepared, *self._bounds(hit)) or ""
                )

    def _counted(self, pattern: Pattern, hit: int, mention: int) -> Mention:
        weight = Weight(int(self._weighed.weight[mention]))
        context = pattern.context(self._prepared, *self._bounds(hit)) if pattern.near else None
        reasons = [self._reason(mention), f"“{context}” is near" if context else ""]
        return self._mention(pattern, hit, weight, _LABELS[weight], "; ".join(filter(None, reasons)))

    def _mention(
        self, pattern: Pattern, hit: int, weight: int = 0, meaning: str | None = None, reason: str = ""
    ) -> Mention:
        start, end = self._bounds(hit)
        skill = self._matcher.taxonomy.skills[pattern.skill]
        plain = self._prepared.plain
        return Mention(
            skill=skill.name,
            category=skill.category,
            counted=weight > 0,
            place="title" if start < self._title_end else "text",
            before=_decoded(plain[max(start - _CONTEXT_LENGTH, 0) : start].split(b"\x1f")[-1]),
            written=_decoded(plain[start:end]),
            after=_decoded(plain[end : end + _CONTEXT_LENGTH].split(b"\0")[0].split(b"\x1f")[0]),
            spelling=pattern.spelling,
            weight=weight / 100,
            meaning=meaning,
            reason=reason,
        )

    def _covered(self, hit: int) -> str:
        """The longer name or phrase that a hit is part of, in words."""
        hits = self._hits
        covers = self._accepted & (hits.start <= hits.start[hit]) & (hits.end >= hits.end[hit])
        covers[hit] = False
        longest = max(np.flatnonzero(covers).tolist(), key=lambda other: int(hits.end[other] - hits.start[other]))
        pattern = self._matcher.patterns[hits.pattern[longest]]
        if pattern.skill == NO_SKILL:
            return f"“{pattern.spelling}” means something else"
        return f"part of {self._matcher.taxonomy.skills[pattern.skill].name}"

    def _reason(self, mention: int) -> str:
        """What decided the weight of a mention, in words."""
        hit = int(self._weighed.cue[mention])
        bounds = slice(int(self._cues.start[hit]) + 1, int(self._cues.end[hit]) - 1) if hit != NO_CUE else slice(0)
        cue = _decoded(self._prepared.plain[bounds])
        reason = {
            Reason.TITLE: "in the title",
            Reason.HEADING: f"under “{cue}”",
            Reason.BEFORE: f"after “{cue}”",
            Reason.AFTER: f"before “{cue}”",
            Reason.NEGATOR: f"negated by “{cue}”",
            Reason.LIST: f"listed with a skill that “{cue}” negates",
            Reason.NOTHING: "no cue",
        }[Reason(int(self._weighed.reason[mention]))]
        alternative = self._weighed.weight[mention] == Weight.ALTERNATIVE
        return f"{reason}; listed with “or”" if alternative else reason

    def _bounds(self, hit: int) -> tuple[int, int]:
        """Start and end of a hit without the spaces around it."""
        return int(self._hits.start[hit]) + 1, int(self._hits.end[hit]) - 1


def _decoded(part: bytes) -> str:
    return part.decode("utf-8", "ignore").replace("\n", " ").replace("\0", "")
