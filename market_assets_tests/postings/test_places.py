import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.gazetteer import countries, place_key, places, places_by_key, region_codes
from market_assets.postings.places import LOCATION, MAX_LOCATION_LENGTH, normalise_locations
from market_assets.postings.schemas import WORKPLACES
from market_assets_tests.postings.test_texts import lines

POSTINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "postings"
needs_recordings = pytest.mark.skipif(
    not POSTINGS.exists(), reason="the recordings (shared/data) are not beside the checkout"
)

Location = tuple[str | None, str | None, str | None]


def normalised(*texts: str | None) -> list[Location]:
    frame = normalise_locations(pl.Series("location", texts, dtype=pl.String))
    assert frame.schema == LOCATION
    return frame.drop("locations").rows()


CITIES = {
    "Groton, CT": "Groton, CT, US",
    "Bristol, CT": "Bristol, CT, US",
    "San Jose, CA": "San Jose, CA, US",
    "san jose, ca": "San Jose, CA, US",
    "HERNDON, VA": "Herndon, VA, US",
    "Albuquerque, NM": "Albuquerque, NM, US",
    "London, United Kingdom": "London, GB",
    "London, UK": "London, GB",
    "London, England, United Kingdom": "London, GB",
    "London": "London, GB",
    "Berlin": "Berlin, DE",
    "Berlin, Germany": "Berlin, DE",
    "10115 Berlin": "Berlin, DE",
    "München, Bavaria, Germany": "Munich, DE",
    "Bangalore, India": "Bengaluru, IN",
    "Bengaluru, Karnataka": "Bengaluru, IN",
    "NYC Office": "New York, NY, US",
    "New York, New York": "New York, NY, US",
    "New York, US, New York": "New York, NY, US",
    "Buffalo, New York": "Buffalo, NY, US",
    "Betterment HQ - New York City": "New York, NY, US",
    "New York, NY (HQ)": "New York, NY, US",
    "Washington, D.C.": "Washington, DC, US",
    "Washington DC": "Washington, DC, US",
    "Bellevue, Washington": "Bellevue, WA, US",
    "SF": "San Francisco, CA, US",
    "LA": "Los Angeles, CA, US",
    "New Orleans, LA": "New Orleans, LA, US",
    "San Francisco Bay Area": "San Francisco, CA, US",
    "San Mateo, CA United States": "San Mateo, CA, US",
    "Cary,North Carolina,United States": "Cary, NC, US",
    "BRASIL,BELO HORIZONTE": "Belo Horizonte, BR",
    "Europe, Germany, Berlin": "Berlin, DE",
    "United States, California, Tustin": "Tustin, CA, US",
    "TX - Lockhart": "Lockhart, TX, US",
    "IN-Bengaluru": "Bengaluru, IN",
    "900 Quebec Avenue, Corcoran, CA 93212": "Corcoran, CA, US",
    "3801 S. Broadway, Los Angeles, CA. 90037": "Los Angeles, CA, US",
    "London - UK2": "London, GB",
    "Singapore": "Singapore, SG",
    "Zürich, CH": "Zurich, CH",
    "Offenburg, Germany": "Offenburg, DE",
    "Ranchi, Jharkhand, India": "Ranchi, IN",
    "Novi Sad, South Bačka, Serbia, EMEA": "Novi Sad, RS",
    "Warszawa, Masovian Voivodeship, Poland": "Warsaw, PL",
    "San Francisco, CA - Denver, CO - New York, NY": "San Francisco, CA, US",
    "LATAM,  Hong Kong,  Mexico": "Hong Kong, HK",
    "Holland, MI": "Holland, MI, US",
    "Kent, WA": "Kent, WA, US",
    # Codes that are both a state's or province's and a country's: the city decides.
    "Toronto, ON, CA": "Toronto, ON, CA",
    "Toronto, ON": "Toronto, ON, CA",
    "Vancouver, BC": "Vancouver, BC, CA",
    "Vancouver, WA": "Vancouver, WA, US",
    "Perth, WA": "Perth, WA, AU",
    "London, Ontario": "London, ON, CA",
    "Paris, TX": "Paris, TX, US",
    "Cambridge, MA": "Cambridge, MA, US",
    "Casablanca, MA": "Casablanca, MA",
    "Indianapolis, IN": "Indianapolis, IN, US",
    "Bangalore, IN": "Bengaluru, IN",
    "Chennai, TN": "Chennai, IN",
    "Nashville, TN": "Nashville, TN, US",
    "Chicago, IL": "Chicago, IL, US",
    "Tel Aviv, IL": "Tel Aviv, IL",
    "Bogotá, CO": "Bogotá, CO",
    "Berlin, DE": "Berlin, DE",
    "Oldenburg, DE": "Oldenburg, DE",
    "Lewes, DE": "Lewes, DE, US",
    "Zaandam, NL": "Zaandam, NL",
    "St. John's, NL": "St. John's, NL, CA",
    "Birmingham, AL": "Birmingham, AL, US",
    "Atlanta, Georgia": "Atlanta, GA, US",
    "Augusta, Georgia": "Augusta, GA, US",
    "Tbilisi, Georgia": "Tbilisi, GE",
    "Portland": "Portland, OR, US",
    "Portland, OR": "Portland, OR, US",
    "Portland, Maine": "Portland, ME, US",
    "Springfield, IL": "Springfield, IL, US",
    "Melbourne": "Melbourne, VIC, AU",
    # Towns with the names of countries and islands elsewhere.
    "Jamaica, NY": "Jamaica, NY, US",
    "Mexico, Missouri, USA": "Mexico, MO, US",
    "Jersey Village, TX": "Jersey Village, TX, US",
    "Saint Helena, CA": "Saint Helena, CA, US",
    # Towns with common words in their names.
    "King of Prussia, PA": "King of Prussia, PA, US",
    "Lake in the Hills, IL": "Lake in the Hills, IL, US",
    "Stoke-on-Trent": "Stoke-on-Trent, GB",
    "Hemer, Germany +2 more locations": "Hemer, DE",
    "Lyon, France +2 more locations": "Lyon, FR",
    "Lyon, France et 2 autres lieux": "Lyon, FR",
    "Köln und 3 weitere Standorte": "Cologne, DE",
    "San Francisco, Seattle, New York": "San Francisco, CA, US",
    "東京都港区六本木1-1-1": "Tokyo, JP",
    "〒220-0012 神奈川県横浜市西区みなとみらい": "Yokohama, JP",
    "大阪府大阪市北区": "Osaka, JP",
    "東京": "Tokyo, JP",
    "日本、福岡": "Fukuoka, JP",
}


@pytest.mark.parametrize("text", CITIES)
def test_cities(text: str) -> None:
    assert normalised(text) == [(CITIES[text], CITIES[text][-2:], None)]


WITHOUT_CITY: dict[str, Location] = {
    "USA": ("United States", "US", None),
    "Deutschland": ("Germany", "DE", None),
    "us": ("United States", "US", None),
    "Bulgaria, Poland , Romania": ("Bulgaria", "BG", None),
    "Central - United States": ("United States", "US", None),
    "Oregon": ("Oregon", "US", None),
    "Washington": ("Washington", "US", None),
    "Ontario, CAN": ("Ontario, Canada", "CA", None),
    "Canada, Ontario": ("Ontario, Canada", "CA", None),
    "Georgia": ("Georgia", None, None),
    "Georgia, USA": ("Georgia, United States", "US", None),
    "CA": ("CA", None, None),
    "IN": ("IN", None, None),
    "Europe": ("Europe", None, None),
    "Lightning Labs": ("Lightning Labs", None, None),
    "BLANK": (None, None, None),
    "N/A": (None, None, None),
    "N/A, N/A": (None, None, None),
    "TBD": (None, None, None),
    "Various locations": (None, None, None),
    "GMT+2": (None, None, None),
    "EST": (None, None, None),
    "Eastern Time Zone": (None, None, None),
    "長野県": ("Nagano Prefecture, Japan", "JP", None),
    "BLANK,BLANK,Multiple Locations": (None, None, None),
    "Multiple Locations, CA": ("CA", None, None),
    "Marsa, ": ("Marsa", None, None),
    "()": (None, None, None),
    "[]": (None, None, None),
}


@pytest.mark.parametrize("text", WITHOUT_CITY)
def test_without_city(text: str) -> None:
    assert normalised(text) == [WITHOUT_CITY[text]]


WORKPLACE: dict[str, Location] = {
    "Remote": (None, None, "remote"),
    "Global Remote": (None, None, "remote"),
    "Worldwide": (None, None, "remote"),
    "Distributed": (None, None, "remote"),
    "Hybrid": (None, None, "hybrid"),
    "Hybrid; In-Office": (None, None, "hybrid"),
    "In-Office": (None, None, "onsite"),
    "Remote - US": ("United States", "US", "remote"),
    "Remote US": ("United States", "US", "remote"),
    "US-Remote": ("United States", "US", "remote"),
    "Remote in USA": ("United States", "US", "remote"),
    "Canada(remote)": ("Canada", "CA", "remote"),
    "Remote - US: Select locations": ("United States", "US", "remote"),
    "Canada - Remote (ON, AB, BC, or NS Only)": ("Canada", "CA", "remote"),
    "Remote, US, Texas": ("Texas, United States", "US", "remote"),
    "Remote - NA, APAC, EMEA": ("APAC, EMEA", None, "remote"),
    "Remote (EMEA)": ("EMEA", None, "remote"),
    "Remote - MA": ("MA", "US", "remote"),
    "Remote (UTC-3 to UTC+2)": (None, None, "remote"),
    "Paris (télétravail partiel)": ("Paris, FR", "FR", "hybrid"),
    "Hamburg, teilweise Homeoffice": ("Hamburg, DE", "DE", "hybrid"),
    "Warszawa (praca zdalna)": ("Warsaw, PL", "PL", "remote"),
    "東京都（フルリモート）": ("Tokyo, JP", "JP", "remote"),
    "Remote / NYC": ("New York, NY, US", "US", "remote"),
    "Berlin/Remote": ("Berlin, DE", "DE", "remote"),
    "Remote, Bangalore": ("Bengaluru, IN", "IN", "remote"),
    "Tokyo (Remote/Hybrid)": ("Tokyo, JP", "JP", "hybrid"),
    "Hybrid- Any Office (Fremont, CA, Salem, OR, or Pittsburgh, PA)": ("Fremont, CA, US", "US", "hybrid"),
    "Onsite- Salem, OR": ("Salem, OR, US", "US", "onsite"),
    "Remote-Friendly (Travel-Required) | San Francisco, CA | Seattle, WA": (
        "San Francisco, CA, US",
        "US",
        "remote",
    ),
}


@pytest.mark.parametrize("text", WORKPLACE)
def test_workplace(text: str) -> None:
    assert normalised(text) == [WORKPLACE[text]]


SEVERAL: dict[str, Location] = {
    "Denver, CO;San Francisco, CA": ("Denver, CO, US", "US", None),
    "Canada; Toronto, ON": ("Toronto, ON, CA", "CA", None),
    "Remote in UK; Remote in USA": ("United Kingdom", "GB", "remote"),
    "Somewhere | London, UK": ("London, GB", "GB", None),
    "California; Oregon": ("California", "US", None),
    "Remote within US and Canada": ("United States", "US", "remote"),
    "Canada-Open, US-Open": ("Canada", "CA", None),
    "Trinidad and Tobago & Barbados": ("Trinidad and Tobago", "TT", None),
    "Winston-Salem": ("Winston-Salem, NC, US", "US", None),
    json.dumps(["Remote in USA", "Brooklyn, NY"]): ("Brooklyn, NY, US", "US", "remote"),
    json.dumps(["Montréal, QC, Canada", "LA"]): ("Montreal, QC, CA", "CA", None),
    json.dumps(["Nowhere at all"]): ("Nowhere at all", None, None),
    json.dumps(["Somewhere\ud800\0", None, 7]): ("Somewhere?", None, None),
}


@pytest.mark.parametrize("text", SEVERAL)
def test_several(text: str) -> None:
    assert normalised(text) == [SEVERAL[text]]


PLACES: dict[str, list[str] | None] = {
    "Berlin; Munich, Germany": ["Berlin, DE", "Munich, DE"],
    "Austin, TX, New York, NY, Denver, CO": ["Austin, TX, US", "New York, NY, US", "Denver, CO, US"],
    "Paris, Lyon, Lille": ["Paris, FR", "Lyon, FR", "Lille, FR"],
    "Łódź, Poland / Warszawa, Poland": ["Łódź, PL", "Warsaw, PL"],
    "Remote in USA; Remote in Canada": ["United States", "Canada"],
    "Canada; Toronto, ON": None,
    "New York, New York": None,
    "Herndon, Fairfax, VA": None,
    "London, England, United Kingdom": None,
    "Nowhere": None,
}


@pytest.mark.parametrize("text", PLACES)
def test_all_places_of_a_posting(text: str) -> None:
    stated = normalise_locations(pl.Series([text]))["locations"][0]
    assert (None if stated is None else [place for place, _ in json.loads(stated)]) == PLACES[text]


def test_rows_stay_in_order() -> None:
    assert [row[0] for row in normalised("Berlin", None, "Paris", "Berlin")] == [
        "Berlin, DE",
        None,
        "Paris, FR",
        "Berlin, DE",
    ]
    assert normalised() == []


@needs_recordings
def test_real_locations() -> None:
    boards = pl.read_parquet(POSTINGS / "ats_jobs_2026.parquet")
    stated = boards.select(
        "region", "is_remote", lines(boards["location_raw"], longest=1_000).alias("location_raw")
    )
    frame = stated.hstack(normalise_locations(stated["location_raw"]))
    named = frame.filter(pl.col("location_raw").is_not_null() & (pl.col("location_raw") != "Hybrid"))
    assert named["country"].is_not_null().mean() > 0.93  # type: ignore[operator]
    # The board's own reading of the region comes from the same text.
    american = frame.filter(pl.col("region") == "us", pl.col("country").is_not_null())
    assert (american["country"] == "US").mean() > 0.97  # type: ignore[operator]
    said_remote = frame.filter(
        pl.col("location_raw").str.contains("(?i)remote") & ~pl.col("location_raw").str.contains("(?i)hybrid")
    )
    assert said_remote["workplace"].unique().to_list() == ["remote"]
    told_cities = frame.filter(pl.col("location").str.contains(", [A-Z]{2}$"))
    assert (told_cities["location"].str.tail(2) == told_cities["country"]).all()


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.text(),
            st.lists(
                st.sampled_from(
                    [*CITIES, *WITHOUT_CITY, *WORKPLACE, *SEVERAL, " - ", ", ", "; ", "(", ")", "|", "/", "["]
                )
            ).map("".join),
            st.lists(st.text()).map(json.dumps),
        )
    )
)
def test_any_text_is_told_or_kept(texts: list[str | None]) -> None:
    codes = set(countries())
    stated = lines(pl.Series(texts, dtype=pl.String), longest=1_000)
    frame = normalise_locations(stated)
    assert frame.height == len(texts)
    assert frame.equals(normalise_locations(stated))
    for location, country, workplace, _ in frame.rows():
        assert country is None or (country in codes and location)
        assert workplace in (None, *WORKPLACES)
        if location is not None:
            assert 0 < len(location) <= MAX_LOCATION_LENGTH
            assert not any(ord(letter) < 32 for letter in location)


def test_gazetteer() -> None:
    codes = set(countries())
    assert {place.kind for place in places()} == {"city", "region", "area"}
    assert all((place.country in codes) == (place.kind != "area") for place in places())
    assert len(places()) == len({(place.kind, place.name, place.country, place.code) for place in places()})
    assert sum(place.kind == "region" and place.country == "US" for place in places()) == 51
    assert [place.country for place in places_by_key("city")["london"]] == ["GB", "CA"]
    assert [place.country for place in places_by_key("region")["georgia"]] == ["US", "GE"]
    assert region_codes()["WA"] == ("US", "AU")
    assert "emea" in places_by_key("area")
    assert all(used[0] == "US" for used in region_codes().values() if "US" in used)
    assert place_key(" Łódź ") == place_key("LODZ")
    assert place_key("St. John’s") == "st johns"
