"""The bounds of believable pay, by period, country and currency: multiples of a country's wages (`wages.csv`).

Pay that is stated by the year is believed from a quarter of a full-time year at the minimum wage (part-time work,
training) to below 25 average wages (directors). Pay of shorter periods has its own multiples: a month's pay may be
that of a few hours a week, and hardly anyone states a director's by the hour. The upper bounds are at least those
of a country with a quarter of US wages, as highly qualified work follows the pay of the world.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from market_assets.postings.gazetteer import countries
from market_assets.postings.salaries.currencies import load_exchange_rates

WAGES_FILE = Path(__file__).with_name("wages.csv")

#: Period → the share of the minimum wage from which pay is believed, both over a year.
LOWEST = {"hourly": 1 / 4, "daily": 1 / 4, "weekly": 1 / 8, "monthly": 1 / 8, "yearly": 1 / 4}

#: Period → the multiple of the top wage below which pay is believed, both over a year.
HIGHEST = {"hourly": 15, "daily": 15, "weekly": 10, "monthly": 8, "yearly": 25}

#: The top wage is a country's average wage, or this share of the US average, whichever is more.
_SHARE_OF_US_AVERAGE = 1 / 4

#: Where the country is not known, the work may be done where wages are lower than in the currency's countries.
_SHARE_OF_MINIMUM_WITHOUT_COUNTRY = 1 / 2


@cache
def wages() -> pl.DataFrame:
    """A year's wages of each country in each currency, by the newest exchange rate that is shipped.

    Returns:
        country (null for those that are unknown or not in `wages.csv`), currency, minimum_wage, average_wage,
        top_wage, is_local, one row for each country in `countries.csv` and each currency. `is_local`: whether
        the currency is the country's own.
    """
    stated = pl.read_csv(WAGES_FILE, comment_prefix="#", schema_overrides={"minimum_wage": pl.Float64()}).cast(
        {"average_wage": pl.Float64()}
    )
    rates = _newest_rates()
    us_average = stated.filter(pl.col("country") == "US")["average_wage"][0]
    in_dollars = stated.join(rates, on="currency").select(
        "country",
        pl.col("currency").alias("local_currency"),
        pl.col("minimum_wage", "average_wage") * pl.col("usd_per_unit"),
    )
    of_currencies = in_dollars.group_by("local_currency", maintain_order=True).agg(
        pl.col("minimum_wage").min() * _SHARE_OF_MINIMUM_WITHOUT_COUNTRY, pl.col("average_wage").first()
    )
    elsewhere = of_currencies.join(rates, left_on="local_currency", right_on="currency").rename(
        {"local_currency": "currency"}
    )
    others = pl.DataFrame({"country": [None, *(code for code in countries() if code not in stated["country"])]})
    known = in_dollars.join(rates, how="cross")
    unknown = others.join(elsewhere, how="cross").with_columns(local_currency=pl.col("currency"))
    return pl.concat([known.select(unknown.columns), unknown]).select(
        "country",
        "currency",
        pl.col("minimum_wage") / pl.col("usd_per_unit"),
        pl.col("average_wage") / pl.col("usd_per_unit"),
        (pl.max_horizontal("average_wage", us_average * _SHARE_OF_US_AVERAGE) / pl.col("usd_per_unit")).alias(
            "top_wage"
        ),
        (pl.col("local_currency") == pl.col("currency")).alias("is_local"),
    )


def _newest_rates() -> pl.DataFrame:
    """currency, usd_per_unit."""
    rates = load_exchange_rates().group_by("currency", maintain_order=True).agg(pl.col("usd_per_unit").last())
    return pl.concat([rates, pl.DataFrame({"currency": ["USD"], "usd_per_unit": [1.0]})])
