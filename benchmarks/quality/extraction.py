"""Skills found in labelled texts, beside other extractors: `python -m benchmarks.quality.extraction`.

Precision, recall and F1 are micro averages: over all pairs of a text and a skill. Names are compared as
`Names` has them, so that "k8s" of one system and "Kubernetes" of another are the same answer. Only the skills
of a set's vocabulary count, for every system alike: labels name tools, languages, methods, standards and
certificates, not soft skills, degrees and job titles, so finding these is neither right nor wrong.

The texts: the 20 postings of `../shared/data/skills/skills_eval.jsonl`; 194 postings of `../shared`, labelled in
`labels/postings.jsonl`; 239 in ten languages, in `labels/languages.jsonl`; and the sentences of
`labels/sentences.jsonl`, about names that are also ordinary words.
150 of the postings were labelled before the taxonomy was extended: errors were inspected in one half of them
only, but the author of the taxonomy had read both. The last 44 were first read, and labelled,
after it.

"This project" counts the skills that a text asks for, as statistics do; all mentions are shown beside.

The peers run in a separate environment beside this file, made by the first run. flashtext and spaCy's
PhraseMatcher are given this project's names and aliases. A peer that is not available is reported and skipped.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.quality.labelled import POSTING_SETS, Labelled, Names, evaluation, languages, postings, sentences
from market_assets.skills.matching import SkillMatcher
from market_assets.skills.taxonomy import Taxonomy, load_taxonomy
from market_assets.skills.weights import ASKED_FOR

HERE = Path(__file__).parent
PEERS = HERE / ".peers"
REQUIREMENTS = HERE / "requirements-peers.txt"
#: How many texts of about 3 kB the speed is measured on: many for what is fast.
SPEED_TEXTS = {
    "this project": 20_000,
    "this project, all mentions": 20_000,
    "skill-extractor": 100,
    "SkillNER": 20,
}


@dataclass(frozen=True)
class Answer:
    """Names found in each text, and how many seconds of processor time that took."""

    found: list[list[str]]
    seconds: float


#: Titles and texts → an answer.
System = Callable[[list[str], list[str]], Answer]


class UnavailableError(Exception):
    """A peer is not available on this machine, for the reason in the message."""


def this_project(taxonomy: Taxonomy, least: int = ASKED_FOR) -> System:
    """The skills with a mention of at least some weight; by default those that a text asks for."""
    matcher = SkillMatcher(taxonomy)

    def answer(titles: list[str], texts: list[str]) -> Answer:
        started = time.process_time()
        found = matcher.extract(pl.Series(titles, dtype=pl.String), pl.Series(texts, dtype=pl.String))
        seconds = time.process_time() - started
        found = found.with_row_index("row")
        counted = found.explode("skills", "weights").filter(pl.col("weights") >= least)
        names = [list[str]() for _ in titles]
        for row, code in counted.select("row", "skills").iter_rows():
            names[row].append(taxonomy.skills[code].name)
        return Answer(names, seconds)

    return answer


def peer(name: str, taxonomy: Taxonomy) -> System:
    spellings = {spelling: skill.name for skill in taxonomy.skills for spelling in skill.spellings}

    def answer(titles: list[str], texts: list[str]) -> Answer:
        both = [f"{title}\n{text}" for title, text in zip(titles, texts, strict=True)]
        task = json.dumps({"peer": name, "names": spellings, "texts": both})
        run = subprocess.run(
            [_python(), str(HERE / "extraction_peers.py")],
            input=task,
            capture_output=True,
            text=True,
            check=False,
            cwd=PEERS,
        )
        if run.returncode:
            raise UnavailableError((run.stderr.strip().splitlines() or ["it ended without a word"])[-1])
        return Answer(**json.loads(run.stdout))

    return answer


def _python() -> str:
    return str(PEERS / "bin" / "python")


def install_peers() -> None:
    """Make the peers' environment, unless one of these very versions is there.

    Raises:
        UnavailableError: they can't be installed.
    """
    made_of = PEERS / "made-of.txt"
    wanted = REQUIREMENTS.read_text()
    if made_of.exists() and made_of.read_text() == wanted:
        return
    print(f"installing the peers into {PEERS} …", flush=True)
    venv.create(PEERS, clear=True, with_pip=True)
    command = [_python(), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise UnavailableError(f"pip: {(run.stderr.strip().splitlines() or ['failed'])[-1]}")
    made_of.write_text(wanted)


# --- figures -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """Pairs of a text and a skill: rightly found, wrongly found, missed."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)

    @property
    def f1(self) -> float:
        return 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)


def figures(found: Iterable[Iterable[str]], labelled: Labelled, names: Names) -> Figures:
    right = wrong = missed = 0
    for listed, expected in zip(found, labelled.skills, strict=True):
        counted = names.all_of(listed) & labelled.vocabulary
        right += len(counted & expected)
        wrong += len(counted - expected)
        missed += len(expected - counted)
    return Figures(right, wrong, missed)


def speed(system: System, sets: list[Labelled], texts: int) -> float:
    """Texts of about 3 kB a second of processor time, of all threads."""
    long = [text for labelled in sets for text in labelled.texts if len(text) >= 3000] or [
        " ".join(sets[-1].texts)[:3000]
    ]
    several = [long[number % len(long)][:3000] for number in range(texts)]
    return texts / system([""] * texts, several).seconds


def errors(found: list[list[str]], labelled: Labelled, names: Names) -> None:
    """What is wrong and missed in each text, for tuning: `--errors`."""
    for number, (listed, expected) in enumerate(zip(found, labelled.skills, strict=True)):
        counted = names.all_of(listed) & labelled.vocabulary
        if counted != expected:
            print(f"    {labelled.titles[number] or labelled.texts[number]}")
            print(f"      wrong {sorted(counted - expected)} missed {sorted(expected - counted)}")


def main(arguments: Iterable[str] = ()) -> None:
    taxonomy = load_taxonomy()
    names = Names(taxonomy)
    sets = [
        labelled
        for labelled in (evaluation(names), *postings(names), *languages(names), *sentences(names))
        if labelled
    ]
    if len(sets) == len(sentences(names)):
        print("../shared/data is missing: only the sentences are measured")
    systems = {"this project": this_project(taxonomy), "this project, all mentions": this_project(taxonomy, 1)}
    if "--errors" in arguments:
        for labelled in sets:
            if (
                labelled.name not in (POSTING_SETS["held out"], POSTING_SETS["later"])
                and "held out" not in labelled.name
            ):
                print(labelled.name)
                errors(systems["this project"](labelled.titles, labelled.texts).found, labelled, names)
        return
    try:
        install_peers()
        listed = ("flashtext", "spaCy PhraseMatcher", "skill-extractor's matcher", "skill-extractor", "SkillNER")
        systems |= {name: peer(name, taxonomy) for name in listed}
    except UnavailableError as error:
        print(f"no peers: {error}")
    for labelled in sets:
        expected = sum(map(len, labelled.skills))
        print(f"{labelled.name}: {len(labelled.texts)} texts, {expected} skills, of {len(labelled.vocabulary)}")
    print(f"\n{'system':<28}{'texts':<30}{'precision':>9}{'recall':>8}{'F1':>8}{'texts/s':>10}")
    for name, system in systems.items():
        try:
            report(name, system, sets, names)
        except UnavailableError as error:
            print(f"{name:<28}can't be had here: {error}", flush=True)


def report(name: str, system: System, sets: list[Labelled], names: Names) -> None:
    answers = [system(labelled.titles, labelled.texts) for labelled in sets]
    rate = f"{speed(system, sets, SPEED_TEXTS.get(name, 1000)):,.0f}"
    for labelled, answer in zip(sets, answers, strict=True):
        found = figures(answer.found, labelled, names)
        print(
            f"{name:<28}{labelled.name:<30}{found.precision:9.3f}{found.recall:8.3f}{found.f1:8.3f}{rate:>10}",
            flush=True,
        )
        name, rate = "", ""


if __name__ == "__main__":
    main(sys.argv[1:])
