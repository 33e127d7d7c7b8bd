"""Locations: 'City, CC', the country and the workplace of each stated location.

Distinct texts are parsed one by one, in plain Python: how a part is read depends on the parts around it, and there
are far fewer distinct locations than postings.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

import polars as pl

from market_assets.postings.categories import WORKPLACE_WORDS, workplace_of
from market_assets.postings.gazetteer import (
    EDGES,
    WORDS,
    Part,
    can_be_city,
    countries,
    parse_parts,
    place_key,
    places_by_key,
    region_code,
)
from market_assets.postings.texts import MAX_CACHED, listed

LOCATION = pl.Schema(
    {"location": pl.String(), "country": pl.String(), "workplace": pl.String(), "locations": pl.String()}
)
#: Of one posting; the first are kept.
MAX_PLACES = 50

MAX_LOCATION_LENGTH = 200
_MAX_TEXT_LENGTH = 2_000

#: Words for the workplace with those that go with them, which are left out of locations.
_WITH_WORKPLACE = re.compile(
    rf"(?:\b(?:{'|'.join(WORDS['before_workplaces'])})[\s-]+)?(?:{WORKPLACE_WORDS})"
    rf"(?:[\s-]*\b(?:{'|'.join(WORDS['after_workplaces'])})\b)*(?:\s+(?:in|within|from)\b(?:\s+the\b)?)?",
    re.IGNORECASE,
)
#: Said in place of a place: nothing, several places, the further ones, a time zone.
_PLACEHOLDERS = re.compile("|".join(WORDS["placeholders"]), re.IGNORECASE)
#: What may be left once placeholders are out.
_NO_PLACE = re.compile(r"(?:\W|\d|\b(?:to|and|or|und|et|in|at|the|only)\b)*")
#: An address in Japanese has no spaces: prefecture, town, district, house.
_JAPANESE = re.compile(
    r"(?:日本)?(?:〒?\d{3}-?\d{4})?\s*(?P<prefecture>東京都|北海道|京都府|大阪府|[一-鿿]{2,3}県)"
    r"\s*(?P<town>[一-鿿ぁ-んァ-ヶー]{1,6}?[市区町村])?[^,;/|()\s]*"
)
_FULL_WIDTH = str.maketrans("、，／（）｜；　", ",,/()|; ")
_WASHINGTON_DC = re.compile(r"\bwashington\s*,?\s*(?:d\.?\s?c\b\.?|district of columbia\b)", re.IGNORECASE)
#: Codes of US states that, alone, hardly mean a country ('Remote - MA').
_CLEAR_STATES = frozenset(WORDS["clear_states"])
_ALTERNATIVES = re.compile(r"[;|•·/\n]|\s+or\s+", re.IGNORECASE)
#: These separate alternatives too, but occur in the names of countries and towns as well.
_WEAK_ALTERNATIVES = re.compile(r"\s+and\s+|\s*[&,]\s*|-", re.IGNORECASE)


@dataclass(frozen=True)
class Location:
    """One location: its normalised text, its country (alpha2) and whether the text names a city."""

    text: str | None
    country: str | None
    is_city: bool = False


def normalise_locations(texts: pl.Series) -> pl.DataFrame:
    """Normalise stated locations (String, one line each; a JSON list of locations is read too).

    Of several locations the first with a known city is taken, else the first with a known country.

    Returns:
        Schema `LOCATION`, one row a text. location: 'City, CC', or a country's name, or the cleaned text without
        words for the workplace, or null. country: ISO 3166-1 alpha2 or null. workplace: one of
        `schemas.WORKPLACES` or null. locations: of several places in known countries a JSON list of [location,
        country], else null.
    """
    rows = [(None, None, None, None) if text is None else _normalise(text) for text in texts]
    return pl.DataFrame(rows, LOCATION, orient="row")


@lru_cache(MAX_CACHED)
def _normalise(text: str) -> tuple[str | None, str | None, str | None, str | None]:
    whole = "; ".join(listed(text))[:_MAX_TEXT_LENGTH].translate(_FULL_WIDTH)
    workplace = workplace_of(whole)
    shorter = _PLACEHOLDERS.sub(" ", _WITH_WORKPLACE.sub(" ", whole))
    named = _JAPANESE.sub(r"\g<prefecture>, \g<town>, 日本", _WASHINGTON_DC.sub("Washington DC", shorter))
    alternatives = [part for text in _ALTERNATIVES.split(named) for part in _separated(text)]
    read = list(map(_parse_location, alternatives))
    if not any(location.country for location in read):
        read = list(map(_parse_location, _WEAK_ALTERNATIVES.split(named)))
    location = min(read, key=lambda each: (not each.is_city, each.country is None))
    if location.country is not None and location.text is not None:
        return location.text[:MAX_LOCATION_LENGTH], location.country, workplace, _listed_places(read)
    cleaned = re.sub(r"\(\s*\)|\[\s*\]", " ", shorter)
    cleaned = re.sub(r"\s+([,;|])|\s+", lambda match: match[1] or " ", cleaned).strip(EDGES)
    if _NO_PLACE.fullmatch(cleaned):
        return None, None, workplace, None
    return cleaned[:MAX_LOCATION_LENGTH].strip(), None, workplace, None


def _separated(text: str) -> list[str]:
    """The places that only commas divide: 'Austin, TX, Denver, CO', 'Paris, Lyon, Lille'; else the whole text."""
    groups: list[list[Part]] = []
    for part in parse_parts(text):
        begun = bool(groups) and any(each.cities for each in groups[-1])
        follows_region = begun and len(groups[-1]) > 1 and bool(groups[-1][-1].readings)
        if not groups or (begun and part.cities and (not part.is_region or follows_region)):
            groups.append([part])
        else:
            groups[-1].append(part)
    if len(groups) > 2 or (len(groups) == 2 and all(len(group) > 1 for group in groups)):
        return [", ".join(part.text for part in group) for group in groups]
    return [text]


def _listed_places(read: list[Location]) -> str | None:
    """A JSON list of the different places of a posting; None for a single one."""
    known = dict.fromkeys((each.text, each.country) for each in read if each.text and each.country)
    # A country beside its cities is no place of its own.
    of_cities = {each.country for each in read if each.is_city}
    names = {each.text for each in read if each.is_city}
    places = [place for place in known if place[0] in names or place[1] not in of_cities]
    return json.dumps(places[:MAX_PLACES], ensure_ascii=False) if len(places) > 1 else None


def _parse_location(text: str) -> Location:
    parts = parse_parts(text)
    city = _city_index(parts)
    explicit = [p.country for i, p in enumerate(parts) if p.country is not None and (i != city or p.cities)]
    if city is None:
        return _location_without_city(text, parts, explicit)
    part = parts[city]
    beside = _readings_beside(parts, city)
    named = {place.country for place in part.cities}
    stated = [*explicit, *beside]
    likeliest = [code for code in stated if code in named] + stated + [place.country for place in part.cities]
    country = likeliest[0]
    region = _region_beside(parts, city, country)
    # Of several cities of the name, that of the region, else the default, whose region is known.
    of_country = [place for place in part.cities if place.country == country]
    place = next(
        (place for place in of_country if place.code == region), None if region else next(iter(of_country), None)
    )
    name = (
        place.name
        if place is not None
        else (of_country or part.cities)[0].name
        if part.cities
        else _in_title_case(part.text)
    )
    region = region or (place.code if place is not None else "")
    return Location(", ".join(filter(None, (name, region, country))), country, is_city=True)


def _location_without_city(text: str, parts: list[Part], explicit: list[str]) -> Location:
    """The location of a text without a city: the first country's name, after the region if there is just one."""
    regions = list(dict.fromkeys(_region_name(part.text) for part in parts if part.is_region))
    if explicit:
        name = countries()[explicit[0]].name
        return Location(f"{regions[0]}, {name}" if len(regions) == len(set(explicit)) == 1 else name, explicit[0])
    certain = [
        p.readings[0]
        for p in parts
        if len(p.readings) == 1
        or p.text.upper() in p.readings[:1]
        or (p.readings[0:1] == ("US",) and p.text in _CLEAR_STATES)
    ]
    cleaned = " ".join(text.split()).strip(EDGES) or None
    return Location(cleaned, certain[0] if certain else None)


def _region_name(text: str) -> str:
    named = places_by_key("region").get(place_key(text))
    return named[0].name if named else text


def _city_index(parts: list[Part]) -> int | None:
    """The index of the part that is the city, None if there is none.

    In this order: a known city that is no region as well; a known city in the first place ('New York, New York');
    an unknown name beside a region or with a country ('Buffalo, New York'), the last one where the broadest part
    comes first ('TX - Frisco'); a known city anywhere; the name of a country or region before a code of elsewhere
    ('Holland, MI').
    """
    known = [index for index, part in enumerate(parts) if part.cities]
    pure = [index for index in known if not parts[index].is_region]
    if pure or known[:1] == [0]:
        return (pure or known)[0]
    has_country = any(part.country is not None for part in parts)
    unknown = [index for index, part in enumerate(parts) if not part.is_known and can_be_city(part.text)]
    unknown = [index for index in unknown if has_country or _readings_beside(parts, index)]
    if unknown:
        return unknown[-1] if parts[0].is_known else unknown[0]
    if known:
        return known[0]
    return 0 if _is_namesake(parts) else None


def _is_namesake(parts: list[Part]) -> bool:
    """Whether the first part is a town with the name of a country or region elsewhere ('Jamaica, NY')."""
    if not 2 <= len(parts) <= 3 or not parts[0].readings or len(parts[0].text) <= 3:
        return False
    readings = set(parts[1].readings)
    of_region = any(region_code(parts[1].text, country) for country in readings)
    return of_region and not set(parts[0].readings) & readings and all(p.country in readings for p in parts[2:])


def _region_beside(parts: list[Part], index: int, country: str) -> str:
    """The code of the region that follows the city, before any other city; else of one that goes before it."""
    following = takewhile(lambda part: part.is_region or not part.cities, parts[index + 1 :])
    codes = (region_code(part.text, country) for part in (*following, *reversed(parts[:index])))
    return next(filter(None, codes), "")


def _readings_beside(parts: list[Part], index: int) -> tuple[str, ...]:
    """The countries that the part after the city can mean, else the one before it ('TX - Frisco')."""
    after = parts[index + 1].readings if index + 1 < len(parts) else ()
    before = parts[index - 1].readings if index > 0 else ()
    return after or before


def _in_title_case(name: str) -> str:
    return name.title() if name.isupper() or name.islower() else name
