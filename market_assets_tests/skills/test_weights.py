"""Mentions have the weight that a reader would give them; negated skills are not found."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.skills.cues import load_cues
from market_assets.skills.explain import explain
from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import load_taxonomy
from market_assets.skills.weights import Weight

MATCHER = skill_matcher(load_taxonomy())
R, A, M, N, U, B = (
    *(Weight.REQUIRED, Weight.ALTERNATIVE, Weight.MENTIONED),
    *(Weight.OPTIONAL, Weight.IN_USE, Weight.BOILERPLATE),
)


def weights(text: str, title: str | None = None) -> dict[str, int]:
    found = MATCHER.extract(pl.Series([title], dtype=pl.String), pl.Series([text], dtype=pl.String))
    names = [MATCHER.taxonomy.skills[code].name for code in found["skills"][0]]
    return dict(zip(names, found["weights"][0], strict=True))


NEGATED = [
    ("No Java required", {}),
    ("no Java or Python required, but SQL", {"SQL": R}),
    ("no Java, Python", {"Python": M}),
    ("No Java, Python or SQL experience needed.", {}),
    ("Python is not required", {}),
    ("Java and Python are not required.", {}),
    ("Python experience is not necessary!", {}),
    ("You can do it without SQL", {}),
    ("without any prior knowledge of SQL", {}),
    ("No experience with Java needed", {}),
    ("No prior knowledge of Python or Java is needed.", {}),
    ("You don't need to know Python; SQL is a must", {"SQL": R}),
    ("You don’t need any Python", {}),
    ("We do not use PHP.", {}),
    ("We're not looking for Java developers, but for Kotlin ones", {"Kotlin": M}),
    ("This is not a Java role", {}),
    ("Python isn't required", {}),
    ("keine SAP-Kenntnisse nötig", {}),
    ("Kenntnisse in SAP sind nicht erforderlich", {}),
    ("ohne Java", {}),
    ("No Java required. Later on: Java.", {"Java": M}),
    ("Java. No Java required.", {"Java": M}),
]
NOT_NEGATED = [
    ("no nonsense Python", {"Python": M}),
    ("not only Python but SQL", {"Python": M, "SQL": M}),
    ("No, Java", {"Java": M}),
    ("No later than May. Python", {"Python": M}),
    ("no less than Python", {"Python": M}),
    ("Experience with no SQL databases", {"Databases": R, "NoSQL": R}),
    ("Python experience; a degree is not required", {"Python": M}),
    ("Python skills, a degree is not required", {"Python": M}),
    ("Python and a degree is not required", {"Python": M}),
    ("Python (a degree is not required)", {"Python": M}),
    ("Python, while not required, is a plus", {"Python": N}),
    ("Python experience is helpful but not required", {"Python": N}),
    ("Python preferred but not required", {"Python": N}),
    ("Ideally Python which is not required", {"Python": N}),
    ("Python for all of the many people who come here is not required", {"Python": M}),
]
MODIFIED = [
    ("Strong Python required, SQL a plus", {"Python": R, "SQL": N}),
    ("Experience in Python, Java, and SQL a plus", {"Python": N, "Java": N, "SQL": N}),
    ("Must have Python. Ideally Django.", {"Python": R, "Django": N}),
    ("Experience with Python, ideally Django", {"Python": R, "Django": N}),
    ("Required skills include Python, preferred skills include SQL", {"Python": R, "SQL": N}),
    ("Kenntnisse in Java; Python von Vorteil", {"Java": R, "Python": N}),
    ("Python wäre wünschenswert", {"Python": N}),
    ("5+ years of Python", {"Python": R}),
    ("Python is a must", {"Python": R}),
    ("PYTHON IS A PLUS", {"Python": N}),
    ("Exposure to Docker", {"Docker": M}),
    ("A plus. Docker.", {"Docker": M}),
    ("We use Slack at Acme. Python wanted", {"Slack": U, "Python": M}),
    ("We use Python (e.g. Django, Flask), which is a plus", {"Python": N, "Django": N, "Flask": N}),
    ("e.g. Python, SQL is a plus", {"Python": N, "SQL": N}),
]
LISTED = [
    ("Java or Kotlin required", {"Java": A, "Kotlin": A}),
    ("Experience with AWS/GCP/Azure", {"AWS": A, "Google Cloud": A, "Azure": A}),
    ("Proficiency in Python, R, or SQL", {"Python": A, "R": A, "SQL": A}),
    ("Proficiency in Python and SQL", {"Python": R, "SQL": R}),
    ("AWS Lambda or Docker required", {"AWS": A, "AWS Lambda": A, "Docker": A}),
    ("Java ODER Kotlin erforderlich", {"Java": A, "Kotlin": A}),
    ("Java or Kotlin", {"Java": M, "Kotlin": M}),
    ("Java or Kotlin is a plus", {"Java": N, "Kotlin": N}),
    ("Java required. Java or Kotlin required.", {"Java": R, "Kotlin": A}),
]
HEADED = [
    ("Nice to have:\n- Python\n- SQL\n\nRequirements\n- Java\n", {"Python": N, "SQL": N, "Java": R}),
    ("**Preferred Qualifications**\r\n* Docker\r\n", {"Docker": N}),
    # A heading does not go on after the end of a sentence.
    ("Preferred!Qualifications\n- Docker\n", {"Docker": R}),
    ("What\n=====,Requirements\n- Docker\n", {"Docker": M}),
    ("Bonus: Docker, Kubernetes\nPython daily", {"Docker": N, "Kubernetes": N, "Python": M}),
    ("About us\nWe love Python\n\nRequirements:\nJava", {"Python": B, "Java": R}),
    ("Requirements:\nJava\nBenefits\nExcel courses", {"Java": R, "Excel": B}),
    ("Benefits\nExcel courses; Python required", {"Excel": B, "Python": R}),
    ("We are an equal opportunity employer. SQL", {"SQL": B}),
    ("Benefits\nWe use Slack", {"Slack": B}),
    ("About us\nWe have years of Python", {"Python": M}),
    ("Essential functions:\nSQL", {"SQL": M}),
    ("Look. What we offer Excel courses", {"Excel": M}),
    ("Nice to have:\nDocker\n5+ years of Kafka", {"Docker": N, "Kafka": N}),
    ("We meet the requirements\nof Python", {"Python": M}),
    ("SQL daily. Preferred Qualifications Experience with Python.", {"SQL": M, "Python": N}),
    ("Requirements\n• Java\n• Docker is a plus", {"Java": R, "Docker": N}),
    ("Dein Profil\nJava\nVon Vorteil:\nDocker", {"Java": R, "Docker": N}),
    ("Requirements\nNo Java\nSQL", {"SQL": R}),
]
MENTIONED_ONLY = [
    ("About us\nWe love Python. We are looking for people who write Java.", {"Python": B, "Java": M}),
    ("About us\nIn this role it is SQL. You will like Java", {"SQL": M, "Java": M}),
    ("Requirements\nYou will write Java.", {"Java": R}),
    ("Benefits\nYou will learn Java.", {"Java": B}),
    ("How to apply\nSend your Excel file.", {"Excel": B}),
    ("Interview process: a Python test", {"Python": B}),
    ("Customers such as Oracle like our SQL", {"Oracle": B, "SQL": B}),
    ("Acme is a leading provider of SQL tools. You write Java.", {"SQL": B, "Java": M}),
    ("Acme is the leading provider of SQL, and Java is required", {"SQL": R, "Java": R}),
    ("Über uns\nPython\nDein Profil\nJava\nKontakt\nExcel", {"Python": B, "Java": R, "Excel": B}),
    ("Qui sommes-nous ?\nPython\nNous offrons :\nExcel", {"Python": B, "Excel": B}),
    ("O firmie:\nPython\nOferujemy:\nExcel", {"Python": B, "Excel": B}),
    ("Wat wij bieden\nExcel", {"Excel": B}),
]


@pytest.mark.parametrize(("text", "expected"), NEGATED + NOT_NEGATED + MODIFIED + LISTED + HEADED + MENTIONED_ONLY)
def test_a_mention_weighs(text: str, expected: dict[str, int]) -> None:
    assert weights(text) == expected
    assert MATCHER.find(text) == sorted(expected)


def test_what_the_title_names_is_required_whatever_the_text_says() -> None:
    assert weights("SQL. Python is a plus", "Python or Java developer") == {"Java": R, "Python": R, "SQL": M}
    assert weights("Nothing", "No Java developer") == {"Java": R}
    assert weights("", "Nice to have: Python") == {"Python": R}


def test_a_heading_does_not_reach_the_next_posting() -> None:
    texts = pl.Series(["Nice to have:\nDocker", "Python", "no", "Java", "SQL", "not required"])
    found = MATCHER.extract(pl.Series([None] * 6, dtype=pl.String), texts)
    assert found["weights"].to_list() == [[N], [M], [], [M], [M], []]


CUES = [cue.words for cue in load_cues()]
PIECES = ["Python", "Java", "AWS Lambda", "Go", "SQL", "React Native", "golang", "go live", "Rust", "the", "team"]
SEPARATORS = [
    " ",
    " ",
    ", ",
    " or ",
    "/",
    " and ",
    ". ",
    "\n",
    ":\n",
    ": ",
    "; ",
    "!",
    " 3.11 ",
    " (",
    ") ",
    " • ",
]
written = st.lists(
    st.tuples(st.sampled_from(PIECES) | st.sampled_from(CUES), st.sampled_from(SEPARATORS)), max_size=20
).map(lambda pairs: "".join(piece + separator for piece, separator in pairs))


@given(st.lists(st.tuples(written, written), min_size=1, max_size=5))
def test_a_column_weighs_as_each_posting_alone_and_as_it_is_explained(postings: list[tuple[str, str]]) -> None:
    titles, texts = (pl.Series(column, dtype=pl.String) for column in zip(*postings, strict=True))
    found = MATCHER.extract(titles, texts)
    for row, (title, text) in enumerate(postings):
        alone = weights(text, title)
        names = [MATCHER.taxonomy.skills[code].name for code in found["skills"][row]]
        assert dict(zip(names, found["weights"][row], strict=True)) == alone
        best: dict[str, float] = {}
        for mention in explain(MATCHER, title, text):
            if mention.counted:
                best[mention.skill] = max(mention.weight, best.get(mention.skill, 0))
        assert best == {name: weight / 100 for name, weight in alone.items()}


@given(st.text(), st.text())
def test_any_text_is_weighed_and_explained(title: str, text: str) -> None:
    found = weights(text, title)
    assert all(1 <= weight <= 100 for weight in found.values())
    assert {mention.skill for mention in explain(MATCHER, title, text) if mention.counted} == set(found)
