"""Fields of one amount, currency or period."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.salaries.pay_words import parse_amount, parse_currency, parse_period

AMOUNT_FIELDS = {
    "80000": 80e3, "80000.0": 80e3, "$80,000": 8e4, "85k": 85e3, "1e5": 1e5, "60.000,50": 60_000.5, "60.000": 6e4,
    " 80 000 ": 80e3, "100'000": 100e3, "EUR 50.000": 50e3, "50 000 EUR": 50e3, "£45,000.00": 45e3, "12 LPA": 12e5,
    "38.462": 38.462, "52.500": 52_500, "38.4615384615": 38.4615384615, "-5": -5, "-$5": -5, "0": 0, "1e12": 1e12,
    "US$ 80,000": 80e3, "12,00,000": 12e5, "1,5k": 1500,
}  # fmt: skip
NO_AMOUNTS = (
    *("", " ", "abc", "NaN", "nan", "inf", "-inf", "1e400", "10%", "12-15", "12 15", "$", "k"),
    *("e5", "1e", "--5", "1.2.3", "１２", "1" * 1_000_000, "9" * 101, "80000 and more"),
)  # fmt: skip


def test_amount_fields() -> None:
    texts = [*AMOUNT_FIELDS, *NO_AMOUNTS]

    assert [parse_amount(text) for text in texts] == [AMOUNT_FIELDS.get(text) for text in texts]


@given(
    st.floats(-1e9, 1e9, allow_nan=False).filter(lambda amount: not f"{amount!r}".endswith("0"))
    | st.integers(-(10**9), 10**9)
)
def test_numbers_as_machines_write_them_are_exact(amount: float) -> None:
    assert parse_amount(repr(amount)) == float(repr(amount))


CURRENCY_FIELDS = {
    "USD": ["usd", "USD", "$", "US$", "US Dollar", "us dollars", "US", "USD ($)"],
    "EUR": ["€", "Euro", " eur ", "EUR - Euro"],
    "GBP": ["£", "Pounds", "GBP"],
    "CAD": ["C$", "CA$", "cad"],
    "INR": ["₹", "Rs.", "INR"],
    "CNY": ["RMB", "CN¥"],
    "PLN": ["zł", "PLN"],
    None: ["kr", "XYZ", "", "dollars and cents", "EURO BONDS", "-1", "\x00", "U" * 1_000_000],
}
PERIOD_FIELDS = {
    "yearly": ["1 YEAR", "per-year-salary", "annual", "yearly", "p.a.", "YEAR", "per annum", "Annually", "year"],
    "monthly": ["1 MONTH", "per-month-salary", "monthly", "month", "p.m.", "MONTH"],
    "weekly": ["1 WEEK", "WEEK", "week", "weekly", "per-week-salary"],
    "daily": ["per-day-wage", "daily", "DAY", "1 DAY"],
    "hourly": ["1 HOUR", "per-hour-wage", "HOUR", "hourly", "/hr"],
    None: [
        *("2 WEEK", "12 MONTH", "bi-weekly", "bi-week-salary", "semi-month-salary", "bi-month-salary", "5"),
        *("fortnightly", "quarterly", "half-year-salary", "one-time", "NONE", "fixed", "", "\x00"),
        *("years ago or so" * 10, "year" * 300_000),
    ],
}


@pytest.mark.parametrize(("parse", "fields"), [(parse_currency, CURRENCY_FIELDS), (parse_period, PERIOD_FIELDS)])
def test_currency_and_period_fields(
    parse: Callable[[str], str | None], fields: dict[str | None, list[str]]
) -> None:
    wanted = {text: meaning for meaning, texts in fields.items() for text in texts}

    assert {text: parse(text) for text in wanted} == wanted
