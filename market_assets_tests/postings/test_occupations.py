"""Titles get their occupation in ten languages, and none where nothing says; codes can be joined."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.postings.occupations import (
    LABELS_FILE,
    known_occupations,
    normalised_titles,
    occupations,
)

TITLES = {
    "Data engineer": (
        "Data Engineer|Senior Data Engineer (Snowflake)|Ingénieur Data (H/F)"
        "|Ingeniero de datos|Inżynier danych|Engenheiro de dados|Dataingenjör"
        "|データエンジニア|Data Engineer II, People Analytics"
    ),
    "Nurse": (
        "Registered Nurse (RN) - ICU|Gesundheits- und Krankenpfleger (m/w/d)"
        "|Infirmier(ère) de nuit|Enfermera|Verpleegkundige|Pielęgniarka|Enfermeiro"
        "|Infermiere|Sjuksköterska|看護師|Pflegefachfrau/-mann HF"
    ),
    "Truck driver": (
        "Truck Driver CDL A|LKW-Fahrer (m/w/d)|Chauffeur poids lourd"
        "|Conductor de camión|Kierowca C+E|Vrachtwagenchauffeur"
        "|Motorista de caminhão|Lastbilschaufför|トラックドライバー"
    ),
    "Software engineer": (
        "Softwareentwickler:in|Développeur.euse Full Stack|Desarrollador/a Java"
        "|Programista Java|Sviluppatore software|Systemutvecklare"
        "|Softwareontwikkelaar|Desenvolvedor Full Stack|ソフトウェアエンジニア（バックエンド）"
        "|Software Engineer Intern"
        "|Member of Technical Staff (Golang Engineer, Search)"
        "|C++ Engineer @ Leading Algo Trading Firm"
        "|Fachinformatiker (m/w/d) für Anwendungsentwicklung"
    ),
    "Cook": ("Line Cook|Ausbildung zum Koch|Kucharz|Cuoco|Kock|Cocinero/a|Spezialitätenkoch"),
    "Project manager": (
        "Projektleiter Softwareentwicklung|Chef de projet digital|Jefe de proyecto|Kierownik projektu"
    ),
    "Engineering manager": (
        "Manager I, Engineering - Artifact Distribution|VP, Engineering"
        "|Head of Software Engineering|Software Engineering Manager"
        "|Director of Engineering, Agentic Workflows"
    ),
    "Sales manager": (
        "VP of Sales|Vertriebsleiter|Directeur des ventes|Responsabile vendite|Regional Director, Sales"
        "|Director Sales Engineer"
    ),
    "Buyer": "Sachbearbeiter Einkauf|Einkäufer (m/w/d)|Specjalista ds. Zaopatrzenia",
    "Recruiter": (
        "Recruiter for Software Engineers|Software Engineer Recruiter|Chargé de recrutement|人事・採用担当"
    ),
    "Office clerk": "Sachbearbeiter (m/w/d)|Impiegato amministrativo|Administrativo/a",
    "Refrigeration mechanic": "Kälte- und Klimatechniker (m/w/d)|Technieker HVAC ref000279",
    "Data scientist": "Data Science Intern|Head of Data Science",
    "Public relations officer": "Werkstudent Interne Kommunikation|Communications Specialist",
    "Penetration tester": "IT Penetration Tester|Pentester",
    "Information security manager": "CISO|Senior Manager, Platform Security|Manager Information Security",
}
#: Titles that do not say what the job is.
SILENT = "Specialist II|Senior Manager|Engineer I|Associate|Work From Home|Initiativbewerbung|Rooster|Open Day|🚀"


def read(title: str, text: str | None = None) -> str | None:
    return occupations(pl.Series([title]), pl.Series([text], dtype=pl.String))[0]


@pytest.mark.parametrize(
    ("title", "occupation"), [(title, name) for name, titles in TITLES.items() for title in titles.split("|")]
)
def test_titles(title: str, occupation: str) -> None:
    assert read(title) == occupation


@pytest.mark.parametrize("title", SILENT.split("|"))
def test_titles_that_say_nothing(title: str) -> None:
    assert read(title) is None


@pytest.mark.parametrize(
    ("text", "occupation"),
    [
        ("About us. We are looking for a Data Engineer to join the team.", "Data engineer"),
        ("At Acme, you will work as a registered nurse in our clinic.", "Nurse"),
        ("Wir suchen ab sofort einen Koch (m/w/d) für unser Haus.", "Cook"),
        ("You will help our data engineers.", None),
        (None, None),
    ],
)
def test_the_text_says_it_where_the_title_says_little(text: str | None, occupation: str | None) -> None:
    assert read("Specialist II", text) == occupation
    assert read("Truck Driver", text) == "Truck driver"
    assert read("Wombat Whisperer", text) is None, "a title that says something else"


def test_missing_titles() -> None:
    nothing = pl.Series([None, ""], dtype=pl.String)
    assert occupations(nothing, nothing).to_list() == [None, None]
    assert occupations(nothing.clear(), nothing.clear()).to_list() == []


@given(titles=st.lists(st.text(max_size=80) | st.none(), max_size=20))
@settings(max_examples=60, deadline=None)
def test_any_titles_have_a_known_occupation_or_none_each_for_itself(titles: list[str | None]) -> None:
    column = pl.Series(titles, dtype=pl.String)
    found = occupations(column, column)
    assert found.name == "occupation"
    assert found.drop_nulls().is_in(list(known_occupations())).all()
    assert found.to_list() == [occupations(column[[row]], column[[row]])[0] for row in range(len(titles))]


def test_codes_are_distinct_and_of_isco_or_esco() -> None:
    every = [code for one in known_occupations().values() for code in (one.code, *one.also)]
    assert len(every) == len(set(every))
    assert all(re.fullmatch(r"\d{4}(\.\d+)*", code) for code in every)
    assert known_occupations()["Data engineer"].code == "2511.20"
    assert known_occupations()["Nurse"].code == "2221"


def test_no_title_means_two_occupations() -> None:
    rows = [(title, name) for name, one in known_occupations().items() for title in (name, *one.titles)]
    titles = pl.DataFrame(rows, schema=["title", "name"], orient="row")
    titles = titles.with_columns(normalised_titles(pl.col("title")), ends=pl.col("title").str.starts_with("-"))
    meanings = titles.group_by("title", "ends").agg(pl.col("name").unique())
    assert meanings.filter(pl.col("name").list.len() > 1).to_dicts() == []


def test_labels_of_esco_are_of_known_occupations_and_small() -> None:
    labels = pl.read_csv(LABELS_FILE)
    assert labels["title"].n_unique() == labels.height > 50_000
    assert labels["occupation"].is_in(list(known_occupations())).all()
    assert LABELS_FILE.stat().st_size < 1_000_000
