"""The skills that a posting asks for, found in its title and description, each with its weight.

The texts of many postings are laid into one buffer of words (`whole_words`); a skill is then a run of words in it,
" machine learning ", and one pass of an Aho-Corasick automaton finds all of them, and the cues by which they are
weighed. What is left to look at one by one is the few hits on names that are ordinary words.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, pairwise

import ahocorasick_rs
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from market_assets.skills.cue_table import CueTable
from market_assets.skills.cues import load_cues
from market_assets.skills.mentions import CueHits, Hits, Mentions, weigh
from market_assets.skills.patterns import NO_SKILL, cue_patterns, skill_patterns
from market_assets.skills.taxonomy import Taxonomy
from market_assets.skills.tokenize import TITLE_END, PreparedTexts, prepare_texts

#: How much text is searched at once: enough that the work for each call does not count.
BATCH_BYTES = 2**19
#: Counted up when the same taxonomy and cues come to find or weigh skills in another way.
RULES = 2

#: Longer than any buffer that is searched at once.
_LONGEST_HIT = 2**32

_Integers = npt.NDArray[np.int64]


class SkillMatcher:
    """Finds the skills of a taxonomy in texts.

    Only whole words count, in the sense of `whole_words`. Of names that lie one in the other,
    the longest counts ("React Native" is not React), except where the shorter one is `nested`.
    What a posting says that it does not ask for ("no Java required") is not found.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        """Build the automaton.

        Raises:
            TaxonomyError: a spelling holds nothing that can be searched for.
        """
        self.taxonomy = taxonomy
        self.patterns = skill_patterns(taxonomy)
        cues = cue_patterns(load_cues())
        self.cues = [alike for _, alike in cues]
        self._table = CueTable(self.cues)
        self._skill = np.array([pattern.skill for pattern in self.patterns], dtype=np.int64)
        self._nested = np.array([pattern.nested for pattern in self.patterns], dtype=bool)
        self._conditional = np.array([pattern.conditional for pattern in self.patterns], dtype=bool)
        # Words that are both a skill's and a cue's are searched for once for each.
        self._automaton = ahocorasick_rs.BytesAhoCorasick(
            [pattern.words for pattern in self.patterns] + [words for words, _ in cues],
            implementation=ahocorasick_rs.Implementation.DFA,
        )

    def __reduce__(self) -> tuple[type[SkillMatcher], tuple[Taxonomy]]:
        return SkillMatcher, (self.taxonomy,)

    @property
    def rules(self) -> str:
        """What the skills that are found depend on, beside the texts and the taxonomy."""
        return f"cues {load_cues().version}, rules {RULES}"

    def find(self, text: str) -> list[str]:
        """The names of the skills in a text, in ascending order."""
        # A lone surrogate, as JSON can carry, has no UTF-8 form.
        readable = text.encode("utf-8", "replace").decode("utf-8")
        _, positions, _ = self._found(pl.Series([readable]))
        return [self.taxonomy.skills[position].name for position in positions]

    def extract(self, titles: pl.Series, descriptions: pl.Series) -> pl.Series:
        """The skills of each posting as List(UInt16): ascending positions in `skills.taxonomy`, each once.

        Titles and descriptions are texts or null; a skill never spans the two.

        Raises:
            ValueError: the columns differ in length.
        """
        return self.weighed(titles, descriptions)["skills"]

    def weighed(self, titles: pl.Series, descriptions: pl.Series) -> pl.DataFrame:
        """The skills of each posting and, in the same order, the greatest `mentions.Weight` of each.

        Returns:
            skills: List(UInt16), as from `extract`; weights: List(UInt8), 1 to 100.

        Raises:
            ValueError: the columns differ in length.
        """
        if len(titles) != len(descriptions):
            raise ValueError(f"{len(titles)} titles but {len(descriptions)} descriptions")
        texts = joined_texts(titles, descriptions)
        counts, positions, weights = self._found(texts)
        offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int64())
        skills = pa.LargeListArray.from_arrays(offsets, pa.array(positions, pa.uint16()))
        levels = pa.LargeListArray.from_arrays(offsets, pa.array(weights, pa.uint8()))
        return pl.DataFrame(
            {
                "skills": pl.Series(skills, dtype=pl.List(pl.UInt16)),
                "weights": pl.Series(levels, dtype=pl.List(pl.UInt8)),
            }
        )

    def mentions(self, prepared: PreparedTexts) -> Mentions:
        """Every mention of a skill in prepared texts, in order, with its weight."""
        skills, cues = self.hits(prepared)
        return weigh(prepared, self._counted(prepared, skills), cues, self._table)

    def hits(self, prepared: PreparedTexts) -> tuple[Hits, CueHits]:
        """Where patterns, whether they count or not, and cues are hit; in order of the start, longest first."""
        with _no_collection():
            found = self._automaton.find_matches_as_indexes(prepared.folded, overlapping=True)
            flat = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=3 * len(found)).reshape(-1, 3)
            del found
        # Hits come in order of the end, so that they are nearly sorted, which this kind of sort makes use of.
        order = np.argsort(flat[:, 1] * _LONGEST_HIT - flat[:, 2], kind="stable")
        pattern, start, end = flat.T[:, order]
        is_cue = pattern >= len(self.patterns)
        skills = Hits(pattern, start, end).where(~is_cue)
        return skills, CueHits(pattern[is_cue] - len(self.patterns), start[is_cue], end[is_cue])

    def _counted(self, prepared: PreparedTexts, hits: Hits) -> Hits:
        """The hits that stand for a skill, with the skill's code in place of the pattern."""
        hits = hits.where(self.meant(prepared, hits))
        counts = self.outermost(hits)
        return Hits(self._skill[hits.pattern[counts]], hits.start[counts], hits.end[counts])

    def meant(self, prepared: PreparedTexts, hits: Hits) -> npt.NDArray[np.bool_]:
        """Whether the conditions of each hit's pattern hold."""
        meant = np.ones(len(hits.pattern), dtype=bool)
        asked = np.flatnonzero(self._conditional[hits.pattern])
        places = (hits.pattern[asked].tolist(), hits.start[asked].tolist(), hits.end[asked].tolist())
        meant[asked] = [
            self.patterns[pattern].holds(prepared, start + 1, end - 1)
            for pattern, start, end in zip(*places, strict=True)
        ]
        return meant

    def outermost(self, hits: Hits) -> npt.NDArray[np.bool_]:
        """Whether each hit is a skill that lies in no phrase and, unless it is nested, in no longer name."""
        is_skill = self._skill[hits.pattern] != NO_SKILL
        within_phrase = _lies_within_earlier(hits.end, np.where(is_skill, -1, hits.end))
        within_any = _lies_within_earlier(hits.end, hits.end)
        counts: npt.NDArray[np.bool_] = is_skill & ~within_phrase & (self._nested[hits.pattern] | ~within_any)
        return counts

    def _found(self, texts: pl.Series) -> tuple[_Integers, _Integers, npt.NDArray[np.uint8]]:
        """For each text how many skills it has, and all their positions and weights one after the other."""
        found = [self._search(batch) for batch in batches(texts)]
        counts = [np.empty(0, dtype=np.int64), *(counts for counts, _, _ in found)]
        positions = [np.empty(0, dtype=np.int64), *(positions for _, positions, _ in found)]
        weights = [np.empty(0, dtype=np.uint8), *(weights for _, _, weights in found)]
        return np.concatenate(counts), np.concatenate(positions), np.concatenate(weights)

    def _search(self, texts: pl.Series) -> tuple[_Integers, _Integers, npt.NDArray[np.uint8]]:
        prepared = prepare_texts(texts)
        mentions = self.mentions(prepared)
        wanted = mentions.weight > 0
        keys = (mentions.row * len(self.taxonomy.skills) + mentions.skill)[wanted]
        # The greatest weight of a skill in a posting is the last of its run.
        ranked = np.sort(keys * 256 + mentions.weight[wanted])
        last = np.concatenate((ranked[1:] // 256 != ranked[:-1] // 256, [True])) if len(ranked) else ranked > 0
        keys, weights = np.divmod(ranked[last], 256)
        rows, positions = np.divmod(keys, max(len(self.taxonomy.skills), 1))
        return np.bincount(rows, minlength=len(texts)), positions, weights.astype(np.uint8)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Garbage is not looked for: the many tuples of numbers that hits come as would start that again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def joined_texts(titles: pl.Series, descriptions: pl.Series) -> pl.Series:
    """Titles and descriptions (texts or null) as one text each."""
    return titles.cast(pl.String).fill_null("") + f" {TITLE_END} " + descriptions.cast(pl.String).fill_null("")


@lru_cache(maxsize=4)
def skill_matcher(taxonomy: Taxonomy) -> SkillMatcher:
    """The matcher of a taxonomy, built once in a process."""
    return SkillMatcher(taxonomy)


def _lies_within_earlier(end: _Integers, reach: _Integers) -> npt.NDArray[np.bool_]:
    """Whether any earlier hit reaches as far as this one; the hits are in order of the start, longest first."""
    if not len(end):
        return np.empty(0, dtype=bool)
    return np.concatenate(([False], np.maximum.accumulate(reach)[:-1] >= end[1:]))


def batches(texts: pl.Series) -> Iterator[pl.Series]:
    """The texts in slices of about `BATCH_BYTES`, the last of each counted whole."""
    if texts.is_empty():
        return
    batch = texts.str.len_bytes().cum_sum().to_numpy() // BATCH_BYTES
    starts = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(texts)]
    for start, stop in pairwise(starts):
        yield texts.slice(start, stop - start)
