"""Words of pay (`pay_words.yaml`): patterns for pay in texts, and parsers of one amount, currency or period.

`MONEY` and its parts are for the regex engine of polars, which has no look-around. So a currency before a figure
is marked first (`PREFIX_MARK`), and what may not follow a figure is captured and checked afterwards.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache

from market_assets.postings.salaries.currencies import (
    AMBIGUOUS_SYMBOLS,
    currency_codes,
    currency_names,
    currency_symbols,
)
from market_assets.postings.texts import MAX_CACHED
from market_assets.postings.word_lists import word_lists

#: Inserted before a currency that belongs to the figure after it: in "2026 $90,000" the $ is not the year's.
PREFIX_MARK = "‹"

_WORDS = word_lists("salaries/pay_words.yaml")


def _any_of(name: str) -> str:
    return "|".join(_WORDS[name])


#: Period → pattern of its words. Tried in this order.
PERIOD_WORDS = {period: "|".join(words) for period, words in _WORDS["periods"].items()}

_PERIOD = (
    rf"(?:(?:(?:{_any_of('before_periods')})\s|/\s?|p\.\s?|p/)(?:{'|'.join(PERIOD_WORDS.values())})\b"
    rf"|(?:{_any_of('periods_after_figures')})\b)\.?"
)

#: A period before the figure: "Annual salary: …", "Hourly rate …", "Jahresgehalt …".
PERIOD_BEFORE = (
    rf"(?i)\b({_any_of('periods_before_pay')})[\s-]?(?:(?:base|basic|gross|brutto|fixed)\s)*(?:{_any_of('pay')})"
)

_ATTACHED_PERIOD = "ph|pd|pw|pcm|pm|pa"

# Codes that are common English words in capitals are not searched for in free text.
CURRENCY_CODES = "|".join(sorted(currency_codes() - {"ALL", "TOP"}))


def _alternatives(texts: list[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))


_MARKS = [*currency_symbols(), *AMBIGUOUS_SYMBOLS]
_SIGNS = _alternatives([mark for mark in _MARKS if not mark[0].isalpha()])
_LETTERED = _alternatives([mark for mark in _MARKS if mark[0].isalpha()])
_CODE = rf"(?:{CURRENCY_CODES}|{_any_of('codes_in_lower_case')})"
_BEFORE = rf"(?:\b{_CODE}\b\s?(?:{_SIGNS})|\b(?:{_LETTERED})|{_SIGNS}|\b{_CODE})"
_NAMES = _alternatives([name for name in currency_names() if name not in ("us", "uss")])
_AFTER = rf"(?:\(?{_CODE}\b|{_SIGNS}|\b(?i:{_NAMES})\b|{_any_of('currencies_after_figures')})"

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
    rf"|\s(?i:{_any_of('between_bounds')})\s(?:(?:i|les|los|de|die)\s)?)"
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
    rf"(?P<plus>\+(?P<additional>\s?(?i:{_any_of('additions')}))?|\s(?i:{_any_of('or_more')}))?"
    rf"(?:{_GAP}(?P<period2>(?i:{_PERIOD}))|\s?(?P<other>(?i:{_OTHER})))?"
)
LEADS_TO_MAXIMUM = rf"(?i)^(?:{_any_of('leads_to_maximum')}|<|≤)"

#: Replacements: plain hyphens, apostrophes and tildes, and words for pay that no space divides from the figure.
PLAIN_MARKS: dict[str, str] = {mark: plain for plain, marks in _WORDS["plain_marks"].items() for mark in marks}

#: US pension plans: "401k" and the like.
PENSION_PLANS = r"(?i)(^|[^0-9.,$£€])(?:401|403|457)\s?\(?[kb]\b\)?"

#: A text that holds nothing but these words beside a figure without a currency: then the figure counts as pay.
BESIDE_A_BARE_FIGURE = rf"(?i)^(?:[\s.,:;()\[\]*~|]|\b(?:{_any_of('beside_bare_figures')})\b)*$"

#: So is a figure in thousands directly after a name of pay.
NAMED_THOUSANDS = (
    rf"(?i)\b(?:{_any_of('pay_before_thousands')})[\s:]+(?:(?:of|from|up to|between)\s)?[0-9]{{2,3}}\s?k\b"
)

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
_SEVERAL_PERIODS = re.compile(rf"{_any_of('other_periods')}|[02-9]|1[0-9]")
#: White space of Unicode, without the control characters that `str.strip` removes too.
_WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)


_SOME_AMOUNT = r"[$€£¥₹]?\s?\b\d+(?:[.,' ]\d{3})*(?:[.,]\d+)?(?:\s?(?:k|m|mn|mio|million|tsd)\b)?(?:\s?[€£])?"
_RANGE = rf"{_SOME_AMOUNT}(?:\s?(?:[-–—]|to|bis)\s?{_SOME_AMOUNT})?"
#: Words of another clause, which end the reach of a word.
_ELSEWHERE = rf"\b(?:{_any_of('other_clauses')})\b"
_NOT_PAY = re.compile(
    rf"(?i)\b(?:{_any_of('not_pay')})(?:(?!{_ELSEWHERE})(?:\d+\s?%|[^\d;|\n])){{0,40}}?{_RANGE}(?!\d|\s?%)"
    rf"|{_RANGE}(?:[/ ]+(?!{_ELSEWHERE})[^\s\d;|,.()+]+){{0,4}}?\s+(?:{_any_of('not_pay')})(?!\w*:)"
)
#: Without any of these there is none of those, and searching for these is several times faster.
_WORDS_OF_NO_PAY = re.compile(rf"(?i)(?:{_any_of('not_pay')})")
_TARGET = rf"(?:{_any_of('on_target')})"
_ON_TARGET = re.compile(rf"(?i){_RANGE}\s*{_TARGET}\b|\b{_TARGET}\b(?:(?!\bbase\b)[^\d;|]){{0,20}}?{_RANGE}")
_BASE = re.compile(rf"(?i)\b(?:{_any_of('base')})\b")
_PAYMENTS = re.compile(
    r"(?i)[,(]?\s*(?:\bauf basis von\s|\b(?:in|en|per|sur|à|auf)\s|[x×*]\s?)?"
    rf"\b(1[2-6])\s?(?:{_any_of('payments')})\)?"
    r"|\s[x×*]\s?(1[2-6])\b(?!\s?(?:h|hours|std))\)?"
)

#: Full-width characters and Japanese words for bounds.
_FULL_WIDTH = str.maketrans(
    {chr(0xFF01 + place): chr(0x21 + place) for place in range(94)} | {"〜": "~", "　": " "}
)
#: Ten thousands, as Japanese and Chinese postings count: "600万円", "1万2000円".
_TEN_THOUSANDS = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s?万(?:\s?(\d{1,4})(?!\d))?")
_RANGE_IN_JAPANESE = re.compile(r"([円\d])\s*(?:から|~)\s*(?=[¥\d])")
_FROM_IN_JAPANESE = re.compile(r"(?<=円)\s*(?:以上|から|より|~)(?!\s*\d)")
_UP_TO_IN_JAPANESE = re.compile(r"([\d,.]+\s?円)(?:以下|まで)")


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


def only_pay(text: str) -> tuple[str, int | None]:
    """The text without amounts that are no pay, and how many monthly payments a year has, where it says so."""
    if not text.isascii():
        text = _TEN_THOUSANDS.sub(_in_figures, text.translate(_FULL_WIDTH))
        text = _RANGE_IN_JAPANESE.sub(r"\1~", text)
        text = _UP_TO_IN_JAPANESE.sub(r"up to \1", _FROM_IN_JAPANESE.sub(" or more", text))
    if _WORDS_OF_NO_PAY.search(text):
        text = _NOT_PAY.sub(" ", text)
    if _BASE.search(text):
        text = _ON_TARGET.sub(" ", text)
    stated = _PAYMENTS.search(text)
    if stated is None:
        return text, None
    return _PAYMENTS.sub(" ", text), int(stated[1] or stated[2])


def _in_figures(match: re.Match[str]) -> str:
    return f"{float(match[1].replace(',', '')) * 1e4 + float(match[2] or 0):.0f}"


@cache
def _currency_words() -> dict[str, str]:
    """Name, code or symbol in lower case → ISO code."""
    codes = {code.lower(): code for code in sorted(currency_codes())}
    return currency_names() | codes | {mark.casefold(): code for mark, code in currency_symbols().items()}
