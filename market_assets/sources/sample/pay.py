"""Pay of the sample: drawn for many postings at once, and stated in many forms."""

from __future__ import annotations

from datetime import date
from enum import IntEnum

import numpy as np
import polars as pl

from market_assets.sources.sample.vocabulary import (
    PERIODS,
    Choices,
    Floats,
    Pay,
    Vocabulary,
    cumulated,
    texts_at,
    trend_years,
    weighted,
)

_PERIODS_PER_YEAR = np.array([1.0, 12.0, 2080.0])
#: Half the width of a stated range, as a share of its middle.
_NARROWEST, _WIDEST = 0.04, 0.18
_PAY_NOISE = 0.07
#: The contract's bounds of hourly and monthly pay without a period; the period is stated where they would mislead.
_GUESSED_PERIOD_BOUNDS = np.array([500.0, 20_000.0])


class Form(IntEnum):
    """How pay is stated."""

    UNSTATED = 0
    RANGE = 1
    RANGE_WITHOUT_PERIOD = 2
    RANGE_WITHOUT_CURRENCY = 3
    MINIMUM = 4
    TEXT = 5
    EMPTY_WORDS = 6


#: Shares of the forms in the order above; unstated pay and empty words make up 35 %.
_FORM_SHARES = cumulated([30, 27, 4, 3, 7, 24, 5])


def draw_pay(rng: np.random.Generator, vocabulary: Vocabulary, day: date, job: Choices) -> Choices:
    """The columns of pay; `job` has the family, level, skills and country."""
    roles, places, words = vocabulary.roles, vocabulary.places, vocabulary.pay
    family, country = job["family"], job["country"]
    by_hour, by_month, width, form, text, empty, spelling = rng.random((7, len(family)))
    hourly, monthly = by_hour < roles.family_hourly[family], by_month < places.monthly[country]
    period = np.where(hourly, 2, np.where(monthly, 1, 0))
    drift = 1 + roles.family_drift[family] / 100 * trend_years(day)
    seniority = roles.ladder_pay[roles.family_ladder[family], job["level"]]
    noise = 1 + _PAY_NOISE * np.clip(rng.standard_normal(len(family)), -2.5, 2.5)
    of_skills = roles.skill_pay[job["skills"]].prod(axis=1)
    annual = roles.family_pay[family] * drift * of_skills * seniority * noise * places.pay[country]
    middle = annual / _PERIODS_PER_YEAR[period]
    spread = _NARROWEST + (_WIDEST - _NARROWEST) * width
    high = rounded(middle * (1 + spread))
    stated_as = weighted(_FORM_SHARES, form)
    misread = period != 2 - np.searchsorted(_GUESSED_PERIOD_BOUNDS, high, side="right")
    return {
        "pay_form": np.where(misread & (stated_as == Form.RANGE_WITHOUT_PERIOD), int(Form.RANGE), stated_as),
        "pay_period": period,
        "pay_low": rounded(middle * (1 - spread)),
        "pay_high": high,
        "pay_text": words.texts.pick(country * len(PERIODS) + period, text),
        "pay_words": (empty * len(words.empty_words)).astype(np.int64),
        "period_spelling": words.periods.pick(period, spelling),
    }


def rounded(amounts: Floats) -> Floats:
    """Amounts as they are usually stated: to half a unit of the second digit (32.5, 48,500, 125,000)."""
    powers = np.array([10.0**power for power in range(1, 12)])
    step = 0.005 * powers[np.searchsorted(powers, amounts, side="right")]
    return np.round(np.round(amounts / step) * step, 2)


class Amount(float):
    """An amount that is formatted in one of the ways of writing numbers of `pay.yaml`."""

    def __format__(self, way: str) -> str:
        if way in _SEPARATORS:
            return f"{float(self):,.0f}".replace(",", _SEPARATORS[way])
        if way in _UNITS:
            return f"{self / _UNITS[way]:.3f}".rstrip("0").rstrip(".")
        return f"{float(self):.0f}" if self.is_integer() else f"{float(self):.2f}"


_SEPARATORS = {"comma": ",", "dot": ".", "apostrophe": "'", "space": " "}
_UNITS = {"thousands": 1_000, "lakh": 100_000}


def rendered_pay(drawn: Choices, currency: pl.Series, words: Pay) -> dict[str, pl.Series]:
    """The salary columns of `RAW_POSTING`, the amounts as numbers."""
    form = pl.Series(drawn["pay_form"])
    numeric = form.is_between(Form.RANGE, Form.MINIMUM)
    texts: list[str | None] = [None] * len(form)
    for row in np.flatnonzero(drawn["pay_form"] == Form.TEXT):
        low, high = (Amount(drawn[bound][row]) for bound in ("pay_low", "pay_high"))
        text = words.texts.values[drawn["pay_text"][row]]
        texts[row] = text.format(low=low, high=high, currency=currency[int(row)])
    for row in np.flatnonzero(drawn["pay_form"] == Form.EMPTY_WORDS):
        texts[row] = words.empty_words[drawn["pay_words"][row]]
    columns = pl.select(
        salary_min=pl.when(numeric).then(pl.Series(drawn["pay_low"])),
        salary_max=pl.when(numeric & (form != Form.MINIMUM)).then(pl.Series(drawn["pay_high"])),
        salary_currency=pl.when(numeric & (form != Form.RANGE_WITHOUT_CURRENCY)).then(currency),
        salary_period=pl.when(numeric & (form != Form.RANGE_WITHOUT_PERIOD)).then(
            texts_at(words.periods.values, drawn["period_spelling"])
        ),
    )
    return {**columns.to_dict(), "salary_text": pl.Series(texts, dtype=pl.String)}
