"""What a posting is known by where its text was changed on the way: its company, role and place, and a sketch."""

from __future__ import annotations

import polars as pl

from market_assets.postings.identity import SEPARATOR, hashes, plain_text, plain_title
from market_assets.postings.sketches import sketches

#: Fewer numbers in a sketch (some 22 words of text) say too little to tell two jobs apart.
LEAST_TELLING = 20


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LEGAL_FORMS = _words(
    "ab ag aps as asa bv co company corp corporation eg ev gbr gmbh inc incorporated kg kgaa llc llp lp limited"
    " ltd mbh nv ohg oy oyj plc pte pty pvt sa sarl sas sasu se sl spa srl ug"
)
#: Words of rank, a bit each; those that mean the same share one.
_SAME_RANK = ("entry", "junior jr jnr", "mid midlevel", "senior sr snr", "lead", "principal", "staff")
_SAME_NUMBER = ("1 i", "2 ii", "3 iii", "4 iv", "5 v")
_RANKS = {word: 1 << place for place, words in enumerate((*_SAME_RANK, *_SAME_NUMBER)) for word in words.split()}
#: Words that don't say what the job is: of workplaces, of both genders ('Entwickler:in'), and small ones.
_SAYING_NOTHING = _words(
    "a an and at der die das for für home in innen level mfd mwd of office on onsite hybrid remote site the uk"
    " und urgent us usa wfh worldwide"
)
#: Written in one word or two.
_IN_ONE_WORD = {" full stack ": " fullstack ", " front end ": " frontend ", " back end ": " backend "}
#: 'Engineer - Austin, TX'; MD and PA are professions too.
_US_STATE = (
    r",\s*(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[AEINOST]|N[CDEHJMVY]|O[HKR]|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY])\b"
)

NEAR_IDENTITY = pl.Schema({"near_key": pl.Int64(), "sketch": pl.Binary()})


def near_identities(postings: pl.DataFrame) -> pl.DataFrame:
    """What near duplicates have in common.

    near_key: a number for the same company, role and place; null unless the company and a telling description are
    known. Legal forms ('GmbH'), ranks, words of gender, workplace and place in a title do not matter.
    sketch: of the description, after two bytes with a bit for each rank in the title; null where near_key is.

    Args:
        postings: title, company, location, description: cleaned texts.

    Returns:
        Schema `NEAR_IDENTITY`.
    """
    plain = postings.select(
        plain_title(pl.col("title").str.replace_all(_US_STATE, " ")).alias("title"),
        plain_text(pl.col("company").str.replace_all(".", "", literal=True)).alias("company"),
        plain_text(pl.col("location")).fill_null("").alias("location"),
        plain_text(pl.concat_str("company", "location", separator=" ", ignore_nulls=True)).alias("elsewhere"),
        plain_text(pl.when(pl.col("company").is_not_null()).then("description")).alias("description"),
    )
    encoded = sketches(plain["description"])
    names: list[str | None] = []
    told: list[bytes | None] = []
    for (title, company, location, elsewhere), sketch in zip(
        plain.drop("description").rows(), encoded, strict=True
    ):
        if company and len(sketch) >= 2 * LEAST_TELLING:
            role, rank = _role_and_rank(title, elsewhere)
            names.append(SEPARATOR.join((_company(company), role, location)))
            told.append(rank.to_bytes(2, "little") + sketch)
        else:
            names.append(None)
            told.append(None)
    keys = hashes(pl.Series(names, dtype=pl.String))
    return pl.DataFrame({"near_key": keys, "sketch": told}, schema=NEAR_IDENTITY)


def _company(plain: str) -> str:
    """Without 'The' and legal form, and as one word, as 'Data Robot' is 'DataRobot'."""
    words = plain.removeprefix("the ").split()
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words.pop()
    return "".join(words)


def _role_and_rank(plain: str, elsewhere: str) -> tuple[str, int]:
    """The words of a title that say what the job is, in alphabetical order, and the bits of those of rank.

    Words that are stated `elsewhere` don't say it ('Engineer at Acme, Berlin').
    """
    padded = f" {plain} "
    for apart, together in _IN_ONE_WORD.items():
        padded = padded.replace(apart, together)
    words = set(padded.split())
    role = words - _RANKS.keys() - _SAYING_NOTHING - set(elsewhere.split())
    return " ".join(sorted(role or words)), sum({_RANKS[word] for word in words & _RANKS.keys()})
