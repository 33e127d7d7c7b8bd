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


#: What boards add to titles, companies and places; the wordings under "held out" have chosen nothing.
_WORDINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "tuning": {
        "requisition": ("{0} - REQ-12345", "{0} (JR0045121)", "{0} #48812", "R-220914 {0}", "{0} - Job ID 55120"),
        "pay": (
            "{0} | $120k | Hiring now!",
            "{0} - €60.000",
            "{0} ($45/hr)",
            "{0}: up to £55k",
            "{0} | 80k-100k EUR",
        ),
        "advertising": (
            "URGENT: {0}",
            "{0} - Immediate Start",
            "{0} - apply today!",
            "{0} ab sofort gesucht",
            "{0} (Full-time)",
        ),
        "careers": ("{0} Careers", "{0} Jobs", "Careers at {0}", "{0} GmbH Karriere", "The {0} Group"),
    },
    "held out": {
        "requisition": (
            "{0} [2026-1187]",
            "{0} – Ref. 77120",
            "{0} / Req #4471A",
            "{0} (Kennziffer: 2281)",
            "{0} - 0091822",
        ),
        "pay": (
            "{0} - $5,000 Sign-On Bonus",
            "{0} $95,000-$115,000",
            "{0} | 55.000 € p.a.",
            "{0} | 28 USD per hour",
            "{0} - 140K+",
        ),
        "advertising": (
            "We're hiring: {0}!",
            "{0} | Join our team",
            "{0} - Great Benefits",
            "{0} (unbefristet, Vollzeit)",
            "NEW! {0}",
        ),
        "careers": ("{0} - Jobs & Karriere", "{0} Recruiting", "{0} Holding AG", "{0} Hiring", "Jobs bei {0}"),
    },
    "later": {
        "requisition": (
            "Req. No. 88-2210: {0}",
            "{0} (Job #: 7712-B)",
            "{0} | HRC0098123",
            "{0}_R0023451",
            "{0} – Referenz-Nr. 4415/26",
        ),
        "pay": (
            "{0} | £32,000 + bonus",
            "{0} - 45-55k €",
            "{0} ($22.50 - $27.00 hourly)",
            "{0} - Gehalt ab 52.000 EUR",
            "{0}, salary up to 90 000 PLN",
        ),
        "advertising": (
            "Hot Job! {0}",
            "{0} - No Weekends!",
            "{0} *** Quick Start ***",
            "{0} – werde Teil des Teams",
            "{0} recrutement en cours",
        ),
        "careers": (
            "{0} Talent Acquisition",
            "Work at {0}",
            "{0} Careers Page",
            "{0} HR Department",
            "{0} International GmbH",
        ),
    },
}
_SYNONYMS = (
    ("experience", "background"),
    ("strong", "solid"),
    ("work", "operate"),
    ("working", "operating"),
    ("team", "group"),
    ("skills", "abilities"),
    ("ability", "capacity"),
    ("develop", "build"),
    ("support", "assist"),
    ("including", "such as"),
    ("with", "alongside"),
    ("requirements", "qualifications"),
    ("responsibilities", "duties"),
    ("company", "firm"),
    ("help", "aid"),
    ("provide", "supply"),
    ("ensure", "make sure of"),
    ("new", "novel"),
    ("and", "as well as"),
    ("create", "produce"),
    ("knowledge", "understanding"),
    ("role", "position"),
    ("you will", "you'll"),
    ("we are", "we're"),
    ("Erfahrung", "Praxis"),
    ("und", "sowie"),
    ("Kenntnisse", "Wissen"),
    ("en", "alsook"),
    ("ervaring", "praktijk"),
)


def worded(kind: str, part: str) -> Edit:
    """The title, or for careers the company, in one of the wordings of a part."""
    field = "company" if kind == "careers" else "title"

    def reword(posting: Posting, draw: random.Random) -> Posting:
        form = draw.choice(_WORDINGS[part][kind])
        return {**punctuation(posting, draw), field: form.format(posting[field])}

    return reword


def unedited(posting: Posting, _: random.Random) -> Posting:
    return posting


def place_missing(posting: Posting, draw: random.Random) -> Posting:
    return {**punctuation(posting, draw), "location": None}


def paraphrased(posting: Posting, draw: random.Random) -> Posting:
    """Half of some frequent words are replaced, and a sixth of the sentences change places with the next."""
    text = plain(posting)
    for word, other in _SYNONYMS:
        text = re.sub(rf"\b{word}\b", lambda match, to=other: to if draw.random() < 0.5 else match[0], text)  # type: ignore[misc]
    sentences = re.split(r"(?<=[.!?])\s+", text)
    for place in range(len(sentences) - 1):
        if draw.random() < 1 / 6:
            sentences[place : place + 2] = sentences[place + 1], sentences[place]
    return {**posting, "description": " ".join(sentences)}


def in_country(country: str) -> Edit:
    """The remote job of a country, in the words of its other countries."""
    return lambda posting, draw: {**punctuation(posting, draw), "location": f"Remote, {country}"}


def without_text(posting: Posting, _: random.Random) -> Posting:
    return {**posting, "description": None}


def other_department(posting: Posting, draw: random.Random) -> Posting:
    department = draw.choice(["Healthcare", "Public Sector", "Payments", "Night Shift", "Vertrieb"])
    return {**small_edits(posting, draw), "title": f"{posting['title']}, {department}"}


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
    "paraphrased": paraphrased,
}
OTHER: dict[str, Edit] = {
    "another city": other_city,
    "another role, same text": other_role_same_text,
    "another company": other_company,
    "another rank": other_rank,
    "another department": other_department,
}
