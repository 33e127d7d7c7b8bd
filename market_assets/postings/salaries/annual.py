"""Annual pay in one currency: pay periods, the period assumed where none is stated, and currency conversion."""

from __future__ import annotations

import polars as pl

from market_assets.postings.gazetteer import country_currencies

#: A working year: 52 weeks of 5 days of 8 hours.
PERIODS_PER_YEAR = {"hourly": 2080, "daily": 260, "weekly": 52, "monthly": 12, "yearly": 1}

#: Where no period is stated, pay below the first is assumed to be hourly, below the second monthly, else yearly.
HOURLY_BELOW = 500
MONTHLY_BELOW = 20_000

#: An amount this large is no salary in any currency.
IMPLAUSIBLE_AMOUNT = 1e12


def pay_period(minimum: pl.Expr, maximum: pl.Expr, period: pl.Expr) -> pl.Expr:
    """The stated period, else the one assumed from the larger stated figure; null where neither is stated."""
    larger = pl.max_horizontal(minimum, maximum)
    assumed = (
        pl.when(larger < HOURLY_BELOW)
        .then(pl.lit("hourly"))
        .when(larger < MONTHLY_BELOW)
        .then(pl.lit("monthly"))
        .when(larger.is_not_null())
        .then(pl.lit("yearly"))
    )
    return pl.coalesce(period, assumed)


def periods_per_year(period: pl.Expr) -> pl.Expr:
    """How many of a period (one of `schemas.SALARY_PERIODS`) a working year has. Float64; null for other texts."""
    return period.replace_strict(PERIODS_PER_YEAR, default=None, return_dtype=pl.Float64)


def annual_pay(postings: pl.DataFrame, rates: pl.DataFrame, currency: str) -> pl.DataFrame:
    """The annual pay of postings in one currency.

    A missing currency is that of the posting's country. The exchange rate is the latest on or before the day of
    `posted_at`, else the earliest one; conversion goes over the US dollar. Pay that is already in `currency` needs
    no rate. A figure that is zero, negative, not finite, or at least `IMPLAUSIBLE_AMOUNT` counts as not stated.

    Args:
        postings: salary_min, salary_max (Float64), salary_currency, salary_period, country (String,
            alpha2), posted_at (Datetime, UTC); further columns are ignored.
        rates: schema `postings.salaries.currencies.EXCHANGE_RATE`, in any order.
        currency: ISO 4217 code of the result.

    Returns:
        annual_salary_min, annual_salary_max (Float64, per year in `currency`, rounded to 2 decimals, null
        where unknown), one row a posting, in their order.
    """
    pay = postings.select(
        _stated_amount("salary_min").alias("minimum"),
        _stated_amount("salary_max").alias("maximum"),
        pl.col("salary_period").alias("period"),
        pl.coalesce("salary_currency", _currency_of_country(pl.col("country"))).alias("currency"),
        pl.col("posted_at").dt.date().alias("date"),
    )
    period = pay_period(pl.col("minimum"), pl.col("maximum"), pl.col("period"))
    converted = pay.with_columns(periods_per_year(period).alias("periods")).join(
        _conversion_rates(pay.select("currency", "date"), rates, currency),
        on=["currency", "date"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return converted.select(
        (pl.col(amount) * pl.col("periods") * pl.col("rate_from") / pl.col("rate_to"))
        .round(2)
        .alias(f"annual_salary_{name}")
        for amount, name in (("minimum", "min"), ("maximum", "max"))
    )


def midpoint(annual_min: pl.Expr, annual_max: pl.Expr) -> pl.Expr:
    """The mean of both figures, or the one that is known."""
    return pl.mean_horizontal(annual_min, annual_max, ignore_nulls=True)


def _stated_amount(column: str) -> pl.Expr:
    amount = pl.col(column)
    return pl.when(amount.is_finite() & (amount > 0) & (amount < IMPLAUSIBLE_AMOUNT)).then(amount)


def _currency_of_country(country: pl.Expr) -> pl.Expr:
    return country.replace_strict(country_currencies(), default=None, return_dtype=pl.String)


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
