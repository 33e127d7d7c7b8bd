"""Patterns of whole words: spellings of skills, phrases in which they mean something else, and cues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from typing import NamedTuple

from market_assets.skills.cues import Cue, lone_name_wordings
from market_assets.skills.taxonomy import Skill, Taxonomy, TaxonomyError
from market_assets.skills.tokenize import PreparedTexts, prepared_words

#: The greatest distance of a context word from a name, in characters of the prepared text; and its most bytes.
CONTEXT_REACH = 60
_BYTES_OF_REACH = 4 * (CONTEXT_REACH + 1)
#: Bytes before and after a name that hold any of the wordings that ask for it.
_WORDING_REACH = 48
_END_MARKS = b",.;:)/|!?\n\x1f"
#: `Pattern.skill` of phrases that are no skill.
NO_SKILL = -1
#: The least length of a name of several words that counts without spaces too (MachineLearning).
_MIN_JOINED = 8
#: Takes the place of `*` while a spelling is prepared: a letter that no spelling has.
_ANY = "ƿ"
_LETTERS = rb"[^ ]*"
#: Beginnings of so many words that it takes longer to search for them than for the word beside them.
_FREQUENT = frozenset(
    b" " + part for part in b"system test program marketing technologi strategi model prac medi operator".split()
)


@dataclass(frozen=True)
class OpenSpelling:
    """A spelling with `*`, of which only a part is searched for.

    Attributes:
        expression: a regular expression of the whole, from the space before it to the one after it.
        words_before: the number of spaces before the part that is searched for.
    """

    expression: bytes
    words_before: int

    @cached_property
    def _whole(self) -> re.Pattern[bytes]:
        # Most of them are in no text that a process sees.
        return re.compile(self.expression)

    def find(self, folded: bytes, start: int) -> tuple[int, int] | None:
        """Where the whole of it starts and ends, around the part at `start`; None where the rest differs."""
        for _ in range(self.words_before):
            start = folded.rfind(b" ", 0, max(start, 0))
        match = self._whole.match(folded, max(start, 0))
        return match.span() if match else None


class Pattern(NamedTuple):
    """One spelling as whole words with a space at both ends, and the conditions for a hit.

    Attributes:
        words: the words in lower case; of a spelling with `*`, the part that is searched for.
        skill: the skill's position in the taxonomy; `NO_SKILL` for a phrase.
        spelling: as in the taxonomy.
        nested: whether it counts within a longer name.
        exact: the words in the required case; None where case does not matter.
        near: context words of which one must be near the hit; none is needed if empty.
        is_short: whether a hyphen or & that joins it to another word excludes it.
        exact_or_near: whether one of both conditions is enough: the exact case, or a context word.
        written: the words in the case of the taxonomy.
        open: how a spelling with `*` is matched; None for others.
    """

    words: bytes
    skill: int
    spelling: str
    written: bytes
    open: OpenSpelling | None = None
    nested: bool = False
    exact: bytes | None = None
    near: frozenset[bytes] = frozenset()
    is_short: bool = False
    exact_or_near: bool = False

    @property
    def precedence(self) -> int:
        """Which of patterns that match the same words counts: the greatest; by letters, whole words first."""
        return 2 * len(self.written.replace(_ANY.encode(), b"")) + (self.open is None)

    @property
    def conditional(self) -> bool:
        return self.exact is not None or bool(self.near)

    def rejection(self, prepared: PreparedTexts, start: int, end: int) -> str | None:
        """Why a hit on the words from `start` to `end` does not count, in words; None where it does."""
        is_exact = self.exact is None or prepared.spaced[start:end] == self.exact
        if self.exact_or_near and is_exact:
            return None
        if not is_exact and not self.exact_or_near:
            return f"only counts when written {self.spelling}"
        if self.is_short and _is_joined(prepared.plain, start, end):
            return "a hyphen or & joins it to its neighbour"
        if self.near and self.near.isdisjoint(_words_around(prepared.folded, start, end)):
            if self.written.islower() or prepared.spaced[start:end] != self.written:
                return "none of its context words is near"
            if not _is_asked_for(prepared, start, end):
                return "none of its context words is near, and the wording does not ask for it"
        return None

    def context(self, prepared: PreparedTexts, start: int, end: int) -> str | None:
        """The first context word near a hit; None where there is none."""
        words = _words_around(prepared.folded, start, end)
        return next((word.decode() for word in words if word in self.near), None)


def skill_patterns(taxonomy: Taxonomy) -> list[Pattern]:
    """The patterns of all spellings and `unless` phrases; of a skill's patterns of the same words only the first.

    Raises:
        TaxonomyError: a spelling has no characters that can be searched for.
    """
    spellings = [(text, position) for position, skill in enumerate(taxonomy.skills) for text in skill.spellings]
    phrases = [(phrase, NO_SKILL) for skill in taxonomy.skills for phrase in skill.unless]
    # Spellings and phrases, of each first those as written, then the variants.
    written = [
        (text, spelling, position)
        for listed in (spellings, phrases)
        for texts in (lambda spelling: (spelling,), _variants)
        for spelling, position in listed
        for text in texts(spelling)
    ]
    words = prepared_words([text.replace("*", _ANY) for text, _, _ in written])
    if b"" in words:
        raise TaxonomyError(f"'{written[words.index(b'')][0]}' holds nothing that can be searched for")
    near = _near_words(taxonomy)
    patterns: dict[bytes, list[Pattern]] = {}
    for (_, spelling, position), found in zip(written, words, strict=True):
        of_words = patterns.setdefault(found.lower(), [])
        if position == NO_SKILL:
            if not of_words:
                of_words.append(Pattern(b" " + found.lower() + b" ", NO_SKILL, spelling, found))
        # Another skill may share a spelling only where both need context words.
        elif all(other.skill != position and other.near for other in of_words):
            of_words.append(_pattern(taxonomy.skills[position], position, spelling, found, near))
    return list(chain.from_iterable(patterns.values()))


def cue_patterns(cues: Sequence[Cue]) -> list[tuple[bytes, list[Cue]]]:
    """The words of all cues, each once, with the cues of that wording."""
    found: dict[bytes, list[Cue]] = {}
    for cue, words in zip(cues, prepared_words([cue.words for cue in cues]), strict=True):
        found.setdefault(b" " + words.lower() + b" ", []).append(cue)
    return list(found.items())


def _near_words(taxonomy: Taxonomy) -> dict[tuple[str, ...], frozenset[bytes]]:
    """Context words as they are in a prepared text; the first part of those that are divided there (html5)."""
    lists = {words for skill in taxonomy.skills for words in (skill.near, *dict(skill.ambiguous).values())}
    words = sorted(set(chain.from_iterable(lists)))
    prepared = dict(zip(words, prepared_words(words), strict=True))
    return {near: frozenset(prepared[word].split(b" ")[0] for word in near) for near in (*lists, ())}


def _pattern(
    skill: Skill, position: int, spelling: str, words: bytes, near: dict[tuple[str, ...], frozenset[bytes]]
) -> Pattern:
    is_name = spelling == skill.name
    is_exact = skill.is_exact(spelling)
    searched, open_spelling = b" " + words.lower() + b" ", None
    if "*" in spelling:
        searched, open_spelling = _open_spelling(words.lower())
    return Pattern(
        words=searched,
        skill=position,
        spelling=spelling,
        written=words,
        open=open_spelling,
        nested=skill.nested,
        exact=words if is_exact else None,
        near=near[skill.near_of(spelling)],
        is_short=is_name and is_exact and len(words) <= 2,
        exact_or_near=is_name and skill.case == "near",
    )


def _open_spelling(words: bytes) -> tuple[bytes, OpenSpelling]:
    """The part of a spelling with `*` that is searched for, and how the whole of it is matched."""
    parts = (b" " + words + b" ").split(_ANY.encode())
    # "*pflege" is the last part of a compound, and not the word alone.
    begin = b" [^ ]+" if parts[0] == b" " else re.escape(parts[0]) + _LETTERS
    whole = begin + _LETTERS.join(map(re.escape, parts[1:]))
    searched = max(range(len(parts)), key=lambda part: (parts[part] not in _FREQUENT, len(parts[part])))
    return parts[searched], OpenSpelling(whole, b"".join(parts[:searched]).count(b" "))


def _variants(spelling: str) -> Iterator[str]:
    """Other ways to write a spelling: "Node js", "CI / CD", "Profit & Loss", "MachineLearning"."""
    if "*" in spelling:
        return
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
    words = spelling.split(" ")
    if len(words) > 1 and all(word.isascii() and word.isalpha() for word in words):
        joined = "".join(words)
        if len(joined) >= _MIN_JOINED:
            yield joined


def _is_asked_for(prepared: PreparedTexts, start: int, end: int) -> bool:
    """Whether the wording directly before or after a hit makes it a skill: "Experience with Go required"."""
    wordings = _lone_name_wordings()
    after = prepared.folded[end : end + _WORDING_REACH]
    if after.startswith(wordings["after"]):
        return True
    if not prepared.folded[max(0, start - _WORDING_REACH) : start].endswith(wordings["before"]):
        return False
    mark = prepared.plain[end : end + 1]
    return (
        mark in _END_MARKS or prepared.plain[end : end + 2] in (b" (", b" \0") or after.startswith(wordings["end"])
    )


@cache
def _lone_name_wordings() -> dict[str, tuple[bytes, ...]]:
    """Each list of wordings as whole words with a space at both ends."""
    return {
        place: tuple(b" " + words.lower() + b" " for words in prepared_words(wordings))
        for place, wordings in lone_name_wordings().items()
    }


def _is_joined(plain: bytes, start: int, end: int) -> bool:
    """Whether a hyphen or an ampersand joins the name to another word: R&D, C-level, USB-C."""
    before, after = plain[start - 1 : start], plain[end : end + 1]
    return (before in b"-&" and plain[start - 2 : start - 1].isalnum()) or (
        after in b"-&" and plain[end + 1 : end + 2].isalnum()
    )


def _words_around(folded: bytes, start: int, end: int) -> list[bytes]:
    """The words of the same text that are completely within `CONTEXT_REACH` characters of a hit."""
    before = folded[max(0, start - CONTEXT_REACH - 1) : start]
    after = folded[end : end + CONTEXT_REACH + 1]
    if not (before.isascii() and after.isascii()):
        before = _characters(folded[max(0, start - _BYTES_OF_REACH) : start])[-CONTEXT_REACH - 1 :].encode()
        after = _characters(folded[end : end + _BYTES_OF_REACH])[: CONTEXT_REACH + 1].encode()
    if b"\0" in before:
        before = before.rpartition(b"\0")[2]
    if b"\0" in after:
        after = after.partition(b"\0")[0]
    # Texts begin and end with a space, so the first and the last word are incomplete or empty.
    return (before + after).split(b" ")[1:-1]


def _characters(part: bytes) -> str:
    """A part of a text without the characters that are cut at its ends."""
    return part.decode("utf-8", "ignore")
