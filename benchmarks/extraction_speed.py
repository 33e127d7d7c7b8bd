"""Postings a second from which skills are extracted, on one core, beside a dict of first words in Python.

The texts are the real ones of `../shared/data`, cut to 3 kB; where they are missing, made up of skills and other
words. The baseline looks at each word once, as flashtext does, and compares the spellings that begin with it. It
is given the texts prepared and only looks for spellings that count anywhere, of which both must find the same.
"""

from __future__ import annotations

import os

os.environ["POLARS_MAX_THREADS"] = "1"

import gc
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import compress

import polars as pl

from benchmarks.quality.real_postings import real_postings
from market_assets.skills.matching import SkillMatcher, batches, skill_matcher
from market_assets.skills.taxonomy import load_taxonomy
from market_assets.skills.tokenize import PreparedTexts, prepare_texts

POSTINGS, LENGTH, LEAST_LENGTH, RUNS = 4_000, 3_000, 2_500, 5
WANTED = 15_000
SENTENCE = "we look for people with experience in building things that work and a team that likes to learn"


def texts(matcher: SkillMatcher) -> tuple[str, list[str]]:
    """What the texts are, and texts of about 3 kB."""
    try:
        found = [posting["description"] or "" for posting in real_postings()]
    except FileNotFoundError:
        found = []
    long = [text[:LENGTH] for text in found if len(text) >= LEAST_LENGTH]
    if long:
        return f"{len(long)} real ones in turn", [long[number % len(long)] for number in range(POSTINGS)]
    draw = random.Random(1)
    names = [skill.name for skill in matcher.taxonomy.skills]
    vocabulary = [*SENTENCE.split() * 16, *draw.sample(names, min(len(names), 30))]
    return "made up", [" ".join(draw.choices(vocabulary, k=600))[:LENGTH] for _ in range(POSTINGS)]


class FirstWords:
    """The baseline."""

    def __init__(self, spellings: list[bytes]) -> None:
        self._after: defaultdict[bytes, list[tuple[int, list[bytes], bytes]]] = defaultdict(list)
        for spelling in spellings:
            first, *others = spelling.split(b" ")[1:-1]
            self._after[first].append((len(others), others, spelling))

    def count(self, prepared: PreparedTexts) -> Counter[bytes]:
        """How often each spelling stands in the texts."""
        found: Counter[bytes] = Counter()
        words = prepared.folded.split(b" ")
        after = self._after
        for place, word in enumerate(words, 1):
            if word in after:
                for length, others, spelling in after[word]:
                    if words[place : place + length] == others:
                        found[spelling] += 1
        return found


def seconds(work: Callable[[], object]) -> float:
    """Of several runs the fewest seconds of CPU."""
    best = float("inf")
    for _ in range(RUNS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def main() -> None:
    # As in the processes that search: see `market_assets.parallel`.
    gc.set_threshold(100_000)
    matcher = skill_matcher(load_taxonomy(None))
    name, descriptions = texts(matcher)
    titles, column = pl.Series(["Data Engineer"] * POSTINGS), pl.Series(descriptions)
    print(f"{POSTINGS:,} postings of {column.str.len_bytes().mean():,.0f} bytes ({name}), one thread, CPU seconds")

    prepared = [prepare_texts(batch) for batch in batches(column.cast(pl.Binary))]
    is_plain = [not pattern.conditional and pattern.open is None for pattern in matcher.patterns]
    plain_patterns = list(compress(matcher.patterns, is_plain))
    baseline = FirstWords([pattern.words for pattern in plain_patterns])
    expected, found = Counter[bytes](), Counter[bytes]()
    for batch in prepared:
        expected += baseline.count(batch)
        hits = matcher.hits(batch)[0].pattern.tolist()
        # An open spelling may be searched for by the words of another.
        found.update(matcher.patterns[pattern].words for pattern in hits if is_plain[pattern])
    assert expected == Counter({words: found[words] for words in expected}), "both find the same spellings"
    assert not {p.words for p in plain_patterns if found[p.words]} - expected.keys()

    plain = seconds(lambda: [baseline.count(batch) for batch in prepared])
    print(f"dict of first words, prepared texts  {plain:6.2f} s  {POSTINGS / plain:9,.0f} postings a second")
    whole = seconds(lambda: matcher.extract(titles, column))
    rate = POSTINGS / whole
    print(
        f"everything, weights too              {whole:6.2f} s  {rate:9,.0f} postings a second, {WANTED:,} wanted"
    )
    print(f"                                     {plain / whole:6.2f} x as fast")


if __name__ == "__main__":
    main()
