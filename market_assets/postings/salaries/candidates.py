"""What a text of pay holds: each figure or range of figures, with its captured parts and what these stand for.

Expressions are made once, as making them takes longer than reading the pay of a small batch.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from market_assets.postings.salaries import patterns
from market_assets.postings.salaries.fields import parse_currencies, parse_numbers, parse_periods

#: Hyphens, apostrophes and tildes of every kind, and the plain ones that they become; the words for pay that stand
#: before a figure without a space.
_PLAIN_MARKS = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("’´`‘", "'"),
    **dict.fromkeys("～〜", "~"),
    **dict.fromkeys(("年収", "年俸", "年薪"), " yearly pay "),
    **dict.fromkeys(("月給", "月収", "月薪"), " monthly pay "),
    "時給": " hourly pay ",
}

#: The captured parts that say which currency it is, and which period, the most telling first.
MARKS = ("before1", "after1", "before2", "after2")
PERIOD_PARTS = ("period2", "attached", "period1", "period_before")


def find_candidates(texts: list[str]) -> pl.DataFrame:
    """Each figure or range of each text, in order of appearance.

    Args:
        texts: different texts.

    Returns:
        text, row (the same for the candidates of a text), clean (the text as it was searched), candidates (how
        many it has), the groups of `patterns.MONEY`, beside (what the text holds besides figures, where this one
        has no currency); and what the groups stand for: MARK_currency for `MARKS` and "elsewhere", PART_period
        for `PERIOD_PARTS`, and the columns of `NUMBERS` for either side, with its digit.
    """
    found = (
        pl.DataFrame({"text": texts})
        .with_columns(_clean())
        .with_columns(_money())
        .with_row_index("row")
        .explode("money")
        .drop_nulls("money")
        .with_columns(_parts())
        .unnest("parts")
        .with_columns(
            pl.len().over("row").alias("candidates"),
            pl.coalesce("attached2", "attached1").alias("attached"),
            pl.col("clean").str.extract(patterns.PERIOD_BEFORE).alias("period_before"),
            _currency_elsewhere(),
            _beside(),
        )
    )
    return found.with_columns(
        *(parse_currencies(found[name]).alias(f"{name}_currency") for name in (*MARKS, "elsewhere")),
        *(parse_periods(found[name]).alias(f"{name}_period") for name in PERIOD_PARTS),
        *(
            number.alias(f"{number.name}{side}")
            for side in "12"
            for number in parse_numbers(found[f"number{side}"])
        ),
    )


@cache
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


@cache
def _money() -> pl.Expr:
    return pl.col("clean").str.extract_all(patterns.MONEY).alias("money")


@cache
def _parts() -> pl.Expr:
    return pl.col("money").str.extract_groups(patterns.MONEY).alias("parts")


@cache
def _beside() -> pl.Expr:
    without_currency = pl.all_horizontal(pl.col(mark).is_null() for mark in MARKS)
    return pl.when(without_currency).then("clean").str.replace_all(patterns.MONEY, " ").alias("beside")


#: Signs that several currencies share.
_SHARED_SIGNS = ("$", "¥", "￥")


def is_shared(mark: str) -> pl.Expr:
    return pl.col(mark).str.strip_chars().is_in(_SHARED_SIGNS)


@cache
def _currency_elsewhere() -> pl.Expr:
    """A code that the text has beside a sign which several currencies share."""
    any_shared = pl.any_horizontal(is_shared(mark).fill_null(False) for mark in MARKS)
    code = pl.col("clean").str.extract(r"\b(USD|CAD|AUD|NZD|SGD|HKD|TWD|MXN|COP|CLP|ARS|CNY|RMB|JPY)\b")
    return pl.when(any_shared).then(code).alias("elsewhere")
