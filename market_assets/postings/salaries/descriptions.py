"""Finds the pay that only a description states, among all the amounts of money in it.

Each amount is scored (`described_amounts`); the best that is believed in its country, currency and period is the
pay.
"""

from __future__ import annotations

import polars as pl

from market_assets.postings.salaries.bounds import wages
from market_assets.postings.salaries.described_amounts import (
    ENOUGH,
    SIGNS_OF_PAY,
    WITH_PERIOD,
    described_amounts,
)
from market_assets.postings.salaries.figures import find_pay, in_years
from market_assets.postings.salaries.readings import BELIEVED_AS_STATED, read_pay
from market_assets.postings.salaries.shared_signs import stated_currency

#: The columns of stated pay.
PAY = ("salary_min", "salary_max", "salary_currency", "salary_period")

#: Amounts in descriptions are pay from this share of the minimum wage (training) up to this many top wages.
_LEAST, _MOST = 0.4, 10

#: Figures of a range that differ by this factor are doubtful.
_WIDE_RANGE = 3

_CANDIDATE = pl.Schema(
    {
        "row": pl.UInt32(),
        "score": pl.Float64(),
        "text": pl.String(),
        "named_period": pl.String(),
        "place": pl.Int64(),
    }
)


def completed_pay(postings: pl.DataFrame) -> pl.DataFrame:
    """The pay of postings, from the description where nothing else states an amount.

    Args:
        postings: the columns `PAY` (schema `parse.PAY`), description, country (String, alpha2).

    Returns:
        The first four, and pay_quality (String): from_text where the amounts are the description's, else null.
    """
    rows = postings.with_row_index("row")
    amounts = ("salary_min", "salary_max")
    without = rows.filter(pl.all_horizontal(pl.col(amounts).is_null()), pl.col("description").is_not_null())
    found = (
        without.select("row").hstack(described_pay(without)).filter(~pl.all_horizontal(pl.col(amounts).is_null()))
    )
    return (
        rows.join(found, on="row", how="left", maintain_order="left", suffix="_found")
        .with_columns(is_found=pl.any_horizontal(pl.col("salary_min_found", "salary_max_found").is_not_null()))
        .select(
            *(pl.when("is_found").then(f"{name}_found").otherwise(name).alias(name) for name in PAY),
            pl.when("is_found").then(pl.lit("from_text")).alias("pay_quality"),
        )
    )


def described_pay(postings: pl.DataFrame) -> pl.DataFrame:
    """The pay that descriptions state.

    Args:
        postings: description, country (String, alpha2).

    Returns:
        salary_min, salary_max (Float64), salary_currency, salary_period (String), as the description states them,
        one row a posting, in their order; all null where it states none.
    """
    numbered = postings.select("description", "country").with_row_index("row")
    likely = numbered.filter(pl.any_horizontal(pl.col("description").str.contains(sign) for sign in SIGNS_OF_PAY))
    found = pl.DataFrame(
        [
            (row, amount.score, amount.text, amount.named_period, amount.place)
            for row, text in likely.select("row", "description").iter_rows()
            for amount in described_amounts(text)
        ],
        _CANDIDATE,
        orient="row",
    )
    pay = (
        found.join(in_years(find_pay(found["text"].unique())), on="text")
        .join(numbered.select("row", "country"), on="row")
        .select(
            "row",
            "place",
            "country",
            score=pl.col("score") + pl.when(pl.col("period").is_not_null()).then(WITH_PERIOD).otherwise(0.0),
            salary_min="minimum",
            salary_max="maximum",
            salary_currency=stated_currency(
                pl.col("currency"),
                pl.col("has_shared_sign"),
                pl.col("country"),
                amount=pl.max_horizontal("minimum", "maximum"),
                period=pl.coalesce("period", "named_period"),
            ),
            salary_period=pl.coalesce("period", "named_period"),
        )
    )
    best = (
        pay.filter(pl.col("score") >= ENOUGH)
        .pipe(_with_ordinary_period)
        .pipe(_ordinary)
        .sort("row", -pl.col("score"), "place")
        .unique("row", keep="first", maintain_order=True)
    )
    return (
        numbered.select("row")
        .join(best, on="row", how="left", maintain_order="left")
        .select("salary_min", "salary_max", "salary_currency", "salary_period")
    )


def _with_ordinary_period(pay: pl.DataFrame) -> pl.DataFrame:
    """Some amounts; those without a period that are ordinary only by the month are monthly: "15 000 - 20 000 zł".

    Ranges that are wide are slips and keep no period.
    """
    is_narrow = (pl.col("salary_max") < _WIDE_RANGE * pl.col("salary_min")).fill_null(True)
    without = pay.filter(pl.col("salary_period").is_null() & is_narrow)
    others = without.join(_ordinary(without), on=["row", "place"], how="anti")
    monthly = _ordinary(others.with_columns(salary_period=pl.lit("monthly")))
    return pl.concat([pay.join(monthly, on=["row", "place"], how="anti"), monthly])


def _ordinary(pay: pl.DataFrame) -> pl.DataFrame:
    """Those of some amounts that can be believed as they are stated, and are those of ordinary jobs."""
    read = read_pay(pay).with_columns(pay["country"])
    known = read.join(wages(), on=["country", "currency"], how="left", nulls_equal=True, maintain_order="left")
    is_ordinary = (pl.min_horizontal("minimum", "maximum") >= _LEAST * pl.col("minimum_wage")) & (
        pl.max_horizontal("minimum", "maximum") <= _MOST * pl.col("top_wage")
    )
    return pay.filter(known.select(is_ordinary & pl.col("pay_quality").is_in(BELIEVED_AS_STATED)).to_series())
