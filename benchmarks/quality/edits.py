"""Edits of postings: those that boards make to the same job, and those that make another job."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Callable

from benchmarks.quality.real_postings import Posting

Edit = Callable[[Posting, random.Random], Posting]

_BEFORE = (
    "Apply now on our job board and get hired fast! Thousands of new vacancies every day from the best employers. "
    "Upload your resume once and apply to this position with one click. Sponsored. Posted by our partner network. "
)
_AFTER = (
    " We are an equal opportunity employer. All qualified applicants will receive consideration for employment"
    " without regard to race, color, religion, sex, sexual orientation, gender identity, national origin,"
    " disability or veteran status. By applying you agree to our terms of use and privacy policy. "
)
_OTHER_CITIES = ("Lisbon, Portugal", "Kraków, Poland", "Osaka, Japan", "Denver, CO", "Leeds, United Kingdom")
_OTHER_ROLES = ("Payroll Accountant", "Warehouse Supervisor", "Brand Designer", "Legal Counsel", "Field Nurse")
_LEGAL_FORM = re.compile(r",? (?:Inc|LLC|Ltd|GmbH|Corp|Corporation|Limited)\.?$")


def plain(posting: Posting) -> str:
    """The text without markup, which may be escaped once more, on one line."""
    marked_up = html.unescape(posting["description"] or "")
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", marked_up))).strip()


def _cut(length: int) -> Edit:
    def cut(posting: Posting, _: random.Random) -> Posting:
        return {**posting, "description": plain(posting)[:length].rsplit(" ", 1)[0] + "…"}

    return cut


def punctuation(posting: Posting, draw: random.Random) -> Posting:
    text = plain(posting)
    for old, new in (
        ("’", "'"),
        ("'", "’"),
        (" - ", " – "),
        ("•", "*"),
        (";", ","),
        (". ", ".\n\n"),
        ("&", "and"),
    ):
        if draw.random() < 0.7:
            text = text.replace(old, new)
    return {**posting, "description": text}


def genders(posting: Posting, draw: random.Random) -> Posting:
    marker = draw.choice([" (m/f/d)", " (m/w/d)", " (all genders)", " - m/f/d", " (f/m/x)"])
    return {**punctuation(posting, draw), "title": f"{posting['title']}{marker}"}


def place_in_title(posting: Posting, draw: random.Random) -> Posting:
    form = draw.choice(["{0} - {1}", "{0} ({1})", "{0}, {1}", "{0} | {1}"])
    place = (posting["location"] or "Remote").split(",")[0]
    return {**small_edits(posting, draw), "title": form.format(posting["title"], place)}


def place_spelt_out(posting: Posting, draw: random.Random) -> Posting:
    """'Austin, TX' becomes 'Austin, TX, United States' or 'Austin, TX (On-site)'."""
    place = posting["location"] or ""
    if re.search(r", [A-Z]{2}$", place):
        place += draw.choice([", United States", ", US", ", USA", " (On-site)"])
    return {**punctuation(posting, draw), "location": place}


def employer_in_title(posting: Posting, draw: random.Random) -> Posting:
    return {**punctuation(posting, draw), "title": f"{posting['title']} at {posting['company']}"}


def legal_form(posting: Posting, draw: random.Random) -> Posting:
    bare = _LEGAL_FORM.sub("", posting["company"] or "")
    form = draw.choice([", Inc.", " Inc", " LLC", " GmbH", " Ltd.", ""])
    return {**small_edits(posting, draw), "company": bare + form}


def boilerplate_before(posting: Posting, _: random.Random) -> Posting:
    return {**posting, "description": _BEFORE + plain(posting)}


def boilerplate_after(posting: Posting, _: random.Random) -> Posting:
    return {**posting, "description": plain(posting) + _AFTER}


def cut_and_boilerplate(posting: Posting, draw: random.Random) -> Posting:
    return boilerplate_after(_cut(1_000)(posting, draw), draw)


def small_edits(posting: Posting, draw: random.Random) -> Posting:
    """Two words in a hundred are dropped, doubled or replaced."""
    words: list[str] = []
    for word in plain(posting).split(" "):
        chance = draw.random()
        words += (
            [] if chance < 0.007 else [word, word] if chance < 0.014 else ["other"] if chance < 0.02 else [word]
        )
    return {**posting, "description": " ".join(words)}


def paragraph_dropped(posting: Posting, draw: random.Random) -> Posting:
    """A fifth of the text is missing somewhere."""
    words = plain(posting).split(" ")
    start = draw.randrange(len(words))
    return {**posting, "description": " ".join(words[:start] + words[start + len(words) // 5 :])}


def rank_dropped(posting: Posting, draw: random.Random) -> Posting:
    bare = re.sub(r"(?i)\b(?:senior|sr\.?|junior|jr\.?)\s+", "", posting["title"] or "")
    return {**punctuation(posting, draw), "title": bare}


def everything(posting: Posting, draw: random.Random) -> Posting:
    edited = posting
    for edit in (small_edits, genders, boilerplate_after, boilerplate_before, legal_form):
        edited = edit(edited, draw)
    return edited


def other_city(posting: Posting, draw: random.Random) -> Posting:
    return {**punctuation(posting, draw), "location": draw.choice(_OTHER_CITIES)}


def other_role_same_text(posting: Posting, draw: random.Random) -> Posting:
    return {**small_edits(posting, draw), "title": draw.choice(_OTHER_ROLES)}


def other_company(posting: Posting, draw: random.Random) -> Posting:
    return {**small_edits(posting, draw), "company": f"{draw.choice(['Nordwind', 'Blue Harbor', 'Acme'])} Systems"}


def other_rank(posting: Posting, draw: random.Random) -> Posting:
    """A junior where a senior is wanted, in nearly the same words, as many employers write it."""
    junior = re.sub(r"(?i)\b(?:senior|sr)\b\.?", "Junior", posting["title"] or "")
    return {**small_edits(posting, draw), "title": junior}


def other_team(posting: Posting, draw: random.Random, texts: list[str]) -> Posting:
    """The same title in the same city: two fifths of the text are the employer's boilerplate."""
    own = plain(posting)
    shared = len(own) * 2 // 5
    other = draw.choice([text for text in texts if text != own and len(text) >= len(own) - shared] or [own[::-1]])
    return {**posting, "description": f"{own[:shared]} {other[: len(own) - shared]}"}


SAME: dict[str, Edit] = {
    "cut to 300 characters": _cut(300),
    "cut to 500 characters": _cut(500),
    "cut to 1,000 characters": _cut(1_000),
    "half of the text": lambda posting, draw: _cut(len(plain(posting)) // 2)(posting, draw),
    "punctuation": punctuation,
    "(m/f/d)": genders,
    "place in the title": place_in_title,
    "place spelt out": place_spelt_out,
    "employer in the title": employer_in_title,
    "legal form": legal_form,
    "boilerplate before": boilerplate_before,
    "boilerplate after": boilerplate_after,
    "cut, then boilerplate": cut_and_boilerplate,
    "small edits": small_edits,
    "a paragraph dropped": paragraph_dropped,
    "rank dropped": rank_dropped,
    "everything": everything,
}
OTHER: dict[str, Edit] = {
    "another city": other_city,
    "another role, same text": other_role_same_text,
    "another company": other_company,
    "another rank": other_rank,
}
