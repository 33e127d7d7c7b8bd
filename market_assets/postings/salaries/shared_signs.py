"""Signs that several currencies share: "$" means the dollar or peso of the posting's country."""

from __future__ import annotations

import polars as pl

from market_assets.postings.gazetteer import country_currencies
from market_assets.postings.salaries.bounds import wages
from market_assets.postings.salaries.readings import periods_per_year

SHARED_SIGNS = ("$", "¥", "￥", "Dhs", "Dh", "dhs", "DHS", "DH", "Rs.", "Rs", "rs.", "₨")

#: The currency that `currencies.currency_symbols` has for such a sign → the others that are written with it.
_ALSO_MEANT = {
    "USD": ("CAD", "AUD", "NZD", "SGD", "BND", "BMD", "BSD", "BBD", "KYD", "XCD"),
    "JPY": ("CNY",),
    "AED": ("MAD",),
    "INR": ("PKR", "LKR", "NPR", "MUR"),
}

#: Currencies with "$" that are worth so little beside the US dollar that the size of pay tells them apart.
_SMALLER_THAN_DOLLARS = ("HKD", "TWD", "MXN", "ARS", "CLP", "COP", "UYU", "DOP", "JMD", "TTD", "NAD")


def stated_currency(
    currency: pl.Expr, has_shared_sign: pl.Expr, country: pl.Expr, *, amount: pl.Expr, period: pl.Expr
) -> pl.Expr:
    """A currency, but null where only a sign shows it that means the country's own: "$" in Canada or Mexico.

    Where a country's unit is much smaller than the US dollar, "$" means US dollars for pay that would be below the
    country's minimum wage: "$3,000 per month" in Mexico.

    Args:
        currency: ISO 4217 code.
        has_shared_sign: whether only such a sign shows the currency.
        country: alpha2.
        amount: the larger figure of the pay.
        period: one of `schemas.SALARY_PERIODS`; pay without a period is taken for monthly.
    """
    local = country.replace_strict(country_currencies(), default=None, return_dtype=pl.String)
    is_of_similar_value = pl.any_horizontal(
        (currency == code) & local.is_in(others) for code, others in _ALSO_MEANT.items()
    )
    minimum_wage = country.replace_strict(_local_minimum_wages(), default=None, return_dtype=pl.Float64)
    per_year = periods_per_year(pl.coalesce(period, pl.lit("monthly")))
    is_enough = (amount * per_year >= minimum_wage).fill_null(True)
    is_smaller = (currency == "USD") & local.is_in(_SMALLER_THAN_DOLLARS) & is_enough
    return pl.when(~(has_shared_sign & (is_of_similar_value | is_smaller)).fill_null(False)).then(currency)


def _local_minimum_wages() -> dict[str, float]:
    """Country → a year's minimum wage in its own currency."""
    local = wages().filter("is_local", pl.col("country").is_not_null())
    return dict(local.select("country", "minimum_wage").drop_nulls().rows())
