"""What the cues by which mentions are weighed mean, wherever they stand, as columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from market_assets.skills.cues import Cue, Place

#: What a cue means in a place where it means nothing.
NO_MEANING = -1


class CueTable:
    """What each pattern of cues means in each place it can stand in; −1 where it means nothing there."""

    def __init__(self, cues: Sequence[Sequence[Cue]]) -> None:
        self.heading = np.full(len(cues), NO_MEANING)
        self.passage = np.full(len(cues), NO_MEANING)
        self.modifier = np.full(len(cues), NO_MEANING)
        self.before, self.after, self.weak, self.negator = (np.zeros(len(cues), dtype=bool) for _ in range(4))
        for number, alike in enumerate(cues):
            for cue in alike:
                self._add(number, cue)
        self.several_words = np.array([" " in alike[0].words for alike in cues], dtype=bool)
        self.in_sentence = (self.modifier != NO_MEANING) | self.weak | self.negator

    def _add(self, number: int, cue: Cue) -> None:
        if cue.place is Place.HEADING:
            self.heading[number] = cue.meaning
        elif cue.place is Place.PASSAGE:
            self.passage[number] = cue.meaning
        elif cue.place is Place.WEAK:
            self.weak[number] = True
        elif cue.place is Place.NEGATOR:
            self.negator[number] = True
        else:
            self.modifier[number] = cue.meaning
            self.before[number] = cue.place in (Place.BEFORE, Place.EITHER)
            self.after[number] = cue.place in (Place.AFTER, Place.EITHER)
