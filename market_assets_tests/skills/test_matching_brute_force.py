"""A second implementation, with `re` and one spelling after the other, finds the same skills."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import chain

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import Skill, load_taxonomy

SHIPPED = load_taxonomy().skills


def found(text: str) -> list[str]:
    return skill_matcher(load_taxonomy()).find(text)


WORD = "A-Za-z0-9\u0080-\U0010ffff"


def twin_plain(text: str) -> str:
    text = re.sub("[\u00ad\u2060\ufeff]", "", re.sub("[‐‑]", "-", text))
    text = re.sub("[•●▪■◦‣∙⁃►✔✓➢]", "\n", text)
    kept = "".join(one if one.isascii() or unicodedata.category(one)[0] in "LMN" else " " for one in text)
    kept = re.sub("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", " ", kept)
    kept = "".join(one for one in unicodedata.normalize("NFKD", kept) if unicodedata.category(one)[0] != "M")
    kept = re.sub("(?<=[A-Za-z]{3})(?=[0-9])", " ", kept)
    white = "[\0-\x1e\x20\x7f]+"
    return re.sub(white, lambda run: "\n" if "\n" in run.group() else " ", f" {kept} ")


def twin_spaced(text: str) -> str:
    plain = twin_plain(text)
    sentence = rf"\.(?![{WORD}])|(?<=\.)\.|(?<=[a-z0-9)\]])\.(?=[A-Z])"
    spaced = re.sub(rf"{sentence}|(?<=[{WORD}])\+(?=[{WORD}])|(?<![{WORD}])#", " ", plain)
    return re.sub(rf"[^{WORD}.+#]", " ", spaced)


def twin_forms(spelling: str) -> set[str]:
    forms = {spelling, spelling.replace("/", " / "), spelling.replace(" and ", " & ")}
    forms |= {re.sub(" ?& ?", " & ", spelling), spelling.replace(" & ", " and ")}
    if all(spelling.split(".")):
        forms.add(spelling.replace(".", " "))
    words = spelling.split(" ")
    if all(re.fullmatch("[A-Za-z]+", word) for word in words) and len("".join(words)) >= 8:
        forms.add("".join(words))
    return forms


@cache
def twin_rules() -> tuple[tuple[str, str, str, Skill | None], ...]:
    """Pattern in lower case and as written, the spelling it comes from, and its skill (none: a phrase)."""
    rules: dict[str, tuple[str, str, str, Skill | None]] = {}
    for skill in SHIPPED:
        for spelling in skill.spellings:
            for form in sorted(twin_forms(spelling), key=lambda form: form != spelling):
                words = twin_spaced(form).strip(" ")
                rules.setdefault(words.lower(), (words.lower(), words, spelling, skill))
    for phrase in chain.from_iterable(skill.unless for skill in SHIPPED):
        for form in twin_forms(phrase):
            words = twin_spaced(form).strip(" ").lower()
            rules.setdefault(words, (words, words, phrase, None))
    return tuple(rules.values())


def twin_holds(plain: str, spaced: str, start: int, end: int, words: str, spelling: str, skill: Skill) -> bool:
    exact = skill.is_exact(spelling)
    by_context = spelling == skill.name and skill.case_by_context
    if by_context and spaced[start:end] == words:
        return True
    if exact and not by_context and spaced[start:end] != words:
        return False
    near = skill.near_of(spelling)
    if (
        spelling == skill.name
        and exact
        and len(words) <= 2
        and (re.search("[A-Za-z0-9][-&]$", plain[:start]) or re.match("[-&][A-Za-z0-9]", plain[end:]))
    ):
        return False
    around = [
        word[0].lower()
        for word in re.finditer("[^ ]+", spaced)
        if (start - 60 <= word.start() and word.end() <= start) or (end <= word.start() and word.end() <= end + 60)
    ]
    return not near or any(word in near for word in around)


def twin_hits(text: str) -> Iterator[tuple[int, int, Skill | None]]:
    plain, spaced = twin_plain(text), twin_spaced(text)
    folded = spaced.lower()
    for words, written, spelling, skill in twin_rules():
        if words not in folded:
            continue
        for hit in re.finditer(f"(?<= )(?={re.escape(words)} )", folded):
            end = hit.start() + len(words)
            if skill is None or twin_holds(plain, spaced, hit.start(), end, written, spelling, skill):
                yield hit.start(), end, skill


def twin_mentions(text: str) -> list[tuple[int, int, Skill]]:
    """The hits that count, with where their words begin and end."""
    hits = list(twin_hits(text))
    counted = []
    for start, end, skill in hits:
        inside = any(a <= start and end <= b and (a, b) != (start, end) for a, b, _ in hits)
        phrase = any(a <= start and end <= b and one is None for a, b, one in hits)
        if skill is not None and not phrase and (skill.nested or not inside):
            counted.append((start, end, skill))
    return sorted(counted, key=lambda hit: (hit[0], -hit[1]))


def twin_find(text: str) -> list[str]:
    return sorted({skill.name for _, _, skill in twin_mentions(text)})


NAMES = [spelling for skill in SHIPPED for spelling in skill.spellings]
TRICKY = [
    *("Go", "C", "R", "C++", "C#", ".NET", "Node.js", "React", "React Native", "Java", "JavaScript", "Word"),
    *("Excel", "Access", "Spark", "AWS", "AWS Lambda", "SQL", "SQL Server", "CI/CD", "ML", "HR", "Chef", "REST"),
    *("Lambda", "Hive", "GCP", "Shell", "Node", "hadoop", "cloud", "serverless"),
    *("go to", "series c", "excel at", "R&D", "python", "kafka", "kitchen", "written", "language"),
]
SEPARATORS = [
    " ",
    " ",
    ", ",
    ",",
    "/",
    " / ",
    "-",
    "(",
    ")",
    ". ",
    ".",
    "\n",
    " • ",
    "—",
    "&",
    " & ",
    "+",
    "#",
    "_",
    "\0",
]
NOISE = [
    "the",
    "government",
    "x",
    "é",
    "Ünder",
    "İ",
    "ß",
    "level",
    "Team",
    "精通",
    "3",
    "3.11",
    "required",
    "nice to have:",
    "a plus",
    "’s",
    "machine",
    "learning",
    "",
]
piece = st.one_of(
    st.sampled_from(TRICKY), st.sampled_from(NAMES), st.sampled_from(NOISE), st.sampled_from(NAMES).map(str.upper)
)
written_text = st.lists(st.tuples(piece, st.sampled_from(SEPARATORS)), max_size=25).map(
    lambda pairs: "".join(chain.from_iterable(pairs))
)


@given(written_text)
def test_a_brute_force_search_finds_the_same(text: str) -> None:
    assert found(text) == twin_find(text)


@given(st.lists(st.tuples(st.none() | written_text, st.none() | written_text), max_size=6))
def test_a_column_holds_what_each_posting_holds_alone(postings: list[tuple[str | None, str | None]]) -> None:
    titles = pl.Series([title for title, _ in postings], dtype=pl.String)
    descriptions = pl.Series([description for _, description in postings], dtype=pl.String)
    extracted = skill_matcher(load_taxonomy()).extract(titles, descriptions)["skills"]
    alone = [found(f"{title or ''} | {description or ''}") for title, description in postings]
    assert [[SHIPPED[code].name for code in codes] for codes in extracted] == alone


@given(st.text())
def test_any_text_is_searched(text: str) -> None:
    names = found(text)
    assert names == sorted(set(names))
    # Not directly after it, as the text may end in what negates: "no", wrapped before "Python".
    assert "Python" in found(f"{text}\nWe use Python ")


def test_no_two_skills_share_a_pattern() -> None:
    owners: dict[str, str] = {}
    for skill in SHIPPED:
        for spelling in skill.spellings:
            for form in {twin_spaced(form).lower() for form in twin_forms(spelling)}:
                assert owners.setdefault(form, skill.name) == skill.name
