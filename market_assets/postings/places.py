"""Where a posting's work is done: 'City, CC', the country and the workplace, out of the stated location.

The distinct texts are read one by one: a place is told by looking its parts up in a gazetteer, in an order that
depends on the parts around it, and there are far fewer distinct locations than postings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from market_assets.postings.gazetteer import region_codes
from market_assets.postings.place_parts import EDGES, Part, can_be_city, plain_country_names, read_parts
from market_assets.postings.text_cache import Remembered
from market_assets.postings.texts import listed
from market_assets.postings.vocabulary import workplace_of

LOCATION = pl.Schema({"location": pl.String(), "country": pl.String(), "workplace": pl.String()})

LONGEST_LOCATION = 200
_LONGEST_READ = 2_000

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
#: What may also part alternatives, but stands in the names of countries and towns as well.
_WEAK_ALTERNATIVES = re.compile(r"\s+and\s+|\s*[&,]\s*|-", re.IGNORECASE)


@dataclass(frozen=True)
class Told:
    """What can be told of one location: its text, the country (alpha2) and whether the text names a city."""

    location: str | None
    country: str | None
    is_city: bool = False


def normalise_locations(texts: pl.Series) -> pl.DataFrame:
    """Tell location, country and workplace from stated locations (one line each; JSON lists are read too).

    Of several locations the first of which a city can be told is taken, else the first of which the country can.

    Returns:
        Schema `LOCATION`, one row a text. location: 'City, CC', or a mere country's name, or the cleaned text
        without words for the workplace, or null. country: ISO 3166-1 alpha2 or null. workplace: one of
        `schemas.WORKPLACES` or null.
    """
    return _LOCATIONS.frame(texts)


def _normalise(text: str) -> tuple[str | None, str | None, str | None]:
    whole = "; ".join(listed(text))[:_LONGEST_READ]
    workplace = workplace_of(whole)
    shorter = _WORKPLACE_WORDS.sub(" ", whole)
    named = _WASHINGTON_DC.sub("Washington DC", shorter)
    told = _tell_best(_ALTERNATIVES.split(named))
    if told.country is None:
        told = _tell_best(_WEAK_ALTERNATIVES.split(named))
    if told.country is not None and told.location is not None:
        return told.location[:LONGEST_LOCATION], told.country, workplace
    cleaned = re.sub(r"\(\s*\)|\[\s*\]", " ", shorter)
    cleaned = re.sub(r"\s+([,;|])|\s+", lambda match: match[1] or " ", cleaned).strip(EDGES)
    return cleaned[:LONGEST_LOCATION].strip() or None, None, workplace


_LOCATIONS = Remembered(lambda texts: map(_normalise, texts), LOCATION)


def _tell_best(alternatives: list[str]) -> Told:
    return min(map(_tell, alternatives), key=lambda told: (not told.is_city, told.country is None))


def _tell(text: str) -> Told:
    parts = read_parts(text)
    city = _city_index(parts)
    explicit = [p.country for i, p in enumerate(parts) if p.country is not None and (i != city or p.cities)]
    if city is None:
        return _tell_without_city(text, parts, explicit)
    part = parts[city]
    beside = _readings_beside(parts, city)
    if not part.cities:
        country = explicit[0] if explicit else beside[0]
        return Told(f"{_in_title_case(part.text)}, {country}", country, is_city=True)
    named = {place.country: place for place in reversed(part.cities)}
    told = [*explicit, *beside]
    likeliest = [code for code in told if code in named] + told + [part.cities[0].country]
    country = likeliest[0]
    place = named.get(country, part.cities[0])
    return Told(f"{place.name}, {country}", country, is_city=True)


def _tell_without_city(text: str, parts: list[Part], explicit: list[str]) -> Told:
    """A mere country, or several, give the first one's plain name; a region keeps its own."""
    regions = list(dict.fromkeys(part.text for part in parts if part.is_region))
    if explicit:
        name = plain_country_names()[explicit[0]]
        return Told(f"{regions[0]}, {name}" if len(regions) == len(set(explicit)) == 1 else name, explicit[0])
    certain = [p.readings[0] for p in parts if len(p.readings) == 1 or p.text.upper() in p.readings[:1]]
    cleaned = " ".join(text.split()).strip(EDGES) or None
    return Told(cleaned, certain[0] if certain else None)


def _city_index(parts: list[Part]) -> int | None:
    """The part that is the city, if any.

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
    """Whether the first of two parts is a town that bears the name of a country or region elsewhere."""
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
