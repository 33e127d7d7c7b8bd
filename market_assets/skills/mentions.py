"""How much a mention of a skill counts: required, one of several, welcome, or only said about the company.

What decides stands in `taxonomy/cues.yaml`: the heading of the passage, modifiers in the same sentence, negators
directly before the skill. All of it is looked up in sorted arrays of positions, for many postings at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from market_assets.skills.cue_table import NO_MEANING, CueTable
from market_assets.skills.cues import Meaning
from market_assets.skills.headings import find_headings
from market_assets.skills.lists import Chains, chain_mentions
from market_assets.skills.tokenize import PreparedTexts

_Integers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]

#: A negation after the skill ("… is not required") stands no further from it, in bytes, and in the same clause.
NEGATION_REACH = 40
_OTHER_CLAUSE = (b",", b":", b"(", b")", b" and ", b" but ", b" und ", b" aber ")
_NONE = -1


class Weight(IntEnum):
    """How much a mention counts, in hundredths."""

    #: In the title, under a heading such as "Requirements", or said to be required.
    REQUIRED = 100
    #: Required, but as one of several: "Java or Kotlin", "AWS/GCP/Azure".
    ALTERNATIVE = 80
    #: Named, and nothing says how much it matters.
    MENTIONED = 70
    #: "Nice to have", "a plus", "preferred".
    OPTIONAL = 50
    #: "We use …".
    IN_USE = 40
    #: In what the company says about itself, its benefits, or equal opportunity.
    BOILERPLATE = 20
    #: "No … required": not found, unless another mention is not negated.
    NEGATED = 0


class Decided(IntEnum):
    """By what the weight of a mention was decided."""

    TITLE = 0
    HEADING = 1
    BEFORE = 2
    AFTER = 3
    NOTHING = 4
    NEGATOR = 5
    LIST = 6


@dataclass(frozen=True)
class Hits:
    """Hits of patterns or, once they are known to count, of skills, with the space at either end."""

    pattern: _Integers
    start: _Integers
    end: _Integers

    def where(self, wanted: _Flags) -> Hits:
        return Hits(self.pattern[wanted], self.start[wanted], self.end[wanted])


@dataclass(frozen=True)
class CueHits(Hits):
    """Hits of cues: `pattern` is the position in the list of cues."""


@dataclass(frozen=True)
class Mentions:
    """Every mention of a skill, in order of the start.

    Attributes:
        row: which text it is in.
        skill: the skill's position in the taxonomy.
        start, end: where it is in the prepared texts, with the space at either end.
        weight: a `Weight`.
        decided: a `Decided`.
        cue: the position among the cue hits of the one that decided, −1 where none did.
        alternative: whether it stands in a list of which one will do.
    """

    row: _Integers
    skill: _Integers
    start: _Integers
    end: _Integers
    weight: _Integers
    decided: _Integers
    cue: _Integers
    alternative: _Flags


_OF_HEADING = {
    Meaning.REQUIRED: Weight.REQUIRED,
    Meaning.OPTIONAL: Weight.OPTIONAL,
    Meaning.COMPANY: Weight.BOILERPLATE,
    Meaning.NEUTRAL: Weight.MENTIONED,
    Meaning.IN_USE: Weight.IN_USE,
    Meaning.NOT_REQUIRED: Weight.MENTIONED,
}
_OF_MODIFIER = {**_OF_HEADING, Meaning.NOT_REQUIRED: Weight.NEGATED}
_HEADING_WEIGHTS = np.array([_OF_HEADING[meaning] for meaning in Meaning], dtype=np.int64)
_MODIFIER_WEIGHTS = np.array([_OF_MODIFIER[meaning] for meaning in Meaning], dtype=np.int64)


def weigh(prepared: PreparedTexts, hits: Hits, cues: CueHits, table: CueTable) -> Mentions:
    """Weigh the mentions of skills.

    Args:
        prepared: the texts.
        hits: the mentions, `pattern` being the skill; in order of the start.
        cues: the cues in the same texts, in order of the start, longest first.
        table: what the cues mean.
    """
    row = np.searchsorted(prepared.ends, hits.start)
    weight, decided, cue = _by_passage(prepared, hits, cues, table, row)
    chains = chain_mentions(prepared.plain, hits.start, hits.end)
    alone = _longest(cues, table.in_sentence[cues.pattern])
    sentence = np.searchsorted(prepared.breaks, hits.start + 1)
    if len(alone):
        _apply_modifiers(prepared, hits, cues, table, alone, sentence, weight, decided, cue)
    alternative = chains.alternative()
    required = alternative & (weight == Weight.REQUIRED) & (decided != Decided.TITLE)
    weight[required] = Weight.ALTERNATIVE
    _negate(hits, cues, table, alone, chains, weight, decided, cue)
    return Mentions(row, hits.pattern, hits.start, hits.end, weight, decided, cue, alternative)


def _by_passage(
    prepared: PreparedTexts, hits: Hits, cues: CueHits, table: CueTable, row: _Integers
) -> tuple[_Integers, _Integers, _Integers]:
    """Weight, `Decided` and cue of each mention by the title and the heading that it stands under."""
    weight = np.full(len(row), int(Weight.MENTIONED))
    decided = np.full(len(row), int(Decided.NOTHING))
    heading = table.heading[cues.pattern]
    several = table.several_words[cues.pattern]
    opening, until = find_headings(prepared, cues.start, cues.end, heading, several)
    passage = np.flatnonzero(table.passage[cues.pattern] != NO_MEANING)
    meaning = np.append(heading[opening], table.passage[cues.pattern[passage]])
    opening, until = np.append(opening, passage), np.append(until, np.full(len(passage), len(prepared.plain)))
    order = np.argsort(cues.start[opening], kind="stable")
    opening, meaning, until = opening[order], meaning[order], until[order]
    cue = np.full(len(row), _NONE)
    if len(opening):
        last = np.searchsorted(cues.start[opening], hits.start, side="right") - 1
        under = (last >= 0) & (np.searchsorted(prepared.ends, cues.start[opening[last]]) == row)
        under &= hits.start < until[last]
        weight[under] = _HEADING_WEIGHTS[meaning[last[under]]]
        decided[under] = Decided.HEADING
        cue[under] = opening[last[under]]
    title_ends = prepared.title_ends()
    if len(title_ends):
        next_end = np.minimum(np.searchsorted(title_ends, hits.start), len(title_ends) - 1)
        in_title = (title_ends[next_end] > hits.start) & (title_ends[next_end] < prepared.ends[row])
        weight[in_title], decided[in_title], cue[in_title] = Weight.REQUIRED, Decided.TITLE, _NONE
    return weight, decided, cue


def _longest(cues: CueHits, wanted: _Flags) -> _Integers:
    """Which of the wanted cues lie in no other of them."""
    chosen = np.flatnonzero(wanted)
    if not len(chosen):
        return chosen
    end = cues.end[chosen]
    within = np.concatenate(([False], np.maximum.accumulate(end)[:-1] >= end[1:]))
    return chosen[~within]


def _apply_modifiers(
    prepared: PreparedTexts,
    hits: Hits,
    cues: CueHits,
    table: CueTable,
    alone: _Integers,
    sentence: _Integers,
    weight: _Integers,
    decided: _Integers,
    cue: _Integers,
) -> None:
    """Change weights by what else the sentence says: the modifier after the mention, else the one before it."""
    fixed = (decided == Decided.TITLE) | ((decided == Decided.HEADING) & (weight == Weight.OPTIONAL))
    company = weight == Weight.BOILERPLATE
    of_cue = np.searchsorted(prepared.breaks, cues.start[alone] + 1)
    weak = np.flatnonzero(table.weak[cues.pattern[alone]])
    found, _ = _beside(hits, cues, alone[weak], of_cue[weak], sentence)
    # The end of what a company says about itself is not always to be seen, so that it gives less.
    asked = np.where(company, int(Weight.MENTIONED), int(Weight.REQUIRED))
    _set(~fixed & (found != _NONE), asked, Decided.BEFORE, found, weight, decided, cue)
    strong = np.flatnonzero(table.modifier[cues.pattern[alone]] != NO_MEANING)
    before, after = _beside(hits, cues, alone[strong], of_cue[strong], sentence)
    before[(before != _NONE) & ~table.before[cues.pattern[before]]] = _NONE
    after[(after != _NONE) & ~table.after[cues.pattern[after]]] = _NONE
    meanings = _softened(cues, table, alone[strong], of_cue[strong])
    after[_too_far(prepared.plain, hits, cues, after, meanings)] = _NONE
    chosen, place = (
        np.where(after != _NONE, after, before),
        np.where(after != _NONE, Decided.AFTER, Decided.BEFORE),
    )
    by = _MODIFIER_WEIGHTS[meanings[chosen]]
    applies = (chosen != _NONE) & (~fixed | (by == Weight.NEGATED)) & (decided != Decided.TITLE)
    applies &= ~company | (by != Weight.IN_USE)
    _set(applies, by, place, chosen, weight, decided, cue)


def _set(
    where: _Flags,
    by: _Integers | int,
    place: _Integers | Decided,
    chosen: _Integers,
    weight: _Integers,
    decided: _Integers,
    cue: _Integers,
) -> None:
    np.copyto(weight, by, where=where)
    np.copyto(decided, place, where=where)
    np.copyto(cue, chosen, where=where)


def _beside(
    hits: Hits, cues: CueHits, among: _Integers, of_cue: _Integers, sentence: _Integers
) -> tuple[_Integers, _Integers]:
    """Of some cues the last before and the first after each mention in its sentence, −1 where there is none.

    Args:
        among: the cues.
        of_cue: the sentence of each.
        sentence: the sentence of each mention.
    """
    place = np.searchsorted(cues.start[among], hits.start)
    # A cue at either end that is in no sentence.
    cue = np.concatenate(([_NONE], among, [_NONE]))
    where = np.concatenate(([_NONE], of_cue, [_NONE]))
    before = np.where(where[place] == sentence, cue[place], _NONE)
    after = np.where(where[place + 1] == sentence, cue[place + 1], _NONE)
    return before, after


def _softened(cues: CueHits, table: CueTable, strong: _Integers, sentence: _Integers) -> _Integers:
    """What each cue modifies to: "not required" is optional where its sentence says "a plus" beside it."""
    meanings = np.append(table.modifier[cues.pattern], Meaning.NEUTRAL)
    found = meanings[strong]
    optional = found == Meaning.OPTIONAL
    together = sentence[1:] == sentence[:-1]
    beside = np.zeros(len(strong), dtype=bool)
    beside[1:] |= together & optional[:-1]
    beside[:-1] |= together & optional[1:]
    meanings[strong[beside & (found == Meaning.NOT_REQUIRED)]] = Meaning.OPTIONAL
    return meanings


def _too_far(plain: bytes, hits: Hits, cues: CueHits, after: _Integers, meanings: _Integers) -> _Integers:
    """The mentions that a "not required" after them is not about: another clause, or too far away."""
    asked = np.flatnonzero((after != _NONE) & (meanings[after] == Meaning.NOT_REQUIRED))
    gaps = [plain[hits.end[one] - 1 : cues.start[after[one]]] for one in asked]
    far = [len(gap) > NEGATION_REACH or any(mark in gap for mark in _OTHER_CLAUSE) for gap in gaps]
    apart: _Integers = asked[np.array(far, dtype=bool)]
    return apart


def _negate(
    hits: Hits,
    cues: CueHits,
    table: CueTable,
    alone: _Integers,
    chains: Chains,
    weight: _Integers,
    decided: _Integers,
    cue: _Integers,
) -> None:
    """Negate what stands directly after a negator, and what is listed with something negated: "no Java or C"."""
    negators = alone[table.negator[cues.pattern[alone]]]
    if len(negators):
        # The space after the negator is the space before the skill.
        place = np.searchsorted(cues.end[negators], hits.start + 1)
        within = np.minimum(place, len(negators) - 1)
        direct = (cues.end[negators[within]] == hits.start + 1) & (decided != Decided.TITLE)
        weight[direct], decided[direct], cue[direct] = Weight.NEGATED, Decided.NEGATOR, negators[within[direct]]
    for one in np.flatnonzero(weight == Weight.NEGATED).tolist():
        for other in chains.listed_with(one, later=decided[one] == Decided.NEGATOR):
            weight[other], decided[other], cue[other] = Weight.NEGATED, Decided.LIST, cue[one]
