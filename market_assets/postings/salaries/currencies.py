"""Currencies (`currencies.csv`), exchange rates (`exchange_rates.csv`) and wages of countries (`wages.csv`)."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import polars as pl

from market_assets.postings.gazetteer import countries, country_currencies

CURRENCIES_FILE = Path(__file__).with_name("currencies.csv")

#: Approximate rates at the start of each quarter, entered by hand: about half of the currencies have a value for
#: each half year, with the mean of both in between, and the rates of 2026 are largely extrapolated. Exact rates
#: can be given in a file that the settings name.
EXCHANGE_RATES_FILE = Path(__file__).with_name("exchange_rates.csv")

#: `usd_per_unit`: US dollars for one unit of the currency, from that date on.
EXCHANGE_RATE = pl.Schema({"date": pl.Date(), "currency": pl.String(), "usd_per_unit": pl.Float64()})

#: Codes that postings may hold, though no country in `countries.csv` has them (any more).
_FURTHER_CODES = frozenset({"ANG", "BGN", "CLF", "CUC", "HRK", "MXV", "SLL", "USN", "UYI", "XAU", "ZWL"})

#: Names of several currencies of which none is usual: crowns of the Nordic countries, and pesos.
AMBIGUOUS_SYMBOLS = ("kr.", "kr", "Kr.", "Kr", "KR", "pesos", "Pesos", "PESOS", "peso")

WAGES_FILE = Path(__file__).with_name("wages.csv")

#: The top wage is a country's average wage, or this share of the US average, whichever is more, as the pay for
#: highly qualified work follows that of the world.
_SHARE_OF_US_AVERAGE = 1 / 4

#: Where the country is not known, the work may be done where wages are lower than in the currency's countries.
_SHARE_OF_MINIMUM_WITHOUT_COUNTRY = 1 / 2


class ExchangeRateError(ValueError):
    """A file of exchange rates can't be used. The message is one line with the place and the reason."""


@cache
def currency_codes() -> frozenset[str]:
    """The known ISO 4217 codes."""
    return frozenset(country_currencies().values()) | _FURTHER_CODES


@cache
def currency_symbols() -> dict[str, str]:
    """Symbol or abbreviation, as written → ISO code: "$" → "USD", "zł" → "PLN"; also where others have it."""
    return {symbol: row["code"] for row in _currencies() for symbol in row["symbols"].split("|") if symbol}


@cache
def currency_names() -> dict[str, str]:
    """Name in lower case, singular and plural → ISO code: "us dollars" → "USD"."""
    return {
        form: row["code"]
        for row in _currencies()
        for name in row["names"].split("|")
        if name
        for form in (name, f"{name}s")
    }


def load_exchange_rates(path: Path | None = None) -> pl.DataFrame:
    """Read a table of exchange rates, by default the shipped one.

    The file is a CSV with the columns date (YYYY-MM-DD), currency (ISO 4217) and usd_per_unit; further columns are
    ignored. The US dollar needs no rows.

    Returns:
        Schema `EXCHANGE_RATE`, sorted by currency and date.

    Raises:
        ExchangeRateError: the file can't be read, lacks a column, is empty, or has a bad or repeated row.
    """
    file = EXCHANGE_RATES_FILE if path is None else path
    stated = _read_text_columns(file)
    rates = stated.select(
        pl.col("date").str.strip_chars().str.to_date("%Y-%m-%d", strict=False),
        pl.col("currency").str.strip_chars().str.to_uppercase(),
        pl.col("usd_per_unit").str.strip_chars().cast(pl.Float64, strict=False),
    )
    _check_rows(file, stated, rates)
    return rates.sort("currency", "date").match_to_schema(EXCHANGE_RATE)


def conversion_rates(stated: pl.DataFrame, rates: pl.DataFrame, currency: str) -> pl.DataFrame:
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


@cache
def _currencies() -> tuple[dict[str, str], ...]:
    """The rows of `currencies.csv`: code, and symbols and names divided by "|"."""
    with CURRENCIES_FILE.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _read_text_columns(file: Path) -> pl.DataFrame:
    try:
        frame = pl.read_csv(file.read_bytes(), infer_schema=False)
    except OSError as error:
        raise ExchangeRateError(f"{file}: can't be read: {error.strerror or error}") from error
    except pl.exceptions.PolarsError as error:
        raise ExchangeRateError(f"{file}: is not a CSV file: {str(error).splitlines()[0]}") from error
    if missing := [column for column in EXCHANGE_RATE if column not in frame.columns]:
        raise ExchangeRateError(f"{file}: lacks the column {missing[0]} (needs {', '.join(EXCHANGE_RATE)})")
    if frame.is_empty():
        raise ExchangeRateError(f"{file}: holds no exchange rates")
    return frame.select(EXCHANGE_RATE.names())


def _check_rows(file: Path, stated: pl.DataFrame, rates: pl.DataFrame) -> None:
    """Raise an error for the first bad row, with its line and value. Checks are made in this order."""
    date, currency, rate = pl.col("date"), pl.col("currency"), pl.col("usd_per_unit")
    checks = (
        (date.is_null(), "date", "is not a date (YYYY-MM-DD)"),
        (~currency.is_in(list(currency_codes())), "currency", "is no known currency"),
        (~(rate.is_finite() & (rate > 0)), "usd_per_unit", "is not a positive number"),
        ((currency == "USD") & (rate != 1), "usd_per_unit", "is not 1 though the currency is USD"),
        (~pl.struct(date, currency).is_first_distinct(), "currency", "has a second rate for the same date"),
    )
    for bad, column, reason in checks:
        positions = rates.select(bad.fill_null(True).arg_true()).to_series()
        if len(positions):
            line = positions[0] + 2  # the header is line 1
            raise ExchangeRateError(f"{file}, line {line}: {column} {stated[column][positions[0]]!r} {reason}")


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


def _newest_rates() -> pl.DataFrame:
    """currency, usd_per_unit."""
    rates = load_exchange_rates().group_by("currency", maintain_order=True).agg(pl.col("usd_per_unit").last())
    return pl.concat([rates, pl.DataFrame({"currency": ["USD"], "usd_per_unit": [1.0]})])
