"""A second implementation of the weights, in plain loops over the characters of a text, gives the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import polars as pl
from hypothesis import given

from market_assets.skills.cues import Cue, Meaning, Position, load_cues
from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import load_taxonomy
from market_assets.skills.weights import Weight
from market_assets_tests.skills.test_matching_brute_force import WORD, twin_mentions, twin_plain, twin_spaced
from market_assets_tests.skills.test_weights import written

MATCHER = skill_matcher(load_taxonomy())
MARKUP = " *#_=>-[](){}0123456789.)&|/~"
OF_MEANING = {
    Meaning.REQUIRED: Weight.REQUIRED,
    Meaning.OPTIONAL: Weight.OPTIONAL,
    Meaning.IN_USE: Weight.IN_USE,
    Meaning.COMPANY: Weight.BOILERPLATE,
    Meaning.TERMS: Weight.BOILERPLATE,
    Meaning.NEUTRAL: Weight.MENTIONED,
    Meaning.NOT_REQUIRED: Weight.NEGATED,
}
COMMA = ", ?"
JOINS = "( and |, and | & |&| \\+ |\\+| und |, und )"
OFFERS = "(/| / | or |, or | oder |, oder | nor |, nor | and/or | \\(or | bzw. )"

Span = tuple[int, int, Cue]


@cache
def cue_words() -> dict[str, list[Cue]]:
    found: dict[str, list[Cue]] = {}
    for cue in load_cues():
        found.setdefault(twin_spaced(cue.words).strip().lower(), []).append(cue)
    return found


def spans_of(folded: str, *positions: Position) -> list[Span]:
    """Start, end and cue of each hit in some positions, without those within a longer one."""
    spans = [
        (hit.start(), hit.start() + len(words), cue)
        for words, cues in cue_words().items()
        if words in folded
        for hit in re.finditer(f"(?<= )(?={re.escape(words)} )", folded)
        for cue in cues
        if cue.position in positions
    ]
    return (
        sorted(
            span
            for span in spans
            if not any(a <= span[0] and span[1] <= b and (a, b) != span[:2] for a, b, _ in spans)
        )
        if positions != (Position.HEADING,)
        else sorted(spans, key=lambda span: (span[0], -span[1]))
    )


def breaks_of(plain: str) -> list[int]:
    sentence = rf"\.(?![{WORD}])|(?<=\.)\.|(?<=[a-z0-9)\]])\.(?=[A-Z])"
    stops = [stop.start() for stop in re.finditer(sentence, plain) if plain[stop.start() - 2] != "."]
    return sorted({-1, len(plain), *stops, *(at for at, mark in enumerate(plain) if mark in "\n!?;\x1f")})


def bounds(breaks: list[int], at: int) -> tuple[int, int]:
    return max(one for one in breaks if one < at), min(one for one in breaks if one >= at)


def openings(plain: str, folded: str, breaks: list[int]) -> list[tuple[int, int, Meaning]]:
    """Start, latest end and meaning of each passage, in order."""
    opened: list[tuple[int, int, Meaning, bool]] = []
    anywhere = [(start, len(plain), cue.meaning) for start, _, cue in spans_of(folded, Position.PASSAGE)]
    headed = [(*heading, True) for heading in headings(plain, folded, breaks)]
    for start, until, meaning, heads in sorted(
        headed + [(*one, False) for one in anywhere], key=lambda one: one[0]
    ):
        # One that can only end a passage about the company must be in one; where it has, that is still the last.
        ends_company = meaning is Meaning.NEUTRAL and not heads
        begun = [one for one in opened if one[3] is False]
        if not ends_company or (begun and begun[-1][2] is Meaning.COMPANY):
            opened.append((start, until, meaning, ends_company))
    return [(start, until, meaning) for start, until, meaning, _ in opened]


def headings(plain: str, folded: str, breaks: list[int]) -> Iterator[tuple[int, int, Meaning]]:
    reached = -1
    for start, end, cue in spans_of(folded, Position.HEADING):
        begin, stop = bounds(breaks, start)
        rest = plain[end:stop].strip(" *_#")
        words = plain[start:end]
        capitals = words[:1].isupper() and words.split(" ")[-1][:1].isupper() and rest[:1].isupper()
        heads = (
            plain[stop : stop + 1] in ("\n", "?")
            if not rest
            else b":" in rest.encode()[:30] or (" " in words and capitals)
        )
        near = start - 1 - begin <= 6 and not plain[begin + 1 : start].strip(MARKUP)
        if end > reached and near and heads:
            reached = end
            line = plain.find("\n", end)
            own_line = cue.meaning is Meaning.OPTIONAL and line >= 0 and plain[end:line].strip(" *_#:-")
            yield start, line if own_line else len(plain), cue.meaning


def lists_of(plain: str, mentions: list[tuple[int, int, object]]) -> list[tuple[int, bool, bool]]:
    """For each mention the number of its list, whether that offers a choice, and whether a word joins it."""
    numbers, marks, reached = [0], [""], 0
    for (_, end, _), (start, _, _) in pairwise(mentions):
        reached = max(reached, end)
        gap = plain[reached:start].lower()
        if start < reached or (len(gap) <= 8 and re.fullmatch(f"{COMMA}|{JOINS}|{OFFERS}", gap)):
            marks[-1] += "o" if re.fullmatch(OFFERS, gap) else "j" if re.fullmatch(JOINS, gap) else ""
        else:
            marks.append("")
        numbers.append(len(marks) - 1)
    return [(number, "o" in marks[number], bool(marks[number])) for number in numbers]


def by_sentence(
    plain: str, folded: str, breaks: list[int], start: int, end: int, passage: Weight | None
) -> Weight:
    """The weight of a mention under a heading, by the cues of its sentence."""
    first, last = bounds(breaks, start)
    spans = spans_of(folded, Position.BEFORE, Position.AFTER, Position.EITHER, Position.WEAK, Position.NEGATOR)
    spans = [span for span in spans if first < span[0] <= last]
    strong: dict[tuple[int, int], dict[Position, Meaning]] = {}
    for a, b, cue in spans:
        if cue.position in (Position.BEFORE, Position.AFTER, Position.EITHER):
            strong.setdefault((a, b), {})[cue.position] = cue.meaning
    weight = passage or Weight.MENTIONED
    asked_for = any(cue.position is Position.WEAK and a < start for a, _, cue in spans)
    if asked_for and passage is not Weight.OPTIONAL:
        weight = Weight.MENTIONED if passage is Weight.BOILERPLATE else Weight.REQUIRED
    found = None
    places = sorted(strong)
    before = [span for span in places if span[0] < start]
    after = [span for span in places if span[0] >= start]
    if after and Position.BEFORE not in strong[after[0]]:
        found = softened(strong, places, after[0])
        gap = plain[end : after[0][0] - 1]
        others = (",", ":", "(", ")", " and ", " but ", " und ", " aber ")
        if found is Meaning.NOT_REQUIRED and (len(gap.encode()) > 40 or any(one in gap for one in others)):
            found = None
    if found is None and before and Position.AFTER not in strong[before[-1]]:
        found = softened(strong, places, before[-1])
    if found is None or (passage is Weight.BOILERPLATE and found is Meaning.IN_USE):
        return weight
    if passage is Weight.OPTIONAL and found is not Meaning.NOT_REQUIRED:
        return weight
    return OF_MEANING[found]


def softened(
    strong: dict[tuple[int, int], dict[Position, Meaning]], places: list[tuple[int, int]], span: tuple[int, int]
) -> Meaning:
    (meaning,) = set(strong[span].values())
    at = places.index(span)
    beside = [places[other] for other in (at - 1, at + 1) if 0 <= other < len(places)]
    optional = any(Meaning.OPTIONAL in strong[other].values() for other in beside)
    return Meaning.OPTIONAL if meaning is Meaning.NOT_REQUIRED and optional else meaning


def twin_weights(text: str) -> dict[str, int]:
    text = f" \x1f {text}"
    plain, folded = twin_plain(text), twin_spaced(text).lower()
    breaks, mentions = breaks_of(plain), twin_mentions(text)
    passages = openings(plain, folded, breaks)
    negators = {end for _, end, cue in spans_of(folded, *list(Position)[2:]) if cue.position is Position.NEGATOR}
    weights: list[Weight] = []
    direct: list[bool] = []
    lists = lists_of(plain, mentions) if mentions else []
    for (start, end, _), (_, offers, _) in zip(mentions, lists, strict=True):
        over = [passage for passage in passages if passage[0] <= start]
        passage = OF_MEANING[over[-1][2]] if over and start - 1 < over[-1][1] else None
        weight = by_sentence(plain, folded, breaks, start, end, passage)
        weights.append(Weight.ALTERNATIVE if offers and weight is Weight.REQUIRED else weight)
        direct.append(start - 1 in negators)
    negated = [is_direct or weight is Weight.NEGATED for is_direct, weight in zip(direct, weights, strict=True)]
    spread = list(negated)
    for one, (number, _, joined) in enumerate(lists):
        for other, (same, _, _) in enumerate(lists):
            if negated[one] and joined and number == same and (other > one if direct[one] else other < one):
                spread[other] = True
    best: dict[str, int] = {}
    for (_, _, skill), weight, is_negated in zip(mentions, weights, spread, strict=True):
        if not is_negated:
            best[skill.name] = max(best.get(skill.name, 0), int(weight))
    return best


@given(written)
def test_plain_loops_come_to_the_same_weights(text: str) -> None:
    found = MATCHER.extract(pl.Series([None], dtype=pl.String), pl.Series([text], dtype=pl.String))
    names = [MATCHER.taxonomy.skills[code].name for code in found["skills"][0]]
    assert dict(zip(names, found["weights"][0], strict=True)) == twin_weights(text)
