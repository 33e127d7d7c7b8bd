import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.schemas import WORKPLACES
from market_assets.postings.workplaces import denies_remote, workplaces, workplaces_of_texts, workplaces_of_titles


def column(*texts: str | None) -> pl.Series:
    return pl.Series("text", texts, dtype=pl.String)


WORKPLACE = {
    "Remote": "remote",
    "true": "remote",
    " TRUE ": "remote",
    "1": "remote",
    "fully remote": "remote",
    "Telecommute": "remote",
    "Work from home": "remote",
    "Home Office": "remote",
    "Hybrid": "hybrid",
    "télétravail partiel": "hybrid",
    "teilweise Homeoffice": "hybrid",
    "partly remote": "hybrid",
    "2 jours de télétravail": "hybrid",
    "praca hybrydowa": "hybrid",
    "ハイブリッド勤務": "hybrid",
    "télétravail": "remote",
    "praca zdalna": "remote",
    "Teletrabajo": "remote",
    "på distans": "remote",
    "thuiswerken": "remote",
    "フルリモート": "remote",
    "Présentiel": "onsite",
    "stacjonarna": "onsite",
    "hybrid remote": "hybrid",
    "On-site": "onsite",
    "onsite": "onsite",
    "on_site": "onsite",
    "In-Office": "onsite",
    "not remote": "onsite",
    "false": None,
    "unspecified": None,
    "": None,
}


@pytest.mark.parametrize("text", WORKPLACE)
def test_workplaces(text: str) -> None:
    assert workplaces(column(text)).to_list() == [WORKPLACE[text]]


def test_denies_remote() -> None:
    assert denies_remote(column("false", "False ", "no", "0", "true", "onsite", None)).to_list() == [
        *(True, True, True, True, False, False, None)
    ]


TITLES = {
    "Engineer (Remote)": "remote",
    "Engineer [US - Remote]": "remote",
    "Engineer - Remote": "remote",
    "Engineer, Remote": "remote",
    "Audio Engineer - Fully Remote | Upto $14/hr": "remote",
    "100% remote engineer": "remote",
    "Engineer (Hybrid, Berlin)": "hybrid",
    "Engineer (remote/hybrid)": "hybrid",
    "Engineer (On-site)": "onsite",
    "Sachbearbeiter (m/w/d) im Homeoffice": "remote",
    "Buchhalter - teilweise Homeoffice": "hybrid",
    "Comptable (télétravail partiel)": "hybrid",
    "Księgowa - praca zdalna": "remote",
    "エンジニア（フルリモート）": "remote",
    "Distributed Systems Engineer": None,
    "Home Care Nurse": None,
    "Remote Sensing Engineer": None,
    "Engineer (Remote Sensing)": None,
    "Engineer - Remote Sensing": None,
    "Remote Systems Engineer": None,
    "Engineer": None,
    "Hybrid Cloud Engineer": None,
}


@pytest.mark.parametrize("title", TITLES)
def test_workplaces_of_titles(title: str) -> None:
    assert workplaces_of_titles(column(title)).to_list() == [TITLES[title]]


TEXTS = {
    "This is a fully remote position.": "remote",
    "Location: remote (Europe)": "remote",
    "Wir bieten 100 % Homeoffice.": "remote",
    "Poste en télétravail complet": "remote",
    "We have a hybrid working model, and 3 days a week in the office.": "hybrid",
    "Bis zu 60 % Homeoffice möglich": "hybrid",
    "2 jours de télétravail par semaine": "hybrid",
    "Mobiles Arbeiten an zwei Tagen": "hybrid",
    "2 dagen per week thuiswerken": "hybrid",
    "Praca hybrydowa w Krakowie": "hybrid",
    "This role is fully on-site.": "onsite",
    "#LI-Remote #LI-AB1": "remote",
    "Work model: hybrid, based in Poznań": "hybrid",
    "You will work with remote teams on hybrid cloud infrastructure.": None,
    "You support remote offices and home care.": None,
    "We sell to the home and office market.": None,
    "": None,
}


@pytest.mark.parametrize("text", TEXTS)
def test_workplaces_of_texts(text: str) -> None:
    assert workplaces_of_texts(column(text)).to_list() == [TEXTS[text]]


@given(st.lists(st.one_of(st.none(), st.text(), st.sampled_from([*WORKPLACE, *TITLES, *TEXTS]))))
def test_any_text_gives_a_workplace_or_null(texts: list[str | None]) -> None:
    for read in (workplaces, workplaces_of_titles, workplaces_of_texts):
        found = read(column(*texts))
        assert len(found) == len(texts)
        assert set(found) <= {None, *WORKPLACES}
