"""Makes `market_assets/postings/occupation_labels.csv.gz` from the titles of ESCO in nine languages.

    python -m benchmarks.occupation_labels MELO OCCUPATIONS

MELO is a checkout of https://github.com/Avature/melo-benchmark, which holds the titles of ESCO, preferred and
alternative, by language, and the tables of ESCO's portal by which countries match their own classifications to it;
OCCUPATIONS is `occupations_en.csv` of ESCO's own download, which has the codes. ESCO is published by the European
Commission under CC BY 4.0.

A title that means several occupations is left to the one whose preferred title it is, else to the one that three
quarters of its uses mean, else left out. Alternative titles are left out in English, where they are often of other
occupations, and where they begin or end with a known title of another one; so are short words, which mean other
things in other languages, words that only say what kind of job it is, and titles that begin or end with a shorter
one of the same occupation, which is found in them.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import yaml

from market_assets.postings.occupations import (
    LABELS_FILE,
    LONGEST,
    WORDS_FILE,
    known_occupations,
    normalised_titles,
    written_titles,
)

#: The benchmark's corpora, whose names end with their language.
CORPORA = (
    *("usa_q_en_c_en", "deu_q_de_c_de", "fra_q_fr_c_fr", "esp_q_es_c_es", "ita_q_it_c_it"),
    *("nld_q_nl_c_nl", "pol_q_pl_c_pl", "prt_q_pt_c_pt", "swe_q_sv_c_sv"),
)
#: National classifications whose titles are matched to ESCO.
NATIONAL = (
    *("aut_de", "bel_fr", "bel_nl", "deu_de", "esp_es", "fra_fr"),
    *("ita_it", "nld_nl", "pol_pl", "prt_pt", "swe_sv"),
)
PREFERRED_WEIGHT, CLEAR_SHARE = 10, 0.75
#: Letters of a title of one word: alternative ones of languages that build compounds, and preferred ones.
COMPOUNDING, SHORTEST_COMPOUND, SHORTEST_WORD = ("de", "nl", "sv"), 9, 7


def occupations_of_codes(codes: set[str]) -> dict[str, str]:
    """The occupation of each code of ESCO or ISCO: that of the longest known code that it begins with."""
    known = {code: one.name for one in known_occupations().values() for code in (one.code, *one.also)}
    return {code: known[found] for code in codes if (found := _longest(code, known))}


def _longest(code: str, known: dict[str, str]) -> str | None:
    parts = code.split(".")
    prefixes = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in known), None)


def labels(melo: Path, codes: dict[str, str]) -> Iterator[tuple[str, set[str], bool]]:
    """Each title, the codes of what it means, and whether it is the preferred one of ESCO."""
    for corpus in CORPORA:
        language = corpus[-2:]
        folder = melo / "data" / "processed" / "melo" / corpus
        concepts = dict(_lines(folder / "concept_mapping.tsv"))
        for element, text in _lines(folder / "corpus_elements.tsv"):
            preferred = element.endswith("_000")
            if preferred or language != "en":
                for title in _long_enough(text, language, preferred):
                    yield title, {_code(concepts[element], codes)}, preferred
    for country in NATIONAL:
        path = melo / "data" / "raw" / "crosswalks_standard" / country / "crosswalk.json"
        for entry in json.loads(path.read_text(encoding="utf-8")).values():
            for title in _long_enough(entry["title"], country[-2:], preferred=False):
                yield title, {_code(concept, codes) for concept in entry["matches"]}, False


def _code(concept: str, codes: dict[str, str]) -> str:
    return codes.get(concept, concept.rpartition("/C")[2])


def _long_enough(text: str, language: str, preferred: bool) -> Iterator[str]:
    shortest = SHORTEST_COMPOUND if language in COMPOUNDING and not preferred else SHORTEST_WORD
    for title in _forms(text):
        if " " in title or (len(title) >= shortest and (preferred or language in COMPOUNDING)):
            yield title


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _tab, value = line.partition("\t")
        yield key, value


def _forms(text: str) -> list[str]:
    """The forms of both genders in "waiter/waitress" and "technicien/technicienne de maintenance"."""
    forms = [form.strip() for form in text.split("/")]
    if len(forms) == 1 or forms[1].startswith(("in", "-in")):
        return [text]
    if any(form[:3] != forms[0][:3] for form in forms):
        return []
    rest = forms[-1].partition(" ")[2]
    return [form if " " in form or not rest else f"{form} {rest}" for form in forms]


def main(melo: Path, occupations: Path) -> None:
    with occupations.open(encoding="utf-8", newline="") as lines:
        codes = {row["conceptUri"]: row["code"] for row in csv.DictReader(lines)}
    rows = list(labels(melo, codes))
    targets = occupations_of_codes(set().union(*(meant for _title, meant, _preferred in rows)))
    plain = pl.Series("title", [title for title, _meant, _preferred in rows])
    words = plain.to_frame().select(normalised_titles(pl.col("title")).str.strip_chars(" ,")).to_series()
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for title, (_text, meant, preferred) in zip(words, rows, strict=True):
        found = {targets.get(code) for code in meant}
        name = found.pop() if len(found) == 1 else None
        if name and title and " , " not in title and title.count(" ") < LONGEST:
            votes[title][name] += PREFERRED_WEIGHT if preferred else 1
    read = yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))
    vague = {word for kind in read["kinds"].values() for word in kind} | set(map(str, read["little"]))
    vague_titles = set(read["vague"])
    clear = {
        title: (name, count >= PREFERRED_WEIGHT)
        for title, counts in votes.items()
        for name, count in [counts.most_common(1)[0]]
        if count >= CLEAR_SHARE * counts.total() and not set(title.split()) <= vague
    }
    known = {title: name for title, (name, preferred) in clear.items() if preferred} | written_titles()
    names = {title: name for title, (name, _preferred) in clear.items()} | known

    def is_needed(title: str, name: str, preferred: bool) -> bool:
        parts = {part: names[part] for part in _parts(title) if part in names}
        return name not in parts.values() and (preferred or not parts.keys() & known.keys())

    kept = {
        title: name
        for title, (name, preferred) in clear.items()
        if title not in vague_titles and is_needed(title, name, preferred)
    }
    rows_kept = pl.DataFrame(sorted(kept.items()), schema=["title", "occupation"], orient="row")
    # Without the time, so that the same titles make the same file.
    LABELS_FILE.write_bytes(gzip.compress(rows_kept.write_csv().encode(), mtime=0))
    print(f"{len(votes):,} titles, {len(kept):,} kept, {LABELS_FILE.stat().st_size:,} bytes")


def _parts(title: str) -> Iterator[str]:
    """The beginnings and the ends of a title of several words."""
    words = title.split()
    for at in range(1, len(words)):
        yield " ".join(words[:at])
        yield " ".join(words[at:])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
