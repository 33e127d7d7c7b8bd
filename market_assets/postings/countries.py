"""The countries of the world: their names and spellings, and their currencies (ISO 3166-1 and ISO 4217)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

COUNTRIES_FILE = Path(__file__).with_name("countries.csv")


@dataclass(frozen=True)
class Country:
    """A row of `countries.csv`; `currency` is None where no currency is used (Antarctica)."""

    alpha2: str
    alpha3: str
    name: str
    alternative_names: tuple[str, ...]
    currency: str | None


@cache
def countries() -> tuple[Country, ...]:
    """All countries, in ascending order of alpha2. XK, which is not in ISO 3166-1, is Kosovo's usual code."""
    with COUNTRIES_FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Country(
                alpha2=row["alpha2"],
                alpha3=row["alpha3"],
                name=row["name"],
                alternative_names=tuple(name for name in row["alternative_names"].split("|") if name),
                currency=row["currency"] or None,
            )
            for row in csv.DictReader(file)
        )


@cache
def country_names() -> dict[str, str]:
    """Casefolded name, alternative name or alpha3 code → alpha2. The keys do not include the alpha2 codes."""
    return {
        name.casefold(): country.alpha2
        for country in countries()
        for name in (country.name, country.alpha3, *country.alternative_names)
    }


@cache
def country_currencies() -> dict[str, str]:
    """alpha2 → ISO 4217 code of the currency in which pay is stated there."""
    return {country.alpha2: country.currency for country in countries() if country.currency}
