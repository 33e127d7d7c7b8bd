"""What stated pay means over a year: believed, inferred, repaired, implausible."""

from __future__ import annotations

import csv
import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.gazetteer import countries, country_currencies
from market_assets.postings.salaries.currencies import WAGES_FILE, load_exchange_rates, wages
from market_assets.postings.salaries.readings import HIGHEST, LOWEST, PERIODS_PER_YEAR, READ_PAY, read_pay
from market_assets.postings.schemas import PAY_QUALITIES, SALARY_PERIODS

STATED = pl.Schema(
    {
        "salary_min": pl.Float64(),
        "salary_max": pl.Float64(),
        "salary_currency": pl.String(),
        "salary_period": pl.String(),
        "country": pl.String(),
    }
)
Row = tuple[float | None, float | None, str | None, str | None, str | None]
Pay = tuple[float | None, float | None, str | None, str | None]


def read(*rows: Row) -> list[Pay]:
    found = read_pay(pl.DataFrame(list(rows), STATED, orient="row"))
    assert found.schema == READ_PAY
    return found.rows()


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        # Believed as it is stated.
        ((90e3, 120e3, "USD", "yearly", "US"), (90e3, 120e3, "USD", "stated")),
        ((500e3, 850e3, "USD", "yearly", "US"), (500e3, 850e3, "USD", "stated")),
        ((2.13, None, "USD", "hourly", "US"), (2.13 * 2080, None, "USD", "stated")),
        ((538.0, 538.0, "EUR", "monthly", "DE"), (6456.0, 6456.0, "EUR", "stated")),
        ((7800.0, 7800.0, "EUR", "yearly", "NL"), (7800.0, 7800.0, "EUR", "stated")),
        ((1400.0, 1600.0, "PLN", "daily", "PL"), (364e3, 416e3, "PLN", "stated")),
        ((100e3, None, "USD", "yearly", "IN"), (100e3, None, "USD", "stated")),
        ((None, 600.0, "USD", "monthly", "PH"), (None, 7200.0, "USD", "stated")),
        # An hourly figure, a month's, thousands, or that of a dozen hours, stated as yearly; a year's as hourly.
        ((21.0, 21.0, "USD", "yearly", "US"), (43_680.0, 43_680.0, "USD", "repaired")),
        ((15.0, 18.0, "EUR", "yearly", "AT"), (31_200.0, 37_440.0, "EUR", "repaired")),
        ((60.0, 80.0, "USD", "yearly", "US"), (60e3, 80e3, "USD", "repaired")),
        ((3.5, None, "EUR", "monthly", "DE"), (42e3, None, "EUR", "repaired")),
        ((1500.0, 1650.0, "EUR", "yearly", "DE"), (18e3, 19_800.0, "EUR", "repaired")),
        ((192.0, 192.0, "EUR", "yearly", "BE"), (33_280.0, 33_280.0, "EUR", "repaired")),
        ((1080.0, 1440.0, "PLN", "yearly", "PL"), (187_200.0, 249_600.0, "PLN", "repaired")),
        ((85e3, 95e3, "USD", "hourly", "US"), (85e3, 95e3, "USD", "repaired")),
        ((85e3, None, "USD", "monthly", "US"), (85e3, None, "USD", "repaired")),
        # Złoty that were read as dollars, at Warsaw.
        ((39_583.0, 50_417.0, "USD", "monthly", "PL"), (474_996.0, 605_004.0, "PLN", "repaired")),
        ((203e3, 303e3, "USD", "yearly", "PL"), (203e3, 303e3, "PLN", "repaired")),
        ((60e3, 90e3, "USD", "yearly", "PL"), (60e3, 90e3, "USD", "stated")),
        # The currency of the country, never dollars by default; the period by the size.
        ((120e3, 150e3, None, "yearly", "PL"), (120e3, 150e3, "PLN", "inferred")),
        ((120e3, 150e3, None, "yearly", None), (None, None, None, None)),
        ((15.0, 18.0, None, None, "DE"), (31_200.0, 37_440.0, "EUR", "inferred")),
        ((35e3, None, None, None, "CZ"), (420e3, None, "CZK", "inferred")),
        ((500e3, None, "JPY", None, "JP"), (6e6, None, "JPY", "inferred")),
        # Nobody believes it.
        ((40e6, 60e6, "USD", "yearly", "US"), (None, None, "USD", "implausible")),
        ((15e3, 4.6e6, "USD", "yearly", "GB"), (None, None, "USD", "implausible")),
        ((139_900.0, 1e6, "USD", "yearly", "US"), (None, None, "USD", "implausible")),
        ((1.0, 1.0, "INR", "yearly", "IN"), (None, None, "INR", "implausible")),
        ((1000.0, 1000.0, "USD", "yearly", "AU"), (None, None, "USD", "implausible")),
        # No pay, no bounds.
        ((None, None, "USD", "yearly", "US"), (None, None, "USD", None)),
        ((-5.0, math.inf, "USD", "yearly", "US"), (None, None, "USD", None)),
        ((100.0, None, "USD", "fortnightly", "US"), (None, None, "USD", None)),
        ((7.0, 8.0, "XTS", "yearly", None), (7.0, 8.0, "XTS", "stated")),
    ],
)
def test_readings(stated: Row, expected: Pay) -> None:
    (found,) = read(stated)
    assert found[2:] == expected[2:]
    assert found[:2] == pytest.approx(expected[:2])


def rows_of_wages() -> list[dict[str, str]]:
    with WAGES_FILE.open(encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def test_every_currency_with_a_rate_has_wages() -> None:
    rows = rows_of_wages()
    assert all(country_currencies()[row["country"]] == row["currency"] for row in rows)
    # Bulgaria has the euro.
    assert {row["currency"] for row in rows} == {*load_exchange_rates()["currency"], "USD"} - {"BGN"}
    assert all(
        1.2 * float(row["minimum_wage"]) < float(row["average_wage"]) or row["country"] == "PK" for row in rows
    )
    # A rate or a wage that is wrong by a factor of a hundred would be noticed.
    found = wages().filter(pl.col("is_local"), pl.col("country").is_in([row["country"] for row in rows]))
    in_dollars = found.join(usd_per_unit(), on="currency").select(pl.col("average_wage") * pl.col("usd_per_unit"))
    assert in_dollars["average_wage"].is_between(1_000, 120_000).all()


#: Average wages in US dollars at market rates that the OECD has published (see docs/statistics.md).
AVERAGES_OF_2016 = {
    "LU": 66_770, "US": 60_154, "CH": 85_718, "IS": 73_609, "NO": 63_122, "NL": 51_669, "DK": 64_310, "AU": 59_538,
    "IE": 56_787, "BE": 47_674, "CA": 48_688, "AT": 45_819, "DE": 42_369, "FR": 40_718, "GB": 46_252, "SE": 46_804,
    "FI": 45_584, "NZ": 44_636, "JP": 39_089, "ES": 30_613, "IT": 32_205, "SI": 25_171, "IL": 38_942,
}  # fmt: skip
AVERAGES_OF_2022 = {"CH": 103_142, "MX": 6_962, "CO": 4_443, "ID": 2_481, "SA": 21_069}


@pytest.mark.parametrize(
    ("published", "least", "most"), [(AVERAGES_OF_2016, 0.7, 1.5), (AVERAGES_OF_2022, 0.9, 1.7)]
)
def test_average_wages_have_grown_since_they_were_published(
    published: dict[str, int], least: float, most: float
) -> None:
    here = dict(wages().filter(currency="USD").select("country", "average_wage").rows())
    assert all(least < here[country] / wage < most for country, wage in published.items())


def usd_per_unit() -> pl.DataFrame:
    rates = load_exchange_rates().group_by("currency").agg(pl.col("usd_per_unit").sort_by("date").last())
    return pl.concat([rates, pl.DataFrame({"currency": ["USD"], "usd_per_unit": [1.0]})])


def test_wages_of_every_country_in_every_currency_once() -> None:
    found = wages()
    assert found.columns == ["country", "currency", "minimum_wage", "average_wage", "top_wage", "is_local"]
    assert found.select("country", "currency").is_unique().all()
    assert set(found["country"]) == {None, *countries()}
    assert found.select(pl.col("minimum_wage") < pl.col("average_wage")).to_series().all()
    assert found.select(pl.col("average_wage") <= pl.col("top_wage")).to_series().all()
    germany = found.filter(country="DE", currency="EUR").row(0, named=True)
    assert (germany["minimum_wage"], germany["average_wage"]) == (26_700, 50_000)
    assert tuple(LOWEST) == tuple(HIGHEST) == tuple(PERIODS_PER_YEAR) == SALARY_PERIODS


# The same rules for one posting in plain Python.
READINGS = [
    ("a dozen hours", 2080 / 12, 0.6, {"yearly"}),
    ("daily", 260, 1.4, {"hourly", "weekly", "monthly", "yearly"}),
    ("hourly", 2080, 0.0, {"daily", "weekly", "monthly", "yearly"}),
    ("monthly", 12, 0.0, {"hourly", "daily", "weekly", "yearly"}),
    ("thousands a month", 12_000, 0.1, {"monthly"}),
    ("thousands a year", 1000, 0.1, {"yearly"}),
    ("weekly", 52, 0.7, {"hourly", "daily", "monthly"}),
    ("yearly", 1, 0.0, {"hourly", "daily", "weekly", "monthly"}),
]


def twin(row: Row) -> Pay:
    low, high, stated_currency, stated_period, country = row
    amounts = [amount for amount in (low, high) if amount is not None]
    local_currency = country_currencies().get(country or "")
    currency = stated_currency or local_currency
    if not amounts or currency is None:
        return None, None, currency, None
    lower, upper = min(amounts), max(amounts)
    period = stated_period or ("hourly" if upper < 500 else "monthly" if upper < 20_000 else "yearly")
    found = bounds_of(country, currency)

    def pay(per_year: float, quality: str, in_currency: str | None = currency) -> Pay:
        annual = [None if amount is None else amount * per_year for amount in (low, high)]
        return annual[0], annual[1], in_currency, quality

    per_year = PERIODS_PER_YEAR[period]
    as_stated = pay(per_year, "stated" if stated_currency and stated_period else "inferred")
    if found is None:
        return as_stated if upper < 10 * lower else (None, None, currency, "implausible")
    middle = (lower + upper) / 2
    is_believed = (
        lower * per_year >= LOWEST[period] * found["minimum_wage"]
        and upper * per_year < HIGHEST[period] * found["top_wage"]
        and upper < 10 * lower
        and (upper < 4 * lower or upper * per_year < 10 * found["top_wage"])
    )
    is_foreign = stated_currency is not None and local_currency is not None and stated_currency != local_currency
    doubtful = not is_believed or (is_foreign and middle * per_year >= 8 * found["top_wage"])
    home = bounds_of(country, local_currency) if is_foreign else None
    if doubtful and upper < 10 * lower and home is not None and home["is_local"]:
        average = home["average_wage"]
        if average <= middle * per_year <= 8 * average:
            return pay(per_year, "repaired", local_currency)
    if is_believed:
        return as_stated
    possible = []
    for name, factor, unusual, of in READINGS:
        distance = abs(math.log(middle * factor / found["average_wage"])) + unusual
        ordinary = lower * factor >= found["minimum_wage"] / 2 and upper * factor <= 5 * found["top_wage"]
        if period in of and ordinary and distance <= 1.5 and upper < 10 * lower:
            possible.append((distance, name, factor))
    if not possible:
        return None, None, currency, "implausible"
    _, name, factor = min(possible)
    return pay(factor, "repaired" if stated_period or name not in PERIODS_PER_YEAR else "inferred")


def bounds_of(country: str | None, currency: str | None) -> dict[str, Any] | None:
    found = wages().filter(
        pl.col("country").eq_missing(pl.lit(country, pl.String)), pl.col("currency") == (currency or "")
    )
    return found.row(0, named=True) if found.height else None


AMOUNTS = st.one_of(
    st.none(),
    st.floats(0, 8.5).map(lambda power: round(10**power, 2)),
    st.sampled_from([21.0, 60.0, 499.99, 500.0, 19_999.99, 20_000.0, 192.0, 40e6]),
)
CURRENCIES = st.sampled_from([None, "USD", "EUR", "PLN", "INR", "JPY", "XTS", "BGN"])
COUNTRIES = st.sampled_from([None, "US", "DE", "PL", "IN", "JP", "EC", "AQ"])
ROWS = st.tuples(AMOUNTS, AMOUNTS, CURRENCIES, st.sampled_from([None, *SALARY_PERIODS]), COUNTRIES)


@given(st.lists(ROWS, max_size=30))
def test_every_reading_is_as_the_rules_say(rows: list[Row]) -> None:
    for row, found in zip(rows, read(*rows), strict=True):
        expected = twin(row)
        assert found[2:] == expected[2:], row
        assert found[:2] == pytest.approx(expected[:2]), row


@given(st.lists(ROWS, max_size=30))
def test_no_reading_is_out_of_bounds_and_believed_pay_is_left_as_it_is(rows: list[Row]) -> None:
    for row, (low, high, currency, quality) in zip(rows, read(*rows), strict=True):
        assert quality is None or quality in PAY_QUALITIES
        amounts = [amount for amount in (low, high) if amount is not None]
        if quality == "implausible":
            assert not amounts
        if quality == "stated":
            assert (low, high, currency) == (
                *(None if amount is None else amount * PERIODS_PER_YEAR[row[3] or ""] for amount in row[:2]),
                row[2],
            )
        if quality in ("repaired", "inferred", "stated") and (bounds := bounds_of(row[4], currency)) is not None:
            least, most = (0.125, 25) if quality != "repaired" else (0.5, 8)
            assert least * bounds["minimum_wage"] <= min(amounts)
            assert max(amounts) <= most * bounds["top_wage"] * (2 if quality == "repaired" else 1)


def test_the_order_of_postings_does_not_matter() -> None:
    rows: list[Row] = [
        (21.0, 21.0, "USD", "yearly", "US"),
        (90e3, None, "USD", "yearly", "US"),
        (40e6, 60e6, "USD", "yearly", "US"),
        (203e3, 303e3, "USD", "yearly", "PL"),
        (None, None, None, None, None),
    ]
    assert read(*reversed(rows)) == read(*rows)[::-1]
    assert read() == []
