"""Pay out of the texts that state it: figures, currency and period.

Texts of pay repeat (a hundred thousand postings share some thousand of them), so each different text is
read once; all reading is by column expressions, in `salary_candidates` and `salary_figures`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from market_assets.postings.salaries.annual import pay_period, periods_per_year
from market_assets.postings.salaries.candidates import find_candidates
from market_assets.postings.salaries.fields import parse_amounts, parse_currencies, parse_periods
from market_assets.postings.salaries.figures import PARSED_SALARY, first_pay
from market_assets.postings.text_cache import Remembered, Row

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

#: A longer text is a description and not a statement of pay.
LONGEST_TEXT = 5_000

_DIGIT = re.compile("[0-9]")
_NO_PAY: Row = (None,) * len(PARSED_SALARY)


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
    return _SALARY_TEXTS.frame(texts)


def _read_texts(texts: list[str]) -> Iterator[Row]:
    can_be_pay = [text for text in texts if _DIGIT.search(text) and len(text.encode()) <= LONGEST_TEXT]
    pay = {text: row for text, *row in first_pay(find_candidates(can_be_pay)).iter_rows()} if can_be_pay else {}
    return (tuple(pay.get(text, _NO_PAY)) for text in texts)


_SALARY_TEXTS = Remembered(_read_texts, PARSED_SALARY)
