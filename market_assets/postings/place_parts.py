"""The parts of a stated location ('San Jose', 'CA') and everything that each of them can mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from market_assets.postings import gazetteer as places
from market_assets.postings.countries import countries, country_names
from market_assets.postings.gazetteer import Place, place_key

#: What may stand around a name without being part of it.
EDGES = " \t\n,;:|/•·-–—()[]\"'&"

#: US states come before countries of the same code ('San Jose, CA'), but Germany before Delaware.
_COUNTRY_BEFORE_STATE = frozenset({"DE"})

_CODES_IN_ANY_CASE = frozenset({"us", "uk", "usa", "uae", "nyc"})

#: The city is always named with its district, so the name alone is the state.
_STATE_RATHER_THAN_CITY = "washington"

_BETWEEN_PARTS = re.compile(r"[,()\[\]:]|\s+[-–—]+\s+|^[-–—]+\s*|\s*[-–—]+$")
_POSTCODE = re.compile(r"^\d[\d-]{2,}\s+|\s+(?=[A-Z\d-]*\d)[A-Z\d-]{2,}(?:\s\d[A-Z]{2})?$")
_NOISE = re.compile(
    r"\b(?:hq|headquarters?|offices?|campus|metro(?:politan)?(?: area)?|greater|downtown|hub|studio|only|area)\b",
    re.IGNORECASE,
)
_CITY_NAME = re.compile(r"[^\W\d_][^\W\d_ .'’-]*(?:[ .'’-]+[^\W\d_]+){0,4}\.?")
_NOT_IN_A_CITY_NAME = re.compile(
    r"\b(?:add|all|and|any|blank|client|coast|continental|eligible|every|flexible|from|global|here|home|in|locations?"
    r"|midwest|multiple|nationwide|northeast|northwest|not|of|open|or|other|region|required|select|several|site"
    r"|southeast|southwest|states|team|to|travel|various|with)\b"
)
_COMPASS = frozenset({"central", "east", "north", "south", "west", "the"})


@dataclass(frozen=True)
class Part:
    """A part of a location, and everything it can mean.

    `country` is set where it can only be a country; `readings` are the countries that it can stand for, or whose
    region it can be, the likeliest first.
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


def read_parts(text: str) -> list[Part]:
    """The parts of one location, in order; what means nothing ('HQ', a postcode) is left out."""
    parts: list[Part] = []
    for piece in _BETWEEN_PARTS.split(text):
        stripped = piece.strip(EDGES + ".") if not piece.strip().endswith(".") else piece.strip(EDGES)
        if stripped:
            parts.extend(_understand(stripped, first=not parts))
    return parts


def _understand(text: str, *, first: bool) -> list[Part]:
    """The parts that a piece between commas is made of: one, or two that no comma divides ('CA United States')."""
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
    """Everything that a name or code can mean. A code that stands first or alone must be in capitals."""
    key = place_key(text)
    code = key.upper() if len(key) <= 3 else ""
    in_capitals = text.replace(".", "") == code
    if code and first and not in_capitals and key not in _CODES_IN_ANY_CASE:
        return Part(text)
    if key in places.areas():
        return Part(text, is_area=True)
    readings = _readings(key, code, country_names().get(text.casefold()) or _countries_by_key().get(key))
    cities = places.cities().get(key, ())
    # 'LA' is Los Angeles where it comes first, and Louisiana after a city.
    meant = key != _STATE_RATHER_THAN_CITY and (not code or first or (in_capitals and not readings))
    is_country = len(readings) == 1 and (not code or code in plain_country_names() or key in country_names())
    is_country = is_country and key not in places.regions()
    return Part(text, cities if meant else (), readings[0] if is_country else None, readings)


def _readings(key: str, code: str, named_country: str | None) -> tuple[str, ...]:
    regions = list(places.regions().get(key, ()))
    region_codes = list(places.region_codes().get(code, ()))
    country_code = [code] if code in plain_country_names() else []
    state_first = region_codes[:1] == ["US"] and code not in _COUNTRY_BEFORE_STATE
    coded = region_codes + country_code if state_first else country_code + region_codes
    return tuple(dict.fromkeys([*regions, *coded, *([named_country] if named_country else [])]))


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


@cache
def plain_country_names() -> dict[str, str]:
    """alpha2 → the country's plain name."""
    return {country.alpha2: country.name for country in countries()}


@cache
def _countries_by_key() -> dict[str, str]:
    return {place_key(name): alpha2 for name, alpha2 in country_names().items()}
