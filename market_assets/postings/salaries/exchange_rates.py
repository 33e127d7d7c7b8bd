"""Currencies: codes, symbols and names, and the dated table of what each was worth in US dollars."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from market_assets.postings.countries import country_currencies

#: Approximate rates at the start of each quarter, written down by hand and not taken from a feed: about half of
#: the currencies have a value for each half year and the middle in between, and 2026 is largely a continuation.
#: Who needs exact amounts names a file of their own in the settings.
EXCHANGE_RATES_FILE = Path(__file__).with_name("exchange_rates.csv")

#: `usd_per_unit`: US dollars that one unit of the currency was worth from that date on.
EXCHANGE_RATE = pl.Schema({"date": pl.Date(), "currency": pl.String(), "usd_per_unit": pl.Float64()})

#: Codes that postings still carry though no country in `countries.csv` has them as its own any more.
_FURTHER_CODES = frozenset({"ANG", "BGN", "CLF", "CUC", "HRK", "MXV", "SLL", "USN", "UYI", "XAU", "ZWL"})

#: Money that is clearly money but may be Swedish, Norwegian, Danish or Icelandic: no code can be told from it.
AMBIGUOUS_SYMBOLS = ("kr.", "kr", "Kr.", "Kr", "KR")

_SYMBOLS = {
    "USD": ("$", "US$", "U.S.$", "USD$", "US $"),
    "CAD": ("C$", "CA$", "CAD$", "CDN$", "Can$", "CDN"),
    "AUD": ("A$", "AU$", "AUD$"),
    "NZD": ("NZ$", "NZD$"),
    "SGD": ("S$", "SG$", "SGD$"),
    "HKD": ("HK$", "HKD$"),
    "TWD": ("NT$", "NTD"),
    "MXN": ("MX$", "Mex$", "MXN$"),
    "BRL": ("R$",),
    "EUR": ("€",),
    "GBP": ("£", "GBP£"),
    "JPY": ("¥", "￥", "JP¥", "円"),
    "CNY": ("CN¥", "RMB", "元"),
    "INR": ("₹", "Rs.", "Rs", "rs.", "₨"),
    "CHF": ("Fr.", "SFr.", "sFr."),
    "PLN": ("zł", "ZŁ", "zl"),
    "CZK": ("Kč", "kč"),
    "HUF": ("Ft",),
    "RON": ("lei",),
    "KRW": ("₩", "원"),
    "RUB": ("₽",),
    "TRY": ("₺",),
    "ILS": ("₪", "NIS"),
    "VND": ("₫",),
    "PHP": ("₱",),
    "NGN": ("₦",),
    "THB": ("฿",),
    "UAH": ("₴",),
    "KZT": ("₸",),
    "CRC": ("₡",),
    "PYG": ("₲",),
    "GHS": ("₵", "GH₵"),
    "MYR": ("RM",),
    "IDR": ("Rp.", "Rp"),
    "ZAR": ("R",),
    "KES": ("KSh", "Ksh"),
    "AED": ("Dhs", "Dh"),
    "PEN": ("S/", "S/."),
}

_NAMES = {
    "USD": ("us dollar", "u.s. dollar", "american dollar", "united states dollar", "dollar", "us"),
    "CAD": ("canadian dollar",),
    "AUD": ("australian dollar",),
    "NZD": ("new zealand dollar",),
    "SGD": ("singapore dollar",),
    "HKD": ("hong kong dollar",),
    "TWD": ("new taiwan dollar", "taiwan dollar"),
    "EUR": ("euro",),
    "GBP": ("pound", "british pound", "pound sterling", "pounds sterling", "sterling", "quid"),
    "JPY": ("yen", "japanese yen"),
    "CNY": ("yuan", "renminbi", "chinese yuan"),
    "INR": ("rupee", "indian rupee"),
    "PKR": ("pakistani rupee",),
    "CHF": ("franken", "swiss franc", "schweizer franken"),
    "SEK": ("swedish krona", "svenska kronor", "swedish kronor"),
    "NOK": ("norwegian krone", "norske kroner", "norwegian kroner"),
    "DKK": ("danish krone", "danske kroner", "danish kroner"),
    "PLN": ("złoty", "zloty", "złotych", "zlotych", "polish zloty"),
    "CZK": ("czech koruna", "koruna"),
    "HUF": ("forint", "hungarian forint"),
    "BRL": ("brazilian real", "reais"),
    "MXN": ("mexican peso",),
    "PHP": ("philippine peso",),
    "ZAR": ("rand", "south african rand"),
    "ILS": ("shekel", "new israeli shekel"),
    "KRW": ("won", "korean won", "south korean won"),
    "TRY": ("lira", "turkish lira"),
    "AED": ("dirham", "uae dirham", "emirati dirham"),
    "SAR": ("riyal", "saudi riyal"),
    "MYR": ("ringgit", "malaysian ringgit"),
    "THB": ("baht", "thai baht"),
    "IDR": ("rupiah", "indonesian rupiah"),
    "NGN": ("naira", "nigerian naira"),
    "UAH": ("hryvnia", "ukrainian hryvnia"),
    "RUB": ("ruble", "rouble", "russian ruble"),
}


class ExchangeRateError(ValueError):
    """A file of exchange rates can't be used; the message is one line that says where and why."""


@cache
def currency_codes() -> frozenset[str]:
    """The ISO 4217 codes that are known."""
    return frozenset(country_currencies().values()) | _FURTHER_CODES


@cache
def currency_symbols() -> dict[str, str]:
    """Symbol or abbreviation, as written → ISO code: "$" → "USD", "zł" → "PLN". A bare "¥" is taken for yen."""
    return {symbol: code for code, symbols in _SYMBOLS.items() for symbol in symbols}


@cache
def currency_names() -> dict[str, str]:
    """Name in lower case, singular and plural → ISO code: "us dollars" → "USD"."""
    return {form: code for code, names in _NAMES.items() for name in names for form in (name, f"{name}s")}


def load_exchange_rates(path: Path | None = None) -> pl.DataFrame:
    """Read a table of exchange rates, the one that the project ships unless a file is named.

    The file is a CSV with the columns date (YYYY-MM-DD), currency (ISO 4217) and usd_per_unit; others
    are ignored. The US dollar needs no rows.

    Returns:
        Schema `EXCHANGE_RATE`, in order of currency and date.

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
    if rates.is_empty():
        raise ExchangeRateError(f"{file}: holds no exchange rates")
    _refuse_bad_rows(file, stated, rates)
    return rates.sort("currency", "date").match_to_schema(EXCHANGE_RATE)


def _read_text_columns(file: Path) -> pl.DataFrame:
    columns = EXCHANGE_RATE.names()
    try:
        frame = pl.read_csv(file.read_bytes(), infer_schema=False)
    except OSError as error:
        raise ExchangeRateError(f"{file}: can't be read: {error.strerror or error}") from error
    except pl.exceptions.PolarsError as error:
        raise ExchangeRateError(f"{file}: is not a CSV file: {str(error).splitlines()[0]}") from error
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ExchangeRateError(f"{file}: lacks the column {missing[0]} (needs {', '.join(columns)})")
    return frame.select(columns)


def _refuse_bad_rows(file: Path, stated: pl.DataFrame, rates: pl.DataFrame) -> None:
    """Raise for the first row that is wrong in the first of these ways, naming its line and what it says."""
    date, currency, rate = pl.col("date"), pl.col("currency"), pl.col("usd_per_unit")
    complaints = (
        (date.is_null(), "date", "is not a date (YYYY-MM-DD)"),
        (~currency.is_in(list(currency_codes())), "currency", "is no known currency"),
        (~(rate.is_finite() & (rate > 0)), "usd_per_unit", "is not a positive number"),
        ((currency == "USD") & (rate != 1), "usd_per_unit", "is not 1 though the currency is USD"),
        (~pl.struct(date, currency).is_first_distinct(), "currency", "has a second rate for the same date"),
    )
    for bad, column, complaint in complaints:
        positions = rates.select(bad.fill_null(True).arg_true()).to_series()
        if len(positions):
            line = positions[0] + 2  # the header is line 1
            raise ExchangeRateError(f"{file}, line {line}: {column} {stated[column][positions[0]]!r} {complaint}")
