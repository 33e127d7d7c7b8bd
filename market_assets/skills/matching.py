"""Finds the skills of postings in their titles and descriptions, with weights.

The texts of many postings are prepared in one buffer of words (`tokenize`), where a skill is a run of words such
as " machine learning ". One pass of an Aho–Corasick automaton finds all skills, and the cues that decide their
weights. Only hits on names that are ordinary words too are checked one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING

import ahocorasick_rs
import numpy as np
import numpy.typing as npt

from market_assets.skills.cues import CueTable, cues_version, load_cues
from market_assets.skills.layout import Flags, Indices
from market_assets.skills.patterns import NO_SKILL, cue_patterns, skill_patterns
from market_assets.skills.taxonomy import Taxonomy
from market_assets.skills.tokenize import TITLE_END, PreparedTexts, prepare_texts
from market_assets.skills.weights import Hits, Mentions, weigh

if TYPE_CHECKING:
    import polars as pl

#: Bytes of text in one search, so many that the overhead of the call is negligible.
BATCH_BYTES = 2**19
#: To be incremented with each change of the code that finds other skills or weights by the same taxonomy and cues.
RULES = 6


class SkillMatcher:
    """Finds the skills of a taxonomy in texts.

    Only whole words count, as divided by `tokenize`. Of overlapping names the longest counts ("React Native" is
    not React), except where the shorter one is `nested`. Negated skills ("no Java required") are not found.

    Attributes:
        taxonomy: the skills.
        patterns: their spellings, and the phrases in which a spelling is no skill.
        cues: the cues of each wording; the `pattern` of a cue's hit is the index.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        """Build the automaton.

        Raises:
            TaxonomyError: a spelling has no characters that can be searched for.
        """
        self.taxonomy = taxonomy
        self.patterns = skill_patterns(taxonomy)
        cues = cue_patterns(load_cues())
        self.cues = [of_wording for _, of_wording in cues]
        self._table = CueTable(self.cues)
        self._skill = np.array([pattern.skill for pattern in self.patterns], dtype=np.int64)
        self._nested = np.array([pattern.nested for pattern in self.patterns], dtype=bool)
        self._conditional = np.array([pattern.conditional for pattern in self.patterns], dtype=bool)
        searched = [pattern.words for pattern in self.patterns] + [words for words, _ in cues]
        self._open = np.array([pattern.open is not None for pattern in self.patterns] + [False] * len(cues), bool)
        self._precedence = np.array([pattern.precedence for pattern in self.patterns] + [0] * len(cues), np.int64)
        # Skills first, then cues; words that are both are in it twice.
        self._automaton = _automaton(searched)

    def __reduce__(self) -> tuple[type[SkillMatcher], tuple[Taxonomy]]:
        return SkillMatcher, (self.taxonomy,)

    def find(self, text: str) -> list[str]:
        """The names of the skills in a text, in ascending order."""
        return self.find_each([text])[0]

    def find_each(self, texts: Sequence[str]) -> list[list[str]]:
        """The names of the skills in each of many texts, in ascending order."""
        # A lone surrogate, as JSON can carry, has no UTF-8 form.
        counts, positions, _ = self._found(text.encode("utf-8", "replace") for text in texts)
        names = iter([self.taxonomy.skills[position].name for position in positions])
        return [list(islice(names, count)) for count in counts]

    def extract(self, titles: pl.Series, descriptions: pl.Series) -> pl.DataFrame:
        """The skills of postings, each with the greatest `weights.Weight` of its mentions.

        Args:
            titles, descriptions: String, nulls allowed. A skill never spans the two.

        Returns:
            One row a posting. skills: List(UInt16), ascending positions in `taxonomy.skills`, each once; weights:
            List(UInt8) in the same order, 1 to 100.

        Raises:
            ValueError: the columns differ in length.
        """
        # A command that reads one text does without: importing it takes longer than the search.
        import polars as pl

        if len(titles) != len(descriptions):
            raise ValueError(f"{len(titles)} titles but {len(descriptions)} descriptions")
        counts, positions, weights = self._found(joined_texts(titles, descriptions))
        found = pl.DataFrame(
            {
                "row": np.repeat(np.arange(len(counts), dtype=np.uint32), counts),
                "skills": positions.astype(np.uint16),
                "weights": weights,
            }
        )
        lists = found.group_by("row", maintain_order=True).agg("skills", "weights")
        rows = pl.DataFrame({"row": pl.int_range(len(counts), dtype=pl.UInt32, eager=True)})
        of_each = rows.join(lists, on="row", how="left", maintain_order="left").drop("row")
        return of_each.with_columns(pl.all().fill_null([]))

    def mentions(self, prepared: PreparedTexts) -> Mentions:
        """Every mention of a skill in prepared texts, in order, with its weight."""
        skills, cues = self.hits(prepared)
        return weigh(prepared, self._counted(prepared, skills), cues, self._table)

    def hits(self, prepared: PreparedTexts) -> tuple[Hits, Hits]:
        """All hits of `patterns`, counted or not, and of `cues`; in order of the start, longest first."""
        found = self._automaton.find_matches_as_indexes(prepared.folded, overlapping=True)
        flat = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=3 * len(found)).reshape(-1, 3)
        flat = self._whole(prepared.folded, flat)
        pattern, start, end = flat.T
        # Sorting one number a hit takes a quarter of the time of sorting by three columns.
        order = np.argsort((start << 34) - (end - start << 12) - self._precedence[pattern], kind="stable")
        pattern, start, end = flat[order].T
        is_cue = pattern >= len(self.patterns)
        skills = Hits(pattern, start, end).where(~is_cue)
        return skills, Hits(pattern[is_cue] - len(self.patterns), start[is_cue], end[is_cue])

    def _whole(self, folded: bytes, hits: Indices) -> Indices:
        """Rows of pattern, start and end; those of spellings with `*` are of whole words, if all of it matches."""
        open_hits = np.flatnonzero(self._open[hits[:, 0]])
        for hit, (pattern, start, _) in zip(open_hits.tolist(), hits[open_hits].tolist(), strict=True):
            spelling = self.patterns[pattern].open
            hits[hit, 1:] = (spelling and spelling.find(folded, start)) or (-1, -1)
        return hits[hits[:, 1] >= 0] if len(open_hits) else hits

    def _counted(self, prepared: PreparedTexts, hits: Hits) -> Hits:
        """The hits that are mentions of skills, with the skill's position in place of the pattern."""
        hits = hits.where(self.accepted(prepared, hits))
        counts = self.outermost(hits)
        return Hits(self._skill[hits.pattern[counts]], hits.start[counts], hits.end[counts])

    def accepted(self, prepared: PreparedTexts, hits: Hits) -> Flags:
        """Whether each hit satisfies the conditions of its pattern."""
        accepted = np.ones(len(hits.pattern), dtype=bool)
        conditional = np.flatnonzero(self._conditional[hits.pattern])
        columns = (column[conditional].tolist() for column in (hits.pattern, hits.start, hits.end))
        accepted[conditional] = [
            self.patterns[pattern].rejection(prepared, start + 1, end - 1) is None
            for pattern, start, end in zip(*columns, strict=True)
        ]
        return accepted

    def outermost(self, hits: Hits) -> Flags:
        """Whether each hit is a skill within no phrase and, unless it is nested, within no longer name."""
        is_skill = self._skill[hits.pattern] != NO_SKILL
        within_phrase = _is_within_earlier(hits.end, np.where(is_skill, -1, hits.end))
        within_any = _is_within_earlier(hits.end, hits.end)
        counts: Flags = is_skill & ~within_phrase & (self._nested[hits.pattern] | ~within_any)
        return counts

    def _found(self, texts: Iterable[bytes]) -> tuple[Indices, Indices, npt.NDArray[np.uint8]]:
        """The number of skills of each text, and the concatenated positions and weights of all."""
        nothing = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8))
        columns = zip(nothing, *map(self._search, batches(texts)), strict=True)
        counts, positions, weights = (np.concatenate(column) for column in columns)
        return counts, positions, weights

    def _search(self, texts: Sequence[bytes]) -> tuple[Indices, Indices, npt.NDArray[np.uint8]]:
        mentions = self.mentions(prepare_texts(texts))
        found = mentions.weight > 0
        keys = (mentions.row * len(self.taxonomy.skills) + mentions.skill)[found]
        # Sorted by weight within each pair of row and skill; the last has the greatest.
        ranked = np.sort(keys * 256 + mentions.weight[found])
        last = np.concatenate((ranked[1:] // 256 != ranked[:-1] // 256, [True])) if len(ranked) else ranked > 0
        keys, weights = np.divmod(ranked[last], 256)
        rows, positions = np.divmod(keys, max(len(self.taxonomy.skills), 1))
        return np.bincount(rows, minlength=len(texts)), positions, weights.astype(np.uint8)


def _automaton(words: list[bytes]) -> ahocorasick_rs.BytesAhoCorasick:
    # A DFA of so many words does not fit into the caches of a processor.
    return ahocorasick_rs.BytesAhoCorasick(words, implementation=ahocorasick_rs.Implementation.ContiguousNFA)


def joined_texts(titles: pl.Series, descriptions: pl.Series) -> pl.Series:
    """Each title and description (String, nulls allowed) as one text (Binary), divided by `tokenize.TITLE_END`."""
    import polars as pl

    texts = titles.cast(pl.String).fill_null("") + f" {TITLE_END} " + descriptions.cast(pl.String).fill_null("")
    return texts.cast(pl.Binary)


def rules() -> str:
    """The versions of cues and code, on which the found skills depend beside the taxonomy."""
    return f"cues {cues_version()}, rules {RULES}"


@lru_cache(maxsize=4)
def skill_matcher(taxonomy: Taxonomy) -> SkillMatcher:
    """The matcher of a taxonomy, cached in the process."""
    return SkillMatcher(taxonomy)


def _is_within_earlier(end: Indices, reach: Indices) -> Flags:
    """Whether any earlier hit reaches as far as each hit; the hits are in order of the start, longest first."""
    if not len(end):
        return np.empty(0, dtype=bool)
    return np.concatenate(([False], np.maximum.accumulate(reach)[:-1] >= end[1:]))


def batches(texts: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The texts in lists of about `BATCH_BYTES`; texts are not divided."""
    batch, size = [], 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
