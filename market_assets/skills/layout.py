"""The layout of a posting's text: which cues are headings, and which skills are listed side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market_assets.skills.cues import NO_MEANING, Meaning
from market_assets.skills.tokenize import PreparedTexts

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: Characters between the beginning of the line and a heading.
_MARKUP = b" *#_=>-[](){}0123456789.)&|/~"
_MAX_MARKUP = 6
#: Bytes between a heading's cue and its colon: "Nice to have skills for this role:".
_MAX_BEFORE_COLON = 30

#: Texts between two skills of a list, in lower case.
_COMMAS = frozenset((b",", b", "))
_OR = frozenset(
    (b"/", b" / ", b" or ", b", or ", b" oder ", b", oder ", b" nor ", b", nor ", b" and/or ", b" (or ", b" bzw. ")
)
_AND = frozenset((b" and ", b", and ", b" & ", b"&", b" + ", b"+", b" und ", b", und "))
_MAX_GAP = 8


@dataclass(frozen=True)
class SkillLists:
    """Which mentions of skills are listed side by side: "Java, Kotlin or Scala", "AWS/GCP/Azure".

    Attributes:
        list_of: the number of each mention's list, ascending. A mention that is not listed has a list to itself.
        has_or: of each list, whether it contains "or" or a slash.
        has_word: of each list, whether it contains a word such as "and" or "or".
    """

    list_of: Indices
    has_or: Flags
    has_word: Flags

    def is_alternative(self) -> Flags:
        """Whether each mention is in a list of which one skill is enough."""
        return self.has_or[self.list_of]

    def listed_with(self, mention: int, *, later: bool) -> range:
        """The mentions after (or before) one in its list; none where no word joins the list."""
        number = self.list_of[mention]
        if not self.has_word[number]:
            return range(0)
        if later:
            return range(mention + 1, int(np.searchsorted(self.list_of, number, side="right")))
        return range(int(np.searchsorted(self.list_of, number)), mention)


def find_headings(
    prepared: PreparedTexts, start: Indices, end: Indices, meaning: Indices
) -> tuple[Indices, Indices]:
    """Find the cues that are headings: alone on a line, or at the beginning of a sentence and before a colon.

    Of overlapping headings the longest counts. A heading applies up to the next one; but an optional one with text
    after it in its line ("Nice to have: Kafka") only applies to that line.

    Args:
        prepared: the texts.
        start, end: hits of cues, with the space at either end, in order of the start, longest first.
        meaning: the `Meaning` of each as a heading, or `NO_MEANING`.

    Returns:
        The indices of the hits that are headings, and the position up to which each applies at most.
    """
    candidates = np.flatnonzero(meaning != NO_MEANING)
    sentence = np.searchsorted(prepared.breaks, start[candidates] + 1)
    bounds = np.concatenate(([-1], prepared.breaks))
    begins = bounds[sentence]
    near = start[candidates] - begins <= _MAX_MARKUP
    candidates, begins, stops = candidates[near], begins[near], bounds[sentence[near] + 1]
    columns = (begins.tolist(), start[candidates].tolist(), end[candidates].tolist(), stops.tolist())
    is_heading = [_is_heading(prepared.plain, *hit) for hit in zip(*columns, strict=True)]
    headings = candidates[np.array(is_heading, dtype=bool)]
    reach = end[headings]
    headings = headings[reach > np.concatenate(([-1], np.maximum.accumulate(reach)[:-1]))]
    until = np.full(len(headings), len(prepared.plain))
    for heading in np.flatnonzero(meaning[headings] == int(Meaning.OPTIONAL)).tolist():
        until[heading] = _end_of_line(prepared.plain, int(end[headings[heading]]))
    return headings, until


def group_lists(plain: bytes, start: Indices, end: Indices) -> SkillLists:
    """Group mentions into lists.

    Args:
        plain: the prepared texts.
        start, end: the mentions, with the space at either end, in order of the start.
    """
    if not len(start):
        return SkillLists(start, np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    # Where names overlap, the list continues after the one that ends last.
    reached = np.maximum.accumulate(end)[:-1] - 1
    gap = start[1:] + 1 - reached
    near = np.flatnonzero((gap > 0) & (gap <= _MAX_GAP))
    stretches = zip(reached[near].tolist(), (start[near + 1] + 1).tolist(), strict=True)
    between = [plain[first:last].lower() for first, last in stretches]
    is_or, is_and = (np.array([text in words for text in between], dtype=bool) for words in (_OR, _AND))
    linked = gap <= 0
    linked[near] = is_or | is_and | np.array([text in _COMMAS for text in between], dtype=bool)
    list_of = np.concatenate(([0], np.cumsum(~linked)))
    has_or, has_word = np.zeros(list_of[-1] + 1, dtype=bool), np.zeros(list_of[-1] + 1, dtype=bool)
    has_or[list_of[near + 1][is_or]] = True
    has_word[list_of[near + 1][is_or | is_and]] = True
    return SkillLists(list_of, has_or, has_word)


def _end_of_line(plain: bytes, end: int) -> int:
    """The end of a heading's line; the end of all texts where the line holds nothing else."""
    stop = plain.find(b"\n", end - 1)
    return stop if stop >= 0 and plain[end - 1 : stop].strip(b" *_#:-") else len(plain)


def _is_heading(plain: bytes, begin: int, start: int, end: int, stop: int) -> bool:
    """Whether the words from `start` to `end`, in a sentence from `begin` to `stop`, are a heading."""
    if plain[begin + 1 : start + 1].strip(_MARKUP):
        return False
    rest = plain[end - 1 : stop].strip(b" *_#")
    if not rest:
        return stop - end <= _MAX_MARKUP and plain[stop : stop + 1] in b"\n?"
    if rest.find(b":", 0, _MAX_BEFORE_COLON) >= 0:
        return True
    # In text that has lost its lines: "… in Go. Preferred Qualifications Experience with …".
    words = plain[start + 1 : end - 1]
    return b" " in words and words[:1].isupper() and words.split(b" ")[-1][:1].isupper() and rest[:1].isupper()
