"""The language of labelled postings, by the project and, where it is installed, by py3langid; with CPU seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec

import polars as pl

from benchmarks.quality.edits import plain
from benchmarks.quality.labelled import FOREIGN, LABELS, identity
from benchmarks.quality.real_postings import real_postings
from market_assets.postings.languages import MAX_TEXT, languages

#: `postings.jsonl` holds these beside English ones.
NOT_ENGLISH = {"Praktikant": "de", "Quereinsteiger": "de", "Android Software Engineer (Azar)": "ko"}
LENGTHS = (MAX_TEXT, 100)

Detector = Callable[[list[str]], list[str | None]]


def labelled_texts() -> Iterator[tuple[str, str]]:
    """Text and language."""
    known = {row["posting"]: row["language"] for row in _rows("languages.jsonl")}
    english = {row["posting"] for row in _rows("postings.jsonl")}
    for path in FOREIGN:
        for posting in json.loads(path.read_text(encoding="utf-8")) if path.exists() else ():
            if language := known.get(identity(posting["description"] or "")):
                yield posting["description"], language
    for recorded in real_postings():
        text, title = plain(recorded), recorded["title"] or ""
        if english & {identity(text), identity(recorded["description"] or "")}:
            yield text, next((code for begin, code in NOT_ENGLISH.items() if title.startswith(begin)), "en")


def _rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (LABELS / name).read_text(encoding="utf-8").splitlines()]


def by_project(texts: list[str]) -> list[str | None]:
    return languages(pl.Series([None] * len(texts), dtype=pl.String), pl.Series(texts)).to_list()


def by_library(texts: list[str]) -> list[str | None]:
    classify = import_module("py3langid").classify
    return [classify(text)[0] for text in texts]


def main() -> None:
    texts, labels = zip(*labelled_texts(), strict=True)
    detectors: dict[str, Detector] = {"project": by_project}
    if find_spec("py3langid"):
        detectors["py3langid"] = by_library
    for name, detect in detectors.items():
        detect(["warm up"])
        for length in LENGTHS:
            started = time.process_time()
            found = detect([text[:length] for text in texts])
            seconds = time.process_time() - started
            right = sum(one == label for one, label in zip(found, labels, strict=True))
            print(f"{name:10} first {length} characters: {right} of {len(texts)} right, ", end="")
            print(f"{found.count(None)} unknown, {len(texts) - right - found.count(None)} wrong, {seconds:.3f} s")


if __name__ == "__main__":
    main()
