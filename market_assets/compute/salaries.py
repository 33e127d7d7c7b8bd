"""Pay out of the texts that state it: figures, currency and period.

Texts of pay repeat (a hundred thousand postings share some thousand of them), so each different text is
read once; all reading is by column expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from market_assets.compute import salary_patterns as patterns
from market_assets.compute.pay import IMPLAUSIBLE_AMOUNT, pay_period, periods_per_year
from market_assets.compute.salary_fields import (
    parse_amounts,
    parse_currencies,
    parse_currency_expression,
    parse_number,
    parse_period_expression,
    parse_periods,
)

__all__ = [
    "PARSED_SALARY",
    "ParsedSalary",
    "parse_amounts",
    "parse_currencies",
    "parse_periods",
    "parse_salary",
    "parse_salary_texts",
    "salary_record",
    "salary_records",
]

#: What a text of pay says. Null where not stated; a single figure is both minimum and maximum, "up to" has a
#: maximum only, "from" a minimum only.
PARSED_SALARY = pl.Schema(
    {"minimum": pl.Float64(), "maximum": pl.Float64(), "currency": pl.String(), "period": pl.String()}
)

#: A longer text is a description and not a statement of pay.
LONGEST_TEXT = 5_000

#: The smallest figure that is taken for pay where no currency is named, by the period that is.
_SMALLEST_BARE = {"hourly": 5.0, "daily": 20.0, "weekly": 100.0, "monthly": 100.0, "yearly": 1000.0}
_SMALLEST_BARE_WITHOUT_PERIOD = 1000.0
_LARGEST_BARE = 1e8
_FURTHEST_SIDES = 10


@dataclass(frozen=True)
class ParsedSalary:
    """Pay as a text states it; see `PARSED_SALARY`."""

    minimum: float | None
    maximum: float | None
    currency: str | None
    period: str | None


def parse_salary(text: str) -> ParsedSalary | None:
    """Read one text; None where it states no salary."""
    parsed = parse_salary_texts(pl.Series([text], dtype=pl.String)).row(0, named=True)
    if parsed["minimum"] is None and parsed["maximum"] is None:
        return None
    return ParsedSalary(**parsed)


def salary_record(text: str) -> dict[str, float | str | None] | None:
    """Read one text as `salary_records` does; None where it states no salary."""
    return salary_records([text])[0]


def salary_records(texts: Sequence[str]) -> list[dict[str, float | str | None] | None]:
    """Read texts, with their pay per year as well: one record for each, None where there is no salary.

    A record holds currency, minimum, maximum and period as stated (None where not), and annual_minimum and
    annual_maximum in the stated currency, where a missing period is assumed as `pay.pay_period` says.
    """
    parsed = parse_salary_texts(pl.Series(texts, dtype=pl.String))
    period = pay_period(pl.col("minimum"), pl.col("maximum"), pl.col("period"))
    records = parsed.select(
        "currency",
        "minimum",
        "maximum",
        "period",
        (pl.col("minimum") * periods_per_year(period)).round(2).alias("annual_minimum"),
        (pl.col("maximum") * periods_per_year(period)).round(2).alias("annual_maximum"),
    )
    return [
        None if record["minimum"] is None and record["maximum"] is None else record
        for record in records.iter_rows(named=True)
    ]


def parse_salary_texts(texts: pl.Series) -> pl.DataFrame:
    """Read a column of texts such as "$53K-$91K (Glassdoor est.)", "up to £45k" or "€60.000 brutto".

    The first figure or range in a text that can be pay is taken. Figures without any currency count only
    where the text holds nothing else. "kr" is money of several countries: a salary without a currency.
    Bonuses, revenue in millions, percentages, years, pension plans and pay per piece are not salaries.

    Args:
        texts: String, nulls allowed.

    Returns:
        Schema `PARSED_SALARY`, a row for each text; all null where there is no salary. minimum ≤ maximum.
    """
    stated = pl.DataFrame({"text": texts.cast(pl.String)})
    unique = stated.unique().filter(
        pl.col("text").str.contains("[0-9]") & (pl.col("text").str.len_bytes() <= LONGEST_TEXT)
    )
    parsed = _read_figures(_candidates(unique))
    return stated.join(parsed, on="text", how="left", maintain_order="left").select(PARSED_SALARY.names())


def _candidates(unique: pl.DataFrame) -> pl.DataFrame:
    """Each figure or range of each text with its captured parts, in order of appearance."""
    clean = (
        pl.col("text")
        .str.replace_all(r"[\p{Cc}\p{Cf}\p{Z}]+", " ")
        .str.replace_all(r"[\x{2010}-\x{2015}\x{2212}]", "-")
        .str.replace_all("[’´`‘]", "'")
        .str.replace_all("[～〜]", "~")
        .str.strip_chars()
        .str.replace_all(patterns.PENSION_PLANS, "$1 ")
        .str.replace_all(patterns.MARK_PREFIX, f"{patterns.PREFIX_MARK}$1 $2")
    )
    return (
        unique.with_columns(clean=clean)
        .with_columns(
            money=pl.col("clean").str.extract_all(patterns.MONEY),
            beside=pl.col("clean").str.replace_all(patterns.MONEY, " "),
        )
        .with_row_index("row")
        .explode("money")
        .drop_nulls("money")
        .with_columns(pl.col("money").str.extract_groups(patterns.MONEY).alias("parts"))
        .unnest("parts")
        .with_columns(pl.len().over("row").alias("candidates"))
    )


def _read_figures(candidates: pl.DataFrame) -> pl.DataFrame:
    """The first candidate of each text that is pay: text and the columns of `PARSED_SALARY`."""
    return (
        candidates.with_columns(_currency(), _scale("1"), _scale("2"), _period())
        .with_columns(_shared_scale("1", "2"), _shared_scale("2", "1"))
        .with_columns(_figure("1"), _figure("2"))
        .with_columns(_usable_side("1", "2"), _usable_side("2", "1"))
        .with_columns(_bounds())
        .with_columns(_only_stated_bounds())
        .filter(_is_pay())
        .sort("row", maintain_order=True)
        .unique("row", keep="first", maintain_order=True)
        .select("text", *PARSED_SALARY.names())
    )


def _has_currency(side: str) -> pl.Expr:
    return pl.col(f"before{side}").is_not_null() | pl.col(f"after{side}").is_not_null()


def _currency() -> pl.Expr:
    """The ISO code: one that is spelled out goes before a "$" or "¥", which several currencies share."""
    marks = [pl.col(name) for name in ("before1", "after1", "before2", "after2")]
    shared = ("$", "¥", "￥")
    spelled_out = [
        parse_currency_expression(pl.when(~mark.str.strip_chars().is_in(shared)).then(mark)) for mark in marks
    ]
    is_shared = pl.any_horizontal(mark.str.strip_chars().is_in(shared).fill_null(False) for mark in marks)
    elsewhere = pl.when(is_shared).then(
        pl.col("clean").str.extract(r"\b(USD|CAD|AUD|NZD|SGD|HKD|TWD|MXN|COP|CLP|ARS|CNY|RMB|JPY)\b")
    )
    indian = pl.any_horizontal(
        pl.col(f"scale{side}").str.to_lowercase().is_in(patterns.INDIAN_SCALES).fill_null(False) for side in "12"
    )
    return pl.coalesce(
        *spelled_out,
        parse_currency_expression(elsewhere),
        *(parse_currency_expression(mark) for mark in marks),
        pl.when(indian & ~_has_currency("1") & ~_has_currency("2")).then(pl.lit("INR")),
    ).alias("currency")


def _scale(side: str) -> pl.Expr:
    word = pl.col(f"scale{side}").str.to_lowercase()
    return word.replace_strict(patterns.SCALES, default=None, return_dtype=pl.Float64).alias(f"factor{side}")


def _shared_scale(side: str, other: str) -> pl.Expr:
    """A scale that only the other side has, if it fits: "$100-120k" and "100k-120", but not "£45k - 25 days"."""
    plain = parse_number(pl.col(f"number{side}"))
    fits = plain < 1000
    if side == "2":
        fits = fits & (plain >= parse_number(pl.col(f"number{other}")))
    shared = pl.when(pl.col(f"factor{side}").is_null() & fits).then(pl.col(f"factor{other}"))
    return pl.coalesce(f"factor{side}", shared).alias(f"shared_factor{side}")


def _figure(side: str) -> pl.Expr:
    number = parse_number(pl.col(f"number{side}"), scaled=pl.col(f"scale{side}").is_not_null())
    amount = (number * pl.col(f"shared_factor{side}").fill_null(1.0)).round(2)
    return pl.when((amount > 0) & (amount < IMPLAUSIBLE_AMOUNT)).then(amount).alias(f"figure{side}")


def _usable_side(side: str, other: str) -> pl.Expr:
    """The side's figure, unless it has a unit of its own or is too far off to be the same kind of thing."""
    figure, opposite = pl.col(f"figure{side}"), pl.col(f"figure{other}")
    far_off = (figure * _FURTHEST_SIDES <= opposite) | (
        (figure >= opposite * _FURTHEST_SIDES) & _has_currency(other)
    )
    alien = (
        pl.col(f"unit{side}").is_not_null()
        | (pl.col(f"junk{side}").fill_null("") != "")
        | (far_off & ~_has_currency(side))
    )
    return pl.when(~alien.fill_null(False)).then(figure).alias(f"usable{side}")


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
    return pl.coalesce(
        pl.when(per_annum).then(pl.lit("yearly")),
        parse_period_expression(pl.col("period2")),
        parse_period_expression(pl.coalesce("attached2", "attached1")),
        parse_period_expression(pl.col("period1")),
        parse_period_expression(pl.col("clean").str.extract(patterns.PERIOD_BEFORE)),
    ).alias("period")


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
        pl.col(f"number{side}").str.contains("^(?:19|20)[0-9]{2}$").fill_null(True) for side in "12"
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
