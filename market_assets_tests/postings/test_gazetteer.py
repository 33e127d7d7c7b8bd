import re

from market_assets.postings.gazetteer import countries, country_currencies, country_names, place_key
from market_assets.postings.salaries.currencies import currency_codes


def test_every_country_has_codes_a_name_and_a_known_currency() -> None:
    rows = list(countries().values())

    assert len(rows) == 250
    assert [row.alpha2 for row in rows] == sorted({row.alpha2 for row in rows})
    assert len({row.alpha3 for row in rows}) == 250
    for row in rows:
        assert re.fullmatch("[A-Z]{2}", row.alpha2)
        assert re.fullmatch("[A-Z]{3}", row.alpha3)
        assert row.name == row.name.strip() != ""
        assert not row.currency or row.currency in currency_codes(), row
    assert [row.alpha2 for row in rows if not row.currency] == ["AQ"]


def test_no_name_stands_for_two_countries() -> None:
    seen: dict[str, str] = {}
    for row in countries().values():
        for name in (row.name, row.alpha3, *row.alternative_names):
            assert seen.setdefault(place_key(name), row.alpha2) == row.alpha2, name

    assert country_names() == seen


def test_names_in_the_wild() -> None:
    names = country_names()

    wild = {"Deutschland": "DE", "USA": "US", "U.S.": "US", "uk": "GB", "Scotland": "GB", "Czech Republic": "CZ"}
    wild |= {"The Netherlands": "NL", "Viet Nam": "VN", "Türkiye": "TR", "Turkey": "TR", "deu": "DE", "UAE": "AE"}
    assert {name: names.get(place_key(name)) for name in wild} == wild
    assert "" not in names
    assert "de" not in names  # a bare alpha2 is as often a state or a word


def test_currencies_of_countries() -> None:
    currencies = country_currencies()

    wanted = {
        "US": "USD",
        "DE": "EUR",
        "HR": "EUR",
        "GB": "GBP",
        "CH": "CHF",
        "IN": "INR",
        "SE": "SEK",
        "EC": "USD",
    }
    assert {country: currencies[country] for country in wanted} == wanted
    assert "AQ" not in currencies
