"""The skills that a posting asks for, found in its title and description.

The texts of many postings are laid into one buffer of words (`whole_words`); a skill is then a run of words in it,
" machine learning ", and one pass of an Aho-Corasick automaton finds all of them. What is left to look at is the
few hits on names that are ordinary words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

import ahocorasick_rs
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from market_assets.compute.whole_words import PreparedTexts, prepare_texts
from market_assets.taxonomy.skills import Skill, Taxonomy, TaxonomyError

#: How far from a name one of its context words may stand, in bytes of the prepared text.
CONTEXT_REACH = 60
#: How much text is searched at once: enough that the work for each call does not count.
BATCH_BYTES = 2**20

_NO_SKILL = -1
_Integers = npt.NDArray[np.int64]


class SkillMatcher:
    """Finds the skills of a taxonomy in texts.

    Only whole words count, in the sense of `whole_words`. Of names that lie one in the other,
    the longest counts ("React Native" is not React), except where the shorter one is `nested`.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        """Build the automaton.

        Raises:
            TaxonomyError: a spelling holds nothing that can be searched for.
        """
        self.taxonomy = taxonomy
        self._patterns = _patterns(taxonomy)
        self._skill = np.array([pattern.skill for pattern in self._patterns], dtype=np.int64)
        self._nested = np.array([pattern.nested for pattern in self._patterns], dtype=bool)
        self._conditional = np.array([pattern.conditional for pattern in self._patterns], dtype=bool)
        self._automaton = ahocorasick_rs.BytesAhoCorasick(
            [pattern.words for pattern in self._patterns],
            implementation=ahocorasick_rs.Implementation.DFA,
        )

    def __reduce__(self) -> tuple[type[SkillMatcher], tuple[Taxonomy]]:
        return SkillMatcher, (self.taxonomy,)

    def find(self, text: str) -> list[str]:
        """The names of the skills in a text, in ascending order."""
        # A lone surrogate, as JSON can carry, has no UTF-8 form.
        readable = text.encode("utf-8", "replace").decode("utf-8")
        _, positions = self._positions(pl.Series([readable]))
        return [self.taxonomy.skills[position].name for position in positions]

    def extract(self, titles: pl.Series, descriptions: pl.Series) -> pl.Series:
        """The skills of each posting as List(UInt16): ascending positions in `taxonomy.skills`, each once.

        Titles and descriptions are texts or null; a skill never spans the two.

        Raises:
            ValueError: the columns differ in length.
        """
        if len(titles) != len(descriptions):
            raise ValueError(f"{len(titles)} titles but {len(descriptions)} descriptions")
        texts = titles.cast(pl.String).fill_null("") + " | " + descriptions.cast(pl.String).fill_null("")
        counts, positions = self._positions(texts)
        offsets = np.concatenate(([0], np.cumsum(counts)))
        lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(positions, pa.uint16()))
        return pl.Series("skills", lists, dtype=pl.List(pl.UInt16))

    def _positions(self, texts: pl.Series) -> tuple[_Integers, _Integers]:
        """For each text how many skills it has, and all their positions one after the other."""
        found = [self._search(batch) for batch in _batches(texts)]
        counts = [np.empty(0, dtype=np.int64), *(batch_counts for batch_counts, _ in found)]
        positions = [np.empty(0, dtype=np.int64), *(batch_positions for _, batch_positions in found)]
        return np.concatenate(counts), np.concatenate(positions)

    def _search(self, texts: pl.Series) -> tuple[_Integers, _Integers]:
        prepared = prepare_texts(texts)
        pattern, start = self._counted_hits(prepared)
        rows = np.searchsorted(prepared.ends, start)
        keys = np.unique(rows * len(self.taxonomy.skills) + self._skill[pattern])
        counts = np.bincount(keys // len(self.taxonomy.skills), minlength=len(texts))
        return counts, keys % len(self.taxonomy.skills)

    def _counted_hits(self, prepared: PreparedTexts) -> tuple[_Integers, _Integers]:
        """Pattern and start of the hits that stand for a skill."""
        hits = self._automaton.find_matches_as_indexes(prepared.folded, overlapping=True)
        flat = np.fromiter(chain.from_iterable(hits), dtype=np.int64, count=3 * len(hits)).reshape(-1, 3)
        rejected = [
            hit
            for hit in np.flatnonzero(self._conditional[flat[:, 0]]).tolist()
            if not self._patterns[hits[hit][0]].holds(prepared, hits[hit][1] + 1, hits[hit][2] - 1)
        ]
        pattern, start, end = np.delete(flat, rejected, axis=0).T
        order = np.lexsort((-end, start))
        pattern, start, end = pattern[order], start[order], end[order]
        is_skill = self._skill[pattern] != _NO_SKILL
        within_phrase = _lies_within_earlier(end, np.where(is_skill, -1, end))
        counts = is_skill & ~within_phrase & (self._nested[pattern] | ~_lies_within_earlier(end, end))
        return pattern[counts], start[counts]


@lru_cache(maxsize=4)
def skill_matcher(taxonomy: Taxonomy) -> SkillMatcher:
    """The matcher of a taxonomy, built once in a process."""
    return SkillMatcher(taxonomy)


@dataclass(frozen=True)
class _Pattern:
    """One spelling as whole words with a space at both ends, and what must hold where it is hit."""

    words: bytes
    skill: int
    nested: bool = False
    exact: bytes | None = None
    near: frozenset[bytes] = frozenset()
    letter: bool = False

    @property
    def conditional(self) -> bool:
        return self.exact is not None or bool(self.near)

    def holds(self, prepared: PreparedTexts, start: int, end: int) -> bool:
        if self.exact is not None and prepared.spaced[start:end] != self.exact:
            return False
        if self.letter and _is_tied(prepared.plain, start, end):
            return False
        return not self.near or not self.near.isdisjoint(_words_around(prepared.folded, start, end))


def _lies_within_earlier(end: _Integers, reach: _Integers) -> npt.NDArray[np.bool_]:
    """Whether any earlier hit reaches as far as this one; the hits are in order of the start, longest first."""
    if not len(end):
        return np.empty(0, dtype=bool)
    return np.concatenate(([False], np.maximum.accumulate(reach)[:-1] >= end[1:]))


def _is_tied(plain: bytes, start: int, end: int) -> bool:
    """Whether a hyphen or an ampersand makes one word of the name and its neighbour: R&D, C-level, USB-C."""
    before, after = plain[start - 1 : start], plain[end : end + 1]
    return (before in b"-&" and plain[start - 2 : start - 1].isalnum()) or (
        after in b"-&" and plain[end + 1 : end + 2].isalnum()
    )


def _words_around(folded: bytes, start: int, end: int) -> list[bytes]:
    """The words of the same text that lie whole within `CONTEXT_REACH` of a hit."""
    before = folded[max(0, start - CONTEXT_REACH - 1) : start].rpartition(b"\0")[2]
    if len(before) > CONTEXT_REACH:
        before = before.partition(b" ")[2]
    after = folded[end : end + CONTEXT_REACH + 1].partition(b"\0")[0]
    if len(after) > CONTEXT_REACH:
        after = after.rpartition(b" ")[0]
    return before.split() + after.split()


def _patterns(taxonomy: Taxonomy) -> list[_Pattern]:
    """The patterns of all spellings; where two are alike as words, the first: skills before `unless` phrases."""
    skills = list(enumerate(taxonomy.skills))
    written = [(spelling, spelling, position) for position, skill in skills for spelling in skill.spellings]
    written += [
        (variant, spelling, position) for spelling, _, position in written for variant in _variants(spelling)
    ]
    unless = [phrase for skill in taxonomy.skills for phrase in skill.unless]
    unless += [variant for phrase in unless for variant in _variants(phrase)]
    texts = [text for text, _, _ in written] + unless
    words = [text.strip(b" ") for text in prepare_texts(pl.Series(texts, dtype=pl.String)).spaced.split(b"\0")][
        : len(texts)
    ]
    if b"" in words:
        raise TaxonomyError(f"'{texts[words.index(b'')]}' holds nothing that can be searched for")
    patterns: dict[bytes, _Pattern] = {}
    for (_, spelling, position), found in zip(written, words, strict=False):
        pattern = _pattern(taxonomy.skills[position], position, spelling, found)
        patterns.setdefault(pattern.words, pattern)
    for found in words[len(written) :]:
        phrase = b" " + found.lower() + b" "
        patterns.setdefault(phrase, _Pattern(words=phrase, skill=_NO_SKILL))
    return list(patterns.values())


def _pattern(skill: Skill, position: int, spelling: str, words: bytes) -> _Pattern:
    is_name = spelling == skill.name
    is_exact = skill.is_exact(spelling)
    return _Pattern(
        words=b" " + words.lower() + b" ",
        skill=position,
        nested=skill.nested,
        exact=words if is_exact else None,
        near=frozenset(word.encode() for word in skill.near) if is_name else frozenset(),
        letter=is_name and is_exact and len(words) <= 2,
    )


def _variants(spelling: str) -> Iterator[str]:
    """Other ways to write the same: "Node js", "CI / CD", "Profit & Loss"."""
    parts = spelling.split(".")
    if len(parts) > 1 and all(parts):
        yield " ".join(parts)
    if "/" in spelling:
        yield spelling.replace("/", " / ")
    if "&" in spelling:
        yield spelling.replace(" & ", "&").replace("&", " & ")
        yield spelling.replace(" & ", " and ")
    if " and " in spelling:
        yield spelling.replace(" and ", " & ")


def _batches(texts: pl.Series) -> Iterator[pl.Series]:
    """The texts in slices of about `BATCH_BYTES`, the last of each counted whole."""
    if texts.is_empty():
        return
    batch = texts.str.len_bytes().cum_sum().to_numpy() // BATCH_BYTES
    starts = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(texts)]
    for start, stop in pairwise(starts):
        yield texts.slice(start, stop - start)
