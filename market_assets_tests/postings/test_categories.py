import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.categories import (
    denies_remote,
    employment_types,
    industries,
    industry_key,
    industry_names,
    workplaces,
    workplaces_of_texts,
    workplaces_of_titles,
)
from market_assets.postings.schemas import EMPLOYMENT_TYPES, WORKPLACES

POSTINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "postings"


def column(*texts: str | None) -> pl.Series:
    return pl.Series("text", texts, dtype=pl.String)


EMPLOYMENT = {
    "FullTime": "full_time",
    "FULLTIME": "full_time",
    "Full-time": "full_time",
    "full_time": "full_time",
    "Full Time - Permanent": "full_time",
    "Full-time (remote)": "full_time",
    "Regular - Full-time": "full_time",
    "permanent": "full_time",
    "CDI": "full_time",
    "Vollzeit": "full_time",
    "unbefristet": "full_time",
    "正社員": "full_time",
    "PartTime": "part_time",
    "Permanent part time": "part_time",
    "Teilzeit": "part_time",
    "Werkstudent": "part_time",
    "Contractor": "contract",
    "Subcontractor": "contract",
    "CONTRACT": "contract",
    "Freelance": "contract",
    "B2B": "contract",
    "Temporary": "temporary",
    "Fixed-Term": "temporary",
    "Fixed term contract": "temporary",
    "CDD": "temporary",
    "befristet": "temporary",
    "PER_DIEM": "temporary",
    "Intern": "internship",
    "INTERNSHIP": "internship",
    "Full-time internship": "internship",
    "Praktikum": "internship",
    "stage": "internship",
    "Co-op": "internship",
    "Apprenticeship": "apprenticeship",
    "Ausbildung": "apprenticeship",
    "Volunteer": "volunteer",
    '["Full-Time"]': "full_time",
    '["Side", "Contract", "Full-time"]': "contract",
    "OTHER, Part-time": "part_time",
    "Full-time and Part-time": "full_time",
    "Side": None,
    "OTHER": None,
    "International": None,
    "early stage": None,
    "[]": None,
    "": None,
}


@pytest.mark.parametrize("text", EMPLOYMENT)
def test_employment_types(text: str) -> None:
    assert employment_types(column(text)).to_list() == [EMPLOYMENT[text]]


@pytest.mark.skipif(not POSTINGS.exists(), reason="the recordings (shared/data) are not beside the checkout")
def test_employment_types_of_real_boards() -> None:
    boards = pl.read_parquet(POSTINGS / "ats_jobs_2026.parquet")["employment_type"]
    assert Counter(employment_types(boards)) == {
        None: 2773,
        "full_time": 1060 + 127 + 32 + 17 + 15 + 12 + 6 + 5 + 4 + 3 + 1,
        "internship": 27 + 6,
        "contract": 4 + 2,
        "temporary": 2 + 1,
        "part_time": 3,
    }


INDUSTRIES = {
    "Aerospace & Defense": "Aerospace & Defense",
    "aerospace and defense": "Aerospace & Defense",
    "Health Care Services & Hospitals": "Healthcare",
    "HEALTHCARE": "Healthcare",
    "Biotech & Pharmaceuticals": "Biotechnology & Pharmaceuticals",
    "Department, Clothing, & Shoe Stores": "Retail & E-commerce",
    "IT Services": "Technology",
    "Fintech, Payments": "Financial Services",
    '["Something new", "SaaS"]': "Technology",
    "Something new": "Something new",
    '["Something new", "Something else"]': "Something new, Something else",
    "[]": None,
}


@pytest.mark.parametrize("text", INDUSTRIES)
def test_industries(text: str) -> None:
    assert industries(column(text)).to_list() == [INDUSTRIES[text]]


@pytest.mark.skipif(not POSTINGS.exists(), reason="the recordings (shared/data) are not beside the checkout")
def test_every_industry_of_a_real_board_is_known() -> None:
    with (POSTINGS / "glassdoor.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    stated = {row[field] for row in rows for field in ("Industry", "Sector")} - {"-1"}
    names = industry_names()
    assert {name for name in stated if industry_key(name) not in names} == set()


def test_no_alias_stands_for_two_industries() -> None:
    names = industry_names()
    canonical = sorted(set(names.values()))
    assert 20 <= len(canonical) <= 35
    assert all(names[industry_key(name)] == name for name in canonical)


@given(st.lists(st.one_of(st.none(), st.text(), st.sampled_from([*EMPLOYMENT, *INDUSTRIES]))))
def test_any_text_gives_a_known_word_or_null(texts: list[str | None]) -> None:
    stated = column(*texts)
    assert set(employment_types(stated)) <= {None, *EMPLOYMENT_TYPES}
    assert len(industries(stated)) == len(texts)


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
