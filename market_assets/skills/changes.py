"""Which postings can have other skills after a change of the taxonomy."""

from __future__ import annotations

from dataclasses import replace

import ahocorasick_rs
import numpy as np
import polars as pl

from market_assets.skills.matching import batches, joined_texts
from market_assets.skills.patterns import NO_SKILL, Pattern, skill_patterns
from market_assets.skills.taxonomy import Taxonomy
from market_assets.skills.tokenize import prepare_texts


class SkillChanges:
    """The difference of two taxonomies: the spellings and phrases with another meaning in the new one.

    A posting that contains none of them has the same skills and weights in both.
    """

    def __init__(self, old: Taxonomy, new: Taxonomy) -> None:
        words = sorted({words for words, *_ in _meanings(old) ^ _meanings(new)})
        kind = ahocorasick_rs.Implementation.DFA
        self._automaton = ahocorasick_rs.BytesAhoCorasick(words, implementation=kind) if words else None

    def touches(self, titles: pl.Series, descriptions: pl.Series) -> pl.Series:
        """Whether each posting contains any of the changed spellings. Boolean.

        Args:
            titles, descriptions: String, nulls allowed, of the same length.
        """
        texts = joined_texts(titles, descriptions)
        touched = [np.empty(0, dtype=bool), *(self._touched(batch) for batch in batches(texts))]
        return pl.Series("touched", np.concatenate(touched), dtype=pl.Boolean)

    def _touched(self, texts: pl.Series) -> np.typing.NDArray[np.bool_]:
        touched = np.zeros(len(texts), dtype=bool)
        if self._automaton is not None:
            prepared = prepare_texts(texts)
            hits = self._automaton.find_matches_as_indexes(prepared.folded, overlapping=True)
            starts = np.array([start for _, start, _ in hits], dtype=np.int64)
            touched[np.searchsorted(prepared.ends, starts)] = True
        return touched


def _meanings(taxonomy: Taxonomy) -> frozenset[tuple[bytes, Pattern, str | None]]:
    """Every pattern, with its skill by name, as positions depend on the other skills."""
    return frozenset(
        (
            pattern.words,
            replace(pattern, skill=NO_SKILL),
            None if pattern.skill == NO_SKILL else taxonomy.skills[pattern.skill].name,
        )
        for pattern in skill_patterns(taxonomy)
    )
