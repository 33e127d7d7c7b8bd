"""The pay that postings state: from its own fields, else from a text; what can't be is null and counted."""

from __future__ import annotations

import polars as pl

from market_assets.compute.pay import IMPLAUSIBLE_AMOUNT
from market_assets.compute.salaries import (
    parse_amounts,
    parse_currencies,
    parse_periods,
    parse_salary_texts,
)
from market_assets.compute.texts import count_lost, lines

#: From here on no amount is a salary, of whatever period.
IMPLAUSIBLE_IN_MOST_CURRENCIES = 1e8

#: Currencies of such small units that yearly pay reaches hundreds of millions; for them the general limit holds.
_SMALL_UNITS = (
    *("ARS", "BIF", "COP", "GNF", "IDR", "IQD", "IRR", "KHR", "KRW", "LAK", "LBP", "MGA", "MMK", "MNT", "MWK"),
    *("NGN", "PYG", "RWF", "SLE", "SLL", "SOS", "SSP", "STN", "SYP", "TZS", "UGX", "UZS", "VND"),
)

#: What sources write for unknown pay: no salary, but no mistake either.
_UNKNOWN = (0.0, -1.0)


def stated_pay(stated: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Read the pay of postings.

    Args:
        stated: salary_min, salary_max, salary_currency, salary_period, salary_text (String).

    Returns:
        salary_min, salary_max (Float64), salary_currency (ISO 4217), salary_period (one of `SALARY_PERIODS`), one
        row a posting, and how many stated values were implausible or unreadable, for salary, salary_currency and
        salary_period. Currency and period come from the text where it is the text that states the amounts, or the
        same ones.
    """
    texts = {name: lines(stated[name], longest=5_000) for name in stated.columns}
    from_text = parse_salary_texts(texts["salary_text"])
    currency = parse_currencies(texts["salary_currency"])
    period = parse_periods(texts["salary_period"])
    table = pl.DataFrame(
        {
            "minimum": parse_amounts(texts["salary_min"]),
            "maximum": parse_amounts(texts["salary_max"]),
            "currency": currency,
            "period": period,
        }
    ).hstack(from_text.rename(lambda name: f"text_{name}"))
    most = pl.when(pl.coalesce("currency", "text_currency").is_in(list(_SMALL_UNITS))).then(IMPLAUSIBLE_AMOUNT)
    checked = table.with_columns(
        most.otherwise(IMPLAUSIBLE_IN_MOST_CURRENCIES).alias("most"),
    ).with_columns(
        pl.when(pl.col(name).is_finite() & (pl.col(name) > 0) & (pl.col(name) < pl.col("most")))
        .then(name)
        .name.suffix("_plausible")
        for name in ("minimum", "maximum", "text_minimum", "text_maximum")
    )
    nulled = {
        "salary": _implausible_amounts(checked, texts["salary_min"], texts["salary_max"]),
        "salary_currency": count_lost(texts["salary_currency"], currency),
        "salary_period": count_lost(texts["salary_period"], period),
    }
    return _chosen(checked), nulled


def _chosen(checked: pl.DataFrame) -> pl.DataFrame:
    minimum, maximum = pl.col("minimum_plausible"), pl.col("maximum_plausible")
    text_minimum, text_maximum = pl.col("text_minimum_plausible"), pl.col("text_maximum_plausible")
    in_fields = minimum.is_not_null() | maximum.is_not_null()
    same = (minimum == text_minimum) | (maximum == text_maximum)
    text_tells = ~in_fields | same.fill_null(False)
    lower = pl.when(in_fields).then(minimum).otherwise(text_minimum)
    upper = pl.when(in_fields).then(maximum).otherwise(text_maximum)
    swapped = lower > upper
    return checked.select(
        salary_min=pl.when(swapped).then(upper).otherwise(lower),
        salary_max=pl.when(swapped).then(lower).otherwise(upper),
        salary_currency=pl.coalesce("currency", pl.when(text_tells).then("text_currency")),
        salary_period=pl.coalesce("period", pl.when(text_tells).then("text_period")),
    )


def _implausible_amounts(checked: pl.DataFrame, stated_minimum: pl.Series, stated_maximum: pl.Series) -> int:
    """Amounts that were stated, are not a word for 'unknown', and can't be a salary."""
    count = 0
    for name, text in (("minimum", stated_minimum), ("maximum", stated_maximum)):
        unknown = checked[name].is_in(list(_UNKNOWN)).fill_null(False)
        count += count_lost(text.filter(~unknown), checked[f"{name}_plausible"].filter(~unknown))
    return count + sum(
        count_lost(checked[name], checked[f"{name}_plausible"]) for name in ("text_minimum", "text_maximum")
    )
