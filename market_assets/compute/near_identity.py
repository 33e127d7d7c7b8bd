"""What a posting is known by where its text was changed on the way: its company, role and place, and a sketch."""

from __future__ import annotations

import polars as pl

from market_assets.compute.identity import SEPARATOR, hashes, plain_text, plain_title
from market_assets.compute.sketches import sketches

#: Fewer numbers in a sketch (some 22 words of text) say too little to tell two jobs apart.
LEAST_TELLING = 20


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LEGAL_FORMS = _words(
    "ab ag aps as asa bv co company corp corporation eg ev gbr gmbh inc incorporated kg kgaa llc llp lp limited"
    " ltd mbh nv ohg oy oyj plc pte pty pvt sa sarl sas sasu se sl spa srl ug"
)
#: Words of rank; those that mean the same → one of them.
_RANKS = {word: word for word in _words("entry junior mid senior lead principal staff 1 2 3 4 5")} | {
    "jr": "junior",
    "jnr": "junior",
    "sr": "senior",
    "snr": "senior",
    "midlevel": "mid",
    "i": "1",
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "v": "5",
}
#: Words that don't say what the job is: of workplaces, of both genders ('Entwickler:in'), and small ones.
_SAYING_NOTHING = _words(
    "a an and at der die das for für home in innen level mfd mwd of office on onsite hybrid remote site the und"
    " urgent wfh"
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
    sketch: of the description, after two bytes for the rank in the title; null where near_key is.

    Args:
        postings: title, company, location, description: cleaned texts.

    Returns:
        Schema `NEAR_IDENTITY`.
    """
    plain = postings.select(
        plain_title(pl.col("title").str.replace_all(_US_STATE, " ")).alias("title"),
        plain_text(pl.col("company").str.replace_all(".", "", literal=True)).alias("company"),
        plain_text(pl.col("location")).fill_null("").alias("location"),
        plain_text(pl.when(pl.col("company").is_not_null()).then("description")).alias("description"),
    )
    encoded = sketches(plain["description"])
    names: list[str | None] = []
    ranks: list[str] = []
    for (title, company, location), sketch in zip(plain.drop("description").rows(), encoded, strict=True):
        telling = company and len(sketch) >= 2 * LEAST_TELLING
        role, rank = _role_and_rank(title, location) if telling else ("", "")
        names.append(SEPARATOR.join((_company(company), role, location)) if telling else None)
        ranks.append(rank)
    code_of = _codes(set(ranks))
    told = [
        None if name is None else code_of[rank] + sketch
        for name, rank, sketch in zip(names, ranks, encoded, strict=True)
    ]
    keys = hashes(pl.Series(names, dtype=pl.String))
    return pl.DataFrame({"near_key": keys, "sketch": told}, schema=NEAR_IDENTITY)


def _company(plain: str) -> str:
    """Without 'The' and legal form, and as one word, as 'Data Robot' is 'DataRobot'."""
    words = plain.removeprefix("the ").split()
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words.pop()
    return "".join(words)


def _role_and_rank(plain: str, location: str) -> tuple[str, str]:
    """The words of a title that say what the job is, and those that say its rank; each in alphabetical order."""
    padded = f" {plain} "
    for apart, together in _IN_ONE_WORD.items():
        padded = padded.replace(apart, together)
    words = set(padded.split())
    ranks = {_RANKS[word] for word in words if word in _RANKS}
    role = words - _RANKS.keys() - _SAYING_NOTHING - set(location.split())
    return " ".join(sorted(role or words)), " ".join(sorted(ranks))


def _codes(ranks: set[str]) -> dict[str, bytes]:
    """Two bytes for each rank; zeros for none."""
    stated = pl.Series(sorted(ranks - {""}), dtype=pl.String)
    codes = [(number % 0xFFFF + 1).to_bytes(2, "little") for number in hashes(stated)]
    return {"": b"\0\0", **dict(zip(stated, codes, strict=True))}
