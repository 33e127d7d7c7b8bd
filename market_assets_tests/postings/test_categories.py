import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.categories import (
    employment_types,
    industries,
    industry_key,
    industry_names,
)
from market_assets.postings.schemas import EMPLOYMENT_TYPES

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
