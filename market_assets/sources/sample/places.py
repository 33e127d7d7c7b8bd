"""Where the work is: the vocabulary of `places.yaml` as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from market_assets.sources.sample.choosing import Floats, Groups, Integers, cumulated, vocabulary


@dataclass(frozen=True)
class Places:
    """Cities with the shares they are drawn with, and what is paid in their countries.

    `written` has two groups for each city: how its postings name the place, and how remote ones do.
    `currency`, `rate`, `pay` and `monthly` have one entry a country; `rate` is per US dollar.
    """

    city_shares: Floats
    city_country: Integers
    written: Groups
    countries: list[str]
    currency: list[str]
    rate: Floats
    pay: Floats
    monthly: Floats


@cache
def load_places() -> Places:
    content = vocabulary("places.yaml")
    weights: list[float] = []
    city_country: list[int] = []
    written: list[list[str]] = []
    for position, (name, country) in enumerate(content["countries"].items()):
        total = sum(weight for *_, weight in country["cities"])
        for city, region, weight in country["cities"]:
            weights.append(country["weight"] * weight / total)
            city_country.append(position)
            written.append([form.format(city=city, region=region) for form in country["forms"]])
            written.append(
                [
                    form.format(city=city, country=name, short=short)
                    for form in content["remote_forms"]
                    for short in country["short"]
                ]
            )
    countries: list[dict[str, Any]] = list(content["countries"].values())
    return Places(
        city_shares=cumulated(weights),
        city_country=np.array(city_country, dtype=np.int64),
        written=Groups(written),
        countries=[country["code"] for country in countries],
        currency=[country["currency"] for country in countries],
        rate=np.array([country["rate"] for country in countries], dtype=np.float64),
        pay=np.array([country["pay"] for country in countries], dtype=np.float64),
        monthly=np.array([country["monthly"] for country in countries], dtype=np.float64),
    )
