"""Regular expressions for pay: numbers, scales, currencies, periods, and `MONEY`, which combines them.

Most words are in `pay_words.yaml`.
They are for the regex engine of polars, which has no look-around. So a currency in front of a figure is marked
first (`PREFIX_MARK`), and what may not follow a figure is captured and checked afterwards.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from market_assets.postings.salaries.currencies import (
    AMBIGUOUS_SYMBOLS,
    currency_codes,
    currency_names,
    currency_symbols,
)

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
    rf"(?:(?:(?:per|pr\.?|pro|par|por|al|im|je|each|every|an?|the|na|i)\s|/\s?|p\.\s?|p/)(?:{_ANY_PERIOD})\b"
    rf"|(?:{_any_of('periods_after_figures')})\b)\.?"
)

#: A period before the figure: "Annual salary: …", "Hourly rate …", "Jahresgehalt …".
PERIOD_BEFORE = (
    r"(?i)\b(hourly|daily|weekly|monthly|annual|yearly|day|jahres|monats|stunden|tages)[\s-]?"
    rf"(?:(?:base|basic|gross|brutto|fixed)\s)*(?:{_any_of('pay')})"
)

_ATTACHED_PERIOD = "ph|pd|pw|pcm|pm|pa"

# Codes that are common English words in capitals are not searched for in free text.
_CODES = "|".join(sorted(currency_codes() - {"ALL", "TOP"}))
_LOWER_CODES = "usd|eur|gbp|cad|aud|chf|inr|sgd|pln|sek|nok|dkk|brl|nzd|hkd|zar|jpy|Usd|Eur|Gbp"


def _alternatives(texts: list[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))


_MARKS = [*currency_symbols(), *AMBIGUOUS_SYMBOLS]
_SIGNS = _alternatives([mark for mark in _MARKS if not mark[0].isalpha()])
_LETTERED = _alternatives([mark for mark in _MARKS if mark[0].isalpha()])
_CODE = rf"\b(?:{_CODES}|{_LOWER_CODES})\b"
_BEFORE = rf"(?:{_CODE}\s?(?:{_SIGNS})|\b(?:{_LETTERED})|{_SIGNS}|{_CODE})"
_NAMES = _alternatives([name for name in currency_names() if name not in ("us", "uss")])
_AFTER = rf"(?:\(?{_CODE}|{_SIGNS}|\b(?i:{_NAMES})\b|(?:zł|ZŁ|Kč|kč|円|元|원)|(?:kr|Kr|KR|zl|Ft|lei|Rs|RM|R\$)\b)"

MARK_PREFIX = rf"({_BEFORE})\s?([0-9])"

NUMBER = (
    r"(?:[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]{1,2})?"  # 1,234,567.89 and 12,34,567
    r"|[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?"  # 1.234.567,89
    r"|[0-9]{1,3}(?:[' ][0-9]{3})+(?:[.,][0-9]{1,2})?"  # 1'234'567.89 and 1 234 567,89
    r"|[0-9]+(?:[.,][0-9]+)?)"
)
#: Ten thousands, as Japanese and Chinese postings count: "600万円".
TEN_THOUSANDS = r"([0-9])\s?万"
GROUPED_BY_COMMA = r"^[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]+)?$"
GROUPED_BY_POINT = r"^[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?$"

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
    r"|\s(?i:to|and|bis|until|through|till|up\sto|or|a|à|au|al|do|och|até|und|y|et)\s)"
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
LEADS_TO_MAXIMUM = r"(?i)^(?:up|max|bis|jusqu|hasta|less|under|<|≤)"

#: US pension plans: "401k" and the like.
PENSION_PLANS = r"(?i)(^|[^0-9.,$£€])(?:401|403|457)\s?\(?[kb]\b\)?"

#: A text that holds nothing but these words beside a figure without a currency: then the figure counts as pay.
BESIDE_A_BARE_FIGURE = rf"(?i)^(?:[\s.,:;()\[\]*~|]|\b(?:{_any_of('beside_bare_figures')})\b)*$"
