"""The pay that postings state, in fields or in texts."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from market_assets.postings.salaries.figures import PARSED_SALARY, find_pay, in_years
from market_assets.postings.salaries.pay_words import (
    CURRENCIES_OF_SMALL_UNITS,
    parse_amount,
    parse_currency,
    parse_period,
)
from market_assets.postings.salaries.readings import (
    IMPLAUSIBLE_AMOUNT,
    SHARED_SIGNS,
    pay_period,
    periods_per_year,
    stated_currency,
)
from market_assets.postings.schemas import NORMALISED_POSTING
from market_assets.postings.texts import is_lost, parsed_each

#: Bytes of UTF-8; a longer text is a description and not a statement of pay.
MAX_TEXT_LENGTH = 5_000

#: An amount this large is no salary, of whatever period, but in the currencies of small units.
IMPLAUSIBLE_IN_MOST_CURRENCIES = 1e8

#: Amounts by which sources mean that the pay is unknown. They are not counted as implausible.
_UNKNOWN = (0.0, -1.0)

_FIELDS = ("salary_min", "salary_max", "salary_currency", "salary_period")
PAY = pl.Schema({name: NORMALISED_POSTING[name] for name in _FIELDS})


def stated_pay(stated: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parse the pay of postings, from fields and text.

    Args:
        stated: salary_min, salary_max, salary_currency, salary_period, salary_text (String, in one line), country
            (String, alpha2); further columns are ignored.

    Returns:
        Schema `PAY`, one row a posting; and how many of its stated values were implausible or unreadable, in the
        columns salary, salary_currency and salary_period. Currency and period are taken from the text where the
        amounts are too, or where the text states the same amounts. A sign of several currencies is null
        where it means the country's own (`stated_currency`).
    """
    from_text = in_years(_parsed(stated["salary_text"]))
    table = pl.DataFrame(
        [
            *(stated[name].alias(f"stated_{name}") for name in PAY.names()),
            parsed_each(stated["salary_min"], parse_amount, pl.Float64()).alias("minimum"),
            parsed_each(stated["salary_max"], parse_amount, pl.Float64()).alias("maximum"),
            parsed_each(stated["salary_currency"], parse_currency, pl.String()).alias("currency"),
            parsed_each(stated["salary_period"], parse_period, pl.String()).alias("period"),
            *(from_text[name].alias(f"text_{name}") for name in from_text.columns),
            stated["country"],
        ]
    )
    signs = {"": pl.col("stated_salary_currency").is_in(SHARED_SIGNS), "text_": pl.col("text_has_shared_sign")}
    currencies = (
        stated_currency(
            pl.col(f"{of}currency"),
            is_shared,
            pl.col("country"),
            amount=pl.max_horizontal(f"{of}minimum", f"{of}maximum"),
            period=pl.col(f"{of}period"),
        ).alias(f"{of}currency")
        for of, is_shared in signs.items()
    )
    checked = table.with_columns(currencies).with_columns(_plausible_amounts())
    return checked.select(_chosen_pay()), checked.select(_implausible())


def parse_salary_texts(texts: pl.Series) -> pl.DataFrame:
    """Parse texts such as "$53K-$91K (Glassdoor est.)", "up to £45k" or "€60.000 brutto".

    The first figure or range of a text that can be pay is taken. Figures without a currency count only where the
    text holds nothing else. "kr" belongs to several currencies: a salary without a currency. Bonuses, revenue in
    millions, percentages, years, pension plans and pay per piece are not salaries.

    Args:
        texts: String, nulls allowed.

    Returns:
        Schema `PARSED_SALARY`, one row a text; all null where there is no salary. minimum ≤ maximum.
    """
    return _parsed(texts).select(PARSED_SALARY.names())


def _parsed(texts: pl.Series) -> pl.DataFrame:
    """As `parse_salary_texts`, with has_shared_sign and payments (see `find_pay`)."""
    can_be_pay = texts.str.contains(r"\d") & (texts.str.len_bytes() <= MAX_TEXT_LENGTH)
    pay = find_pay(texts.filter(can_be_pay).unique())
    found = texts.to_frame("text").join(pay, on="text", how="left", maintain_order="left")
    return found.drop("text")


def salary_records(texts: Sequence[str]) -> list[dict[str, float | str | None] | None]:
    """The pay that each text states; None where it states none.

    Returns:
        currency, minimum, maximum and period as stated (None where not), and annual_minimum and annual_maximum in
        the stated currency, where a missing period is assumed as by `readings.pay_period`.
    """
    parsed = _parsed(pl.Series("text", texts, dtype=pl.String))
    period = pay_period(pl.col("minimum"), pl.col("maximum"), pl.col("period"))
    per_year = pl.coalesce("payments", periods_per_year(period))
    records = parsed.select(
        "currency",
        "minimum",
        "maximum",
        "period",
        (pl.col("minimum") * per_year).round(2).alias("annual_minimum"),
        (pl.col("maximum") * per_year).round(2).alias("annual_maximum"),
    )
    return [
        None if record["minimum"] is None and record["maximum"] is None else record
        for record in records.iter_rows(named=True)
    ]


def _plausible_amounts() -> list[pl.Expr]:
    """Each amount as NAME_plausible, null where it can't be a salary."""
    small_unit = pl.coalesce("currency", "text_currency").is_in(CURRENCIES_OF_SMALL_UNITS)
    limit = pl.when(small_unit).then(IMPLAUSIBLE_AMOUNT).otherwise(IMPLAUSIBLE_IN_MOST_CURRENCIES)
    return [
        pl.when(pl.col(name).is_finite() & (pl.col(name) > 0) & (pl.col(name) < limit))
        .then(name)
        .alias(f"{name}_plausible")
        for name in ("minimum", "maximum", "text_minimum", "text_maximum")
    ]


def _chosen_pay() -> list[pl.Expr]:
    minimum, maximum = pl.col("minimum_plausible"), pl.col("maximum_plausible")
    text_minimum, text_maximum = pl.col("text_minimum_plausible"), pl.col("text_maximum_plausible")
    in_fields = minimum.is_not_null() | maximum.is_not_null()
    same_amount = (minimum == text_minimum) | (maximum == text_maximum)
    use_text = ~in_fields | same_amount.fill_null(False)
    lower = pl.when(in_fields).then(minimum).otherwise(text_minimum)
    upper = pl.when(in_fields).then(maximum).otherwise(text_maximum)
    swapped = lower > upper
    return [
        pl.when(swapped).then(upper).otherwise(lower).alias("salary_min"),
        pl.when(swapped).then(lower).otherwise(upper).alias("salary_max"),
        pl.coalesce("currency", pl.when(use_text).then("text_currency")).alias("salary_currency"),
        pl.coalesce("period", pl.when(use_text).then("text_period")).alias("salary_period"),
    ]


def _implausible() -> list[pl.Expr]:
    """How many stated values are implausible or unreadable; an amount that means 'unknown' is not counted."""
    amounts = [
        pl.col(stated).is_not_null()
        & pl.col(f"{name}_plausible").is_null()
        & ~pl.col(name).is_in(list(_UNKNOWN)).fill_null(False)
        for stated, name in (("stated_salary_min", "minimum"), ("stated_salary_max", "maximum"))
    ]
    amounts += [is_lost(name, f"{name}_plausible") for name in ("text_minimum", "text_maximum")]
    return [
        pl.sum_horizontal(amounts).alias("salary"),
        (is_lost("stated_salary_currency", "currency") & ~pl.col("stated_salary_currency").is_in(SHARED_SIGNS))
        .fill_null(False)
        .alias("salary_currency"),
        is_lost("stated_salary_period", "period").alias("salary_period"),
    ]
