"""Finds the pay in texts: all figures and ranges of a text are candidates, and the first that is pay is taken."""

from __future__ import annotations

from functools import partial

import polars as pl

from market_assets.postings.salaries import money_patterns as patterns
from market_assets.postings.salaries.annual import IMPLAUSIBLE_AMOUNT
from market_assets.postings.salaries.pay_fields import parse_currency, parse_number, parse_period
from market_assets.postings.texts import parsed_each

#: Null where not stated. A single figure is both minimum and maximum, "up to" gives a maximum only, "from" a
#: minimum only.
PARSED_SALARY = pl.Schema(
    {"minimum": pl.Float64(), "maximum": pl.Float64(), "currency": pl.String(), "period": pl.String()}
)

#: Replacements: plain hyphens, apostrophes and tildes, and words for pay that no space divides from the figure.
_PLAIN_MARKS = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("’´`‘", "'"),
    **dict.fromkeys("～〜", "~"),
    **dict.fromkeys(("年収", "年俸", "年薪"), " yearly pay "),
    **dict.fromkeys(("月給", "月収", "月薪"), " monthly pay "),
    "時給": " hourly pay ",
}

#: Groups of `money_patterns.MONEY` that name the currency or the period, in order of priority.
_CURRENCY_GROUPS = ("before1", "after1", "before2", "after2")
_PERIOD_GROUPS = ("period2", "attached", "period1", "period_before")

#: Signs that several currencies share.
_SHARED_SIGNS = ("$", "¥", "￥")

#: The smallest figure that counts as pay without a currency, by its period.
_SMALLEST_BARE = {"hourly": 5.0, "daily": 20.0, "weekly": 100.0, "monthly": 100.0, "yearly": 1000.0}
_SMALLEST_BARE_WITHOUT_PERIOD = 1000.0
_LARGEST_BARE = 1e8
#: Figures of a range differ by less than this factor.
_MAX_RANGE_FACTOR = 10


def find_pay(texts: pl.Series) -> pl.DataFrame:
    """The pay of texts that state some.

    Args:
        texts: String, distinct texts.

    Returns:
        text and the columns of `PARSED_SALARY`, one row for each text that states pay, in any order.
    """
    candidates = _find_candidates(texts)
    for columns in _steps():
        candidates = candidates.with_columns(columns)
    pay = candidates.filter(_is_pay()).unique("row", keep="first", maintain_order=True)
    return pay.select("text", *PARSED_SALARY.names())


def _find_candidates(texts: pl.Series) -> pl.DataFrame:
    """Each figure or range of each text, in order of appearance.

    Returns:
        text; row (one number a text); clean (the text that was searched); candidates (how many the text has); the
        groups of `money_patterns.MONEY`; beside (the text without figures, where the candidate has no currency);
        elsewhere (the code that the text names elsewhere, where the candidate's sign is shared by several
        currencies); GROUP_currency for `_CURRENCY_GROUPS` and "elsewhere"; GROUP_period for `_PERIOD_GROUPS`; and
        for the sides 1 and 2 of a range valueSIDE and scaled_valueSIDE, the number alone and before a scale.
    """
    found = (
        texts.to_frame("text")
        .with_columns(_clean())
        .with_columns(pl.col("clean").str.extract_all(patterns.MONEY).alias("money"))
        .with_row_index("row")
        .explode("money")
        .drop_nulls("money")
        .with_columns(pl.col("money").str.extract_groups(patterns.MONEY).alias("groups"))
        .unnest("groups")
        .with_columns(_from_groups())
    )
    currencies = (*_CURRENCY_GROUPS, "elsewhere")
    unscaled, scaled = (partial(parse_number, scaled=scaled) for scaled in (False, True))
    return found.with_columns(
        *(parsed_each(found[name], parse_currency, pl.String()).alias(f"{name}_currency") for name in currencies),
        *(parsed_each(found[name], parse_period, pl.String()).alias(f"{name}_period") for name in _PERIOD_GROUPS),
        *(parsed_each(found[f"number{side}"], unscaled, pl.Float64()).alias(f"value{side}") for side in "12"),
        *(parsed_each(found[f"number{side}"], scaled, pl.Float64()).alias(f"scaled_value{side}") for side in "12"),
    )


def _clean() -> pl.Expr:
    return (
        pl.col("text")
        .str.replace_all(r"[\p{Cc}\p{Cf}\p{Z}]+", " ")
        .str.replace_many(_PLAIN_MARKS)
        .str.strip_chars()
        .str.replace_all(patterns.TEN_THOUSANDS, "${1}0000")
        .str.replace_all(patterns.PENSION_PLANS, "$1 ")
        .str.replace_all(patterns.MARK_PREFIX, f"{patterns.PREFIX_MARK}$1 $2")
        .alias("clean")
    )


def _from_groups() -> list[pl.Expr]:
    """The columns that depend on the groups and on the whole text."""
    any_shared = pl.any_horizontal(_is_shared(group).fill_null(False) for group in _CURRENCY_GROUPS)
    without_currency = pl.all_horizontal(pl.col(group).is_null() for group in _CURRENCY_GROUPS)
    clean = pl.col("clean")
    code = clean.str.extract(r"\b(USD|CAD|AUD|NZD|SGD|HKD|TWD|MXN|COP|CLP|ARS|CNY|RMB|JPY)\b")
    return [
        pl.len().over("row").alias("candidates"),
        pl.coalesce("attached2", "attached1").alias("attached"),
        clean.str.extract(patterns.PERIOD_BEFORE).alias("period_before"),
        pl.when(any_shared).then(code).alias("elsewhere"),
        pl.when(without_currency).then(clean).str.replace_all(patterns.MONEY, " ").alias("beside"),
    ]


def _is_shared(group: str) -> pl.Expr:
    return pl.col(group).str.strip_chars().is_in(_SHARED_SIGNS)


def _steps() -> list[list[pl.Expr]]:
    """The columns that are computed from the groups, step by step."""
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
    """The ISO 4217 code: an unambiguous mark goes before a "$" or "¥", which several currencies share."""
    indian = pl.any_horizontal(
        pl.col(f"scale{side}").str.to_lowercase().is_in(patterns.INDIAN_SCALES).fill_null(False) for side in "12"
    )
    return pl.coalesce(
        *(pl.when(~_is_shared(group)).then(f"{group}_currency") for group in _CURRENCY_GROUPS),
        "elsewhere_currency",
        *(f"{group}_currency" for group in _CURRENCY_GROUPS),
        pl.when(indian & ~_has_currency("1") & ~_has_currency("2")).then(pl.lit("INR")),
    ).alias("currency")


def _scale(side: str) -> pl.Expr:
    word = pl.col(f"scale{side}").str.to_lowercase()
    return word.replace_strict(patterns.SCALES, default=None, return_dtype=pl.Float64).alias(f"factor{side}")


def _shared_scale(side: str, other: str) -> pl.Expr:
    """The factor of a side, else the other side's if it fits: "$100-120k", "100k-120"; not "£45k - 25 days"."""
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
    """The side's figure, unless it has a unit or differs too much from the other side to form a range."""
    figure, opposite = pl.col(f"figure{side}"), pl.col(f"figure{other}")
    too_far = (figure * _MAX_RANGE_FACTOR <= opposite) | (
        (figure >= opposite * _MAX_RANGE_FACTOR) & _has_currency(other)
    )
    unrelated = (
        (_of_two_periods() if side == "2" else pl.lit(False))
        | pl.col(f"unit{side}").is_not_null()
        | (pl.col(f"junk{side}").fill_null("") != "")
        | (too_far & ~_has_currency(side))
    )
    return pl.when(~unrelated.fill_null(False)).then(figure).alias(f"usable{side}")


def _of_two_periods() -> pl.Expr:
    """Whether the two figures are the same pay for two periods, not a range: "$50/hour or $100,000/year"."""
    return (pl.col("period1_period") != pl.col("period2_period")).fill_null(False)


def _bounds() -> list[pl.Expr]:
    sides = (pl.col("usable1"), pl.col("usable2"))
    # A first side of zero is no minimum: "$0 - $100k" means "up to $100k".
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
    periods = (f"{name}_period" for name in _PERIOD_GROUPS)
    first_of_two = pl.when(_of_two_periods()).then("period1_period")
    return pl.coalesce(pl.when(per_annum).then(pl.lit("yearly")), first_of_two, *periods).alias("period")


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
    """Whether figures without a currency are pay: alone in their text, of a plausible size, and not years."""
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
