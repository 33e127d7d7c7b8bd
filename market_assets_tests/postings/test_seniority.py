"""Seniority by title, by the source's field, by the text; titles that only seem to state one."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.schemas import SENIORITIES
from market_assets.postings.seniority import (
    seniorities,
    seniorities_of_fields,
    seniorities_of_texts,
    seniorities_of_titles,
)


def column(*texts: str | None) -> pl.Series:
    return pl.Series("text", texts, dtype=pl.String)


TITLES = {
    "intern": (
        "Intern, Office of the CEO",
        "Software Engineering Internship (Summer 2027)",
        "Hardware Engineer (Fall Co-op)",
        "Praktikum im Bereich Marketing",
        "Pflichtpraktikum Controlling (m/w/d)",
        "Werkstudent:in Data Science",
        "Werkstudierender Interne Kommunikation (m/w/d)",
        "Ausbildung zum Industriekaufmann 2027 (m/w/d)",
        "Lehre zum Koch",
        "Stage - Assistant marketing",
        "Stagiair in Klaverveld",
        "Stagiaire marketing",
        "Alternance - Développeur web",
        "Leerling Operator A (BBL)",
        "Estagiário de TI",
        "Praktykant w dziale IT",
    ),
    "junior": (
        "Jr. Data Analyst",
        "(Junior) Accountmanager | Dutch speaking only",
        "Junior/Senior Java Developer",
        "Junior Product Manager",
        "Graduate Software Engineer",
        "Software Engineer, New Grad",
        "Software Developer – Entry Level",
        "Associate Data Engineer",
        "Trainee (m/w/d) Vertrieb",
        "Młodszy programista",
        "Android Engineer I - Subscriptions",
    ),
    "mid": (
        "Medior IT Security Officer",
        "Mid-Senior Backend Developer",
        "Azure AI Cloud Engineer - Mid Level",
        "Software Engineer II",
        "IT - Data Engineer II",
        "Desenvolvedor Pleno",
    ),
    "senior": (
        "Sr.Software Engineer",
        "Data Scientist SR",
        "Engineer, Senior",
        "Senior/Staff Software Engineer, Platform",
        "Senior Product Manager",
        "Senior Account Executive",
        "Senior Software Engineer II, Core",
        "Starsza Analityczka",
        "Data Analyst III",
    ),
    "lead": (
        "Team Lead Customer Support",
        "Sales Lead",
        "Enterprise AI adoption lead (UK)",
        "Tech Lead / Manager",
        "Staff Software Engineer, Databases",
        "Senior Staff ML Engineer",
        "Sr. Principal AI Systems Architect",
        "Teamleiter*in Küche",
        "Gruppenleitung (m/w/d) Sicherheit",
        "Schichtleiter Logistik",
        "Chef d'équipe logistique H/F",
        "Teamleider magazijn",
        "Supervisor Rezeption",
    ),
    "manager": (
        "Engineering Manager, Growth",
        "Manager, Site Reliability Engineering",
        "Sr. Manager, Field Engineering",
        "Manager of Support",
        "Assistant Store Manager",
        "Leiter Einkauf (m/w/d)",
        "Leitung Gastronomie 100 %",
        "IT-Leiter",
        "Filialleiter:in (m/w/d)",
        "Stellvertretender Küchenchef (m/w)",
        "Chef de Service (m/w)",
        "Responsable de production (H/F)",
        "Kierownik zmiany",
        "Hoofd ICT",
        "Responsabile di produzione",
    ),
    "director": (
        "Senior Director, Engineering",
        "Associate Director of Sales",
        "Technology Director",
        "Head of Marketing",
        "Directeur commercial",
        "Dyrektor finansowy",
    ),
    "executive": (
        "VP of Sales",
        "Vice President, Technology",
        "SVP Finance",
        "Chief Technology Officer",
        "Managing Director",
        "Technischer Geschäftsführer MSR (m/w/d)",
    ),
}
NO_SENIORITY = (
    "Software Engineer",
    "Product Manager",
    "Key Account Manager",
    "Office Manager",
    "Projektleiter Bau (m/w/d)",
    "Chef de projet digital",
    "Chef de Rang (m/w/d)",
    "Account Executive, Enterprise",
    "Executive Assistant to the CEO",
    "Director's Assistant",
    "Assistenz der Geschäftsführung (m/w/d)",
    "Assistenz Bereichsleitung (m/w/d)",
    "Direktionsassistent/in",
    "Lead Generation Specialist",
    "Internal Auditor",
    "International Accountant",
    "Mitarbeiter für das interne Rechnungswesen",
    "Staff Accountant",
    "Member of Technical Staff (Search)",
    "Chief of Staff",
    "Elementary School Principal",
    "Principal, Lincoln High School",
    "Research Associate",
    "Founders Associate",
    "Art Director",
    "Data Entry Clerk",
    "Mid-Market Sales Engineer",
    "Middle School Teacher",
    "Late Stage Drug Development Scientist",
    "Stage Manager",
    "Senior Living Advisor",
    "Leiterplattenbestücker",
    "Wärmeleitung Simulation",
    "Phase II Clinical Scientist",
    "SOC Analyst Tier 2",
    "Active Directory Engineer",
)
CASES = [(title, level) for level, titles in TITLES.items() for title in titles]


@pytest.mark.parametrize(("title", "level"), [*CASES, *((title, None) for title in NO_SENIORITY)])
def test_the_seniority_of_a_title(title: str, level: str | None) -> None:
    assert seniorities_of_titles(column(title)).to_list() == [level]


@pytest.mark.parametrize(
    ("stated", "level"),
    [
        ("Internship", "intern"),
        ("Entry level", "junior"),
        ("Associate", "junior"),
        ("Mid-Senior level", "mid"),
        ("Midweight", "mid"),
        ("Senior", "senior"),
        ("SENIOR_LEVEL", "senior"),
        ("staff+", "lead"),
        ("Manager", "manager"),
        ("Director", "director"),
        ("Executive", "executive"),
        ("Mid-level; Senior", "mid"),
        ("Director; Manager", "manager"),
        ("Any", None),
        ("Not Applicable", None),
        (None, None),
    ],
)
def test_the_lowest_level_that_a_field_states(stated: str | None, level: str | None) -> None:
    assert seniorities_of_fields(column(stated)).to_list() == [level]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("We are looking for a Senior engineer.", "senior"),
        ("For Berlin we are seeking a highly motivated junior accountant", "junior"),
        ("Wir suchen einen Werkstudenten. Dafür suchen wir eine Praktikantin (m/w/d).", "intern"),
        ("Nous recherchons un stagiaire pour six mois", "intern"),
        ("You will report to a senior engineer and train junior colleagues.", None),
        ("Senior people love it here", None),
        (None, None),
    ],
)
def test_the_level_that_a_text_looks_for(text: str | None, level: str | None) -> None:
    assert seniorities_of_texts(column(text)).to_list() == [level]


def test_the_title_goes_before_the_field_the_contract_and_the_text() -> None:
    seeking = "We are looking for a senior engineer."
    found = seniorities(
        column("Junior Engineer", "Engineer", "Engineer", "Engineer", "Engineer"),
        column("Director", "Director", "Any", None, None),
        column(seeking, seeking, seeking, seeking, "We build vans."),
        column("internship", "internship", "internship", "full_time", None),
    )
    assert found.to_list() == ["junior", "director", "intern", "senior", None]


@given(titles=st.lists(st.sampled_from([title for title, _ in CASES]) | st.text(max_size=20)))
def test_each_title_is_read_by_itself(titles: list[str]) -> None:
    together = seniorities_of_titles(column(*titles)).to_list()
    assert together == [seniorities_of_titles(column(title)).item() for title in titles]
    assert set(together) <= {None, *SENIORITIES}
