"""Which wordings are headings: they stand alone on a line, or begin a sentence and end with a colon."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from market_assets.skills.cues import Meaning
from market_assets.skills.tokenize import PreparedTexts

_Integers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]

#: What may stand between the beginning of the line and a heading.
_MARKUP = b" *#_=>-[](){}0123456789.)&|/~"
_MOST_MARKUP = 6
_IS_MARKUP = np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(_MARKUP, dtype=np.uint8))
#: How much may stand between a heading's known words and its colon: "Nice to have skills for this role:".
_MOST_MORE = 30
_CAPITALS = np.arange(ord("A"), ord("Z") + 1, dtype=np.uint8)


def find_headings(
    prepared: PreparedTexts,
    start: _Integers,
    end: _Integers,
    meaning: _Integers,
    several: _Flags,
) -> tuple[_Integers, _Integers]:
    """The positions of the hits that are headings, and where what they head ends; of overlapping ones the longest.

    It ends with the next heading, but "Nice to have: Kafka" in a line of its own heads nothing after that line.

    Args:
        prepared: the texts.
        start, end: hits on words, with the space at either end, in order of the start, longest first.
        meaning: what each means as a heading, −1 where it is none.
        several: whether each is of several words.
    """
    candidates = np.flatnonzero(meaning >= 0)
    place = np.searchsorted(prepared.breaks, start[candidates] + 1)
    bounds = np.concatenate(([-1], prepared.breaks))
    begins = bounds[place]
    near = start[candidates] - begins <= _MOST_MARKUP
    candidates, begins, stops = candidates[near], begins[near], bounds[place[near] + 1]
    first, last = start[candidates], end[candidates]
    heads = _is_certain(prepared, last, stops)
    asked = np.flatnonzero(~heads & _may_be_headings(prepared, first, last, stops, several[candidates]))
    columns = (column[asked].tolist() for column in (first, last, stops))
    heads[asked] = [_is_heading(prepared.plain, *hit) for hit in zip(*columns, strict=True)]
    heads &= _begins_line(prepared, begins, first)
    headings, reach = candidates[heads], last[heads]
    headings = headings[reach > np.concatenate(([-1], np.maximum.accumulate(reach)[:-1]))]
    until = np.full(len(headings), len(prepared.plain))
    for heading in np.flatnonzero(meaning[headings] == int(Meaning.OPTIONAL)).tolist():
        until[heading] = _end_of_line(prepared.plain, int(end[headings[heading]]))
    return headings, until


def _end_of_line(plain: bytes, end: int) -> int:
    """Where the line ends that a heading begins; the end of everything where the heading is all there is in it."""
    stop = plain.find(b"\n", end - 1)
    return stop if stop >= 0 and plain[end - 1 : stop].strip(b" *_#:-") else len(plain)


def _begins_line(prepared: PreparedTexts, begin: _Integers, start: _Integers) -> _Flags:
    """Whether only markup stands between a hit and the end of the sentence before, which is near."""
    written = np.frombuffer(prepared.plain, dtype=np.uint8)
    place = begin[:, None] + np.arange(1, _MOST_MARKUP + 1)
    between = place <= start[:, None]
    only: _Flags = ~between | _IS_MARKUP[written[np.where(between, place, 0)]]
    begins: _Flags = np.logical_and.reduce(only, axis=1)
    return begins


def _is_certain(prepared: PreparedTexts, end: _Integers, stop: _Integers) -> _Flags:
    """Whether a colon or the end of the line follows at once, as it does most headings."""
    written = np.frombuffer(prepared.plain, dtype=np.uint8)
    after = written[end - 1]
    certain: _Flags = (after == ord(":")) | ((after == ord("\n")) & (end - 1 == stop))
    return certain


def _may_be_headings(
    prepared: PreparedTexts, start: _Integers, end: _Integers, stop: _Integers, several: _Flags
) -> _Flags:
    """What `_is_heading` asks for at least, for many hits at once."""
    written = np.frombuffer(prepared.plain, dtype=np.uint8)
    place = np.minimum(end[:, None] + np.arange(-1, _MOST_MORE + _MOST_MARKUP + 1), len(written) - 1)
    colon = (written[place] == ord(":")).any(axis=1)
    capital = np.isin(written[start + 1], _CAPITALS)
    may: _Flags = (stop - end <= _MOST_MARKUP) | colon | (several & capital)
    return may


def _is_heading(plain: bytes, start: int, end: int, stop: int) -> bool:
    """Whether the words from `start` to `end`, in a sentence up to `stop`, head what follows."""
    rest = plain[end - 1 : stop].strip(b" *_#")
    if not rest:
        return stop - end <= _MOST_MARKUP and plain[stop : stop + 1] in b"\n?"
    colon = rest.find(b":", 0, _MOST_MORE)
    if colon >= 0:
        return True
    # In text that has lost its lines: "… in Go. Preferred Qualifications Experience with …".
    words = plain[start + 1 : end - 1]
    return b" " in words and words[:1].isupper() and words.split(b" ")[-1][:1].isupper() and rest[:1].isupper()
