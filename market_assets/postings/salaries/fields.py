"""Pay out of fields of its own: amounts, currencies and periods that are nearly in the form wanted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache

import polars as pl

from market_assets.postings.salaries.exchange_rates import currency_codes, currency_names, currency_symbols
from market_assets.postings.salaries.patterns import (
    GROUPED_BY_COMMA,
    GROUPED_BY_POINT,
    NUMBER,
    OTHER_PERIODS,
    PERIOD_WORDS,
    SCALES,
)
from market_assets.postings.text_cache import Remembered

#: A longer text is none of these fields.
LONGEST_FIELD = 100

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
#: Of Unicode: what `str.strip` takes off besides are control characters.
_WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)


#: A number in a text of digits: by itself, and where a scale such as "k" follows it.
NUMBERS = pl.Schema({"value": pl.Float64(), "scaled_value": pl.Float64()})


def parse_numbers(texts: pl.Series) -> pl.DataFrame:
    """Numbers with groups and decimals as English, Indian, Swiss or continental: schema `NUMBERS`.

    A single point or comma before exactly three digits groups ("60.000"), except that a point is a decimal point
    where a scale follows ("102.375k").
    """
    return _NUMBERS.frame(texts)


def parse_amounts(texts: pl.Series) -> pl.Series:
    """Read fields that hold one amount: "80000", "80000.0", "$80,000", "85k", "1e5", "60.000,50".

    What a machine wrote as a number is taken at its word ("38.462" is 38.462), unless it ends like written
    thousands ("60.000", "52.500"). Signs are kept, so that the caller can count a salary of -5 as bad.

    Returns:
        Float64, null where there is no finite amount.
    """
    return _AMOUNTS.column(texts)


def parse_currencies(texts: pl.Series) -> pl.Series:
    """ISO 4217 codes of fields such as "usd", "$", "US Dollar", "£" or "EUR - Euro"; null where unknown."""
    return _CURRENCIES.column(texts)


def parse_periods(texts: pl.Series) -> pl.Series:
    """`schemas.SALARY_PERIODS` of fields such as "1 YEAR", "per-hour-wage", "annual" or "p.a.".

    Null where unknown, and for periods that are not among them ("bi-weekly", "2 WEEK", "one-time").
    """
    return _PERIODS.column(texts)


def _number(text: str, *, scaled: bool) -> float | None:
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


def _amount(text: str) -> float | None:
    field = text.strip(_WHITE_SPACE)
    if len(text.encode()) > LONGEST_FIELD:
        return None
    if _MACHINE_NUMBER.search(field) and not _WRITTEN_THOUSANDS.search(text):
        amount = float(field)
    elif (parts := _WRITTEN_AMOUNT.search(field)) is None:
        return None
    else:
        number = _number(parts["number"], scaled=parts["scale"] is not None)
        factor = SCALES[parts["scale"].lower()] if parts["scale"] else 1.0
        amount = math.nan if number is None else number * factor * (-1.0 if parts["minus"] else 1.0)
    return amount if math.isfinite(amount) else None


def _currency(text: pl.Expr) -> pl.Expr:
    """The ISO code that a short text stands for; null for an unknown one or a symbol of several currencies."""
    stripped = text.str.strip_chars(" ()[]\t\r\n")
    codes = {code.lower(): code for code in sorted(currency_codes())}
    known = currency_names() | codes | {mark.casefold(): code for mark, code in currency_symbols().items()}
    exact = stripped.replace_strict(currency_symbols(), default=None, return_dtype=pl.String)
    named = stripped.str.to_lowercase().replace_strict(known, default=None, return_dtype=pl.String)
    leading = stripped.str.extract(r"^([A-Z]{3})(?:[^A-Za-z]|$)").replace_strict(
        {code: code for code in codes.values()}, default=None, return_dtype=pl.String
    )
    return pl.coalesce(exact, named, leading)


def _period(text: pl.Expr) -> pl.Expr:
    """The period that a short text names; null where it names none or one of another length."""
    words = text.str.to_lowercase().str.replace_all(r"[^\p{L}0-9]+", " ").str.strip_chars()
    several = words.str.contains(OTHER_PERIODS) | words.str.contains("[02-9]|1[0-9]")
    return pl.when(~several).then(
        pl.coalesce(
            pl.when(words.str.contains(rf"\b(?:{pattern})\b")).then(pl.lit(period))
            for period, pattern in PERIOD_WORDS.items()
        )
    )


def _remembered(read: Callable[[pl.Expr], pl.Expr]) -> Remembered:
    """Words that are read by an expression of a field's text, which is null where it is longer than a field."""

    @cache
    def word() -> pl.Expr:
        text = pl.col("text")
        return read(pl.when(text.str.len_bytes() <= LONGEST_FIELD).then(text.str.strip_chars())).alias("word")

    return Remembered(
        lambda texts: pl.DataFrame({"text": texts}).select(word()).rows(), pl.Schema({"word": pl.String()})
    )


_NUMBERS = Remembered(
    lambda texts: ((_number(text, scaled=False), _number(text, scaled=True)) for text in texts), NUMBERS
)
_AMOUNTS = Remembered(lambda texts: ((_amount(text),) for text in texts), pl.Schema({"amount": pl.Float64()}))
_CURRENCIES = _remembered(_currency)
_PERIODS = _remembered(_period)
