"""What stated pay means over a year: as it is stated where that can be believed, else in another reading.

Sources state an hourly amount as yearly, thousands as units, the hourly amount of a dozen hours as yearly (an
hourly figure that was taken for a monthly one), or pay in the local currency as dollars. A reading repairs such an
amount only if it comes to ordinary pay, which is narrower than what is believed of pay as it is stated.
"""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from market_assets.postings.gazetteer import country_currencies
from market_assets.postings.salaries.currencies import conversion_rates, wages
from market_assets.postings.word_lists import word_lists

#: A working year: 52 weeks of 5 days of 8 hours.
PERIODS_PER_YEAR = {"hourly": 2080, "daily": 260, "weekly": 52, "monthly": 12, "yearly": 1}

#: Period → the share of the minimum wage from which pay is believed, both over a year: part-time work, training; a
#: month's pay may be that of a few hours a week.
LOWEST = {"hourly": 1 / 4, "daily": 1 / 4, "weekly": 1 / 8, "monthly": 1 / 8, "yearly": 1 / 4}

#: Period → the multiple of the top wage below which pay is believed, both over a year: that of directors, which
#: hardly anyone states by the hour.
HIGHEST = {"hourly": 15, "daily": 15, "weekly": 10, "monthly": 8, "yearly": 25}

#: Where no period is stated, pay below the first is assumed to be hourly, below the second monthly, else yearly.
HOURLY_BELOW = 500
MONTHLY_BELOW = 20_000

#: An amount this large is no salary in any currency.
IMPLAUSIBLE_AMOUNT = 1e12

#: A range from an amount to this many times as much, or more, says nothing.
WIDEST_RANGE = 10

#: Neither does one of this many times as much whose maximum is beyond so many top wages: a slip in the maximum.
_WIDE_RANGE, _BEYOND_TOP_WAGES = 4, 10

#: Ordinary pay: from half of the minimum wage to five top wages.
_ORDINARY_FROM, _ORDINARY_UP_TO = 1 / 2, 5

#: Pay in a foreign currency beyond this many top wages is in the local one, if it is ordinary there: from the
#: average wage to this many.
_FOREIGN_UP_TO = 8

_MIDDLE = (pl.col("lower") + pl.col("upper")) / 2

#: Other readings: for amounts of which stated or assumed periods, what an amount comes to in a year, and how
#: unusual the error is, on the scale of the logarithm of the distance to the average wage.
_READINGS = pl.DataFrame(
    [
        ("hourly", ["daily", "weekly", "monthly", "yearly"], 2080.0, 0.0),
        ("monthly", ["hourly", "daily", "weekly", "yearly"], 12.0, 0.0),
        ("yearly", ["hourly", "daily", "weekly", "monthly"], 1.0, 0.0),
        ("daily", ["hourly", "weekly", "monthly", "yearly"], 260.0, 1.4),
        ("weekly", ["hourly", "daily", "monthly"], 52.0, 0.7),
        ("thousands a year", ["yearly"], 1000.0, 0.1),
        ("thousands a month", ["monthly"], 12_000.0, 0.1),
        ("a dozen hours", ["yearly"], 2080 / 12, 0.6),
    ],
    schema=["reading", "of", "reading_per_year", "unusual"],
    orient="row",
)

#: Readings farther than this from the average wage (a factor of 4.5) are guesses.
_FARTHEST = 1.5

#: Signs that several currencies share: "$" means the dollar or peso of the posting's country.
SHARED_SIGNS: list[str] = word_lists("salaries/pay_words.yaml")["shared_signs"]

#: `currency` is null where it is not known.
READ_PAY = pl.Schema(
    {"minimum": pl.Float64(), "maximum": pl.Float64(), "currency": pl.String(), "pay_quality": pl.String()}
)


#: The qualities of pay whose amounts mean what they say.
BELIEVED_AS_STATED = ("stated", "inferred")


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


def read_pay(postings: pl.DataFrame) -> pl.DataFrame:
    """The pay of postings over a year, in the currency that it is meant in.

    A missing currency is that of the posting's country; a missing period is assumed from the amount, or is another
    one where pay would be out of bounds in the assumed one. Pay in a currency without bounds is taken as it is. A
    figure that is zero, negative, not finite, or at least `IMPLAUSIBLE_AMOUNT` counts as not stated.

    Args:
        postings: salary_min, salary_max (Float64), salary_currency, salary_period, country (String, alpha2);
            further columns are ignored.

    Returns:
        Schema `READ_PAY`, one row a posting, in their order. pay_quality is one of:
        stated: with currency and period, and plausible;
        inferred: plausible, but the currency or the period is not stated;
        repaired: impossible as it is stated, but not in another reading, which the amounts are from;
        implausible: impossible in every reading; minimum and maximum are null;
        null: without pay, or in an unknown currency or period.
    """
    judged = _judged(_stated(postings))
    doubtful = judged.filter(
        (~pl.col("is_believed") | pl.col("is_too_much_abroad"))
        & (pl.col("upper") < WIDEST_RANGE * pl.col("lower"))
    )
    local = _in_local_currency(doubtful)
    others = _in_other_readings(doubtful.filter(~pl.col("is_believed")).join(local, on="row", how="anti"))
    return judged.join(pl.concat([local, others]), on="row", how="left", maintain_order="left").select(_read())


def annual_pay(postings: pl.DataFrame, rates: pl.DataFrame, currency: str) -> pl.DataFrame:
    """The annual pay of postings in one currency, and how it is known.

    The exchange rate is the latest on or before the day of `posted_at`, else the earliest one; conversion goes
    over the US dollar. Pay that is already in `currency` needs no rate.

    Args:
        postings: the columns that `read_pay` takes; pay_quality (String: from_text where only the
            description states the pay; else ignored), posted_at (Datetime, UTC); further columns are ignored.
        rates: schema `currencies.EXCHANGE_RATE`, in any order.
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
        conversion_rates(pay.select("currency", "date"), rates, currency),
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
    words = word_lists("salaries/pay_words.yaml")
    is_of_similar_value = pl.any_horizontal(
        (currency == code) & local.is_in(others) for code, others in words["also_meant"].items()
    )
    minimum_wage = country.replace_strict(_local_minimum_wages(), default=None, return_dtype=pl.Float64)
    per_year = periods_per_year(pl.coalesce(period, pl.lit("monthly")))
    is_enough = (amount * per_year >= minimum_wage).fill_null(True)
    is_smaller = (currency == "USD") & local.is_in(words["smaller_than_dollars"]) & is_enough
    return pl.when(~(has_shared_sign & (is_of_similar_value | is_smaller)).fill_null(False)).then(currency)


def _stated(postings: pl.DataFrame) -> pl.DataFrame:
    """What postings state, with the currency and period that are assumed where they are not stated."""
    minimum, maximum = _stated_amount("salary_min"), _stated_amount("salary_max")
    local_currency = pl.col("country").replace_strict(country_currencies(), default=None, return_dtype=pl.String)
    period = pay_period(minimum, maximum, pl.col("salary_period"))
    return postings.select(
        "country",
        minimum.alias("minimum"),
        maximum.alias("maximum"),
        pl.min_horizontal(minimum, maximum).alias("lower"),
        pl.max_horizontal(minimum, maximum).alias("upper"),
        local_currency.alias("local_currency"),
        pl.coalesce("salary_currency", local_currency).alias("currency"),
        period.alias("period"),
        periods_per_year(period).alias("per_year"),
        pl.col("salary_currency").is_not_null().alias("states_currency"),
        pl.col("salary_period").is_not_null().alias("states_period"),
    ).with_row_index("row")


def _stated_amount(column: str) -> pl.Expr:
    amount = pl.col(column)
    return pl.when(amount.is_finite() & (amount > 0) & (amount < IMPLAUSIBLE_AMOUNT)).then(amount)


def _judged(stated: pl.DataFrame) -> pl.DataFrame:
    """With the wages of the country, `is_believed` (also where there are no bounds) and `is_too_much_abroad`."""
    lowest, highest = (
        pl.col("period").replace_strict(multiples, default=None, return_dtype=pl.Float64)
        for multiples in (LOWEST, HIGHEST)
    )
    is_within_bounds = (
        (pl.col("lower") * pl.col("per_year") >= lowest * pl.col("minimum_wage"))
        & (pl.col("upper") * pl.col("per_year") < highest * pl.col("top_wage"))
        & (pl.col("upper") < WIDEST_RANGE * pl.col("lower"))
        & (
            (pl.col("upper") < _WIDE_RANGE * pl.col("lower"))
            | (pl.col("upper") * pl.col("per_year") < _BEYOND_TOP_WAGES * pl.col("top_wage"))
        )
    )
    is_foreign = pl.col("states_currency") & (pl.col("local_currency") != pl.col("currency"))
    is_too_much_abroad = is_foreign & (_MIDDLE * pl.col("per_year") >= _FOREIGN_UP_TO * pl.col("top_wage"))
    return stated.join(
        wages(), on=["country", "currency"], how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(
        is_believed=is_within_bounds.fill_null(True), is_too_much_abroad=is_too_much_abroad.fill_null(False)
    )


def _in_local_currency(doubtful: pl.DataFrame) -> pl.DataFrame:
    """row, new_per_year, new_currency, overrules: pay in a foreign currency that is ordinary in the local one."""
    local = wages().filter("is_local").select("country", "currency", local_average="average_wage")
    annual = _MIDDLE * pl.col("per_year")
    return (
        doubtful.filter(pl.col("states_currency"), pl.col("local_currency") != pl.col("currency"))
        .join(local, left_on=["country", "local_currency"], right_on=["country", "currency"])
        .filter(annual.is_between(pl.col("local_average"), _FOREIGN_UP_TO * pl.col("local_average")))
        .select("row", new_per_year="per_year", new_currency="local_currency", overrules=pl.lit(True))
    )


def _in_other_readings(doubtful: pl.DataFrame) -> pl.DataFrame:
    """row, new_per_year, new_currency, overrules (whether the period or size as stated is wrong).

    One row a posting: of the readings that come to ordinary pay the one nearest to the average wage.
    """
    annual = _MIDDLE * pl.col("reading_per_year")
    distance = (annual / pl.col("average_wage")).log().abs() + pl.col("unusual")
    is_ordinary = (pl.col("lower") * pl.col("reading_per_year") >= _ORDINARY_FROM * pl.col("minimum_wage")) & (
        pl.col("upper") * pl.col("reading_per_year") <= _ORDINARY_UP_TO * pl.col("top_wage")
    )
    return (
        doubtful.join(_READINGS, how="cross")
        .filter(is_ordinary, distance <= _FARTHEST, pl.col("of").list.contains(pl.col("period")))
        .sort("row", distance, "reading")
        .unique("row", keep="first", maintain_order=True)
        .select(
            "row",
            new_per_year="reading_per_year",
            new_currency="currency",
            overrules=pl.col("states_period") | ~pl.col("reading").is_in(list(PERIODS_PER_YEAR)),
        )
    )


def _read() -> list[pl.Expr]:
    """The columns of `READ_PAY`."""
    is_implausible = ~pl.col("is_believed") & pl.col("new_per_year").is_null()
    is_known = pl.col("upper").is_not_null() & pl.col("currency").is_not_null() & pl.col("per_year").is_not_null()
    per_year = pl.when(is_known & ~is_implausible).then(pl.coalesce("new_per_year", "per_year"))
    quality = (
        pl.when(is_implausible)
        .then(pl.lit("implausible"))
        .when(pl.col("overrules"))
        .then(pl.lit("repaired"))
        .when(pl.col("states_currency") & pl.col("states_period"))
        .then(pl.lit("stated"))
        .otherwise(pl.lit("inferred"))
    )
    return [
        (pl.col("minimum") * per_year).alias("minimum"),
        (pl.col("maximum") * per_year).alias("maximum"),
        pl.coalesce("new_currency", "currency").alias("currency"),
        pl.when(is_known).then(quality).alias("pay_quality"),
    ]


@lru_cache(maxsize=1)
def _local_minimum_wages() -> dict[str, float]:
    """Country → a year's minimum wage in its own currency."""
    local = wages().filter("is_local", pl.col("country").is_not_null())
    return dict(local.select("country", "minimum_wage").drop_nulls().rows())
