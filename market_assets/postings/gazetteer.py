"""Names of countries and places and all that they can mean: looks up the parts of a stated location.

Kinds in `places.csv`: a city (`code`: its region); a region (state, province; `code` follows a city: 'CA');
an area that is larger than a country. `cities.csv` adds cities of 15,000 people and more from GeoNames, the
largest first (see `scripts/cities.py`). Of several cities of one name, the first row is the default.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from market_assets.postings.word_lists import word_lists

COUNTRIES_FILE = Path(__file__).with_name("countries.csv")
PLACES_FILE = Path(__file__).with_name("places.csv")
CITIES_FILE = Path(__file__).with_name("cities.csv")

#: Countries whose cities are named with the code of their region ('Portland, OR, US').
WITH_REGIONS = frozenset({"US", "CA", "AU"})

#: Letters that Unicode does not decompose into a base letter and a mark.
_BASE_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", ".": "", "'": "", "’": ""}
)

#: Characters around a name that are not part of it.
EDGES = " \t\n,;:|/•·-–—()[]\"'&"

#: US states come before countries of the same code ('San Jose, CA'), but Germany before Delaware.
_COUNTRY_BEFORE_STATE = frozenset({"DE"})

_CODES_IN_ANY_CASE = frozenset({"us", "uk", "usa", "uae", "nyc"})

#: The city is always named with its district, so the name alone is the state.
_STATE_RATHER_THAN_CITY = "washington"

#: Words of locations.
WORDS = word_lists("places.yaml")
_BETWEEN_PARTS = re.compile(r"[,()\[\]:]|\s+[-–—]+\s+|^[-–—]+\s*|\s*[-–—]+$")
_POSTCODE = re.compile(r"^\d[\d-]{2,}\s+|\s+(?=[A-Z\d-]*\d)[A-Z\d-]{2,}(?:\s\d[A-Z]{2})?$")
_NOISE = re.compile(rf"\b(?:{'|'.join(WORDS['noise'])})\b", re.IGNORECASE)
_CITY_NAME = re.compile(r"[^\W\d_][^\W\d_ .'’-]*(?:[ .'’-]+[^\W\d_]+){0,4}\.?")
_NOT_IN_A_CITY_NAME = re.compile(
    rf"^(?:{'|'.join(WORDS['not_a_town_from'])})\b|\b(?:{'|'.join(WORDS['not_a_town_with'])})\b"
    r"|\b(?:east|west)(?:ern)? coast\b"
)
_COMPASS = frozenset({"central", "east", "north", "south", "west", "the"})


@dataclass(frozen=True)
class Country:
    """A row of `countries.csv` (ISO 3166-1 and 4217); no `currency` where none is used (Antarctica)."""

    alpha2: str
    alpha3: str
    name: str
    alternative_names: tuple[str, ...]
    currency: str


@dataclass(frozen=True, slots=True)
class Place:
    """A row of `places.csv` or `cities.csv`; `country` is an alpha2 code, empty for areas."""

    kind: str
    name: str
    country: str
    code: str
    alternative_names: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A part of a location ('San Jose', 'CA') and everything it can mean.

    Attributes:
        text: the part as written.
        cities: the cities of this name, the default first.
        country: alpha2; None unless the part can only be a country.
        readings: the countries that it can name, or whose region it can be, the likeliest first.
        is_area: whether it names an area larger than a country.
    """

    text: str
    cities: tuple[Place, ...] = ()
    country: str | None = None
    readings: tuple[str, ...] = ()
    is_area: bool = False

    @property
    def is_known(self) -> bool:
        return bool(self.cities or self.readings or self.is_area)

    @property
    def is_region(self) -> bool:
        """Whether it can be a region, or at least not only a country."""
        return self.country is None and bool(self.readings)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of a CSV; `alternative_names`, divided by "|", as a tuple."""
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {**row, "alternative_names": tuple(filter(None, row["alternative_names"].split("|")))}


@cache
def countries() -> dict[str, Country]:
    """alpha2 → country, in ascending order. XK, which is not in ISO 3166-1, is Kosovo's usual code."""
    return {row["alpha2"]: Country(**row) for row in _rows(COUNTRIES_FILE)}


@cache
def places() -> tuple[Place, ...]:
    """All places, in the order of the files."""
    cities = ({"kind": "city", **row} for row in _rows(CITIES_FILE))
    return tuple(Place(**row) for row in chain(_rows(PLACES_FILE), cities))


def place_key(name: str) -> str:
    """The form that spellings of one place share: no case, accents, full stops, apostrophes or extra spaces."""
    decomposed = unicodedata.normalize("NFKD", name.casefold()).translate(_BASE_LETTERS)
    return " ".join("".join(letter for letter in decomposed if not unicodedata.combining(letter)).split())


@cache
def places_by_key(kind: str) -> dict[str, list[Place]]:
    """`place_key` of each name of places of a kind → the places of that name, the default first."""
    found: defaultdict[str, list[Place]] = defaultdict(list)
    for place in places():
        if place.kind == kind:
            for key in dict.fromkeys(place_key(name) for name in (place.name, *place.alternative_names)):
                found[key].append(place)
    return dict(found)


@cache
def region_codes() -> dict[str, tuple[str, ...]]:
    """Code of a region in capitals → the countries (alpha2) that use it, the United States first."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for place in places():
        if place.kind == "region" and place.code:
            found[place.code].append(place.country)
    return {code: tuple(named) for code, named in found.items()}


@cache
def country_names() -> dict[str, str]:
    """`place_key` of each name, alternative name or alpha3 code → alpha2. The keys do not include alpha2 codes."""
    return {
        place_key(name): country.alpha2
        for country in countries().values()
        for name in (country.name, country.alpha3, *country.alternative_names)
    }


def country_code(name: str) -> str | None:
    """The alpha2 code of a country by its code or one of its names; None where there is none."""
    code = name.strip().upper()
    return code if code in countries() else country_names().get(place_key(name))


def region_code(text: str, country: str) -> str:
    """The code of a region of `WITH_REGIONS` that is given by name or code; empty where it is none."""
    named = places_by_key("region").get(place_key(text), ())
    code = next((place.code for place in named if place.country == country), text.upper())
    return code if country in WITH_REGIONS and country in region_codes().get(code, ()) else ""


@cache
def country_currencies() -> dict[str, str]:
    """alpha2 → ISO 4217 code of the currency in which pay is stated there."""
    return {country.alpha2: country.currency for country in countries().values() if country.currency}


def parse_parts(text: str) -> list[Part]:
    """The parts of one location, in order. Words without meaning ('HQ', a postcode) are left out."""
    parts: list[Part] = []
    for piece in _BETWEEN_PARTS.split(text):
        stripped = piece.strip(EDGES + ".") if not piece.strip().endswith(".") else piece.strip(EDGES)
        if stripped:
            parts.extend(_parts_of_piece(stripped, first=not parts))
    return parts


def can_be_city(text: str) -> bool:
    """Whether an unknown name looks like a city's."""
    key = place_key(text)
    return (
        2 < len(text) <= 40
        and not (len(text) == 3 and text.isupper())
        and key not in _COMPASS
        and len(key.split()) <= 5
        and _CITY_NAME.fullmatch(text) is not None
        and _NOT_IN_A_CITY_NAME.search(key) is None
    )


def _parts_of_piece(text: str, *, first: bool) -> list[Part]:
    """The parts of a piece between commas: one, or two that no comma divides ('CA United States')."""
    part = _look_up(text, first=first)
    if part.is_known:
        return [part]
    shorter = _NOISE.sub(" ", _POSTCODE.sub("", text)).strip(EDGES)
    if not shorter:
        return []
    if shorter != text:
        part = _look_up(shorter, first=first)
        if part.is_known:
            return [part]
    return _divide(shorter, first=first) or [part if shorter == text else Part(f"({text})")]


def _divide(text: str, *, first: bool) -> list[Part] | None:
    words = text.split() if " " in text else text.split("-")
    for length in (3, 2, 1):
        if len(words) <= length:
            continue
        head, tail = " ".join(words[:-length]), " ".join(words[-length:])
        last = _look_up(tail, first=True)
        if not last.is_known:
            continue
        beginning = _look_up(head, first=first)
        if beginning.is_known or (last.readings and can_be_city(head)):
            return [beginning, last]
        if last.cities and any(character.isdigit() for character in head):
            return [last]
    return None


def _look_up(text: str, *, first: bool) -> Part:
    """Everything that a name or code can mean. A code in the first place, or alone, must be in capitals."""
    key = place_key(text)
    code = key.upper() if len(key) <= 3 else ""
    in_capitals = text.replace(".", "").replace(" ", "") == code
    if code and first and not in_capitals and key not in _CODES_IN_ANY_CASE:
        return Part(text)
    if key in places_by_key("area"):
        return Part(text, is_area=True)
    readings = _readings(key, code, country_names().get(key))
    # 'LA' is Los Angeles where it comes first, and Louisiana after a city.
    can_be_a_city = key != _STATE_RATHER_THAN_CITY and (not code or first or (in_capitals and not readings))
    is_country = len(readings) == 1 and (not code or code in countries() or key in country_names())
    is_country = is_country and key not in places_by_key("region")
    named_cities = tuple(places_by_key("city").get(key, ())) if can_be_a_city else ()
    return Part(text, named_cities, readings[0] if is_country else None, readings)


def _readings(key: str, code: str, named_country: str | None) -> tuple[str, ...]:
    of_code = list(region_codes().get(code, ()))
    country_code = [code] if code in countries() else []
    state_first = of_code[:1] == ["US"] and code not in _COUNTRY_BEFORE_STATE
    coded = of_code + country_code if state_first else country_code + of_code
    of_name = [place.country for place in places_by_key("region").get(key, ())]
    return tuple(dict.fromkeys([*of_name, *coded, *([named_country] if named_country else [])]))
