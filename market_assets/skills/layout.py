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
_IS_MARKUP = np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(_MARKUP, dtype=np.uint8))
#: Bytes between a heading's cue and its colon: "Nice to have skills for this role:".
_MAX_BEFORE_COLON = 30
_CAPITALS = np.arange(ord("A"), ord("Z") + 1, dtype=np.uint8)

#: Texts between two skills of a list, in lower case.
_COMMAS = (",", ", ")
_OR = ("/", " / ", " or ", ", or ", " oder ", ", oder ", " nor ", ", nor ", " and/or ", " (or ", " bzw. ")
_AND = (" and ", ", and ", " & ", "&", " + ", "+", " und ", ", und ")
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
    prepared: PreparedTexts, start: Indices, end: Indices, meaning: Indices, several_words: Flags
) -> tuple[Indices, Indices]:
    """Find the cues that are headings: alone on a line, or at the beginning of a sentence and before a colon.

    Of overlapping headings the longest counts. A heading applies up to the next one; but an optional one with text
    after it in its line ("Nice to have: Kafka") only applies to that line.

    Args:
        prepared: the texts.
        start, end: hits of cues, with the space at either end, in order of the start, longest first.
        meaning: the `Meaning` of each as a heading, or `NO_MEANING`.
        several_words: whether each has several words.

    Returns:
        The indices of the hits that are headings, and the position up to which each applies at most.
    """
    candidates = np.flatnonzero(meaning != NO_MEANING)
    sentence = np.searchsorted(prepared.breaks, start[candidates] + 1)
    bounds = np.concatenate(([-1], prepared.breaks))
    begins = bounds[sentence]
    near = start[candidates] - begins <= _MAX_MARKUP
    candidates, begins, stops = candidates[near], begins[near], bounds[sentence[near] + 1]
    first, last = start[candidates], end[candidates]
    is_heading = _is_certain(prepared, last, stops)
    possible = np.flatnonzero(~is_heading & _is_possible(prepared, first, last, stops, several_words[candidates]))
    columns = (column[possible].tolist() for column in (first, last, stops))
    is_heading[possible] = [_is_heading(prepared.plain, *hit) for hit in zip(*columns, strict=True)]
    is_heading &= _begins_line(prepared, begins, first)
    headings, reach = candidates[is_heading], last[is_heading]
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
    key = _gap_keys(plain, reached[near], gap[near])
    linked = gap <= 0
    linked[near] = _is_one_of(key, _ALL_KEYS)
    list_of = np.concatenate(([0], np.cumsum(~linked)))
    has_or, has_word = np.zeros(list_of[-1] + 1, dtype=bool), np.zeros(list_of[-1] + 1, dtype=bool)
    is_or = _is_one_of(key, _OR_KEYS)
    has_or[list_of[near + 1][is_or]] = True
    has_word[list_of[near + 1][is_or | _is_one_of(key, _AND_KEYS)]] = True
    return SkillLists(list_of, has_or, has_word)


def _end_of_line(plain: bytes, end: int) -> int:
    """The end of a heading's line; the end of all texts where the line holds nothing else."""
    stop = plain.find(b"\n", end - 1)
    return stop if stop >= 0 and plain[end - 1 : stop].strip(b" *_#:-") else len(plain)


def _begins_line(prepared: PreparedTexts, begin: Indices, start: Indices) -> Flags:
    """Whether there is only markup between the end of the sentence before and a hit, which is near."""
    written = np.frombuffer(prepared.plain, dtype=np.uint8)
    position = begin[:, None] + np.arange(1, _MAX_MARKUP + 1)
    between = position <= start[:, None]
    only_markup: Flags = ~between | _IS_MARKUP[written[np.where(between, position, 0)]]
    begins: Flags = np.logical_and.reduce(only_markup, axis=1)
    return begins


def _is_certain(prepared: PreparedTexts, end: Indices, stop: Indices) -> Flags:
    """Whether a colon or the end of the line follows at once, as it does for most headings."""
    written = np.frombuffer(prepared.plain, dtype=np.uint8)
    after = written[end - 1]
    certain: Flags = (after == ord(":")) | ((after == ord("\n")) & (end - 1 == stop))
    return certain


def _is_possible(
    prepared: PreparedTexts, start: Indices, end: Indices, stop: Indices, several_words: Flags
) -> Flags:
    """A necessary condition of `_is_heading`, for many hits at once."""
    written = np.frombuffer(prepared.plain, dtype=np.uint8)
    position = np.minimum(end[:, None] + np.arange(-1, _MAX_BEFORE_COLON + _MAX_MARKUP + 1), len(written) - 1)
    colon = (written[position] == ord(":")).any(axis=1)
    capital = np.isin(written[start + 1], _CAPITALS)
    possible: Flags = (stop - end <= _MAX_MARKUP) | colon | (several_words & capital)
    return possible


def _is_heading(plain: bytes, start: int, end: int, stop: int) -> bool:
    """Whether the words from `start` to `end`, in a sentence up to `stop`, are a heading."""
    rest = plain[end - 1 : stop].strip(b" *_#")
    if not rest:
        return stop - end <= _MAX_MARKUP and plain[stop : stop + 1] in b"\n?"
    if rest.find(b":", 0, _MAX_BEFORE_COLON) >= 0:
        return True
    # In text that has lost its lines: "… in Go. Preferred Qualifications Experience with …".
    words = plain[start + 1 : end - 1]
    return b" " in words and words[:1].isupper() and words.split(b" ")[-1][:1].isupper() and rest[:1].isupper()


def _key(text: str) -> int:
    return int.from_bytes(text.encode().ljust(_MAX_GAP, b"\0"), "little")


def _gap_keys(plain: bytes, start: Indices, length: Indices) -> npt.NDArray[np.uint64]:
    """The `_key` of the text of each start and length, in lower case."""
    written = np.frombuffer(plain, dtype=np.uint8)
    offset = np.arange(_MAX_GAP)
    taken = written[np.minimum(start[:, None] + offset, len(written) - 1)]
    taken = np.where(offset < length[:, None], _LOWER[taken], 0).astype(np.uint8)
    key: npt.NDArray[np.uint64] = np.ascontiguousarray(taken).view("<u8").ravel().astype(np.uint64)
    return key


def _is_one_of(keys: npt.NDArray[np.uint64], known: npt.NDArray[np.uint64]) -> Flags:
    found: Flags = known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys
    return found


_ALL_KEYS = np.array(sorted(_key(text) for text in (*_COMMAS, *_OR, *_AND)), dtype=np.uint64)
_OR_KEYS = np.array(sorted(_key(text) for text in _OR), dtype=np.uint64)
_AND_KEYS = np.array(sorted(_key(text) for text in _AND), dtype=np.uint64)
_LOWER: npt.NDArray[np.uint8] = np.frombuffer(bytes(range(256)).lower(), dtype=np.uint8)
