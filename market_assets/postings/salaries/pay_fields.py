"""Parsing of single fields of pay: an amount, a currency, a period."""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache

from market_assets.postings.salaries.currencies import currency_codes, currency_names, currency_symbols
from market_assets.postings.salaries.money_patterns import (
    GROUPED_BY_COMMA,
    GROUPED_BY_POINT,
    NUMBER,
    OTHER_PERIODS,
    PERIOD_WORDS,
    SCALES,
)
from market_assets.postings.texts import MAX_CACHED

#: Bytes of UTF-8; a longer text is not parsed.
MAX_FIELD_LENGTH = 100

_SINGLE_POINT = re.compile(r"^[0-9]+\.[0-9]+$")
_GROUPED_BY_COMMA = re.compile(GROUPED_BY_COMMA)
_GROUPED_BY_POINT = re.compile(GROUPED_BY_POINT)
_MACHINE_NUMBER = re.compile(r"^[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?\Z")
_WRITTEN_THOUSANDS = re.compile(r"^[1-9][0-9]{0,2}\.[0-9]{2}0\Z")
_WRITTEN_AMOUNT = re.compile(
    r"^(?P<minus>-)?[^0-9A-Za-z.,+%-]*(?:(?:[A-Z][A-Za-z]{0,2}|[a-z]{3})\.?)?[^0-9A-Za-z.,+%-]*"
    rf"(?P<number>{NUMBER})"
    r"(?:[.,]--?)?[^\S\x1c-\x1f]?(?P<scale>k|K|thousand|lakhs?|LPA|m|M)?\+?"
    r"[^0-9A-Za-z.,+%-]*(?:[A-Za-z]{3})?[^0-9A-Za-z.,+%-]*\Z"
)
_LEADING_CODE = re.compile("[A-Z]{3}(?![A-Za-z])")
_PERIODS = {period: re.compile(rf"\b(?:{words})\b") for period, words in PERIOD_WORDS.items()}
_SEVERAL_PERIODS = re.compile(rf"{OTHER_PERIODS}|[02-9]|1[0-9]")
#: White space of Unicode, without the control characters that `str.strip` removes too.
_WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)


def parse_number(text: str, *, scaled: bool) -> float | None:
    """Parse a number with the separators of English, Indian, Swiss or continental European notation.

    A single point or comma before exactly three digits separates thousands ("60.000"), except that a point before
    a scale is a decimal point ("102.375k").
    """
    joined = text.replace("'", "").replace(" ", "")
    if scaled and _SINGLE_POINT.search(joined):
        plain = joined
    elif _GROUPED_BY_COMMA.search(joined):
        plain = joined.replace(",", "")
    elif _GROUPED_BY_POINT.search(joined):
        plain = joined.replace(".", "").replace(",", ".")
    else:
        plain = joined.replace(",", ".")
    return float(plain) if plain.count(".") <= 1 else None


def parse_amount(text: str) -> float | None:
    """Parse a field of one amount: "80000", "80000.0", "$80,000", "85k", "1e5", "60.000,50".

    A plain decimal number has its usual value ("38.462" is 38.462), unless it looks like rounded thousands
    ("60.000", "52.500"). Signs are kept, so that a salary of -5 can be counted as implausible.

    Returns:
        The amount; None where there is no finite one.
    """
    field = text.strip(_WHITE_SPACE)
    if len(text.encode()) > MAX_FIELD_LENGTH:
        return None
    if _MACHINE_NUMBER.search(field) and not _WRITTEN_THOUSANDS.search(text):
        amount = float(field)
    elif (parts := _WRITTEN_AMOUNT.search(field)) is None:
        return None
    else:
        number = parse_number(parts["number"], scaled=parts["scale"] is not None)
        factor = SCALES[parts["scale"].lower()] if parts["scale"] else 1.0
        amount = math.nan if number is None else number * factor * (-1.0 if parts["minus"] else 1.0)
    return amount if math.isfinite(amount) else None


@lru_cache(MAX_CACHED)
def parse_currency(text: str) -> str | None:
    """The ISO 4217 code of a field such as "usd", "$", "US Dollar", "£" or "EUR - Euro".

    None for an unknown one, and for a symbol of several currencies.
    """
    if len(text.encode()) > MAX_FIELD_LENGTH:
        return None
    stripped = text.strip(_WHITE_SPACE).strip(" ()[]\t\r\n")
    code = currency_symbols().get(stripped) or _currency_words().get(stripped.lower())
    if code is None and (leading := _LEADING_CODE.match(stripped)) and leading[0] in currency_codes():
        return leading[0]
    return code


@lru_cache(MAX_CACHED)
def parse_period(text: str) -> str | None:
    """One of `schemas.SALARY_PERIODS` for a field such as "1 YEAR", "per-hour-wage", "annual" or "p.a.".

    None where unknown, and for periods that are not among them ("bi-weekly", "2 WEEK", "one-time").
    """
    if len(text.encode()) > MAX_FIELD_LENGTH:
        return None
    letters = (letter if letter.isalpha() or letter in "0123456789" else " " for letter in text.lower())
    words = " ".join("".join(letters).split())
    if _SEVERAL_PERIODS.search(words):
        return None
    return next((period for period, pattern in _PERIODS.items() if pattern.search(words)), None)


@cache
def _currency_words() -> dict[str, str]:
    """Name, code or symbol in lower case → ISO code."""
    codes = {code.lower(): code for code in sorted(currency_codes())}
    return currency_names() | codes | {mark.casefold(): code for mark, code in currency_symbols().items()}
