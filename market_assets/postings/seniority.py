"""The seniority of postings: from the title, else the source's own field, else what the text looks for.

A level is about whom a job is for, so that pay is compared like with like. `manager` is who manages people:
Manager of Support, Engineering Manager, Filialleiter. In Product Manager or Account Manager the word names the
role, and says nothing about the level. Vice presidents and chief officers are executives, heads of something are
directors, principal and staff engineers count with those who lead a team. Of several levels side by side
("Senior / Staff") the lower counts.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from market_assets.postings.schemas import SENIORITIES
from market_assets.postings.word_lists import word_lists

#: Characters of a description in which the level is looked for.
MAX_TEXT = 2_000

_LETTERS = {"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "đ": "d", "’s": "s", "'s": "s"}
#: The ending of both genders: Leiter:in, Leiter*innen, Leiter/-in.
_GENDER_ENDING = r"([a-z])(?:[:*_]|/-?)(?:innen|in|r|e)\b"
_GENDERS = r"\((?:[mwfdxhngi][ /|,.]*){2,4}\)|\ball genders\b"
_DASHES = r"\s[-–—]+|[-–—]+\s|[()\[\]{},:;|•·]"
_NO_WORD = r"[^a-z0-9,/&+]+"
_MARKS = r"([,/&+])"

#: The level of a title that names several: an intern of a director is an intern.
_TITLE_ORDER = ("intern", "junior", "executive", "director", "manager", "lead", "senior", "mid")


def seniorities(titles: pl.Series, fields: pl.Series, texts: pl.Series, employment_types: pl.Series) -> pl.Series:
    """The seniority of postings.

    Args:
        titles: String.
        fields: String, the level as the source states it in a field of its own.
        texts: String, the descriptions.
        employment_types: String, of `schemas.EMPLOYMENT_TYPES`; an internship or apprenticeship is for interns.

    Returns:
        String, of `schemas.SENIORITIES`; null where none of them says.
    """
    learning = employment_types.is_in(["internship", "apprenticeship"])
    seniority = pl.select(
        pl.coalesce(
            seniorities_of_titles(titles),
            seniorities_of_fields(fields),
            pl.when(learning).then(pl.lit("intern")),
        ).alias("seniority")
    ).to_series()
    unknown = seniority.is_null()
    if not unknown.any():
        return seniority
    return seniority.scatter(unknown.arg_true(), seniorities_of_texts(texts.filter(unknown)))


def seniorities_of_titles(titles: pl.Series) -> pl.Series:
    """The seniority that titles name. String; null where they name none."""
    rules = word_lists("seniority.yaml")
    words = titles.cast(pl.String).to_frame("words").select(_without_ignored(_words(pl.col("words")), rules))
    named = [_named(rules["levels"][level], level) for level in _TITLE_ORDER]
    return words.select(
        pl.coalesce(*named, _named(rules["associate"], "junior"), *_grades(rules)).alias("seniority")
    ).to_series()


def seniorities_of_fields(fields: pl.Series) -> pl.Series:
    """The seniority that fields such as "Mid-Senior level" or "Entry-level; Mid-level" state.

    Returns:
        String, the lowest of several; null for other words ("Any", "Not applicable").
    """
    rules = word_lists("seniority.yaml")
    words = fields.cast(pl.String).to_frame("words").select(_without_ignored(_words(pl.col("words")), rules))
    whole = {level: [f", (?:{'|'.join(values)}) ,"] for level, values in rules["fields"].items()}
    named = [_named([*rules["levels"][level], *whole.get(level, [])], level) for level in SENIORITIES]
    return words.select(pl.coalesce(*named).alias("seniority")).to_series()


def seniorities_of_texts(texts: pl.Series) -> pl.Series:
    """The seniority that texts look for ("we are looking for a senior …"). String; null where they don't say."""
    rules = word_lists("seniority.yaml")["asked_for"]
    verbs, articles, praise = (rf"\s(?:{'|'.join(rules[name])})" for name in ("verbs", "articles", "praise"))
    levels = {level: "|".join(words) for level, words in rules["levels"].items()}
    wanted = rf"(?i){verbs}(?:{articles})?(?:{praise})?\s({'|'.join(levels.values())})\s"
    found = (
        texts.cast(pl.String)
        .to_frame("text")
        .select(pl.col("text").str.head(MAX_TEXT).str.extract(wanted, 1).str.to_lowercase().alias("words"))
    )
    named = [
        pl.when(pl.col("words").str.contains(f"^(?:{words})$")).then(pl.lit(level))
        for level, words in levels.items()
    ]
    return found.select(pl.coalesce(*named).alias("seniority")).to_series()


def _words(text: pl.Expr) -> pl.Expr:
    """Lower-case words without accents between spaces; `seniority.yaml` says how."""
    plain = text.str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}+", "")
    plain = plain.str.replace_many(_LETTERS).str.replace_all(_GENDERS, " ").str.replace_all(_GENDER_ENDING, "$1")
    plain = pl.lit(", ") + plain.str.replace_all(_DASHES, " , ").str.replace_all(_NO_WORD, " ") + pl.lit(" , ")
    return (pl.lit(" ") + plain.str.replace_all(_MARKS, " $1 ")).str.replace_all(" {2,}", " ")


def _without_ignored(words: pl.Expr, rules: dict[str, Any]) -> pl.Expr:
    """Without the phrases that say nothing, and of levels side by side only the lower."""
    words = words.str.replace_all(_whole(rules["ignored"]), " , ")
    for level, patterns in rules["ranges"].items():
        words = words.str.replace_all(_whole(patterns), f" {level} ")
    return words.alias("words")


def _named(patterns: list[str], level: str) -> pl.Expr:
    return pl.when(pl.col("words").str.contains(_whole(patterns))).then(pl.lit(level))


def _grades(rules: dict[str, Any]) -> list[pl.Expr]:
    """By the numeral of "Engineer II"."""
    roles = "|".join(rules["graded_roles"])
    return [
        _named([f"(?:{roles}) (?:{numerals})", f"[a-z]+ (?:{numerals}) ,"], level)
        for level, numerals in rules["grades"].items()
    ]


def _whole(patterns: list[str]) -> str:
    return f" (?:{'|'.join(patterns)}) "
