"""Names that stand in lists with skills time and again, but not in the taxonomy: skills that it may lack."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import ahocorasick_rs
import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.skills.cues import Place
from market_assets.skills.matching import SkillMatcher, batches, joined_texts
from market_assets.skills.mentions import Mentions
from market_assets.skills.patterns import NO_SKILL, prepared_words
from market_assets.skills.tokenize import PreparedTexts, prepare_texts

Places = npt.NDArray[np.int64]

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

#: In fewer postings a name may be one employer's own.
LEAST_POSTINGS = 3
#: A name stands in lists with skills in at least this share of the postings that have it.
LEAST_LISTED_SHARE = 0.2
#: An ordinary word is mostly written small; one that is must stand in such lists in a greater share.
LEAST_CAPITAL_SHARE = 0.8
LEAST_SMALL_LISTED_SHARE = 0.25
#: How many names are counted everywhere, of those that are listed most.
_MOST_COUNTED = 5_000
#: How much of the text is shown on either side.
_SHOWN = 60

#: What stands in for a skill, for a name that is known but is no skill where it stands, for "experience with".
_SKILL, _KNOWN, _ASKED = 1, 2, 3
_CUE_MARKS = re.compile(rb"\x03+")
_CUE_AS_ITEM = b",\x03,"
_SEPARATORS = re.compile(rb"[,;:/()|*\[\]]| (?:and|or|und|oder|&|such as|like|including|e\.g\.|i\.e\.|etc\.?|-) ")
_NAME_WORD = re.compile(rb"[A-Z][\w.+#'-]*|\d+[A-Za-z][\w.+#-]*|[a-z]+[A-Z][\w.+#-]*")
_WORD = re.compile(rb"[A-Za-z0-9][\w.+#'-]*")
#: No part of a name that is all of a list's item.
_SMALL_WORDS = frozenset(
    b"a an the of in on to for with from by at as is are be your our their other others etc any all more most new"
    b" various multiple similar related strong good great excellent experience knowledge skills ability using use"
    b" well both years year e.g i.e not we you it this that these those".split()
)
_MOST_WORDS = 3


@dataclass
class _Sighting:
    """What is known of a name so far."""

    postings: int = 0
    spellings: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    example: str = ""


def skill_candidates(
    read: Callable[[], Iterable[pl.DataFrame]], matcher: SkillMatcher, limit: int = 200
) -> pl.DataFrame:
    """The names that most likely are skills which the taxonomy lacks.

    Args:
        read: gives title and description of postings, in batches; called twice.
        matcher: of the taxonomy.
        limit: the greatest number of candidates.

    Returns:
        Schema `SKILL_CANDIDATES`, by rank. `listed_postings` of the `postings` with the name have it in a list
        with skills, or after a wording such as "experience with"; `capital_share` of its mentions are not written
        small. The score is listed_postings × listed_share. `category` is that of the skills it is listed with
        most often, null where it is with none; `suggested_line` can be put under it in the skills file.
    """
    listed: dict[str, _Sighting] = {}
    for frame in read():
        for prepared in _prepared(frame):
            _collect(prepared, matcher, listed)
    often = sorted(
        (name for name, seen in listed.items() if seen.postings >= LEAST_POSTINGS),
        key=lambda name: (-listed[name].postings, name),
    )[:_MOST_COUNTED]
    postings, mentions, capitals = _count_everywhere(read(), often)
    rows = []
    for place, name in enumerate(often):
        seen = listed[name]
        share = min(seen.postings / max(postings[place], 1), 1.0)
        capital = capitals[place] / max(mentions[place], 1)
        if share >= (LEAST_LISTED_SHARE if capital >= LEAST_CAPITAL_SHARE else LEAST_SMALL_LISTED_SHARE):
            rows.append(_row(seen, int(postings[place]), share, float(capital)))
    table = pl.DataFrame(rows, schema={name: dtype for name, dtype in SKILL_CANDIDATES.items() if name != "rank"})
    best = table.sort(["score", "candidate"], descending=[True, False]).head(limit)
    return best.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).select(SKILL_CANDIDATES.names())


def _prepared(frame: pl.DataFrame) -> Iterator[PreparedTexts]:
    for texts in batches(joined_texts(frame["title"], frame["description"])):
        yield prepare_texts(texts)


def _collect(prepared: PreparedTexts, matcher: SkillMatcher, listed: dict[str, _Sighting]) -> None:
    """Note the names that stand in lists with skills, or where skills are asked for."""
    mentions = matcher.mentions(prepared)
    masked, asked = _masked(prepared, matcher, mentions)
    bounds = np.concatenate(([-1], prepared.breaks, [len(masked)]))
    of_mention = np.searchsorted(prepared.breaks, mentions.start + 1)
    skill_of = dict(zip(of_mention.tolist(), mentions.skill.tolist(), strict=True))
    sentences = np.union1d(of_mention, np.searchsorted(prepared.breaks, asked + 1))
    rows = np.searchsorted(prepared.ends, bounds[sentences] + 1)
    seen_in: set[tuple[int, str]] = set()
    for row, sentence in zip(rows.tolist(), sentences.tolist(), strict=True):
        begin, end = int(bounds[sentence]) + 1, int(bounds[sentence + 1])
        for name in _listed_names(masked[begin:end]):
            key = name.casefold()
            seen = listed.setdefault(key, _Sighting())
            seen.spellings[name] += 1
            if sentence in skill_of:
                seen.categories[matcher.taxonomy.skills[skill_of[sentence]].category] += 1
            if (row, key) not in seen_in:
                seen_in.add((row, key))
                seen.postings += 1
            if not seen.example:
                seen.example = _snippet(prepared.plain[begin:end], name)


def _masked(prepared: PreparedTexts, matcher: SkillMatcher, mentions: Mentions) -> tuple[bytes, Places]:
    """The texts with marks for every skill, every name that is known, and every cue that asks for skills.

    Returns:
        The texts, and where the cues are.
    """
    text = np.frombuffer(prepared.plain, dtype=np.uint8).copy()
    hits, cues = matcher.hits(prepared)
    known = np.array([pattern.skill != NO_SKILL for pattern in matcher.patterns], dtype=bool)[hits.pattern]
    asks = np.array([alike[0].place is Place.WEAK for alike in matcher.cues], dtype=bool)[cues.pattern]
    marked = (
        (_KNOWN, hits.start[known], hits.end[known]),
        (_SKILL, mentions.start, mentions.end),
        (_ASKED, cues.start[asks], cues.end[asks]),
    )
    for mark, starts, ends in marked:
        for first, last in zip((starts + 1).tolist(), (ends - 1).tolist(), strict=True):
            text[first:last] = mark
    return text.tobytes(), cues.start[asks]


def _listed_names(sentence: bytes) -> Iterator[str]:
    """The unknown names of a sentence that stand beside a skill in a list."""
    # What a cue asks for stands as in a list with a skill.
    items = [item.strip(b" .-") for item in _SEPARATORS.split(_CUE_MARKS.sub(_CUE_AS_ITEM, sentence))]
    if len(items) < 2:
        return
    is_skill = [_SKILL in item and len(item.split()) <= _MOST_WORDS + 1 for item in items]
    for place, item in enumerate(items):
        after = place > 0 and (is_skill[place - 1] or items[place - 1] == b"\x03")
        before = place + 1 < len(items) and is_skill[place + 1]
        if (before or after) and item and _SKILL not in item and _KNOWN not in item:
            name = _name(item)
            if name:
                yield name


def _name(item: bytes) -> str | None:
    """The name in an item of a list: its capitalised words ("and Foo Bar skills") or else the whole of it."""
    words = item.split()
    first = next((place for place, word in enumerate(words) if _NAME_WORD.fullmatch(word)), None)
    if first is not None:
        last = max(place for place, word in enumerate(words) if _NAME_WORD.fullmatch(word))
        named = words[first : last + 1]
        words = named if all(_NAME_WORD.fullmatch(word) for word in named) else words
    if not 0 < len(words) <= _MOST_WORDS or not all(_WORD.fullmatch(word) for word in words):
        return None
    if not _SMALL_WORDS.isdisjoint(word.lower() for word in words):
        return None
    name = b" ".join(words).rstrip(b".'").decode("utf-8", "ignore")
    return name if len(name) > 1 and any(letter.isalpha() for letter in name) else None


def _count_everywhere(frames: Iterable[pl.DataFrame], names: list[str]) -> tuple[Places, Places, Places]:
    """For each name its postings, its mentions, and those that are not written small."""
    postings, mentions, capitals = (np.zeros(len(names), dtype=np.int64) for _ in range(3))
    words = [b" " + word.lower() + b" " for word in prepared_words(names)]
    if not words:
        return postings, mentions, capitals
    automaton = ahocorasick_rs.BytesAhoCorasick(words, implementation=ahocorasick_rs.Implementation.DFA)
    for frame in frames:
        for prepared in _prepared(frame):
            hits = automaton.find_matches_as_indexes(prepared.folded, overlapping=True)
            found = np.array(hits, dtype=np.int64).reshape(-1, 3)
            mentions += np.bincount(found[:, 0], minlength=len(names))
            pairs = np.unique(found[:, 0] * len(prepared.ends) + np.searchsorted(prepared.ends, found[:, 1]))
            postings += np.bincount(pairs // len(prepared.ends), minlength=len(names))
            small = [prepared.spaced[start:end] == prepared.folded[start:end] for _, start, end in hits]
            capitals += np.bincount(found[~np.array(small, dtype=bool), 0], minlength=len(names))
    return postings, mentions, capitals


def _row(seen: _Sighting, postings: int, share: float, capital: float) -> dict[str, object]:
    name = _most_common(seen.spellings)
    return {
        "candidate": name,
        "category": _most_common(seen.categories) if seen.categories else None,
        "listed_postings": seen.postings,
        "postings": postings,
        "listed_share": share,
        "capital_share": capital,
        "score": seen.postings * share,
        "example": seen.example,
        "suggested_line": _line(name, capital),
    }


def _most_common(counts: Counter[str]) -> str:
    return min(counts, key=lambda name: (-counts[name], name))


def _line(name: str, capital: float) -> str:
    """A line for the skills file; a name that is a word of the language too only counts as it is written."""
    quoted = (
        name if re.fullmatch(r"[A-Za-z][\w.+ -]*", name) and name.lower() not in _YAML_WORDS else json.dumps(name)
    )
    return f"- {quoted}" if capital == 1 and len(name) > 2 else f"- {{name: {quoted}, case: exact}}"


_YAML_WORDS = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")


def _snippet(sentence: bytes, name: str) -> str:
    text = sentence.decode("utf-8", "ignore").replace("\x1f", " ").strip()
    place = max(text.find(name), 0)
    return text[max(place - _SHOWN, 0) : place + len(name) + _SHOWN].strip()
