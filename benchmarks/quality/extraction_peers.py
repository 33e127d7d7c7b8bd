"""One peer finds the names in texts: a program for the peers' own environment, of `benchmarks.quality.extraction`.

Standard input is a JSON object: `peer`, `names` (name → canonical name, for the peers that take a list) and
`texts`. Standard output is another: `found` (a list of names for each text) and `seconds` of processor time,
without what a peer does once. A peer that can't be had ends with status 3 and one line on standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import resources
from typing import Any

Finder = Callable[[str], list[str]]


def flashtext(names: dict[str, str]) -> Finder:
    from flashtext import KeywordProcessor

    processor = KeywordProcessor()
    for name, canonical in names.items():
        processor.add_keyword(name, canonical)
    return processor.extract_keywords


def phrase_matcher(names: dict[str, str]) -> Finder:
    import spacy
    from spacy.matcher import PhraseMatcher

    pipeline = spacy.blank("en")
    pipeline.max_length = 10**7
    matcher = PhraseMatcher(pipeline.vocab, attr="LOWER")
    for name, canonical in names.items():
        matcher.add(canonical, [pipeline.make_doc(name)])

    def find(text: str) -> list[str]:
        document = pipeline.make_doc(text)
        spans = spacy.util.filter_spans(matcher(document, as_spans=True))
        return [span.label_ for span in spans]

    return find


def keyword_matcher(_: dict[str, str]) -> Finder:
    from skill_extractor.matcher import KeywordMatcher

    listed = json.loads((resources.files("skill_extractor") / "data" / "skills.json").read_text())
    matcher = KeywordMatcher(listed)
    return lambda text: [name for name, _, _ in matcher.extract(text)]


def skill_extractor(_: dict[str, str]) -> Finder:
    from skill_extractor import SkillExtractor

    return SkillExtractor().extract


def skillner(_: dict[str, str]) -> Finder:
    import spacy
    from skillNer.general_params import SKILL_DB
    from skillNer.skill_extractor_class import SkillExtractor
    from spacy.matcher import PhraseMatcher

    extractor = SkillExtractor(spacy.load("en_core_web_lg"), SKILL_DB, PhraseMatcher)

    def find(text: str) -> list[str]:
        if not text.strip():
            return []
        results = extractor.annotate(text)["results"]
        hits = [*results["full_matches"], *results["ngram_scored"]]
        return [SKILL_DB[hit["skill_id"]]["skill_name"].partition(" (")[0] for hit in hits]

    return find


PEERS: dict[str, Callable[[dict[str, str]], Finder]] = {
    "flashtext": flashtext,
    "spaCy PhraseMatcher": phrase_matcher,
    "skill-extractor's matcher": keyword_matcher,
    "skill-extractor": skill_extractor,
    "SkillNER": skillner,
}


def main() -> None:
    task: dict[str, Any] = json.load(sys.stdin)
    try:
        find = PEERS[task["peer"]](task["names"])
    except Exception as error:
        # What follows is the addresses that it could not reach.
        reason = str(error).partition("\n")[0].partition("(")[0].partition(" and we ")[0]
        sys.stderr.write(f"{type(error).__name__}: {reason}\n")
        raise SystemExit(3) from None
    find("Python and SQL")
    started = time.process_time()
    found = [find(text) for text in task["texts"]]
    json.dump({"found": found, "seconds": time.process_time() - started}, sys.stdout)


if __name__ == "__main__":
    main()
