"""Which column is which: guessed from names and values, or stated by the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.sources.files.columns import (
    FIELDS,
    KNOWN_NAMES,
    apply_mapping,
    beside_location,
    guess_columns,
    words_of,
)
from market_assets.sources.protocol import SourceError

#: Values that suit each field, all different.
SUITABLE: dict[str, Any] = {
    "board": lambda _row: "linkedin",
    "external_id": lambda row: f"job-{row}",
    "title": lambda row: f"Engineer of kind {row}",
    "company": lambda row: f"Acme {row} Inc.",
    "location": lambda _row: "Denver, CO",
    "description": lambda row: f"We are looking for someone to do {row} things.",
    "url": lambda row: f"https://jobs.example/{row}",
    "salary_min": lambda row: str(50_000 + row),
    "salary_max": lambda row: str(70_000 + row),
    "salary_currency": lambda _row: "USD",
    "salary_period": lambda _row: "year",
    "salary_text": lambda row: f"${50 + row}K-$90K (est.)",
    "posted_at": lambda row: f"2026-01-{row % 28 + 1:02}",
    "employment_type": lambda _row: "FULL_TIME",
    "industry": lambda _row: "Aerospace & Defense",
    "workplace": lambda _row: "hybrid",
    "seniority": lambda _row: "Mid-Senior level",
}


def sample(columns: Mapping[str, Sequence[str | None]]) -> pl.DataFrame:
    return pl.DataFrame({name: pl.Series(values, dtype=pl.String) for name, values in columns.items()})


def suited(columns: dict[str, str], rows: int = 20) -> pl.DataFrame:
    """A sample of columns, each with values that suit the field named."""
    return sample({name: [SUITABLE[field](row) for row in range(rows)] for name, field in columns.items()})


def guessed(frame: pl.DataFrame) -> dict[str, str]:
    return guess_columns(frame, {})


def test_words_of_names() -> None:
    for name in (
        "Job Title",
        "job_title",
        "jobTitle",
        "JobTitle",
        "JOB TITLE",
        "job-title",
        "job.title",
        " job  title ",
    ):
        assert words_of(name) == ["job", "title"]
    assert words_of("applyURL") == ["apply", "url"]
    assert words_of("salary_min_usd2") == ["salary", "min", "usd2"]
    assert words_of("Ort/Größe") == ["ort", "grosse"]


@pytest.mark.parametrize(
    ("field", "names"),
    [
        (
            "title",
            ["Job Title", "job_title", "jobTitle", "JOBTITLE", "position", "Role", "title", "text", "Title (EN)"],
        ),
        (
            "company",
            ["Company Name", "employer_name", "company_name", "company", "companyName", "Hiring Company Name"],
        ),
        (
            "description",
            ["Job Description", "descriptionPlain", "content", "body", "description", "description_de"],
        ),
        ("location", ["location_raw", "locations", "city", "candidate_required_location", "location.name"]),
        ("salary_text", ["Salary Estimate", "salary", "Salary Range", "compensation", "Expected salary (EUR)"]),
        (
            "salary_min",
            ["salary_min_orig", "salaryMin", "min_salary", "minSalary", "job_min_salary", "salary.min"],
        ),
        (
            "salary_max",
            ["salary_max_orig", "salaryMax", "max_salary", "maxSalary", "job_max_salary", "salary.max"],
        ),
        ("salary_currency", ["currency_original", "salaryCurrency", "currency"]),
        ("salary_period", ["salary_interval_orig", "salaryPeriod", "interval", "pay_period"]),
        ("url", ["apply_url", "redirect_url", "url", "jobUrl", "absolute_url", "Link", "job_posting_url"]),
        ("posted_at", ["published_at", "date_posted", "created_at", "pubDate", "epoch", "first_seen", "Date"]),
        ("external_id", ["job_uid", "id", "job_id", "slug", "requisition", "uniq_id"]),
        ("board", ["source", "site", "job_board", "via"]),
        ("employment_type", ["job_type", "employment_type", "schedule", "employmentType", "type"]),
        ("industry", ["Sector", "Industry", "category", "department", "jobIndustry", "category.label"]),
        ("workplace", ["is_remote", "remote", "workplace_type", "workplaceType", "remote_allowed"]),
    ],
)
def test_common_names(field: str, names: list[str]) -> None:
    for name in names:
        others = {"a title": "title"} if field != "title" else {}
        assert guessed(suited(others | {name: field})).get(field) == name, name


@pytest.mark.parametrize("field", FIELDS)
def test_every_known_name_is_taken_in_every_spelling(field: str) -> None:
    for known in KNOWN_NAMES[field]:
        words = known.split()
        for name in (known, known.title(), "_".join(words), words[0] + "".join(map(str.title, words[1:]))):
            taken = guessed(suited({name: field}))
            # Some names could be several fields; the one looked for first takes them.
            assert name in taken.values(), name
            if sum(known in names for names in KNOWN_NAMES.values()) == 1:
                assert taken == {field: name}


@pytest.mark.parametrize(
    ("field", "better", "worse"),
    [
        ("title", "title", "position"),
        ("title", "role", "name"),
        ("title", "Position", "Working title"),
        ("description", "descriptionPlain", "description"),
        ("description", "description", "summary"),
        ("url", "url", "apply_url"),
        ("salary_min", "salary_min_orig", "salary_min_usd"),
        ("salary_max", "salary_max_orig", "salary_max_usd"),
        ("salary_currency", "currency_original", "currency"),
        ("posted_at", "published_at", "first_seen"),
        ("posted_at", "date", "first_seen"),
        ("external_id", "job_id", "id"),
        ("external_id", "id", "slug"),
        ("industry", "Industry", "Sector"),
        ("industry", "Sector", "Category"),
        ("industry", "category", "department"),
        ("workplace", "workplaceType", "isRemote"),
        ("location", "location", "city"),
    ],
)
def test_the_better_name_wins_in_any_order(field: str, better: str, worse: str) -> None:
    for names in ((better, worse), (worse, better)):
        assert guessed(suited(dict.fromkeys(names, field)))[field] == better


@pytest.mark.parametrize(
    "name",
    [
        "company_url", "companyLogo", "company_logo_url", "logo", "HQ", "Headquarters", "company headquarters",
        "Rating",
        "company_rating", "Founded", "Size", "company size", "Type of ownership", "Revenue", "Competitors",
        "date_updated", "last_updated", "updated_at", "expiryDate", "application_deadline", "companySlugUrl",
        "recruiter_email", "has_salary", "is_active", "sponsorship", "company_location",
    ],
)  # fmt: skip
def test_columns_that_are_never_taken(name: str) -> None:
    for field, value in SUITABLE.items():
        values = [value(row) for row in range(20)] if field != "workplace" else ["true"] * 20
        if name == "has_salary":
            values = ["true", "false"] * 10
        assert guessed(sample({name: values})) == {}


def test_values_that_make_a_guess_absurd() -> None:
    many = range(300)
    title = [SUITABLE["title"](row) for row in many]
    numbers = [str(row) for row in many]

    assert guessed(sample({"title": numbers, "role": title})) == {"title": "role"}
    assert "title" not in guessed(sample({"title": numbers}))
    assert guessed(sample({"title": title, "id": [str(row // 5) for row in many]})) == {"title": "title"}
    assert guessed(sample({"title": title, "id": ["7"] * 300, "slug": numbers}))["external_id"] == "slug"
    assert "board" not in guessed(sample({"title": title, "source": [f"board {row % 51}" for row in many]}))
    assert guessed(sample({"title": title, "source": [f"board {row % 50}" for row in many]}))["board"] == "source"
    assert "url" not in guessed(sample({"title": title, "link": ["click here"] * 300}))
    assert "company" not in guessed(sample({"title": title, "company": numbers}))
    assert "posted_at" not in guessed(sample({"title": title, "posted": ["true", "false"] * 150}))
    assert "posted_at" in guessed(sample({"title": title, "posted": ["Today", "30+ days ago"] * 150}))
    assert "industry" not in guessed(sample({"title": title, "category": numbers}))
    assert "company" not in guessed(sample({"title": title, "company": ['{"name":"x"}'] * 300}))
    assert guessed(sample({"title": title, "job_type": ["Remote", "Onsite", "Hybrid"] * 100})) == {
        "title": "title"
    }


def test_an_identifier_may_be_repeated_with_its_whole_record() -> None:
    frame = suited({"title": "title", "id": "external_id"})
    assert guessed(pl.concat([frame, frame, frame]))["external_id"] == "id"


def test_pay_ranges_in_a_column_for_one_number_are_text() -> None:
    for name in ("salary_min", "min_salary"):
        assert guessed(suited({"title": "title", name: "salary_text"})) == {"title": "title", "salary_text": name}


def test_amounts_as_people_write_them_are_numbers() -> None:
    for amount in ("50000", "50,000.00", "$50k", "€ 50.000", "50 000 EUR", "-1", "£50K"):
        assert guessed(sample({"title": ["Cook"], "salary_min": [amount]}))["salary_min"] == "salary_min"


def test_the_original_currency_is_not_that_of_converted_amounts() -> None:
    converted = {"title": "title", "salary_min_usd": "salary_min", "currency_original": "salary_currency"}
    assert "salary_currency" not in guessed(suited(converted))
    assert guessed(suited(converted | {"salary_min": "salary_min"}))["salary_currency"] == "currency_original"


def test_a_column_with_values_wins_over_one_without() -> None:
    frame = sample({"title": [None, None], "position": ["Cook", "Nurse"], "salary": [None, None]})
    assert guessed(frame) == {"title": "position", "salary_text": "salary"}


def test_a_posting_of_another_provider() -> None:
    names = {
        "job_id": "external_id", "employer_name": "company", "employer_logo": "url", "employer_website": "url",
        "job_publisher": "board", "job_employment_type": "employment_type", "job_title": "title",
        "job_apply_link": "url", "job_description": "description", "job_is_remote": "workplace",
        "job_posted_at_timestamp": "salary_min", "job_posted_at_datetime_utc": "posted_at", "job_city": "location",
        "job_state": "location", "job_country": "location", "job_min_salary": "salary_min",
        "job_max_salary": "salary_max", "job_salary_currency": "salary_currency",
        "job_salary_period": "salary_period",
    }  # fmt: skip
    assert guessed(suited(names)) == {
        "board": "job_publisher",
        "external_id": "job_id",
        "title": "job_title",
        "company": "employer_name",
        "location": "job_city",
        "description": "job_description",
        "url": "job_apply_link",
        "salary_min": "job_min_salary",
        "salary_max": "job_max_salary",
        "salary_currency": "job_salary_currency",
        "salary_period": "job_salary_period",
        "posted_at": "job_posted_at_datetime_utc",
        "employment_type": "job_employment_type",
        "workplace": "job_is_remote",
    }


@given(
    st.dictionaries(
        st.sampled_from([name for names in KNOWN_NAMES.values() for name in names]) | st.text(max_size=12),
        st.lists(
            st.none() | st.text(max_size=8) | st.sampled_from(["5", "true", "http://x"]), min_size=3, max_size=3
        ),
        max_size=12,
    )
)
def test_a_guess_takes_columns_that_there_are_and_each_but_once(columns: dict[str, list[str | None]]) -> None:
    frame = sample(columns)
    found = guessed(frame)
    assert set(found.values()) <= set(columns)
    assert len(set(found.values())) == len(found)
    assert list(found) == [field for field in FIELDS if field in found]
    assert guessed(frame) == found


# The user's mapping ---------------------------------------------------------------------------------------

FRAME = suited({"title": "title", "Beruf": "title", "id": "external_id", "source": "board", "url": "url"})


def test_the_users_mapping_goes_before_the_guess() -> None:
    assert apply_mapping(FRAME, {}) == {
        "board": "source",
        "external_id": "id",
        "title": "title",
        "url": "url",
    }
    assert apply_mapping(FRAME, {"title": "Beruf"})["title"] == "Beruf"
    # A column that the user gives away is not guessed for another field as well.
    assert apply_mapping(FRAME, {"description": "url"}) == {
        "board": "source",
        "external_id": "id",
        "title": "title",
        "description": "url",
    }
    assert apply_mapping(FRAME, {"title": "id", "external_id": "id"})["title"] == "id"


def test_an_empty_column_leaves_a_field_out() -> None:
    assert "board" not in apply_mapping(FRAME, {"board": ""})


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"titel": "Beruf"}, "there is no field 'titel' to map; did you mean title?"),
        ({"payload": "id"}, "there is no field 'payload' to map; there are: board, external_id, title"),
        ({"title": "beruf"}, "there is no column 'beruf' to map title to; did you mean Beruf?"),
        ({"title": "qqqq"}, "there is no column 'qqqq' to map title to; there are: title, Beruf, id, source, url"),
        ({"title": ""}, "no column can be taken for the title; its columns are: title, Beruf, id, source, url. "),
    ],
)
def test_mappings_that_can_not_be(mapping: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError) as caught:
        apply_mapping(FRAME, mapping)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_no_title_names_the_columns_and_says_what_to_do() -> None:
    frame = sample({f"c{number}\nx": ["y"] for number in range(50)})
    with pytest.raises(SourceError) as caught:
        apply_mapping(frame, {})
    assert "its columns are: c0 x, c1 x, " in str(caught.value)
    assert str(caught.value).endswith("and 10 more. Name it with --map title='COLUMN'")


HEADINGS = {
    "German": "Titel;Firma;Ort;Gehalt;Beschreibung;Datum",
    "French": "Intitulé du poste;Entreprise;Lieu de travail;Salaire;Description du poste;Date de publication",
    "Spanish": "Puesto;Empresa;Ubicación;Salario;Descripción;Fecha de publicación",
    "Dutch": "Functietitel;Bedrijf;Standplaats;Salaris;Omschrijving;Publicatiedatum",
    "Polish": "Stanowisko;Pracodawca;Miejsce pracy;Wynagrodzenie;Opis;Data publikacji",
    "Portuguese": "Cargo;Empresa;Localização;Salário;Descrição;Data de publicação",
    "Italian": "Posizione;Azienda;Luogo di lavoro;Retribuzione;Descrizione;Data di pubblicazione",
    "Swedish": "Tjänst;Företag;Arbetsort;Lön;Beskrivning;Publicerad",
    "Japanese": "職種;会社名;勤務地;給与;仕事内容;掲載日",
}


@pytest.mark.parametrize("language", HEADINGS)
def test_headings_of_other_languages(language: str) -> None:
    fields = ("title", "company", "location", "salary_text", "description", "posted_at")
    wanted = dict(zip(fields, HEADINGS[language].split(";"), strict=True))
    assert guessed(suited({column: field for field, column in wanted.items()})) == {
        field: wanted[field] for field in FIELDS if field in wanted
    }


def test_region_and_country_complete_the_location() -> None:
    places = {"City": ["Portland", "Salem"], "State": ["OR", "MA"], "Country": ["USA", "US"], "Region": ["x", "y"]}
    frame = sample({"Title": ["Cook", "Nurse"], **places})
    assert beside_location(frame, {"title": "Title", "location": "City"}) == ["State", "Country"]
    assert beside_location(frame, {"title": "Title"}) == []
    published = sample({"Title": ["Cook"], "City": ["Salem"], "State": ["published"]})
    assert beside_location(published, {"title": "Title", "location": "City"}) == []
