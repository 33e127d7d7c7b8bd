"""Parsing of single fields of pay: an amount, a currency, a period."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache

import polars as pl

from market_assets.postings.salaries.currencies import currency_codes, currency_names, currency_symbols
from market_assets.postings.salaries.money_patterns import (
    GROUPED_BY_COMMA,
    GROUPED_BY_POINT,
    NUMBER,
    OTHER_PERIODS,
    PERIOD_WORDS,
    SCALES,
)
from market_assets.postings.text_cache import TextCache, single_column_cache

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
#: White space of Unicode, without the control characters that `str.strip` removes too.
_WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)

#: The value of a number alone, and where a scale such as "k" follows it.
NUMBERS = pl.Schema({"value": pl.Float64(), "scaled_value": pl.Float64()})


def parse_numbers(texts: pl.Series) -> pl.DataFrame:
    """Parse numbers with the separators of English, Indian, Swiss or continental European notation.

    A single point or comma before exactly three digits separates thousands ("60.000"), except that a point before
    a scale is a decimal point ("102.375k").

    Returns:
        Schema `NUMBERS`, one row a text.
    """
    return _NUMBER_CACHE.frame(texts)


def parse_amounts(texts: pl.Series) -> pl.Series:
    """Parse fields of one amount: "80000", "80000.0", "$80,000", "85k", "1e5", "60.000,50".

    A plain decimal number has its usual value ("38.462" is 38.462), unless it looks like rounded thousands
    ("60.000", "52.500"). Signs are kept, so that a salary of -5 can be counted as implausible.

    Returns:
        Float64, null where there is no finite amount.
    """
    return _AMOUNT_CACHE.column(texts)


def parse_currencies(texts: pl.Series) -> pl.Series:
    """ISO 4217 codes of fields such as "usd", "$", "US Dollar", "£" or "EUR - Euro"; null where unknown."""
    return _CURRENCY_CACHE.column(texts)


def parse_periods(texts: pl.Series) -> pl.Series:
    """`schemas.SALARY_PERIODS` of fields such as "1 YEAR", "per-hour-wage", "annual" or "p.a.".

    Null where unknown, and for periods that are not among them ("bi-weekly", "2 WEEK", "one-time").
    """
    return _PERIOD_CACHE.column(texts)


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
    if len(text.encode()) > MAX_FIELD_LENGTH:
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
    """The ISO 4217 code of a short text; null for an unknown one or a symbol of several currencies."""
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


def _expression_cache(parse: Callable[[pl.Expr], pl.Expr]) -> TextCache:
    """A cache of one column, for an expression of the text, which is null where the text is too long."""

    @cache
    def expression() -> pl.Expr:
        text = pl.col("text")
        short = pl.when(text.str.len_bytes() <= MAX_FIELD_LENGTH).then(text.str.strip_chars())
        return parse(short).alias("value")

    return TextCache(
        lambda texts: pl.DataFrame({"text": texts}).select(expression()).rows(), pl.Schema({"value": pl.String()})
    )


_NUMBER_CACHE = TextCache(
    lambda texts: ((_number(text, scaled=False), _number(text, scaled=True)) for text in texts), NUMBERS
)
_AMOUNT_CACHE = single_column_cache(_amount, pl.Float64())
_CURRENCY_CACHE = _expression_cache(_currency)
_PERIOD_CACHE = _expression_cache(_period)
