"""Words of pay (`pay_words.yaml`): patterns for pay in texts, and parsers of one amount, currency or period.

`MONEY` and its parts are for the regex engine of polars, which has no look-around. So a currency before a figure
is marked first (`PREFIX_MARK`), and what may not follow a figure is captured and checked afterwards.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from market_assets.postings.salaries.currencies import (
    AMBIGUOUS_SYMBOLS,
    currency_codes,
    currency_names,
    currency_symbols,
)
from market_assets.postings.texts import MAX_CACHED

WORDS_FILE = Path(__file__).with_name("pay_words.yaml")

#: Inserted before a currency that belongs to the figure after it: in "2026 $90,000" the $ is not the year's.
PREFIX_MARK = "‹"

_WORDS: dict[str, Any] = yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))


def _any_of(name: str) -> str:
    return "|".join(_WORDS[name])


#: Period → pattern of its words. Tried in this order.
PERIOD_WORDS = {period: "|".join(words) for period, words in _WORDS["periods"].items()}

#: Periods that are not supported: every other week, twice a month …
OTHER_PERIODS = (
    r"\bbi[\s-]?(?:week|month|annual|year)|\bsemi[\s-]?(?:month|annual|week)|"
    r"\b(?:fortnight|quarter|(?:twice|half|two|other|one time)\b)"
)

_ANY_PERIOD = "|".join(PERIOD_WORDS.values())
_PERIOD = (
    rf"(?:(?:(?:per|pr\.?|pro|par|por|al|im|je|each|every|an?|the|na|za|om|i|em|w|a\sla|in\sder)\s|/\s?|p\.\s?|p/)(?:{_ANY_PERIOD})\b"
    rf"|(?:{_any_of('periods_after_figures')})\b)\.?"
)

#: A period before the figure: "Annual salary: …", "Hourly rate …", "Jahresgehalt …".
PERIOD_BEFORE = (
    r"(?i)\b(hourly|daily|weekly|monthly|annual|yearly|day|jahres|monats|stunden|tages)[\s-]?"
    rf"(?:(?:base|basic|gross|brutto|fixed)\s)*(?:{_any_of('pay')})"
)

_ATTACHED_PERIOD = "ph|pd|pw|pcm|pm|pa"

# Codes that are common English words in capitals are not searched for in free text.
CURRENCY_CODES = "|".join(sorted(currency_codes() - {"ALL", "TOP"}))
_LOWER_CODES = "usd|eur|gbp|cad|aud|chf|inr|sgd|pln|sek|nok|dkk|brl|nzd|hkd|zar|jpy|Usd|Eur|Gbp"


def _alternatives(texts: list[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))


_MARKS = [*currency_symbols(), *AMBIGUOUS_SYMBOLS]
_SIGNS = _alternatives([mark for mark in _MARKS if not mark[0].isalpha()])
_LETTERED = _alternatives([mark for mark in _MARKS if mark[0].isalpha()])
_CODE = rf"(?:{CURRENCY_CODES}|{_LOWER_CODES})"
_BEFORE = rf"(?:\b{_CODE}\b\s?(?:{_SIGNS})|\b(?:{_LETTERED})|{_SIGNS}|\b{_CODE})"
_NAMES = _alternatives([name for name in currency_names() if name not in ("us", "uss")])
_AFTER = (
    rf"(?:\(?{_CODE}\b|{_SIGNS}|\b(?i:{_NAMES})\b|(?:zł|ZŁ|Kč|kč|円|元|원)"
    r"|(?:kr|Kr|KR|kronor|kroner|zl|Ft|lei|Rs|RM|R\$|[Dd]hs?|DHS?|KSh|(?i:pesos?))\b)"
)

MARK_PREFIX = rf"({_BEFORE})\s?([0-9])"

NUMBER = (
    r"(?:[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]{1,2})?"  # 1,234,567.89 and 12,34,567
    r"|[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?"  # 1.234.567,89
    r"|[0-9]{1,3}(?:[' ][0-9]{3})+(?:[.,][0-9]{1,2})?"  # 1'234'567.89 and 1 234 567,89
    r"|[0-9]+(?:[.,][0-9]+)?)"
)
#: Word after a figure → factor.
SCALES = {word: float(factor) for factor, words in _WORDS["scales"].items() for word in words}
INDIAN_SCALES: list[str] = _WORDS["indian_scales"]
#: In other currencies, millions are a company's revenue or funding, not pay.
CURRENCIES_PAID_IN_MILLIONS: list[str] = _WORDS["currencies_paid_in_millions"]
#: Currencies in which yearly pay can reach hundreds of millions.
CURRENCIES_OF_SMALL_UNITS: list[str] = _WORDS["currencies_of_small_units"]
_SCALE = f"(?i:{_alternatives([scale for scale in SCALES if scale != 't'])})|T"

_UNIT = rf"(?:\s?%|\s?\+?\s?(?i:{_any_of('units')})\b)"
_OTHER = rf"(?:{_any_of('other_pay')})\b"
_GAP = rf"(?:[\s,;]*(?:\([^()]{{0,40}}\)|\)|(?i:{_any_of('between_figure_and_period')})\b))*[\s,;]*"
_SEPARATOR = (
    r"(?:\s*(?:-{1,2}|~|/)\s*|[\s,;-]+(?i:max(?:imum)?)[\s.:]+"
    r"|\s(?i:to|and|bis\szu|bis|until|through|till|up\sto|or|a|à|au|al|do|tot|en|och|og|till|til|até|und|y|e|et)\s(?:(?:i|les|los|de|die)\s)?)"
)


def _amount(side: str) -> str:
    return (
        rf"(?:{PREFIX_MARK}(?P<before{side}>{_BEFORE})\s?|\b)(?P<number{side}>{NUMBER})"
        rf"(?:\s?\+?\s?(?P<scale{side}>{_SCALE})\b\.?|[.,]--?)?(?:\s?(?P<after{side}>{_AFTER}))?"
        rf"(?P<attached{side}>(?i:{_ATTACHED_PERIOD})\b)?(?P<junk{side}>\w*)(?P<unit{side}>{_UNIT})?"
    )


#: A figure or a range of two figures, with the words around them that decide what they mean. Groups that end in 1
#: or 2 belong to the first or the second figure.
MONEY = (
    r"(?:(?P<minus>(?:^|[\s(:])-)|"
    rf"(?P<lead>(?:\b(?i:{_any_of('before_bounds')})\b|[<>≤≥]=?))[\s:.]*)?"
    rf"{_amount('1')}(?:\s?\+?(?:\s?(?P<period1>(?i:{_PERIOD})))?{_SEPARATOR}{_amount('2')})?"
    r"(?P<plus>\+(?P<additional>\s?(?i:bonus|comm|equity|benefits|tips|super|incentive|package|car|stock|options|"
    r"rsu))?|\s(?i:and\sup|and\sabove|or\smore|upwards|minimum|min\b))?"
    rf"(?:{_GAP}(?P<period2>(?i:{_PERIOD}))|\s?(?P<other>(?i:{_OTHER})))?"
)
LEADS_TO_MAXIMUM = r"(?i)^(?:up|max|bis|jusqu|hasta|fino|less|under|to|do|at[ée]|till|op|<|≤)"

#: US pension plans: "401k" and the like.
PENSION_PLANS = r"(?i)(^|[^0-9.,$£€])(?:401|403|457)\s?\(?[kb]\b\)?"

#: A text that holds nothing but these words beside a figure without a currency: then the figure counts as pay.
BESIDE_A_BARE_FIGURE = rf"(?i)^(?:[\s.,:;()\[\]*~|]|\b(?:{_any_of('beside_bare_figures')})\b)*$"

#: Bytes of UTF-8; a longer text is not parsed.
MAX_FIELD_LENGTH = 100

_SINGLE_POINT = re.compile(r"^[0-9]+\.[0-9]+$")
_GROUPED_BY_COMMA = re.compile(r"^[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]+)?$")
_GROUPED_BY_POINT = re.compile(r"^[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?$")
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
