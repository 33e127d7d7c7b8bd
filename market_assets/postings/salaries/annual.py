"""Annual pay in one currency."""

from __future__ import annotations

import polars as pl

from market_assets.postings.salaries.readings import BELIEVED_AS_STATED, read_pay


def annual_pay(postings: pl.DataFrame, rates: pl.DataFrame, currency: str) -> pl.DataFrame:
    """The annual pay of postings in one currency, and how it is known.

    The exchange rate is the latest on or before the day of `posted_at`, else the earliest one; conversion goes
    over the US dollar. Pay that is already in `currency` needs no rate.

    Args:
        postings: the columns that `readings.read_pay` takes; pay_quality (String: from_text where only the
            description states the pay; else ignored), posted_at (Datetime, UTC); further columns are ignored.
        rates: schema `postings.salaries.currencies.EXCHANGE_RATE`, in any order.
        currency: ISO 4217 code of the result.

    Returns:
        annual_salary_min, annual_salary_max (Float64, per year in `currency`, rounded to 2 decimals, null
        where unknown or implausible), pay_quality (one of `schemas.PAY_QUALITIES`), one row a posting, in their
        order.
    """
    is_from_text = (postings["pay_quality"] == "from_text") & pl.col("pay_quality").is_in(BELIEVED_AS_STATED)
    pay = read_pay(postings).with_columns(
        pay_quality=pl.when(is_from_text).then(pl.lit("from_text")).otherwise("pay_quality"),
        date=postings["posted_at"].dt.date(),
    )
    converted = pay.join(
        _conversion_rates(pay.select("currency", "date"), rates, currency),
        on=["currency", "date"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    amounts = (
        (pl.col(amount) * pl.col("rate_from") / pl.col("rate_to")).round(2).alias(f"annual_salary_{name}")
        for amount, name in (("minimum", "min"), ("maximum", "max"))
    )
    return converted.select(*amounts, "pay_quality")


def midpoint(annual_min: pl.Expr, annual_max: pl.Expr) -> pl.Expr:
    """The mean of both figures, or the one that is known."""
    return pl.mean_horizontal(annual_min, annual_max, ignore_nulls=True)


def _conversion_rates(stated: pl.DataFrame, rates: pl.DataFrame, currency: str) -> pl.DataFrame:
    """currency, date, rate_from, rate_to (US dollars for a unit of either currency), once for each pair.

    Rates are joined to these pairs, as there are few (currencies × days) even for millions of postings.
    """
    pairs = stated.unique(maintain_order=True)
    rate_from = _usd_per_unit(pairs, rates)
    rate_to = _usd_per_unit(pairs.with_columns(pl.lit(currency).alias("currency")), rates)
    same = pl.col("currency").eq_missing(currency)
    return pairs.with_columns(
        pl.when(same).then(1.0).otherwise(rate_from).alias("rate_from"),
        pl.when(same).then(1.0).otherwise(rate_to).alias("rate_to"),
    )


def _usd_per_unit(pairs: pl.DataFrame, rates: pl.DataFrame) -> pl.Series:
    """For each (currency, date) the latest rate on or before the date, else the earliest; null without any."""
    dated = rates.filter(pl.col("currency") != "USD").sort("date", "currency")
    earliest = dated.group_by("currency").agg(pl.col("usd_per_unit").first().alias("earliest"))
    found = (
        pairs.with_row_index("row")
        .sort("date", "row")
        .join_asof(dated, on="date", by="currency", strategy="backward", check_sortedness=False)
        .join(earliest, on="currency", how="left")
        .sort("row")
    )
    return found.select(
        pl.when(pl.col("currency") == "USD").then(1.0).otherwise(pl.coalesce("usd_per_unit", "earliest"))
    ).to_series()
