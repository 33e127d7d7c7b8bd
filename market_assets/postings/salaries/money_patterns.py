"""Regular expressions for pay: numbers, scales, currencies, periods, and `MONEY`, which combines them.

They are for the regex engine of polars, which has no look-around. So a currency in front of a figure is marked
first (`PREFIX_MARK`), and what may not follow a figure is captured and checked afterwards.
"""

from __future__ import annotations

import re

from market_assets.postings.salaries.currencies import (
    AMBIGUOUS_SYMBOLS,
    currency_codes,
    currency_names,
    currency_symbols,
)

#: Inserted before a currency that belongs to the figure after it: in "2026 $90,000" the $ is not the year's.
PREFIX_MARK = "‹"

#: Words for each period, alone or after "per". Tried in this order: "par an" is a year, "an hour" is not.
PERIOD_WORDS = {
    "hourly": (
        "hours?|hrs?|h|hourly|ph|p h|stunden?|std|stündlich|stundenlohn|heures?|horas?|ora|uur|godz|godzinę|timme"
    ),
    "daily": "days?|d|daily|diem|pd|p d|tage?s?|täglich|tagessatz|jour|día|dia|dag|dzień",
    "weekly": "weeks?|wks?|w|weekly|pw|p w|woche|wöchentlich|semaine|hebdomadaires?|semana|vecka",
    "monthly": (
        "months?|mo|mon|mth|m|monthly|pcm|pm|p m|monate?s?|monatlich|monatsgehalt|mtl|mois|mes|mês|mies|"
        "mensuel(?:le)?s?|mensual(?:es)?|miesiąc|miesięcznie|månad|mån|måned|maand|mese"
    ),
    "yearly": (
        "years?|yrs?|y|yearly|annum|annual|annually|annuali[sz]ed|annuel(?:le)?s?|anual(?:es)?|pa|p a|"
        "jahre?s?|jährlich|jahresgehalt|an|année|año|ano|anno|rok|rocznie|år|jaar"
    ),
}

#: Periods that are not supported: every other week, twice a month …
OTHER_PERIODS = (
    r"\bbi[\s-]?(?:week|month|annual|year)|\bsemi[\s-]?(?:month|annual|week)|"
    r"\b(?:fortnight|quarter|(?:twice|half|two|other|one time)\b)"
)

_ANY_PERIOD = "|".join(PERIOD_WORDS.values())
_PERIOD = (
    rf"(?:(?:(?:per|pr\.?|pro|par|por|al|im|je|each|every|an?|the|na|i)\s|/\s?|p\.\s?|p/)(?:{_ANY_PERIOD})\b"
    r"|(?:hourly|daily|weekly|monthly|yearly|annually|annuali[sz]ed|annual|stündlich|täglich|monatlich|mtl|"
    r"annuel(?:le)?s?|anual(?:es)?|mensuel(?:le)?s?|mensual(?:es)?|hebdomadaires?|jährlich|rocznie|miesięcznie|pcm|p\.?\s?a|p\.?m|p\.?h|p\.?d)\b)\.?"
)

#: A period before the figure: "Annual salary: …", "Hourly rate …", "Jahresgehalt …".
PERIOD_BEFORE = (
    r"(?i)\b(hourly|daily|weekly|monthly|annual|yearly|day|jahres|monats|stunden|tages)[\s-]?"
    r"(?:(?:base|basic|gross|brutto|fixed)\s)*(?:salary|pay|rate|wages?|compensation|range|earnings|income|ctc|"
    r"gehalt|lohn|satz)"
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
SCALES = {
    **dict.fromkeys(("k", "thousand", "tsd", "tys", "t"), 1e3),
    **dict.fromkeys(("lpa", "lakh", "lakhs", "lac", "lacs", "l"), 1e5),
    **dict.fromkeys(("cr", "crore", "crores"), 1e7),
    **dict.fromkeys(("m", "mn", "mm", "mio", "mil", "million", "millions", "millones", "milhões"), 1e6),
    **dict.fromkeys(("b", "bn", "billion", "billions", "mrd"), 1e9),
}
INDIAN_SCALES = ("lpa", "lakh", "lakhs", "lac", "lacs", "l", "cr", "crore", "crores")
#: In other currencies, millions are a company's revenue or funding, not pay.
CURRENCIES_PAID_IN_MILLIONS = (
    *("JPY", "KRW", "IDR", "VND", "COP", "CLP", "PYG", "HUF", "NGN", "UGX", "TZS", "IRR", "LBP", "CRC"),
    *("KZT", "UZS", "MMK", "KHR", "LAK", "MNT", "ARS", "INR", "PKR", "RWF", "GNF", "MGA", "XAF", "XOF"),
)
_SCALE = f"(?i:{_alternatives([scale for scale in SCALES if scale != 't'])})|T"

_UNIT = (
    r"(?:\s?%|\s?\+?\s?(?i:hours|hrs|days|weeks|months|years|yrs|yoe|employees|people|users|customers|clients|"
    r"staff|members|countries|minutes|mins|x|companies|team|vacation|shares)\b)"
)
_OTHER = (
    r"(?:per\s[a-z]{3,}|/\s?(?:task|project|article|word|page|session|piece|unit|mile|video|call|visit|lesson|shift)|"
    r"bi[\s-]?weekly|bi[\s-]?monthly|semi[\s-]?monthly|fortnightly|quarterly|"
    r"every\s(?:two|other|2)|sign[\s-]?(?:on|ing)|bonus|relocation|referral|stipend|allowance|budget|"
    r"one[\s-]?time|in\s(?:funding|revenue|sales|savings|arr|equity|assets)|funding|revenue|arr|off|raised|"
    r"scholarship|prize|gift)\b"
)
_GAP = (
    r"(?:[\s,;]*(?:\([^()]{0,40}\)|\)|(?i:gross|brutto|bruts?|brutos?|netto|net|base|basic|salary|plus|usd|equivalent|"
    r"doe|total|cash|paid|compensation|ote)\b))*[\s,;]*"
)
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
    r"(?P<lead>(?:\b(?i:up\s?to|max(?:imum)?(?:\sof)?|bis(?:\szu)?|jusqu'à|hasta|less\sthan|under|from|min(?:imum)?"
    r"(?:\sof)?|starting(?:\s(?:at|from))?|at\sleast|ab|od|desde|over|more\sthan|above|à\spartir\sde)\b|[<>≤≥]=?)"
    r")[\s:.]*)?"
    rf"{_amount('1')}(?:\s?\+?(?:\s?(?P<period1>(?i:{_PERIOD})))?{_SEPARATOR}{_amount('2')})?"
    r"(?P<plus>\+(?P<additional>\s?(?i:bonus|comm|equity|benefits|tips|super|incentive|package|car|stock|options|"
    r"rsu))?|\s(?i:and\sup|and\sabove|or\smore|upwards|minimum|min\b))?"
    rf"(?:{_GAP}(?P<period2>(?i:{_PERIOD}))|\s?(?P<other>(?i:{_OTHER})))?"
)
LEADS_TO_MAXIMUM = r"(?i)^(?:up|max|bis|jusqu|hasta|less|under|<|≤)"

#: US pension plans: "401k" and the like.
PENSION_PLANS = r"(?i)(^|[^0-9.,$£€])(?:401|403|457)\s?\(?[kb]\b\)?"

#: The only words allowed beside a figure without a currency for it to count as pay.
BESIDE_A_BARE_FIGURE = (
    r"(?i)^(?:[\s.,:;()\[\]*~|]|\b(?:salary|pay|wage|wages|rate|range|compensation|base|basic|gross|net|brutto|netto|"
    r"gehalt|jahresgehalt|monatsgehalt|stundenlohn|salaire|salario|est|estimated|estimate|employer|provided|glassdoor|"
    r"annual|annually|yearly|monthly|weekly|daily|hourly|per|year|month|week|day|hour|ctc|ote|about|approx|circa|ca|"
    r"between|zwischen|from|to|up|expected|offered|package|doe|plus|bonus|negotiable|von|the|is|of|a|fixed|total)\b)*$"
)
