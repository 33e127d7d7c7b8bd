"""The pay that postings state: from its own fields, else from a text; what can't be is null and counted."""

from __future__ import annotations

from functools import cache

import polars as pl

from market_assets.postings.salaries.annual import IMPLAUSIBLE_AMOUNT
from market_assets.postings.salaries.parse import (
    parse_amounts,
    parse_currencies,
    parse_periods,
    parse_salary_texts,
)
from market_assets.postings.texts import lost

#: From here on no amount is a salary, of whatever period.
IMPLAUSIBLE_IN_MOST_CURRENCIES = 1e8

#: Currencies of such small units that yearly pay reaches hundreds of millions; for them the general limit holds.
_SMALL_UNITS = (
    *("ARS", "BIF", "COP", "GNF", "IDR", "IQD", "IRR", "KHR", "KRW", "LAK", "LBP", "MGA", "MMK", "MNT", "MWK"),
    *("NGN", "PYG", "RWF", "SLE", "SLL", "SOS", "SSP", "STN", "SYP", "TZS", "UGX", "UZS", "VND"),
)

#: What sources write for unknown pay: no salary, but no mistake either.
_UNKNOWN = (0.0, -1.0)


PAY = pl.Schema(
    {
        "salary_min": pl.Float64(),
        "salary_max": pl.Float64(),
        "salary_currency": pl.String(),
        "salary_period": pl.String(),
    }
)


def stated_pay(stated: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Read the pay of postings.

    Args:
        stated: salary_min, salary_max, salary_currency, salary_period, salary_text (String, in one line); further
            columns are ignored.

    Returns:
        Schema `PAY`, one row a posting, and how many stated values were implausible or unreadable, for salary,
        salary_currency and salary_period. Currency and period come from the text where it is the text that states
        the amounts, or the same ones.
    """
    from_text = parse_salary_texts(stated["salary_text"])
    table = pl.DataFrame(
        [
            *(stated[name].alias(f"stated_{name}") for name in PAY.names()),
            parse_amounts(stated["salary_min"]).alias("minimum"),
            parse_amounts(stated["salary_max"]).alias("maximum"),
            parse_currencies(stated["salary_currency"]).alias("currency"),
            parse_periods(stated["salary_period"]).alias("period"),
            *(from_text[name].alias(f"text_{name}") for name in from_text.columns),
        ]
    )
    checked = table.with_columns(_plausible_amounts())
    return checked.select(_chosen()), checked.select(_counted()).row(0, named=True)


@cache
def _plausible_amounts() -> list[pl.Expr]:
    """Each amount under its name and '_plausible', null where it can't be a salary."""
    small_unit = pl.coalesce("currency", "text_currency").is_in(list(_SMALL_UNITS))
    most = pl.when(small_unit).then(IMPLAUSIBLE_AMOUNT).otherwise(IMPLAUSIBLE_IN_MOST_CURRENCIES)
    return [
        pl.when(pl.col(name).is_finite() & (pl.col(name) > 0) & (pl.col(name) < most))
        .then(name)
        .alias(f"{name}_plausible")
        for name in ("minimum", "maximum", "text_minimum", "text_maximum")
    ]


@cache
def _chosen() -> list[pl.Expr]:
    minimum, maximum = pl.col("minimum_plausible"), pl.col("maximum_plausible")
    text_minimum, text_maximum = pl.col("text_minimum_plausible"), pl.col("text_maximum_plausible")
    in_fields = minimum.is_not_null() | maximum.is_not_null()
    same = (minimum == text_minimum) | (maximum == text_maximum)
    text_tells = ~in_fields | same.fill_null(False)
    lower = pl.when(in_fields).then(minimum).otherwise(text_minimum)
    upper = pl.when(in_fields).then(maximum).otherwise(text_maximum)
    swapped = lower > upper
    return [
        pl.when(swapped).then(upper).otherwise(lower).alias("salary_min"),
        pl.when(swapped).then(lower).otherwise(upper).alias("salary_max"),
        pl.coalesce("currency", pl.when(text_tells).then("text_currency")).alias("salary_currency"),
        pl.coalesce("period", pl.when(text_tells).then("text_period")).alias("salary_period"),
    ]


@cache
def _counted() -> list[pl.Expr]:
    return [
        pl.sum_horizontal(_implausible_amounts()).alias("salary"),
        lost("stated_salary_currency", "currency").alias("salary_currency"),
        lost("stated_salary_period", "period").alias("salary_period"),
    ]


def _implausible_amounts() -> list[pl.Expr]:
    """Amounts that were stated, are not a word for 'unknown', and can't be a salary; a count for each."""
    of_fields = [
        (
            pl.col(stated).is_not_null()
            & pl.col(f"{name}_plausible").is_null()
            & ~pl.col(name).is_in(list(_UNKNOWN)).fill_null(False)
        ).sum()
        for stated, name in (("stated_salary_min", "minimum"), ("stated_salary_max", "maximum"))
    ]
    return of_fields + [lost(name, f"{name}_plausible") for name in ("text_minimum", "text_maximum")]
