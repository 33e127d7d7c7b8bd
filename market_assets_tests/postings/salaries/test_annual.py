from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.gazetteer import country_currencies
from market_assets.postings.salaries.currencies import EXCHANGE_RATE, load_exchange_rates
from market_assets.postings.salaries.readings import PERIODS_PER_YEAR, annual_pay, midpoint
from market_assets.postings.schemas import SALARY_PERIODS, UTC_DATETIME

SHARED_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

PAY = pl.Schema(
    {
        "salary_min": pl.Float64(),
        "salary_max": pl.Float64(),
        "salary_currency": pl.String(),
        "salary_period": pl.String(),
        "pay_quality": pl.String(),
        "country": pl.String(),
        "posted_at": UTC_DATETIME,
    }
)
NOON = datetime(2025, 5, 5, 12, tzinfo=UTC)
RATES = pl.DataFrame(
    [
        (date(2025, 1, 1), "EUR", 1.25),
        (date(2025, 4, 1), "EUR", 1.5),
        (date(2025, 5, 6), "EUR", 2.0),
        (date(2025, 2, 1), "GBP", 2.0),
    ],
    schema=EXCHANGE_RATE,
    orient="row",
)
Row = tuple[float | None, float | None, str | None, str | None, str | None, str | None, datetime | None]


def posting(
    low: float | None,
    high: float | None = None,
    currency: str | None = "USD",
    period: str | None = None,
    country: str | None = None,
    posted_at: datetime | None = NOON,
) -> Row:
    return low, high, currency, period, None, country, posted_at


def pay(*rows: Row, currency: str = "USD", rates: pl.DataFrame = RATES) -> list[tuple[float | None, float | None]]:
    found = annual_pay(pl.DataFrame(list(rows), schema=PAY, orient="row"), rates, currency)
    return found.select("annual_salary_min", "annual_salary_max").rows()


@pytest.mark.parametrize(
    ("stated", "period", "annual"),
    [
        (50.0, "hourly", 104_000),
        (400.0, "daily", 104_000),
        (1_500.0, "weekly", 78_000),
        (6_000.0, "monthly", 72_000),
        (90_000.0, "yearly", 90_000),
    ],
)
def test_stated_periods(stated: float, period: str, annual: float) -> None:
    assert pay(posting(stated, None, period=period)) == [(annual, None)]


def test_there_is_a_factor_for_each_period_and_no_other() -> None:
    assert tuple(PERIODS_PER_YEAR) == SALARY_PERIODS
    assert pay(posting(100.0, period="fortnightly"), posting(100.0, period="")) == [(None, None), (None, None)]


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (499.99, None, (1_039_979.2, None)),
        (500.0, None, (6_000.0, None)),
        (19_999.99, None, (239_999.88, None)),
        (20_000.0, None, (20_000.0, None)),
        # The larger stated figure decides for both.
        (400.0, 600.0, (4_800.0, 7_200.0)),
        (15_000.0, 25_000.0, (15_000.0, 25_000.0)),
        (None, 499.0, (None, 1_037_920.0)),
    ],
)
def test_assumed_periods(low: float | None, high: float | None, wanted: tuple[float | None, float | None]) -> None:
    assert pay(posting(low, high)) == [wanted]


def test_thresholds_are_for_the_amounts_as_stated_not_as_converted() -> None:
    assert pay(posting(19_000.0, currency="EUR"), posting(200.0, currency="GBP")) == [
        (19_000 * 12 * 1.5, None),
        (200 * 2080 * 2.0, None),
    ]


def test_a_missing_currency_is_that_of_the_country() -> None:
    rows = [posting(50_000.0, currency=None, country=country) for country in ("DE", "US", "GB", "AQ", "??", None)]

    assert pay(*rows) == [
        (75_000.0, None),
        (50_000.0, None),
        (100_000.0, None),
        (None, None),
        (None, None),
        (None, None),
    ]
    assert pay(posting(50_000.0, currency="USD", country="DE")) == [(50_000.0, None)]


@pytest.mark.parametrize(
    ("posted_at", "rate"),
    [
        (datetime(2019, 1, 1, tzinfo=UTC), 1.25),
        (datetime(2025, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC), 1.25),
        (datetime(2025, 4, 1, tzinfo=UTC), 1.5),
        (datetime(2025, 5, 6, tzinfo=UTC), 2.0),
        (datetime(2031, 1, 1, tzinfo=UTC), 2.0),
        (None, 1.25),
    ],
)
def test_the_rate_is_the_latest_on_or_before_the_day_else_the_earliest(
    posted_at: datetime | None, rate: float
) -> None:
    assert pay(posting(40_000.0, currency="EUR", posted_at=posted_at)) == [(40_000 * rate, None)]


def test_currencies_meet_over_the_dollar() -> None:
    assert pay(posting(60_000.0, 70_000.0, currency="GBP"), currency="EUR") == [(80_000.0, 93_333.33)]
    assert pay(posting(60_000.0, currency="USD"), currency="EUR") == [(40_000.0, None)]


def test_the_same_currency_is_not_converted_and_needs_no_rate() -> None:
    assert pay(posting(54_321.37, 99_999.99, currency="EUR"), currency="EUR") == [(54_321.37, 99_999.99)]
    assert pay(posting(54_321.37, currency="XTS"), currency="XTS") == [(54_321.37, None)]


def test_without_a_rate_there_is_no_annual_pay() -> None:
    assert pay(posting(50_000.0, currency="ISK")) == [(None, None)]
    assert pay(posting(50_000.0, currency="EUR"), currency="ISK") == [(None, None)]
    assert pay(posting(50_000.0, currency="EUR"), rates=RATES.clear()) == [(None, None)]
    assert pay(posting(50_000.0), rates=RATES.clear()) == [(50_000.0, None)]


@pytest.mark.parametrize("bad", [-5.0, -0.0, 0.0, 1e12, 1.7e308, float("nan"), float("inf"), float("-inf")])
def test_figures_that_are_none_count_as_not_stated(bad: float) -> None:
    assert pay(posting(bad, 60_000.0), posting(60_000.0, bad), posting(bad, bad), posting(bad, 50.0)) == [
        (None, 60_000.0),
        (60_000.0, None),
        (None, None),
        (None, 104_000.0),
    ]


def test_no_postings() -> None:
    result = annual_pay(PAY.to_frame(), RATES, "USD")

    assert result.schema == {
        "annual_salary_min": pl.Float64,
        "annual_salary_max": pl.Float64,
        "pay_quality": pl.String,
    }
    assert result.is_empty()


def test_midpoint() -> None:
    frame = pl.DataFrame(
        {"low": [1.0, None, 3.0, None], "high": [2.0, 5.0, None, None]}, schema_overrides={"low": pl.Float64}
    )

    assert frame.select(midpoint(pl.col("low"), pl.col("high"))).to_series().to_list() == [1.5, 5.0, 3.0, None]


def twin(row: Row, rates: list[tuple[date, str, float]], target: str) -> tuple[float | None, float | None]:
    """The rule for one posting in plain Python."""
    low, high, currency, period, _, country, posted_at = row
    stated = [figure for figure in (low, high) if figure is not None]
    if period is None and stated:
        period = "hourly" if max(stated) < 500 else "monthly" if max(stated) < 20_000 else "yearly"
    currency = currency or country_currencies().get(country or "")

    def rate(of: str) -> float | None:
        if of == "USD":
            return 1.0
        table = sorted((day, value) for day, code, value in rates if code == of)
        known = [value for day, value in table if posted_at is not None and day <= posted_at.date()]
        return known[-1] if known else (table[0][1] if table else None)

    def annual(figure: float | None) -> float | None:
        if figure is None or currency is None or period is None:
            return None
        factor = {"hourly": 2080, "daily": 260, "weekly": 52, "monthly": 12, "yearly": 1}[period]
        if currency == target:
            return figure * factor
        source, goal = rate(currency), rate(target)
        return None if source is None or goal is None else figure * factor * source / goal

    return annual(low), annual(high)


#: What is believed in every country below; what is not is tested with the readings.
FIGURES = st.none() | st.floats(30_000, 150_000, allow_nan=False)
TIMES = st.none() | st.datetimes(datetime(2018, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ROWS = st.tuples(
    FIGURES,
    FIGURES,
    st.sampled_from([None, "USD", "EUR", "GBP", "XTS"]),
    st.sampled_from([None, "yearly"]),
    st.sampled_from([None, "from_text"]),
    st.sampled_from([None, "US", "DE", "GB", "AQ"]),
    TIMES,
)


@given(st.lists(ROWS, max_size=25), st.sampled_from(["USD", "EUR", "JPY", "XTS"]))
def test_every_posting_is_as_the_rule_says(rows: list[Row], target: str) -> None:
    days = [(date(2019, 1, 1) + timedelta(days=97 * i), i) for i in range(30)]
    table = [(day, code, base * (1 + i / 50)) for code, base in (("EUR", 1.1), ("JPY", 0.0071)) for day, i in days]
    shuffled = pl.DataFrame(table, schema=EXCHANGE_RATE, orient="row").sample(fraction=1, shuffle=True, seed=7)

    result = pay(*rows, currency=target, rates=shuffled)

    for row, found in zip(rows, result, strict=True):
        for got, wanted in zip(found, twin(row, table, target), strict=True):
            assert got == (None if wanted is None else pytest.approx(wanted, rel=1e-12, abs=0.00501))


def test_recorded_dollar_pay_is_what_the_recording_says() -> None:
    file = SHARED_DATA / "postings" / "ats_jobs_2026.parquet"
    if not file.exists():
        pytest.skip(f"no recordings at {file}")
    recorded = pl.read_parquet(file).filter(
        (pl.col("currency_original") == "USD")
        & (pl.col("salary_interval_orig").str.to_lowercase().str.contains("year"))
    )
    postings = recorded.select(
        pl.col("salary_min_orig").alias("salary_min"),
        pl.col("salary_max_orig").alias("salary_max"),
        pl.col("currency_original").alias("salary_currency"),
        pl.lit("yearly").alias("salary_period"),
        pl.lit(None, pl.String).alias("pay_quality"),
        pl.lit(None, pl.String).alias("country"),
        pl.col("first_seen").str.to_datetime(time_zone="UTC", time_unit="us").alias("posted_at"),
    )

    annual = annual_pay(postings, load_exchange_rates(), "USD")

    implausible = recorded.filter(annual["pay_quality"] == "implausible")
    assert implausible.filter(
        pl.col("salary_max_orig").fill_null(pl.col("salary_min_orig")).is_between(10_000, 2_000_000, "none"),
        pl.col("salary_max_orig") < 10 * pl.col("salary_min_orig"),
        pl.col("salary_max_orig") < pl.max_horizontal(800_000, 4 * pl.col("salary_min_orig")),
    ).is_empty()
    assert annual.height - implausible.height > 1500
    low, high = annual["annual_salary_min"], annual["annual_salary_max"]
    assert (low - recorded["salary_min_usd"]).abs().max() == pytest.approx(0, abs=1)
    assert (high - recorded["salary_max_usd"]).abs().max() == pytest.approx(0, abs=1)
