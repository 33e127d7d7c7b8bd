"""Candidates for the taxonomy: names that postings often list with skills, and that it does not contain."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import ahocorasick_rs
import numpy as np
import polars as pl

from market_assets.skills.cues import Position
from market_assets.skills.layout import Indices
from market_assets.skills.matching import SkillMatcher, batches, joined_texts
from market_assets.skills.patterns import NO_SKILL
from market_assets.skills.tokenize import PreparedTexts, prepare_texts, prepared_words
from market_assets.skills.weights import Mentions

SKILL_CANDIDATES = pl.Schema(
    {
        "candidate": pl.String(),
        "category": pl.String(),
        "listed_postings": pl.Int64(),
        "postings": pl.Int64(),
        "listed_share": pl.Float64(),
        "capital_share": pl.Float64(),
        "score": pl.Float64(),
        "example": pl.String(),
        "suggested_line": pl.String(),
        "rank": pl.Int64(),
    }
)

#: The least number of postings that list a candidate; a rarer name may be known to one employer only.
MIN_POSTINGS = 3
#: The least share of the postings with the name that list it with skills.
MIN_LISTED_SHARE = 0.2
#: A name of which a smaller share is capitalised may be an ordinary word, and needs a greater listed share.
MIN_CAPITAL_SHARE = 0.8
MIN_LISTED_SHARE_OF_LOWER_CASE = 0.25
#: The most often listed names, which are counted in all texts.
_MAX_COUNTED = 5_000
#: Characters of the example before and after the name.
_CONTEXT_LENGTH = 60

#: Bytes that replace skills, known names that are no skill in their place, and cues such as "experience with".
_SKILL, _KNOWN, _CUE = 1, 2, 3
_CUE_MARKS = re.compile(rb"\x03+")
_CUE_AS_ITEM = b",\x03,"
_SEPARATORS = re.compile(rb"[,;:/()|*\[\]]| (?:and|or|und|oder|&|such as|like|including|e\.g\.|i\.e\.|etc\.?|-) ")
_NAME_WORD = re.compile(rb"[A-Z][\w.+#'-]*|\d+[A-Za-z][\w.+#-]*|[a-z]+[A-Z][\w.+#-]*")
_WORD = re.compile(rb"[A-Za-z0-9][\w.+#'-]*")
#: Words that are in no candidate.
_SMALL_WORDS = frozenset(
    b"a an the of in on to for with from by at as is are be your our their other others etc any all more most new"
    b" various multiple similar related strong good great excellent experience knowledge skills ability using use"
    b" well both years year e.g i.e not we you it this that these those".split()
)
_MAX_WORDS = 3
_YAML_WORDS = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")


@dataclass
class _ListedName:
    """A name that is listed with skills, and what was counted so far."""

    postings: int = 0
    spellings: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    example: str = ""


def skill_candidates(
    read: Callable[[], Iterable[pl.DataFrame]], matcher: SkillMatcher, limit: int = 200
) -> pl.DataFrame:
    """The names that are most likely skills that the taxonomy lacks.

    Args:
        read: returns title and description of postings in batches; called twice.
        matcher: of the taxonomy.
        limit: the greatest number of candidates.

    Returns:
        Schema `SKILL_CANDIDATES`, by rank. postings: those that contain the name; listed_postings: those of them
        that contain it in a list with skills, or after a cue such as "experience with"; listed_share: the ratio of
        both;
        capital_share: the share of its occurrences that are not in lower case; score: listed_postings ×
        listed_share;
        category: the most frequent category of the skills it is listed with, null if there is none;
        suggested_line: an entry for the skills file.
    """
    listed: dict[str, _ListedName] = {}
    for frame in read():
        for prepared in _prepared(frame):
            _collect(prepared, matcher, listed)
    frequent = sorted(
        (key for key, name in listed.items() if name.postings >= MIN_POSTINGS),
        key=lambda key: (-listed[key].postings, key),
    )[:_MAX_COUNTED]
    rows = []
    for key, postings, occurrences, capitals in zip(frequent, *_count_everywhere(read(), frequent), strict=True):
        share = min(listed[key].postings / max(postings, 1), 1.0)
        capital = capitals / max(occurrences, 1)
        if share >= (MIN_LISTED_SHARE if capital >= MIN_CAPITAL_SHARE else MIN_LISTED_SHARE_OF_LOWER_CASE):
            rows.append(_row(listed[key], postings, share, capital))
    table = pl.DataFrame(rows, schema={name: dtype for name, dtype in SKILL_CANDIDATES.items() if name != "rank"})
    best = table.sort(["score", "candidate"], descending=[True, False]).head(limit)
    return best.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).select(SKILL_CANDIDATES.names())


def _prepared(frame: pl.DataFrame) -> Iterator[PreparedTexts]:
    for texts in batches(joined_texts(frame["title"], frame["description"])):
        yield prepare_texts(texts)


def _collect(prepared: PreparedTexts, matcher: SkillMatcher, listed: dict[str, _ListedName]) -> None:
    """Add the names of some texts that are listed with skills, or follow a cue."""
    mentions = matcher.mentions(prepared)
    masked, cue_starts = _masked(prepared, matcher, mentions)
    bounds = np.concatenate(([-1], prepared.breaks, [len(masked)]))
    sentence_of_mention = np.searchsorted(prepared.breaks, mentions.start + 1)
    skill_of = dict(zip(sentence_of_mention.tolist(), mentions.skill.tolist(), strict=True))
    sentences = np.union1d(sentence_of_mention, np.searchsorted(prepared.breaks, cue_starts + 1))
    rows = np.searchsorted(prepared.ends, bounds[sentences] + 1)
    seen: set[tuple[int, str]] = set()
    for row, sentence in zip(rows.tolist(), sentences.tolist(), strict=True):
        begin, end = int(bounds[sentence]) + 1, int(bounds[sentence + 1])
        for spelling in _listed_names(masked[begin:end]):
            key = spelling.casefold()
            name = listed.setdefault(key, _ListedName())
            name.spellings[spelling] += 1
            if sentence in skill_of:
                name.categories[matcher.taxonomy.skills[skill_of[sentence]].category] += 1
            if (row, key) not in seen:
                seen.add((row, key))
                name.postings += 1
            if not name.example:
                name.example = _example(prepared.plain[begin:end], spelling)


def _masked(prepared: PreparedTexts, matcher: SkillMatcher, mentions: Mentions) -> tuple[bytes, Indices]:
    """Replace skills, other known names and cues in the texts by marks.

    Returns:
        The texts, and the positions of the cues.
    """
    text = np.frombuffer(prepared.plain, dtype=np.uint8).copy()
    hits, cues = matcher.hits(prepared)
    known = np.array([pattern.skill != NO_SKILL for pattern in matcher.patterns], dtype=bool)[hits.pattern]
    weak_wordings = np.array([wording[0].position is Position.WEAK for wording in matcher.cues], dtype=bool)
    is_weak = weak_wordings[cues.pattern]
    marked = (
        (_KNOWN, hits.start[known], hits.end[known]),
        (_SKILL, mentions.start, mentions.end),
        (_CUE, cues.start[is_weak], cues.end[is_weak]),
    )
    for mark, starts, ends in marked:
        for first, last in zip((starts + 1).tolist(), (ends - 1).tolist(), strict=True):
            text[first:last] = mark
    return text.tobytes(), cues.start[is_weak]


def _listed_names(sentence: bytes) -> Iterator[str]:
    """The unknown names of a sentence that are beside a skill in a list, or after a cue."""
    items = [item.strip(b" .-") for item in _SEPARATORS.split(_CUE_MARKS.sub(_CUE_AS_ITEM, sentence))]
    if len(items) < 2:
        return
    is_skill = [_SKILL in item and len(item.split()) <= _MAX_WORDS + 1 for item in items]
    for index, item in enumerate(items):
        after = index > 0 and (is_skill[index - 1] or items[index - 1] == b"\x03")
        before = index + 1 < len(items) and is_skill[index + 1]
        if (before or after) and _SKILL not in item and _KNOWN not in item and (name := _name(item)):
            yield name


def _name(item: bytes) -> str | None:
    """The name in an item of a list: its capitalised words ("and Foo Bar skills"), else all of it."""
    words = item.split()
    capitalised = [index for index, word in enumerate(words) if _NAME_WORD.fullmatch(word)]
    if capitalised and capitalised[-1] - capitalised[0] < len(capitalised):
        words = words[capitalised[0] : capitalised[-1] + 1]
    if not 0 < len(words) <= _MAX_WORDS or not all(_WORD.fullmatch(word) for word in words):
        return None
    if not _SMALL_WORDS.isdisjoint(word.lower() for word in words):
        return None
    name = b" ".join(words).rstrip(b".'").decode("utf-8", "ignore")
    return name if len(name) > 1 and any(letter.isalpha() for letter in name) else None


def _count_everywhere(frames: Iterable[pl.DataFrame], names: list[str]) -> tuple[list[int], list[int], list[int]]:
    """For each name, the postings that contain it, its occurrences, and those not in lower case."""
    if not names:
        return [], [], []
    postings, occurrences, capitals = (np.zeros(len(names), dtype=np.int64) for _ in range(3))
    words = [b" " + word.lower() + b" " for word in prepared_words(names)]
    automaton = ahocorasick_rs.BytesAhoCorasick(words, implementation=ahocorasick_rs.Implementation.DFA)
    for prepared in chain.from_iterable(map(_prepared, frames)):
        hits = automaton.find_matches_as_indexes(prepared.folded, overlapping=True)
        found = np.array(hits, dtype=np.int64).reshape(-1, 3)
        occurrences += np.bincount(found[:, 0], minlength=len(names))
        pairs = np.unique(found[:, 0] * len(prepared.ends) + np.searchsorted(prepared.ends, found[:, 1]))
        postings += np.bincount(pairs // len(prepared.ends), minlength=len(names))
        lower = [prepared.spaced[start:end] == prepared.folded[start:end] for _, start, end in hits]
        capitals += np.bincount(found[~np.array(lower, dtype=bool), 0], minlength=len(names))
    return postings.tolist(), occurrences.tolist(), capitals.tolist()


def _row(name: _ListedName, postings: int, share: float, capital: float) -> dict[str, object]:
    spelling = _most_common(name.spellings)
    return {
        "candidate": spelling,
        "category": _most_common(name.categories) if name.categories else None,
        "listed_postings": name.postings,
        "postings": postings,
        "listed_share": share,
        "capital_share": capital,
        "score": name.postings * share,
        "example": name.example,
        "suggested_line": _line(spelling, capital),
    }


def _most_common(counts: Counter[str]) -> str:
    return min(counts, key=lambda name: (-counts[name], name))


def _line(name: str, capital: float) -> str:
    """An entry for the skills file, case-sensitive if the name is sometimes written in lower case, or short."""
    quoted = (
        name if re.fullmatch(r"[A-Za-z][\w.+ -]*", name) and name.lower() not in _YAML_WORDS else json.dumps(name)
    )
    return f"- {quoted}" if capital == 1 and len(name) > 2 else f"- {{name: {quoted}, case: exact}}"


def _example(sentence: bytes, name: str) -> str:
    text = sentence.decode("utf-8", "ignore").replace("\x1f", " ").strip()
    start = max(text.find(name), 0)
    return text[max(start - _CONTEXT_LENGTH, 0) : start + len(name) + _CONTEXT_LENGTH].strip()
