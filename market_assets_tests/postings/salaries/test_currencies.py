from datetime import date
from pathlib import Path

import polars as pl
import pytest

from market_assets.postings.salaries.currencies import (
    AMBIGUOUS_SYMBOLS,
    EXCHANGE_RATE,
    ExchangeRateError,
    currency_codes,
    currency_names,
    currency_symbols,
    load_exchange_rates,
)

HEADER = "date,currency,usd_per_unit\n"


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "rates.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_shipped_rates_are_quarterly_and_whole() -> None:
    rates = load_exchange_rates()

    quarters = [date(year, month, 1) for year in range(2020, 2027) for month in (1, 4, 7, 10)]
    per_currency = rates.group_by("currency").agg(pl.col("date"))
    assert rates.schema == EXCHANGE_RATE
    assert per_currency.height >= 40
    assert all(dates == quarters for dates in per_currency["date"].to_list())
    assert rates.equals(rates.sort("currency", "date"))


def test_shipped_rates_are_of_the_right_size() -> None:
    rates = load_exchange_rates()

    sizes = {"EUR": (0.95, 1.3), "GBP": (1.05, 1.45), "JPY": (0.006, 0.01), "INR": (0.0105, 0.0145)}
    sizes |= {"CHF": (1.0, 1.35), "KWD": (3.2, 3.35), "VND": (3.5e-5, 4.5e-5), "AED": (0.2722, 0.2724)}
    for currency, (low, high) in sizes.items():
        assert rates.filter(pl.col("currency") == currency)["usd_per_unit"].is_between(low, high).all(), currency


def test_no_shipped_rate_jumps_except_where_the_currency_did() -> None:
    change = pl.col("usd_per_unit") / pl.col("usd_per_unit").shift().over("currency") - 1
    jumps = load_exchange_rates().filter(change.abs() > 0.3)

    assert set(jumps["currency"]) <= {"ARS", "NGN", "EGP", "RUB", "TRY", "LKR"}


def test_every_symbol_and_name_is_of_a_known_currency() -> None:
    assert set(currency_symbols().values()) | set(currency_names().values()) <= currency_codes()
    assert set(AMBIGUOUS_SYMBOLS).isdisjoint(currency_symbols())
    wanted = {"$": "USD", "£": "GBP", "€": "EUR", "₹": "INR", "C$": "CAD", "R$": "BRL", "zł": "PLN"}
    assert {symbol: currency_symbols()[symbol] for symbol in wanted} == wanted


def test_a_replacing_file_is_sorted_trimmed_and_may_have_further_columns(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "note,currency,usd_per_unit,date\n,gbp, 1.3 ,2025-02-01\nx,EUR,1.1,2025-03-01\n,EUR,1e0,2025-01-01\n",
    )

    assert load_exchange_rates(file).rows() == [
        (date(2025, 1, 1), "EUR", 1.0),
        (date(2025, 3, 1), "EUR", 1.1),
        (date(2025, 2, 1), "GBP", 1.3),
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is not a CSV file"),
        (HEADER, "holds no exchange rates"),
        ("date,currency\n2025-01-01,EUR\n", "lacks the column usd_per_unit"),
        (HEADER + "2025-01-01,EUR,1.1\n01/02/2025,EUR,1.2\n", "line 3: date '01/02/2025' is not a date"),
        (HEADER + "2025-02-30,EUR,1.1\n", "line 2: date '2025-02-30' is not a date"),
        (HEADER + ",EUR,1.1\n", "line 2: date None is not a date"),
        (HEADER + "2025-01-01,EURO,1.1\n", "line 2: currency 'EURO' is no known currency"),
        (HEADER + "2025-01-01,,1.1\n", "line 2: currency None is no known currency"),
        (HEADER + "2025-01-01,EUR,0\n", "line 2: usd_per_unit '0' is not a positive number"),
        (HEADER + "2025-01-01,EUR,-1.1\n", "line 2: usd_per_unit '-1.1' is not a positive number"),
        (HEADER + "2025-01-01,EUR,nan\n", "line 2: usd_per_unit 'nan' is not a positive number"),
        (HEADER + "2025-01-01,EUR,inf\n", "line 2: usd_per_unit 'inf' is not a positive number"),
        (HEADER + '2025-01-01,EUR,"1,1"\n', "line 2: usd_per_unit '1,1' is not a positive number"),
        (HEADER + "2025-01-01,USD,2\n", "line 2: usd_per_unit '2' is not 1"),
        (HEADER + "2025-01-01,EUR,1.1\n2025-01-01,eur,1.2\n", "line 3: currency 'eur' has a second rate"),
        (b"\x00\xff\xfe\x01", "lacks the column date"),
        (HEADER.encode() + b"2025-01-01,\xff\xfe,1\n", "is not a CSV file"),
        (HEADER + "2025-01-01,EUR,1.1,7,8\n", "is not a CSV file"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    file = write(tmp_path, content)

    with pytest.raises(ExchangeRateError) as raised:
        load_exchange_rates(file)

    message = str(raised.value)
    assert message.startswith(str(file))
    assert complaint in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExchangeRateError, match="can't be read"):
        load_exchange_rates(tmp_path / name)
