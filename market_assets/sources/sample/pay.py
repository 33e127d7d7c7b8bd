"""What a posting pays, and in which of the many ways it says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import cache

import numpy as np
import polars as pl

from market_assets.sources.sample.choosing import Floats, Groups, Integers, cumulated, vocabulary, weighted
from market_assets.sources.sample.places import Places, load_places
from market_assets.sources.sample.roles import load_roles, trend_years

PERIODS = ("yearly", "monthly", "hourly")
_PER_YEAR = np.array([1.0, 12.0, 2080.0])

#: Half the width of a stated range, as a share of its middle.
_NARROWEST, _WIDEST = 0.04, 0.18
_NOISE = 0.07

#: Without a period, people take amounts below these for hourly and for monthly pay; where they would err, it is
#: stated.
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


#: Shares of the forms in the order above; unstated and empty words make up 35 %.
_FORM_SHARES = cumulated([30, 27, 4, 3, 7, 24, 5])


@dataclass(frozen=True)
class PayWords:
    """The vocabulary of `pay.yaml`: texts for each country and period, words for none, spellings of periods."""

    texts: Groups
    empty_words: list[str]
    periods: Groups


@cache
def load_pay_words() -> PayWords:
    content = vocabulary("pay.yaml")
    texts = content["pay_texts"]
    return PayWords(
        texts=Groups(
            texts.get(currency, texts["other"])[period]
            for currency in load_places().currency
            for period in PERIODS
        ),
        empty_words=content["unstated_pay"],
        periods=Groups(content["period_spellings"][period] for period in PERIODS),
    )


@dataclass(frozen=True)
class Positions:
    """What pay depends on: positions in `Roles` and `Places`, one a posting.

    `skills` has a row for each posting, filled up with the number of skills.
    """

    family: Integers
    level: Integers
    skills: Integers
    country: Integers


def draw_pay(rng: np.random.Generator, day: date, positions: Positions) -> dict[str, Integers | Floats]:
    """Draw the pay of postings.

    Returns:
        pay_form, pay_period (position in `PERIODS`), pay_low, pay_high (in the country's currency for the
        period) and the positions pay_text, pay_words and period_spelling of the wording that the form may need.
    """
    words, places, families = load_pay_words(), load_places(), load_roles().families
    count, country = len(positions.family), positions.country
    uniform = rng.random((7, count))
    hourly = uniform[0] < families.hourly[positions.family]
    monthly = uniform[1] < places.monthly[country]
    period = np.where(hourly, 2, np.where(monthly, 1, 0))
    middle = _annual_pay(rng, day, positions) / _PER_YEAR[period]
    spread = _NARROWEST + (_WIDEST - _NARROWEST) * uniform[2]
    low, high = rounded(middle * (1 - spread)), rounded(middle * (1 + spread))
    form = weighted(_FORM_SHARES, uniform[3])
    misread = period != 2 - np.searchsorted(_GUESSED_PERIOD_BOUNDS, high, side="right")
    return {
        "pay_form": np.where(misread & (form == Form.RANGE_WITHOUT_PERIOD), int(Form.RANGE), form),
        "pay_period": period,
        "pay_low": low,
        "pay_high": high,
        "pay_text": words.texts.pick(country * len(PERIODS) + period, uniform[4]),
        "pay_words": (uniform[5] * len(words.empty_words)).astype(np.int64),
        "period_spelling": words.periods.pick(period, uniform[6]),
    }


def _annual_pay(rng: np.random.Generator, day: date, positions: Positions) -> Floats:
    """The middle of what is paid a year, in the country's currency."""
    roles, places = load_roles(), load_places()
    families, family = roles.families, positions.family
    drift = 1 + families.drift[family] * trend_years(day)
    skills = roles.skill_pay[positions.skills].prod(axis=1)
    seniority = roles.ladder_pay[families.ladder[family], positions.level]
    noise = 1 + _NOISE * np.clip(rng.standard_normal(len(family)), -2.5, 2.5)
    here = places.pay[positions.country] * places.rate[positions.country]
    annual: Floats = families.pay[family] * drift * skills * seniority * noise * here
    return annual


def rounded(amounts: Floats) -> Floats:
    """Amounts as people state them: to half a unit of the second digit (32.5, 48,500, 125,000)."""
    powers = np.array([10.0**power for power in range(1, 12)])
    step = 0.005 * powers[np.searchsorted(powers, amounts, side="right")]
    return np.round(np.round(amounts / step) * step, 2)


class Amount:
    """An amount that a template can ask for in one of the ways of writing numbers named in `pay.yaml`."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __format__(self, way: str) -> str:
        return _WAYS[way](self._value)


def _plain(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.2f}"


def _short(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _grouped(separator: str) -> Callable[[float], str]:
    return lambda value: f"{value:,.0f}".replace(",", separator)


_WAYS: dict[str, Callable[[float], str]] = {
    "plain": _plain,
    "comma": _grouped(","),
    "dot": _grouped("."),
    "apostrophe": _grouped("'"),
    "space": _grouped(" "),
    "thousands": lambda value: _short(value / 1_000),
    "lakh": lambda value: _short(value / 100_000),
}


def render_pay(drawn: pl.DataFrame, places: Places) -> dict[str, pl.Series]:
    """The salary columns of `RAW_POSTING`, the amounts as numbers."""
    words, form = load_pay_words(), pl.Series(drawn["pay_form"])
    currency = pl.Series(places.currency).gather(drawn["country"])
    numeric = form.is_between(Form.RANGE, Form.MINIMUM)
    columns = drawn.select(
        salary_min=pl.when(numeric).then("pay_low"),
        salary_max=pl.when(numeric & (form != Form.MINIMUM)).then("pay_high"),
        salary_currency=pl.when(numeric & (form != Form.RANGE_WITHOUT_CURRENCY)).then(currency),
        salary_period=pl.when(numeric & (form != Form.RANGE_WITHOUT_PERIOD)).then(
            pl.Series(words.periods.values).gather(drawn["period_spelling"])
        ),
    ).to_dict()
    return {**columns, "salary_text": _texts(drawn, currency, words)}


def _texts(drawn: pl.DataFrame, currency: pl.Series, words: PayWords) -> pl.Series:
    # Posting by posting: a quarter of them has a text, and there are about as many templates as rows in a small
    # chunk, so that one expression for each template takes longer.
    rows = drawn.select("pay_form", "pay_text", "pay_low", "pay_high", "pay_words", currency=currency).rows()
    texts = []
    for form, template, low, high, empty_words, code in rows:
        if form == Form.TEXT:
            amounts = words.texts.values[template]
            texts.append(amounts.format(low=Amount(low), high=Amount(high), currency=code))
        else:
            texts.append(words.empty_words[empty_words] if form == Form.EMPTY_WORDS else None)
    return pl.Series(texts, dtype=pl.String)
