"""Which figure of a text is its pay, out of all that `salary_candidates` found in it.

Expressions are made once, as making them takes longer than reading the pay of a small batch.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from market_assets.postings.salaries import patterns
from market_assets.postings.salaries.annual import IMPLAUSIBLE_AMOUNT
from market_assets.postings.salaries.candidates import MARKS, PERIOD_PARTS, is_shared

#: What a text of pay says. Null where not stated; a single figure is both minimum and maximum, "up to" has a
#: maximum only, "from" a minimum only.
PARSED_SALARY = pl.Schema(
    {"minimum": pl.Float64(), "maximum": pl.Float64(), "currency": pl.String(), "period": pl.String()}
)

#: The smallest figure that is taken for pay where no currency is named, by the period that is.
_SMALLEST_BARE = {"hourly": 5.0, "daily": 20.0, "weekly": 100.0, "monthly": 100.0, "yearly": 1000.0}
_SMALLEST_BARE_WITHOUT_PERIOD = 1000.0
_LARGEST_BARE = 1e8
_FURTHEST_SIDES = 10


def first_pay(candidates: pl.DataFrame) -> pl.DataFrame:
    """The first candidate of each text that is pay: text and the columns of `PARSED_SALARY`.

    Args:
        candidates: as `find_candidates` returns them.
    """
    for columns in _steps():
        candidates = candidates.with_columns(columns)
    pay = candidates.filter(_is_pay()).unique("row", keep="first", maintain_order=True)
    return pay.select("text", *PARSED_SALARY.names())


@cache
def _steps() -> list[list[pl.Expr]]:
    """What is worked out of the captured parts, one step after the other."""
    return [
        [_currency(), _period(), _scale("1"), _scale("2")],
        [_shared_scale("1", "2"), _shared_scale("2", "1")],
        [_figure("1"), _figure("2")],
        [_usable_side("1", "2"), _usable_side("2", "1")],
        _bounds(),
        _only_stated_bounds(),
    ]


def _has_currency(side: str) -> pl.Expr:
    return pl.col(f"before{side}").is_not_null() | pl.col(f"after{side}").is_not_null()


def _currency() -> pl.Expr:
    """The ISO code: one that is spelled out goes before a "$" or "¥", which several currencies share."""
    indian = pl.any_horizontal(
        pl.col(f"scale{side}").str.to_lowercase().is_in(patterns.INDIAN_SCALES).fill_null(False) for side in "12"
    )
    return pl.coalesce(
        *(pl.when(~is_shared(mark)).then(f"{mark}_currency") for mark in MARKS),
        "elsewhere_currency",
        *(f"{mark}_currency" for mark in MARKS),
        pl.when(indian & ~_has_currency("1") & ~_has_currency("2")).then(pl.lit("INR")),
    ).alias("currency")


def _scale(side: str) -> pl.Expr:
    word = pl.col(f"scale{side}").str.to_lowercase()
    return word.replace_strict(patterns.SCALES, default=None, return_dtype=pl.Float64).alias(f"factor{side}")


def _shared_scale(side: str, other: str) -> pl.Expr:
    """A scale that only the other side has, if it fits: "$100-120k" and "100k-120", but not "£45k - 25 days"."""
    value = pl.col(f"value{side}")
    fits = value < 1000
    if side == "2":
        fits = fits & (value >= pl.col(f"value{other}"))
    shared = pl.when(pl.col(f"factor{side}").is_null() & fits).then(pl.col(f"factor{other}"))
    return pl.coalesce(f"factor{side}", shared).alias(f"shared_factor{side}")


def _figure(side: str) -> pl.Expr:
    is_scaled = pl.col(f"scale{side}").is_not_null()
    number = pl.when(is_scaled).then(f"scaled_value{side}").otherwise(f"value{side}")
    amount = (number * pl.col(f"shared_factor{side}").fill_null(1.0)).round(2)
    return pl.when((amount > 0) & (amount < IMPLAUSIBLE_AMOUNT)).then(amount).alias(f"figure{side}")


def _usable_side(side: str, other: str) -> pl.Expr:
    """The side's figure, unless it has a unit of its own or is too far off to be the same kind of thing."""
    figure, opposite = pl.col(f"figure{side}"), pl.col(f"figure{other}")
    far_off = (figure * _FURTHEST_SIDES <= opposite) | (
        (figure >= opposite * _FURTHEST_SIDES) & _has_currency(other)
    )
    alien = (
        (_of_two_periods() if side == "2" else pl.lit(False))
        | pl.col(f"unit{side}").is_not_null()
        | (pl.col(f"junk{side}").fill_null("") != "")
        | (far_off & ~_has_currency(side))
    )
    return pl.when(~alien.fill_null(False)).then(figure).alias(f"usable{side}")


def _of_two_periods() -> pl.Expr:
    """Whether the two figures are not a range but the same pay by two periods: "$50/hour or $100,000/year"."""
    return (pl.col("period1_period") != pl.col("period2_period")).fill_null(False)


def _bounds() -> list[pl.Expr]:
    sides = (pl.col("usable1"), pl.col("usable2"))
    # A first side of zero is no minimum: "$0 - $100k" says no more than "up to $100k".
    up_to = pl.col("figure1").is_null() & pl.col("number2").is_not_null()
    return [
        pl.when(~up_to).then(pl.min_horizontal(*sides)).alias("minimum"),
        pl.max_horizontal(*sides).alias("maximum"),
    ]


def _only_stated_bounds() -> list[pl.Expr]:
    single = pl.col("minimum") == pl.col("maximum")
    to_maximum = pl.col("lead").str.contains(patterns.LEADS_TO_MAXIMUM).fill_null(False)
    from_minimum = (pl.col("lead").is_not_null() & ~to_maximum) | (
        pl.col("plus").is_not_null() & pl.col("additional").is_null()
    )
    return [
        pl.when(~(single & to_maximum).fill_null(False)).then(pl.col("minimum")).alias("minimum"),
        pl.when(~(single & from_minimum).fill_null(False)).then(pl.col("maximum")).alias("maximum"),
    ]


def _period() -> pl.Expr:
    per_annum = pl.any_horizontal(
        (pl.col(f"scale{side}").str.to_lowercase() == "lpa").fill_null(False) for side in "12"
    )
    periods = (f"{name}_period" for name in PERIOD_PARTS)
    first_of_two = pl.when(_of_two_periods()).then("period1_period")
    return pl.coalesce(pl.when(per_annum).then(pl.lit("yearly")), first_of_two, *periods).alias("period")


@cache
def _is_pay() -> pl.Expr:
    stated = pl.max_horizontal("minimum", "maximum")
    too_much = pl.any_horizontal(
        (pl.col(f"shared_factor{side}").fill_null(1) >= 1e6)
        & ~pl.col(f"scale{side}").str.to_lowercase().is_in(patterns.INDIAN_SCALES).fill_null(False)
        & ~pl.col("currency").is_in(patterns.CURRENCIES_PAID_IN_MILLIONS).fill_null(False)
        for side in "12"
    )
    # "R" is rand, but "R 4.1" is a language.
    rand = (pl.col("before1") == "R").fill_null(False) & (stated < 100)
    return (
        stated.is_not_null()
        & pl.col("minus").is_null()
        & pl.col("other").is_null()
        & ~pl.any_horizontal(pl.col("unit1").is_not_null(), pl.col("junk1") != "", too_much, rand)
        & (_has_currency("1") | _has_currency("2") | _is_bare_pay(stated))
    )


def _is_bare_pay(stated: pl.Expr) -> pl.Expr:
    """Figures without a currency: alone in their text, of a plausible size, and not years."""
    smallest = (
        pl.col("period")
        .replace_strict(_SMALLEST_BARE, default=None, return_dtype=pl.Float64)
        .fill_null(_SMALLEST_BARE_WITHOUT_PERIOD)
    )
    is_year = pl.all_horizontal(
        (pl.col(f"value{side}").is_between(1900, 2099) & (pl.col(f"number{side}").str.len_bytes() == 4)).fill_null(
            True
        )
        for side in "12"
    )
    unscaled = pl.col("shared_factor1").is_null() & pl.col("shared_factor2").is_null()
    return (
        (pl.col("candidates") == 1)
        & pl.col("unit2").is_null()
        & pl.col("beside").str.contains(patterns.BESIDE_A_BARE_FIGURE)
        & (pl.min_horizontal("minimum", "maximum") >= smallest)
        & (stated < _LARGEST_BARE)
        & ~(is_year & unscaled & pl.col("period").is_null())
    )
