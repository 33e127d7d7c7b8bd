"""Cities, regions and areas that postings name, and the countries they lie in: loads `places.csv`.

Kinds in `places.csv`: a city; a region (state, province; `code` is what follows a city: 'CA'); an area that is
larger than a country. Of cities of the same name the first row is the one meant where nothing else tells.
"""

from __future__ import annotations

import csv
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLACES_FILE = Path(__file__).with_name("places.csv")

#: Letters that Unicode doesn't take apart into a base letter and a mark.
_BASE_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", ".": "", "'": "", "’": ""}
)


@dataclass(frozen=True)
class Place:
    """A row of `places.csv`; `country` is an alpha2 code, empty for areas."""

    kind: str
    name: str
    country: str
    code: str
    alternative_names: tuple[str, ...]


@cache
def places() -> tuple[Place, ...]:
    """All places, in the order of the file."""
    with PLACES_FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Place(
                kind=row["kind"],
                name=row["name"],
                country=row["country"],
                code=row["code"],
                alternative_names=tuple(name for name in row["alternative_names"].split("|") if name),
            )
            for row in csv.DictReader(file)
        )


def place_key(name: str) -> str:
    """What names of the same place have in common: no case, accents, full stops, apostrophes or extra spaces."""
    decomposed = unicodedata.normalize("NFKD", name.casefold()).translate(_BASE_LETTERS)
    return " ".join("".join(letter for letter in decomposed if not unicodedata.combining(letter)).split())


@cache
def cities() -> dict[str, tuple[Place, ...]]:
    """Key of a city's name → the cities of that name, the most likely one first."""
    found: defaultdict[str, list[Place]] = defaultdict(list)
    for key, place in _named("city"):
        found[key].append(place)
    return {key: tuple(named) for key, named in found.items()}


@cache
def regions() -> dict[str, tuple[str, ...]]:
    """Key of a region's name → the countries (alpha2) that have a region of that name."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key, place in _named("region"):
        found[key].append(place.country)
    return {key: tuple(countries) for key, countries in found.items()}


@cache
def region_codes() -> dict[str, tuple[str, ...]]:
    """Code of a region in capitals → the countries (alpha2) that use it, the United States first."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for place in places():
        if place.kind == "region" and place.code:
            found[place.code].append(place.country)
    return {code: tuple(countries) for code, countries in found.items()}


@cache
def areas() -> frozenset[str]:
    """Keys of areas larger than a country: 'europe', 'emea'."""
    return frozenset(key for key, _ in _named("area"))


def _named(kind: str) -> Iterator[tuple[str, Place]]:
    for place in places():
        if place.kind == kind:
            for key in dict.fromkeys(place_key(name) for name in (place.name, *place.alternative_names)):
                yield key, place
