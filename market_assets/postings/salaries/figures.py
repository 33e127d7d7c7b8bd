"""Finds the pay in texts: all figures and ranges of a text are candidates, and the first that is pay is taken."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import polars as pl

from market_assets.postings.salaries import pay_words
from market_assets.postings.salaries.pay_words import only_pay, parse_currency, parse_number, parse_period
from market_assets.postings.salaries.readings import IMPLAUSIBLE_AMOUNT, MONTHLY_BELOW, SHARED_SIGNS

#: Null where not stated. A single figure is both minimum and maximum, "up to" gives a maximum only, "from" a
#: minimum only.
PARSED_SALARY = pl.Schema(
    {"minimum": pl.Float64(), "maximum": pl.Float64(), "currency": pl.String(), "period": pl.String()}
)

#: Codes that decide between those currencies, elsewhere in a text.
_CODE_ELSEWHERE = r"\b(USD|CAD|AUD|NZD|SGD|HKD|TWD|MXN|COP|CLP|ARS|CNY|RMB|JPY)\b"
_LEADS_TO_MAXIMUM = re.compile(pay_words.LEADS_TO_MAXIMUM)

#: The smallest figure that counts as pay without a currency, by its period.
_SMALLEST_BARE = {"hourly": 5.0, "daily": 20.0, "weekly": 100.0, "monthly": 100.0, "yearly": 1000.0}
_SMALLEST_BARE_WITHOUT_PERIOD = 1000.0
_LARGEST_BARE = 1e8
#: Figures of a range differ by less than this factor.
_MAX_RANGE_FACTOR = 10

Pay = tuple[float | None, float | None, str | None, str | None, bool]
Factors = tuple[float | None, float | None]


def find_pay(texts: pl.Series) -> pl.DataFrame:
    """The pay of texts that state some.

    Args:
        texts: String, distinct texts.

    Returns:
        text, the columns of `PARSED_SALARY`, has_shared_sign (Boolean: the currency is known only by a sign
        that several share) and payments (Int64: of monthly pay, how many a year has, where the text says
        so), one row for each text that states pay, in any order.
    """
    stripped = [only_pay(text) for text in texts]
    payments = dict(zip(texts, (number for _, number in stripped), strict=True))
    found: dict[str, tuple[Any, ...]] = {}
    bare = pl.Series([text for text, _ in stripped], dtype=pl.String)
    # Most small batches have no such text.
    for row in _find_candidates(texts, bare).iter_rows(named=True) if stripped else ():
        if row["text"] not in found and (pay := _Candidate(row).pay()) is not None:
            found[row["text"]] = _with_payments(pay, payments[row["text"]])
    rows = [(text, *pay) for text, pay in found.items()]
    schema = {**PARSED_SALARY, "has_shared_sign": pl.Boolean(), "payments": pl.Int64()}
    return pl.DataFrame(rows, {"text": pl.String(), **schema}, orient="row")


def in_years(pay: pl.DataFrame) -> pl.DataFrame:
    """Monthly pay of which a year has 13 or 14 (see `find_pay`), as yearly pay."""
    times = pl.col("payments").fill_null(1)
    return pay.with_columns(
        pl.col("minimum") * times,
        pl.col("maximum") * times,
        period=pl.when(pl.col("payments").is_not_null()).then(pl.lit("yearly")).otherwise("period"),
    )


def _with_payments(pay: Pay, payments: int | None) -> tuple[Any, ...]:
    """The pay with the number of payments, if it is monthly."""
    minimum, maximum, currency, period, has_shared_sign = pay
    largest = max(amount for amount in (minimum, maximum) if amount is not None)
    if period not in ("monthly", None) or largest >= MONTHLY_BELOW:
        payments = None
    return minimum, maximum, currency, period if payments is None else "monthly", has_shared_sign, payments


def _find_candidates(texts: pl.Series, bare: pl.Series) -> pl.DataFrame:
    """Each figure or range of each text, in order of appearance: text and the groups of `pay_words.MONEY`.

    Besides, period_before (a period that the text names before figures), code_elsewhere (a code that it names) and
    is_alone (whether nothing but words of pay is beside the candidate, or one names it).
    `bare`: the texts without what is no pay.
    """
    clean = (
        pl.col("bare")
        .str.replace_all(r"[\p{Cc}\p{Cf}\p{Z}]+", " ")
        .str.replace_many(pay_words.PLAIN_MARKS)
        .str.strip_chars()
        .str.replace_all(pay_words.PENSION_PLANS, "$1 ")
        .str.replace_all(pay_words.MARK_PREFIX, f"{pay_words.PREFIX_MARK}$1 $2")
    )
    beside = pl.col("clean").str.replace_all(pay_words.MONEY, " ")
    return (
        pl.DataFrame([texts.alias("text"), bare.alias("bare")])
        .with_columns(clean=clean)
        .with_columns(
            money=pl.col("clean").str.extract_all(pay_words.MONEY),
            period_before=pl.col("clean").str.extract(pay_words.PERIOD_BEFORE),
            code_elsewhere=pl.col("clean").str.extract(_CODE_ELSEWHERE),
            is_alone=beside.str.contains(pay_words.BESIDE_A_BARE_FIGURE)
            | pl.col("clean").str.contains(pay_words.NAMED_THOUSANDS),
        )
        .with_columns(pl.col("is_alone") & (pl.col("money").list.len() == 1))
        .explode("money")
        .drop_nulls("money")
        .with_columns(pl.col("money").str.extract_groups(pay_words.MONEY).alias("groups"))
        .unnest("groups")
    )


class _Side(NamedTuple):
    """A figure of a candidate, and what is written around it: the groups of `MONEY`, None where missing."""

    before: str | None
    number: str | None
    scale: str | None
    after: str | None
    junk: str | None
    unit: str | None

    @property
    def has_currency(self) -> bool:
        return self.before is not None or self.after is not None

    @property
    def has_unit(self) -> bool:
        """Whether a unit or letters follow at once, so that the figure is no pay."""
        return self.unit is not None or bool(self.junk)

    @property
    def scale_word(self) -> str:
        return (self.scale or "").lower()

    @property
    def value(self) -> float | None:
        return None if self.number is None else parse_number(self.number, scaled=False)

    @property
    def can_be_year(self) -> bool:
        """Whether the figure can be a year; also where there is no figure."""
        return self.number is None or (len(self.number) == 4 and 1900 <= (self.value or 0) <= 2099)

    def shared_factor(self, other: _Side, *, is_second: bool) -> float | None:
        """The factor of its scale, else the other side's if it fits: "$100-120k"; not "£45k - 25 days"."""
        if self.scale is not None:
            return pay_words.SCALES[self.scale_word]
        value, least = self.value, other.value if is_second else 0.0
        fits = value is not None and least is not None and least <= value < 1000
        return pay_words.SCALES.get(other.scale_word) if fits else None

    def amount(self, factor: float | None) -> float | None:
        """The figure times a factor, in hundredths; None where it can't be pay."""
        number = None if self.number is None else parse_number(self.number, scaled=self.scale is not None)
        amount = 0.0 if number is None else number * (factor or 1.0)
        return (round(amount * 100) / 100 or None) if amount < IMPLAUSIBLE_AMOUNT else None

    def is_unrelated(self, amount: float | None, other_amount: float | None, other: _Side) -> bool:
        """Whether it has a unit, or differs too much from the other side to form a range."""
        too_far = False
        if amount is not None and other_amount is not None and not self.has_currency:
            is_larger = amount >= other_amount * _MAX_RANGE_FACTOR
            too_far = amount * _MAX_RANGE_FACTOR <= other_amount or (is_larger and other.has_currency)
        return self.has_unit or too_far


class _Candidate:
    """A figure, or a range of two, that may be pay: a row of `_find_candidates`."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._row = row
        names = ("before", "number", "scale", "after", "junk", "unit")
        self._sides = [_Side(*(row[f"{name}{side}"] for name in names)) for side in "12"]
        self._first, self._second = self._sides
        self._has_currency = self._first.has_currency or self._second.has_currency
        self._first_period, self._second_period = self._named_period("period1"), self._named_period("period2")
        # The same pay for two periods is no range: "$50/hour or $100,000/year".
        both = self._first_period is not None and self._second_period is not None
        self._has_two_periods = both and self._first_period != self._second_period

    def pay(self) -> Pay | None:
        """The pay; None where the candidate is something else."""
        currency, period = self._currency(), self._period()
        first, second = self._first, self._second
        factors = first.shared_factor(second, is_second=False), second.shared_factor(first, is_second=True)
        minimum, maximum = self._bounds(factors)
        known = [figure for figure in (minimum, maximum) if figure is not None]
        if not known or self._is_something_else(max(known), factors, currency):
            return None
        if not self._has_currency and not self._is_bare_pay(known, factors, period):
            return None
        return minimum, maximum, currency, period, self._has_only_shared_signs()

    def _named_period(self, group: str) -> str | None:
        return None if self._row[group] is None else parse_period(self._row[group])

    def _marks(self) -> list[str]:
        second = () if self._is_in_two_currencies() else (self._second.before, self._second.after)
        marks = (self._first.before, self._first.after, *second)
        return [mark for mark in marks if mark is not None]

    def _has_only_shared_signs(self) -> bool:
        signs = [mark.strip() in SHARED_SIGNS for mark in self._marks()]
        return bool(signs) and all(signs) and self._row["code_elsewhere"] is None

    def _currency(self) -> str | None:
        """The ISO 4217 code: another mark goes before a sign that several currencies share ("$25,000 pesos")."""
        stated = self._marks()
        others = [mark for mark in stated if mark.strip() not in SHARED_SIGNS]
        elsewhere = [self._row["code_elsewhere"]] if len(others) < len(stated) else []
        marks = (*others, *elsewhere, *(() if others else stated))
        codes = (parse_currency(mark) for mark in marks if mark is not None)
        indian = not stated and any(side.scale_word in pay_words.INDIAN_SCALES for side in self._sides)
        return next((code for code in codes if code is not None), "INR" if indian else None)

    def _period(self) -> str | None:
        if any(side.scale_word == "lpa" for side in self._sides):
            return "yearly"
        if self._has_two_periods:
            return self._first_period
        attached = "attached1" if self._row["attached2"] is None else "attached2"
        periods = self._second_period, self._named_period(attached), self._first_period
        return next((period for period in periods if period is not None), self._named_period("period_before"))

    def _bounds(self, factors: Factors) -> tuple[float | None, float | None]:
        """Minimum and maximum; of a single figure only the bound that the words around it mean."""
        figures = self._first.amount(factors[0]), self._second.amount(factors[1])
        first = None if self._first.is_unrelated(figures[0], figures[1], self._second) else figures[0]
        apart = (
            self._has_two_periods
            or self._is_in_two_currencies()
            or self._second.is_unrelated(figures[1], figures[0], self._first)
        )
        usable = [figure for figure in (first, None if apart else figures[1]) if figure is not None]
        if not usable:
            return None, None
        lead = self._row["lead"]
        to_maximum = lead is not None and _LEADS_TO_MAXIMUM.search(lead) is not None
        has_plus = self._row["plus"] is not None and self._row["additional"] is None
        from_minimum = (lead is not None and not to_maximum) or has_plus
        # A first side of zero is no minimum: "$0 - $100k" means "up to $100k".
        up_to = figures[0] is None and self._second.number is not None
        single = min(usable) == max(usable) and not up_to
        minimum = None if up_to or (single and to_maximum) else min(usable)
        return minimum, None if single and from_minimum else max(usable)

    def _is_in_two_currencies(self) -> bool:
        """Whether both sides name a currency, and not the same: "€60,000 / $65,000" is no range."""
        first, second = (
            {mark.strip() for mark in (side.before, side.after) if mark is not None} for side in self._sides
        )
        shared = any(mark in SHARED_SIGNS for mark in first ^ second)
        codes = [{parse_currency(mark) for mark in side} for side in (first, second)]
        foreign = any(code and not code.endswith("D") for side in codes for code in side)
        return bool(first and second) and codes[0].isdisjoint(codes[1]) and (foreign or not shared)

    def _is_something_else(self, stated: float, factors: Factors, currency: str | None) -> bool:
        is_revenue = currency not in pay_words.CURRENCIES_PAID_IN_MILLIONS and any(
            (factor or 1) >= 1e6 and side.scale_word not in pay_words.INDIAN_SCALES
            for side, factor in zip(self._sides, factors, strict=True)
        )
        # "R" is rand, but "R 4.1" is a language.
        is_language = self._first.before == "R" and stated < 100
        has_minus_or_other = self._row["minus"] is not None or self._row["other"] is not None
        return has_minus_or_other or self._first.has_unit or is_revenue or is_language

    def _is_bare_pay(self, figures: list[float], factors: Factors, period: str | None) -> bool:
        """Whether figures without a currency are pay: alone in their text, of a plausible size, and not years."""
        smallest = _SMALLEST_BARE.get(period or "", _SMALLEST_BARE_WITHOUT_PERIOD)
        are_years = self._first.can_be_year and self._second.can_be_year and factors == (None, None)
        return (
            self._row["is_alone"]
            and self._second.unit is None
            and min(figures) >= smallest
            and max(figures) < _LARGEST_BARE
            and not (are_years and period is None)
        )
