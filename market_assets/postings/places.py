"""Locations: 'City, CC', the country and the workplace of each stated location.

Distinct texts are parsed one by one, in plain Python: how a part is read depends on the parts around it, and there
are far fewer distinct locations than postings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from market_assets.postings.categories import workplace_of
from market_assets.postings.gazetteer import (
    EDGES,
    Part,
    can_be_city,
    countries,
    parse_parts,
    region_codes,
)
from market_assets.postings.texts import MAX_CACHED, listed

LOCATION = pl.Schema({"location": pl.String(), "country": pl.String(), "workplace": pl.String()})

MAX_LOCATION_LENGTH = 200
_MAX_TEXT_LENGTH = 2_000

_WORKPLACE_WORDS = re.compile(
    r"\b(?:(?:100\s?%|fully|full|global|permanently)[\s-]+)?"
    r"(?:remote(?:ly)?|remot[oa]|télétravail|telecommute|telework(?:ing)?|work(?:ing)?[ -]from[ -]home|wfh"
    r"|home[ -]?office|home[ -]based|anywhere|worldwide|distributed|virtual|hybrid[eo]?|híbrido"
    r"|in[ -]office|on[ -]?site|in[ -]person|vor ort)\b"
    r"(?:[\s-]*\b(?:friendly|first|based|only|eligible|optional|possible|ok|work|position)\b)*"
    r"(?:\s+(?:in|within|from)\b(?:\s+the\b)?)?",
    re.IGNORECASE,
)
_WASHINGTON_DC = re.compile(r"\bwashington\s*,?\s*(?:d\.?\s?c\b\.?|district of columbia\b)", re.IGNORECASE)
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
        `schemas.WORKPLACES` or null.
    """
    rows = [(None, None, None) if text is None else _normalise(text) for text in texts]
    return pl.DataFrame(rows, LOCATION, orient="row")


@lru_cache(MAX_CACHED)
def _normalise(text: str) -> tuple[str | None, str | None, str | None]:
    whole = "; ".join(listed(text))[:_MAX_TEXT_LENGTH]
    workplace = workplace_of(whole)
    shorter = _WORKPLACE_WORDS.sub(" ", whole)
    named = _WASHINGTON_DC.sub("Washington DC", shorter)
    location = _best_of(_ALTERNATIVES.split(named))
    if location.country is None:
        location = _best_of(_WEAK_ALTERNATIVES.split(named))
    if location.country is not None and location.text is not None:
        return location.text[:MAX_LOCATION_LENGTH], location.country, workplace
    cleaned = re.sub(r"\(\s*\)|\[\s*\]", " ", shorter)
    cleaned = re.sub(r"\s+([,;|])|\s+", lambda match: match[1] or " ", cleaned).strip(EDGES)
    return cleaned[:MAX_LOCATION_LENGTH].strip() or None, None, workplace


def _best_of(alternatives: list[str]) -> Location:
    return min(
        map(_parse_location, alternatives), key=lambda location: (not location.is_city, location.country is None)
    )


def _parse_location(text: str) -> Location:
    parts = parse_parts(text)
    city = _city_index(parts)
    explicit = [p.country for i, p in enumerate(parts) if p.country is not None and (i != city or p.cities)]
    if city is None:
        return _location_without_city(text, parts, explicit)
    part = parts[city]
    beside = _readings_beside(parts, city)
    if not part.cities:
        country = explicit[0] if explicit else beside[0]
        return Location(f"{_in_title_case(part.text)}, {country}", country, is_city=True)
    named = {place.country: place for place in reversed(part.cities)}
    stated = [*explicit, *beside]
    likeliest = [code for code in stated if code in named] + stated + [part.cities[0].country]
    country = likeliest[0]
    place = named.get(country, part.cities[0])
    return Location(f"{place.name}, {country}", country, is_city=True)


def _location_without_city(text: str, parts: list[Part], explicit: list[str]) -> Location:
    """The location of a text without a city: the first country's name, after the region if there is just one."""
    regions = list(dict.fromkeys(part.text for part in parts if part.is_region))
    if explicit:
        name = countries()[explicit[0]].name
        return Location(f"{regions[0]}, {name}" if len(regions) == len(set(explicit)) == 1 else name, explicit[0])
    certain = [p.readings[0] for p in parts if len(p.readings) == 1 or p.text.upper() in p.readings[:1]]
    cleaned = " ".join(text.split()).strip(EDGES) or None
    return Location(cleaned, certain[0] if certain else None)


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
    """Whether the first of two parts is a town with the name of a country or region elsewhere."""
    if len(parts) != 2 or not parts[0].readings or len(parts[0].text) <= 3:
        return False
    code = parts[1].text.upper()
    return code in region_codes() and not set(parts[0].readings) & set(parts[1].readings)


def _readings_beside(parts: list[Part], index: int) -> tuple[str, ...]:
    """The countries that the part after the city can mean, else the one before it ('TX - Frisco')."""
    after = parts[index + 1].readings if index + 1 < len(parts) else ()
    before = parts[index - 1].readings if index > 0 else ()
    return after or before


def _in_title_case(name: str) -> str:
    return name.title() if name.isupper() or name.islower() else name
