"""A second implementation, with `re` and one spelling after the other, finds the same skills."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import chain

import polars as pl
import yaml
from hypothesis import given
from hypothesis import strategies as st

from market_assets.skills.cues import SHIPPED as CUES
from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import Skill, load_taxonomy

SHIPPED = load_taxonomy().skills


def found(text: str) -> list[str]:
    return skill_matcher(load_taxonomy()).find(text)


WORD = "A-Za-z0-9\u0080-\U0010ffff"


def twin_plain(text: str) -> str:
    text = re.sub("[\u00ad\u2060\ufeff]", "", re.sub("[‐‑]", "-", text))
    text = re.sub("[•●▪■◦‣∙⁃►✔✓➢]", "\n", text)
    text = "".join(TWIN_LETTERS.get(one, one) for one in text)
    kept = "".join(map(twin_character, text))
    kept = re.sub("(?<=[A-Za-z]{3})(?=[0-9])", " ", kept)
    white = "[\0-\x1e\x20\x7f]+"
    return re.sub(white, lambda run: "\n" if "\n" in run.group() else " ", f" {kept} ")


TWIN_LETTERS = dict(zip("ŁłØøĐđı、：；！？（）／＃＋．", "LlOoDdi,:;!?()/#+.", strict=True)) | dict.fromkeys(
    "・【】", "\n"
)
TWIN_LETTERS |= {"ß": "ss", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "。": ". "}


def twin_character(one: str) -> str:
    if re.match("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", one) and one.isalpha():
        return f" {unicodedata.normalize('NFKC', one)} "
    if not one.isascii() and unicodedata.category(one)[0] not in "LMN":
        return " "
    return "".join(part for part in unicodedata.normalize("NFKD", one) if unicodedata.category(part)[0] != "M")


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


Rule = tuple[re.Pattern[str], str, float, str, Skill | None]


def twin_pattern(words: str) -> tuple[re.Pattern[str], str, float]:
    """What matches the words, a part of them that is in every match, and what goes first."""
    letters = "[^ ]*".join(map(re.escape, words.lower().split("ƿ")))
    if words.startswith("ƿ"):
        letters = letters.replace("[^ ]*", "[^ ]+", 1)
    part = max(words.lower().split("ƿ"), key=len)
    return (
        re.compile(f"(?<= )(?=({letters}) )"),
        part,
        len(words.replace("ƿ", "").encode()) + ("ƿ" not in words) / 2,
    )


@cache
def twin_rules() -> tuple[Rule, ...]:
    """What matches, a part of it, its length, the words as written, the spelling, its skill (none: a phrase)."""
    rules: dict[str, list[tuple[str, str, Skill | None]]] = {}
    for skill in SHIPPED:
        for spelling in skill.spellings:
            forms = {spelling} if "*" in spelling else twin_forms(spelling)
            for form in sorted(forms, key=lambda form: form != spelling):
                words = twin_spaced(form.replace("*", "ƿ")).strip(" ")
                others = [(other, owner) for _, other, owner in rules.get(words.lower(), [])]
                if all(owner not in (skill, None) and owner.near_of(other) for other, owner in others):
                    rules.setdefault(words.lower(), []).append((words, spelling, skill))
    for phrase in chain.from_iterable(skill.unless for skill in SHIPPED):
        for form in twin_forms(phrase):
            words = twin_spaced(form).strip(" ").lower()
            rules.setdefault(words, [(words, phrase, None)])
    return tuple((*twin_pattern(words), *one) for words, of_words in rules.items() for one in of_words)


@cache
def twin_lone_names() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    listed = yaml.safe_load(CUES.read_text(encoding="utf-8"))["lone_names"]
    before, after, end = (
        "|".join(re.escape(twin_spaced(words).strip(" ").lower()) for words in listed[place])
        for place in ("before", "after", "end")
    )
    return re.compile(f" ({before}) $"), re.compile(f" ({after}) "), re.compile(f" ({end}) ")


def twin_asks(plain: str, spaced: str, start: int, end: int) -> bool:
    before, after, following = twin_lone_names()
    reach = spaced[end : end + 48].lower()
    if after.match(reach):
        return True
    if not before.search(spaced[max(0, start - 48) : start].lower()):
        return False
    ends = plain[end:] == " " or plain[end] in ",.;:)/|!?\n\x1f" or plain[end : end + 2] == " ("
    return ends or following.match(reach) is not None


def twin_holds(plain: str, spaced: str, start: int, end: int, words: str, spelling: str, skill: Skill) -> bool:
    exact = skill.is_exact(spelling)
    by_context = spelling == skill.name and skill.case == "near"
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
    if not near or any(word in near for word in around):
        return True
    return words != words.lower() and spaced[start:end] == words and twin_asks(plain, spaced, start, end)


def twin_hits(text: str) -> Iterator[tuple[int, int, float, Skill | None]]:
    plain, spaced = twin_plain(text), twin_spaced(text)
    folded = spaced.lower()
    for pattern, part, length, written, spelling, skill in twin_rules():
        if part not in folded:
            continue
        for hit in pattern.finditer(folded):
            start, end = hit.start(), hit.end(1)
            if skill is None or twin_holds(plain, spaced, start, end, written, spelling, skill):
                yield start, end, length, skill


def twin_mentions(text: str) -> list[tuple[int, int, Skill]]:
    """The hits that count, with where their words begin and end."""
    # Of two spellings that match the same words the one with more letters goes first.
    hits = sorted(twin_hits(text), key=lambda hit: (hit[0], -hit[1], -hit[2]))
    counted = []
    for at, (start, end, _, skill) in enumerate(hits):
        around = [one for a, b, _, one in hits[:at] if a <= start and end <= b]
        if skill is not None and None not in around and (skill.nested or not around):
            counted.append((start, end, skill))
    return sorted(counted, key=lambda hit: (hit[0], -hit[1]))


def twin_find(text: str) -> list[str]:
    return sorted({skill.name for _, _, skill in twin_mentions(text)})


NAMES = [spelling.replace("*", "heit") for skill in SHIPPED for spelling in skill.spellings]
TRICKY = [
    *("Go", "C", "R", "C++", "C#", ".NET", "Node.js", "React", "React Native", "Java", "JavaScript", "Word"),
    *("Excel", "Access", "Spark", "AWS", "AWS Lambda", "SQL", "SQL Server", "CI/CD", "ML", "HR", "Chef", "REST"),
    *("Lambda", "Hive", "GCP", "Shell", "Node", "hadoop", "cloud", "serverless"),
    *("Erfahrung mit Go", "uses Outlook daily", "R skills", "経理の経験", "Altenpflege", "spawania", "MDM", "EMR"),
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


def test_skills_share_a_pattern_only_where_both_need_other_words() -> None:
    owners: dict[str, list[tuple[str, bool]]] = {}
    for skill in SHIPPED:
        for spelling in skill.spellings:
            for form in {twin_spaced(form.replace("*", "ƿ")).lower() for form in twin_forms(spelling)}:
                owners.setdefault(form, []).append((skill.name, bool(skill.near_of(spelling))))
    for form, shared in owners.items():
        assert len({name for name, _ in shared}) == 1 or all(needs for _, needs in shared), form
