"""Pay out of fields of its own: amounts, currencies and periods that are nearly in the form wanted."""

from __future__ import annotations

import polars as pl

from market_assets.compute.salary_patterns import (
    GROUPED_BY_COMMA,
    GROUPED_BY_POINT,
    NUMBER,
    OTHER_PERIODS,
    PERIOD_WORDS,
    SCALES,
)
from market_assets.taxonomy.currencies import currency_codes, currency_names, currency_symbols

#: A longer text is none of these fields.
LONGEST_FIELD = 100


def parse_number(text: pl.Expr, scaled: pl.Expr | None = None) -> pl.Expr:
    """The number in a text of digits, with groups and decimals as English, Indian, Swiss or continental.

    A single point or comma before exactly three digits groups ("60.000"), except that a point is a decimal
    point where a scale follows ("102.375k").

    Args:
        text: String, digits with separators.
        scaled: Boolean, true where a scale such as "k" follows the number.
    """
    joined = text.str.replace_all("[' ]", "")
    single_point = joined.str.contains(r"^[0-9]+\.[0-9]+$")
    decimal = (scaled & single_point) if scaled is not None else pl.lit(False)
    plain = (
        pl.when(decimal)
        .then(joined)
        .when(joined.str.contains(GROUPED_BY_COMMA))
        .then(joined.str.replace_all(",", "", literal=True))
        .when(joined.str.contains(GROUPED_BY_POINT))
        .then(joined.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True))
        .otherwise(joined.str.replace_all(",", ".", literal=True))
    )
    return plain.cast(pl.Float64, strict=False)


def parse_amounts(texts: pl.Series) -> pl.Series:
    """Read fields that hold one amount: "80000", "80000.0", "$80,000", "85k", "1e5", "60.000,50".

    What a machine wrote as a number is taken at its word ("38.462" is 38.462), unless it ends like written
    thousands ("60.000", "52.500"). Signs are kept, so that the caller can count a salary of -5 as bad.

    Returns:
        Float64, null where there is no finite amount.
    """
    text = _short_field(pl.col("text"))
    machine = r"^[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?$"
    written = pl.col("text").str.contains(r"^[1-9][0-9]{0,2}\.[0-9]{2}0$")
    parts = text.str.extract_groups(
        r"^(?P<minus>-)?[^0-9A-Za-z.,+%-]*(?:(?:[A-Z][A-Za-z]{0,2}|[a-z]{3})\.?)?[^0-9A-Za-z.,+%-]*"
        rf"(?P<number>{NUMBER})"
        r"(?:[.,]--?)?\s?(?P<scale>k|K|thousand|lakhs?|LPA|m|M)?\+?"
        r"[^0-9A-Za-z.,+%-]*(?:[A-Za-z]{3})?[^0-9A-Za-z.,+%-]*$"
    )
    scale = parts.struct.field("scale")
    factor = scale.str.to_lowercase().replace_strict(SCALES, default=None, return_dtype=pl.Float64).fill_null(1.0)
    sign = pl.when(parts.struct.field("minus").is_not_null()).then(-1.0).otherwise(1.0)
    amount = (
        pl.when(text.str.contains(machine) & ~written)
        .then(text.cast(pl.Float64, strict=False))
        .otherwise(parse_number(parts.struct.field("number"), scaled=scale.is_not_null()) * factor * sign)
    )
    return _over_unique(texts, pl.when(amount.is_finite()).then(amount))


def parse_currencies(texts: pl.Series) -> pl.Series:
    """ISO 4217 codes of fields such as "usd", "$", "US Dollar", "£" or "EUR - Euro"; null where unknown."""
    return _over_unique(texts, parse_currency_expression(_short_field(pl.col("text"))))


def parse_periods(texts: pl.Series) -> pl.Series:
    """`schemas.SALARY_PERIODS` of fields such as "1 YEAR", "per-hour-wage", "annual" or "p.a.".

    Null where unknown, and for periods that are not among them ("bi-weekly", "2 WEEK", "one-time").
    """
    return _over_unique(texts, parse_period_expression(_short_field(pl.col("text"))))


def parse_currency_expression(text: pl.Expr) -> pl.Expr:
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


def parse_period_expression(text: pl.Expr) -> pl.Expr:
    """The period that a short text names; null where it names none or one of another length."""
    words = text.str.to_lowercase().str.replace_all(r"[^\p{L}0-9]+", " ").str.strip_chars()
    several = words.str.contains(OTHER_PERIODS) | words.str.contains("[02-9]|1[0-9]")
    return pl.when(~several).then(
        pl.coalesce(
            pl.when(words.str.contains(rf"\b(?:{pattern})\b")).then(pl.lit(period))
            for period, pattern in PERIOD_WORDS.items()
        )
    )


def _short_field(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.len_bytes() <= LONGEST_FIELD).then(text.str.strip_chars())


def _over_unique(texts: pl.Series, expression: pl.Expr) -> pl.Series:
    """The expression (of the column "text") for each text, worked out once for equal texts."""
    stated = pl.DataFrame({"text": texts.cast(pl.String)})
    values = stated.unique().with_columns(expression.alias("value"))
    found = stated.join(values, on="text", how="left", maintain_order="left")
    return found["value"].alias(texts.name)
