"""The weight of each mention of a skill: required, one of several, nice to have, or only a mention.

A mention is one place where a text names a skill. Its weight is decided by the cues of `cues.yaml`: the heading of
the passage, modifiers in the same sentence, negators directly before the skill. All of them are looked up in
sorted arrays of positions, for many postings at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from market_assets.skills.cues import NO_MEANING, CueTable, Meaning
from market_assets.skills.layout import Flags, Indices, SkillLists, find_headings, group_lists
from market_assets.skills.tokenize import PreparedTexts

#: The greatest distance in bytes of a skill from a negation after it ("… is not required"), in the same clause.
NEGATION_REACH = 40
_CLAUSE_MARKS = (b",", b":", b"(", b")", b" and ", b" but ", b" und ", b" aber ")
#: In `Mentions.cue` and among indices of cues.
NO_CUE = -1


class Weight(IntEnum):
    """How much a mention counts, in hundredths."""

    #: In the title, under a heading such as "Requirements", or beside a word such as "required".
    REQUIRED = 100
    #: Required, but as one of several: "Java or Kotlin", "AWS/GCP/Azure".
    ALTERNATIVE = 80
    #: Named without any cue.
    MENTIONED = 70
    #: "Nice to have", "a plus", "preferred".
    OPTIONAL = 50
    #: "We use …".
    IN_USE = 40
    #: In words about the company, its benefits, equal opportunity, contacts or the hiring process.
    BOILERPLATE = 20
    #: "No … required": the skill is not found, unless another mention is not negated.
    NEGATED = 0


#: A mention of less than this weight asks for nothing.
ASKED_FOR = Weight.IN_USE


class Reason(IntEnum):
    """What decided the weight of a mention."""

    TITLE = 0
    HEADING = 1
    BEFORE = 2
    AFTER = 3
    NOTHING = 4
    NEGATOR = 5
    LIST = 6


@dataclass(frozen=True)
class Hits:
    """Places where patterns match.

    Attributes:
        pattern: the index of the pattern; of cues, the row of the `CueTable`; of mentions, the skill's position in
            the taxonomy.
        start, end: positions in the prepared texts, with the space at either end.
    """

    pattern: Indices
    start: Indices
    end: Indices

    def where(self, wanted: Flags) -> Hits:
        return Hits(self.pattern[wanted], self.start[wanted], self.end[wanted])


@dataclass(frozen=True)
class Mentions:
    """Every mention of a skill, in order of the start.

    Attributes:
        row: the index of the text.
        skill: the skill's position in the taxonomy.
        start, end: positions in the prepared texts, with the space at either end.
        weight: a `Weight`.
        reason: a `Reason`.
        cue: the index of the cue hit that decided, or `NO_CUE`.
    """

    row: Indices
    skill: Indices
    start: Indices
    end: Indices
    weight: Indices
    reason: Indices
    cue: Indices


_MODIFIER_WEIGHT = {
    Meaning.REQUIRED: Weight.REQUIRED,
    Meaning.OPTIONAL: Weight.OPTIONAL,
    Meaning.COMPANY: Weight.BOILERPLATE,
    Meaning.TERMS: Weight.BOILERPLATE,
    Meaning.NEUTRAL: Weight.MENTIONED,
    Meaning.IN_USE: Weight.IN_USE,
    Meaning.NOT_REQUIRED: Weight.NEGATED,
}
_MODIFIER_WEIGHTS = np.array([_MODIFIER_WEIGHT[meaning] for meaning in Meaning], dtype=np.int64)
_HEADING_WEIGHTS = np.where(_MODIFIER_WEIGHTS == Weight.NEGATED, Weight.MENTIONED, _MODIFIER_WEIGHTS)


def weigh(prepared: PreparedTexts, hits: Hits, cues: Hits, table: CueTable) -> Mentions:
    """Weigh mentions of skills.

    Args:
        prepared: the texts.
        hits: the mentions, in order of the start.
        cues: the cues in the same texts, in order of the start, longest first.
        table: the meanings of the cues.
    """
    weights = _Weights(prepared, hits, cues, table)
    weights.apply_passages()
    weights.apply_titles()
    weights.apply_modifiers()
    lists = group_lists(prepared.plain, hits.start, hits.end)
    weights.apply_alternatives(lists)
    weights.apply_negators(lists)
    return Mentions(weights.row, hits.pattern, hits.start, hits.end, weights.weight, weights.reason, weights.cue)


class _Weights:
    """Weight, reason and cue of each mention, which one rule after the other changes."""

    def __init__(self, prepared: PreparedTexts, hits: Hits, cues: Hits, table: CueTable) -> None:
        self._prepared = prepared
        self._hits = hits
        self._cues = cues
        self._table = table
        self._sentence = np.searchsorted(prepared.breaks, hits.start + 1)
        self._modifiers = _longest(cues, table.in_sentence[cues.pattern])
        self.row = np.searchsorted(prepared.ends, hits.start)
        self.weight = np.full(len(self.row), int(Weight.MENTIONED))
        self.reason = np.full(len(self.row), int(Reason.NOTHING))
        self.cue = np.full(len(self.row), NO_CUE)

    def apply_passages(self) -> None:
        """By the heading, or the cue that begins a passage, before each mention in its text."""
        opening, meaning, until = self._passages()
        if not len(opening):
            return
        start = self._hits.start
        last = np.searchsorted(self._cues.start[opening], start, side="right") - 1
        row_of_last = np.searchsorted(self._prepared.ends, self._cues.start[opening[last]])
        under = (last >= 0) & (row_of_last == self.row) & (start < until[last])
        self._set(under, _HEADING_WEIGHTS[meaning[last]], Reason.HEADING, opening[last])

    def apply_titles(self) -> None:
        title_ends = self._prepared.title_ends()
        if not len(title_ends):
            return
        start = self._hits.start
        next_end = title_ends[np.minimum(np.searchsorted(title_ends, start), len(title_ends) - 1)]
        in_title = (next_end > start) & (next_end < self._prepared.ends[self.row])
        self._set(in_title, Weight.REQUIRED, Reason.TITLE, NO_CUE)

    def apply_modifiers(self) -> None:
        """By the sentence: the modifier after the mention, else the one before it, else a weak cue before it."""
        if not len(self._modifiers):
            return
        is_title = self.reason == Reason.TITLE
        fixed = is_title | ((self.reason == Reason.HEADING) & (self.weight == Weight.OPTIONAL))
        company = self.weight == Weight.BOILERPLATE
        pattern = self._cues.pattern[self._modifiers]
        weak, _ = self._beside(self._modifiers[self._table.weak[pattern]])
        # Where a passage about the company ends is uncertain, so a weak cue counts less there.
        weak_weight = np.where(company, int(Weight.MENTIONED), int(Weight.REQUIRED))
        self._set(~fixed & (weak != NO_CUE), weak_weight, Reason.BEFORE, weak)
        strong = self._modifiers[self._table.modifier[pattern] != NO_MEANING]
        meanings = self._softened(strong)
        before, after = self._beside(strong)
        before[(before != NO_CUE) & ~self._table.before[self._cues.pattern[before]]] = NO_CUE
        after[(after != NO_CUE) & ~self._table.after[self._cues.pattern[after]]] = NO_CUE
        after[self._too_far(after, meanings)] = NO_CUE
        chosen = np.where(after != NO_CUE, after, before)
        weight = _MODIFIER_WEIGHTS[meanings[chosen]]
        applies = (chosen != NO_CUE) & (~fixed | (weight == Weight.NEGATED)) & ~is_title
        applies &= ~company | (weight != Weight.IN_USE)
        self._set(applies, weight, np.where(after != NO_CUE, Reason.AFTER, Reason.BEFORE), chosen)

    def apply_alternatives(self, lists: SkillLists) -> None:
        """Lower the weight of a required skill that is one of several, except in titles."""
        is_alternative = lists.has_or[lists.list_of]
        required = is_alternative & (self.weight == Weight.REQUIRED) & (self.reason != Reason.TITLE)
        self.weight[required] = Weight.ALTERNATIVE

    def apply_negators(self, lists: SkillLists) -> None:
        """Negate skills directly after a negator, and those listed with a negated skill: "no Java or C"."""
        negators = self._modifiers[self._table.negator[self._cues.pattern[self._modifiers]]]
        if len(negators):
            # The space after the negator is the space before the skill.
            first = self._hits.start + 1
            ends = self._cues.end[negators]
            nearest = np.minimum(np.searchsorted(ends, first), len(negators) - 1)
            direct = (ends[nearest] == first) & (self.reason != Reason.TITLE)
            self._set(direct, Weight.NEGATED, Reason.NEGATOR, negators[nearest])
        for mention in np.flatnonzero(self.weight == Weight.NEGATED).tolist():
            for other in lists.listed_with(mention, later=self.reason[mention] == Reason.NEGATOR):
                self.weight[other], self.reason[other] = Weight.NEGATED, Reason.LIST
                self.cue[other] = self.cue[mention]

    def _set(self, where: Flags, weight: Indices | Weight, reason: Indices | Reason, cue: Indices | int) -> None:
        np.copyto(self.weight, weight, where=where)
        np.copyto(self.reason, reason, where=where)
        np.copyto(self.cue, cue, where=where)

    def _passages(self) -> tuple[Indices, Indices, Indices]:
        """The cues that begin passages in order, their meanings, and where each passage ends at the latest."""
        heading = self._table.heading[self._cues.pattern]
        headings, until = find_headings(self._prepared, self._cues.start, self._cues.end, heading)
        anywhere = np.flatnonzero(self._table.passage[self._cues.pattern] != NO_MEANING)
        opening = np.append(headings, anywhere)
        meaning = np.append(heading[headings], self._table.passage[self._cues.pattern[anywhere]])
        until = np.append(until, np.full(len(anywhere), len(self._prepared.plain)))
        ends_company = (np.arange(len(opening)) >= len(headings)) & (meaning == Meaning.NEUTRAL)
        order = np.argsort(self._cues.start[opening], kind="stable")
        order = order[self._begins_passage(opening[order], meaning[order], ends_company[order])]
        return opening[order], meaning[order], until[order]

    def _begins_passage(self, opening: Indices, meaning: Indices, ends_company: Flags) -> Flags:
        """Whether each cue begins a passage: one that can only end a passage about the company must be in one."""
        last = np.maximum.accumulate(np.where(ends_company, -1, np.arange(len(opening))))
        row = np.searchsorted(self._prepared.ends, self._cues.start[opening])
        in_company = (last >= 0) & (meaning[last] == Meaning.COMPANY) & (row[last] == row)
        begins: Flags = ~ends_company | in_company
        return begins

    def _beside(self, cues: Indices) -> tuple[Indices, Indices]:
        """The last of some cues before each mention and the first after it, in its sentence; or `NO_CUE`."""
        index = np.searchsorted(self._cues.start[cues], self._hits.start)
        # `NO_CUE` at either end, in no sentence.
        padded = np.concatenate(([NO_CUE], cues, [NO_CUE]))
        sentence = np.concatenate(([-1], self._sentence_of(cues), [-1]))
        before = np.where(sentence[index] == self._sentence, padded[index], NO_CUE)
        after = np.where(sentence[index + 1] == self._sentence, padded[index + 1], NO_CUE)
        return before, after

    def _softened(self, strong: Indices) -> Indices:
        """The meaning of each cue as a modifier: "not required" is optional beside "a plus" in the sentence."""
        meanings = np.append(self._table.modifier[self._cues.pattern], Meaning.NEUTRAL)
        meaning = meanings[strong]
        optional = meaning == Meaning.OPTIONAL
        sentence = self._sentence_of(strong)
        same_sentence = sentence[1:] == sentence[:-1]
        beside = np.zeros(len(strong), dtype=bool)
        beside[1:] |= same_sentence & optional[:-1]
        beside[:-1] |= same_sentence & optional[1:]
        meanings[strong[beside & (meaning == Meaning.NOT_REQUIRED)]] = Meaning.OPTIONAL
        return meanings

    def _too_far(self, after: Indices, meanings: Indices) -> Indices:
        """The mentions to which a "not required" after them does not apply: another clause, or too far away."""
        negated = np.flatnonzero((after != NO_CUE) & (meanings[after] == Meaning.NOT_REQUIRED))
        gaps = [
            self._prepared.plain[self._hits.end[mention] - 1 : self._cues.start[after[mention]]]
            for mention in negated
        ]
        far = [len(gap) > NEGATION_REACH or any(mark in gap for mark in _CLAUSE_MARKS) for gap in gaps]
        too_far: Indices = negated[np.array(far, dtype=bool)]
        return too_far

    def _sentence_of(self, cues: Indices) -> Indices:
        return np.searchsorted(self._prepared.breaks, self._cues.start[cues] + 1)


def _longest(cues: Hits, wanted: Flags) -> Indices:
    """The wanted cues that are not part of another wanted one."""
    chosen = np.flatnonzero(wanted)
    if not len(chosen):
        return chosen
    end = cues.end[chosen]
    within = np.concatenate(([False], np.maximum.accumulate(end)[:-1] >= end[1:]))
    return chosen[~within]
