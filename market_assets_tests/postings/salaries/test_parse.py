import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.salaries.figures import PARSED_SALARY
from market_assets.postings.salaries.parse import PAY, parse_salary_texts, salary_records, stated_pay
from market_assets.postings.schemas import SALARY_PERIODS

POSTINGS = Path(__file__).resolve().parents[4] / "shared" / "data" / "postings"

# text: minimum, maximum, currency, period
FORMS = {
    "40 uur, Maandsalaris €3.674,00 - €5.863,00, schaal 10": (3674, 5863, "EUR", "monthly"),
    "First year OTE: 25K-35K (US) Annually": (25e3, 35e3, None, "yearly"),
    "$53K-$91K (Glassdoor est.)": (53e3, 91e3, "USD", None),
    "Employer Provided Salary:$150K-$160K": (150e3, 160e3, "USD", None),
    "$17-$24 Per Hour(Glassdoor est.)": (17, 24, "USD", "hourly"),
    "£45k": (45e3, 45e3, "GBP", None),
    "£45,000 - £55,000 per annum": (45e3, 55e3, "GBP", "yearly"),
    "€60.000": (60e3, 60e3, "EUR", None),
    "€45.000,50": (45_000.5, 45_000.5, "EUR", None),
    "60.000 € - 75.000 € brutto": (60e3, 75e3, "EUR", None),
    "45.000€-55.000€": (45e3, 55e3, "EUR", None),
    "€ 4.000,- bruto per maand": (4e3, 4e3, "EUR", "monthly"),
    "35 000 – 40 000 € par an": (35e3, 40e3, "EUR", "yearly"),
    "31,2k": (31_200, 31_200, None, None),
    "$31,2k- $52k": (31_200, 52e3, "USD", None),
    "£102.375k": (102_375, 102_375, "GBP", None),
    "CHF 100'000": (100e3, 100e3, "CHF", None),
    "CHF 100’000.- bis 120’000.-": (100e3, 120e3, "CHF", None),
    "₹12 LPA": (12e5, 12e5, "INR", "yearly"),
    "12-15 LPA": (12e5, 15e5, "INR", "yearly"),
    "600万円〜900万円": (6e6, 9e6, "JPY", None),
    "年収500万円": (5e6, 5e6, "JPY", "yearly"),
    "時給 1,200円": (1200, 1200, "JPY", "hourly"),
    "DKK 45.000 - 55.000 pr. måned": (45e3, 55e3, "DKK", "monthly"),
    "MXN 30,000 - 40,000 mensuales": (30e3, 40e3, "MXN", "monthly"),
    "45 000 € bruts annuels": (45e3, 45e3, "EUR", "yearly"),
    "Min: $50,000 Max: $60,000": (50e3, 60e3, "USD", None),
    "minimum $50,000, maximum $60,000 a year": (50e3, 60e3, "USD", "yearly"),
    "$50/hour or $100,000/year": (50, 50, "USD", "hourly"),
    "$20 an hour - $25 an hour": (20, 25, "USD", "hourly"),
    "₹12,00,000 - ₹15,00,000": (12e5, 15e5, "INR", None),
    "INR 8 - 12 lakhs": (8e5, 12e5, "INR", None),
    "OTE $25k - $35k": (25e3, 35e3, "USD", None),
    "USD 120000": (120e3, 120e3, "USD", None),
    "120k-150k": (120e3, 150e3, None, None),
    "$50/hr": (50, 50, "USD", "hourly"),
    "$1,200 per week": (1200, 1200, "USD", "weekly"),
    "£500 p/d": (500, 500, "GBP", "daily"),
    "£12.50ph": (12.5, 12.5, "GBP", "hourly"),
    "£28,500 pa": (28_500, 28_500, "GBP", "yearly"),
    "up to $90k": (None, 90e3, "USD", None),
    "bis zu 65.000 € im Jahr": (None, 65e3, "EUR", "yearly"),
    "from £30,000": (30e3, None, "GBP", None),
    "$126,500+": (126_500, None, "USD", None),
    "100k+": (100e3, None, None, None),
    "$0 - $100k": (None, 100e3, "USD", None),
    "C$80,000": (80e3, 80e3, "CAD", None),
    "A$90k - A$100k": (90e3, 100e3, "AUD", None),
    "S$5,000 per month": (5e3, 5e3, "SGD", "monthly"),
    "HK$30,000/month": (30e3, 30e3, "HKD", "monthly"),
    "R$ 8.000,00 por mês": (8e3, 8e3, "BRL", "monthly"),
    "R450 000 - R600 000 per annum": (450e3, 600e3, "ZAR", "yearly"),
    "450 000 kr per år": (450e3, 450e3, None, "yearly"),
    "12 000 zł brutto miesięcznie": (12e3, 12e3, "PLN", "monthly"),
    "60 Tsd. €": (60e3, 60e3, "EUR", None),
    "¥5M - ¥8M": (5e6, 8e6, "JPY", None),
    "$100-120k": (100e3, 120e3, "USD", None),
    "$100k-120": (100e3, 120e3, "USD", None),
    "$160k-$120k": (120e3, 160e3, "USD", None),
    "$129,600 USD": (129_600, 129_600, "USD", None),
    "CAD $120,000 - $140,000": (120e3, 140e3, "CAD", None),
    "$120k - $140k (CAD)": (120e3, 140e3, "CAD", None),
    "Salary (CAD): $120k - $140k": (120e3, 140e3, "CAD", None),
    "between £50,000 and £70,000": (50e3, 70e3, "GBP", None),
    "$75 - 96 per hour": (75, 96, "USD", "hourly"),
    "$50/hr - $60/hr": (50, 60, "USD", "hourly"),
    "$17 an hour to $24 an hour": (17, 24, "USD", "hourly"),
    "$500 per year": (500, 500, "USD", "yearly"),
    "70,000 dollars a year": (70e3, 70e3, "USD", "yearly"),
    "Hourly rate: $25": (25, 25, "USD", "hourly"),
    "Jahresgehalt: 55.000 EUR": (55e3, 55e3, "EUR", "yearly"),
    "25 per hour": (25, 25, None, "hourly"),
    "80000": (80e3, 80e3, None, None),
    "120.000 - 150.000": (120e3, 150e3, None, None),
    "$80,000 + bonus": (80e3, 80e3, "USD", None),
    "£45k - 25 days holiday": (45e3, 45e3, "GBP", None),
    "£45k - 28 holidays": (45e3, 45e3, "GBP", None),
    "$80,000 and 25 days holiday": (80e3, 80e3, "USD", None),
    "2026 $120,000": (120e3, 120e3, "USD", None),
    "$150K – $200K • Offers Equity • Offers Bonus": (150e3, 200e3, "USD", None),
    "We raised $50M. Pay is $120,000 - $150,000 per year, and a 401k match.": (120e3, 150e3, "USD", "yearly"),
    "１２３４５": (12_345, 12_345, None, None),
    "OTE 180k (base 90k)": (90e3, 90e3, None, None),
    "$180k OTE ($90k base + $90k variable)": (90e3, 90e3, "USD", None),
    "OTE $150,000 - $180,000": (150e3, 180e3, "USD", None),
    "$90,000 salary, 401(k) match up to $5,000": (90e3, 90e3, "USD", None),
    "€3.500 bruto per maand + €1.000 opleidingsbudget": (3_500, 3_500, "EUR", "monthly"),
    "€60,000 ($65,000)": (60e3, 60e3, "EUR", None),
    "$100,000 / €92,000 per year": (100e3, 100e3, "USD", "yearly"),
    "tussen € 3.000 en € 4.200 bruto per maand": (3_000, 4_200, "EUR", "monthly"),
    "von 3.200 € bis zu 4.100 € brutto monatlich": (3_200, 4_100, "EUR", "monthly"),
    "tra i 1.500 e i 1.900 euro al mese": (1_500, 1_900, "EUR", "monthly"),
    "ab EUR 2.300 brutto/Monat (14x)": (2_300, None, "EUR", "monthly"),
    "RAL 30.000 € (14 mensilità)": (30e3, 30e3, "EUR", None),
    "年収５００万円～８００万円": (5e6, 8e6, "JPY", "yearly"),
    "月給25万円から": (250e3, None, "JPY", "monthly"),
    "日給1万2000円": (12e3, 12e3, "JPY", "daily"),
    "年収1,000万円まで": (None, 10e6, "JPY", "yearly"),
    "$80,000\u00a0-\u00a0$95,000\x00 per\tyear": (80e3, 95e3, "USD", "yearly"),
}  # fmt: skip

NO_SALARIES = (
    "Annual Benefits Stipend: $21,393",
    "Bonus at target performance: 10% (~£7,390)",
    "$10,000 sign on bonus",
    "Startprämie in Höhe von 1.000,00 € brutto",
    "Top grades: Add up to $3k to high range",
    "a $1 trillion industry",
    *("", " ", "-1", "0", "$0", "competitive", "DOE", "Pay per task", "Negotiable", "$", "k", "USD", "up to", "+"),
    *("2024", "2024-2026", "2000 - 2020", "5 years", "3-5 years experience", "10%", "10% - 15%", "$5%"),
    *("401k", "401(k) match", "403b", "555-123-4567", "+1 415 555 2671", "(415) 555-2671", "24/7"),
    *("$50 to $100 million (USD)", "$2 to $5 billion (USD)", "$10+ billion (USD)", "Less than $1 million (USD)"),
    *("$80M", "$18.35 M", "$100 m", "501 to 1000 employees", "5001 to 10000 employees", "10000+ employees", "4.5"),
    *("40 hours per week", "$1,000,000,000,000", "1" * 13, "$" + "9" * 400),
    *("-80000", "-$80,000", "$-80,000", "$5,000 sign-on bonus", "$20 per article", "$0.10 per word"),
    *("401k match up to $5,000", "$2,000 annual learning stipend", "Manage a budget of $2,500,000"),
    *("Verantwortung für ein Budget von 500.000 €", "Budget formation de 2 000 € par an"),
    *("$2,000 biweekly", "$4,000 semi-monthly", "$1,500 every two weeks"),
    *("10¹²", "NaN", "inf", "-inf", "$NaN", "1e400", "TOP 100", "Fortune 500", "R 4.1", "$10,0000"),
    *("\x00", "\x00\x01\x02", "\ud7ff\uffff", "Brook 80000 Street 12", "room 4000, building 3"),
)  # fmt: skip


@pytest.mark.parametrize("text", FORMS)
def test_forms_in_the_wild(text: str) -> None:
    assert parse_salary_texts(pl.Series([text])).rows() == [FORMS[text]]


@pytest.mark.parametrize("text", NO_SALARIES)
def test_what_is_no_salary(text: str) -> None:
    assert parse_salary_texts(pl.Series([text])).rows() == [(None,) * 4]


def test_a_year_may_have_more_than_twelve_monthly_payments() -> None:
    records = salary_records(
        ["3.000 € brutto x 14", "13 maandsalarissen van € 3.500", "40.000 € p.a., 14 Gehälter"]
    )
    assert [record and (record["minimum"], record["period"], record["annual_minimum"]) for record in records] == [
        (3_000, "monthly", 42_000),
        (3_500, "monthly", 45_500),
        (40_000, "yearly", 40_000),
    ]
    texts = {**dict.fromkeys(PAY), "salary_text": "3.000 € x 14", "country": "AT"}
    stated = pl.DataFrame([texts], dict.fromkeys(texts, pl.String))
    assert stated_pay(stated)[0].row(0) == (42_000, 42_000, "EUR", "yearly")


def test_a_column_is_read_as_its_texts_are_in_their_order() -> None:
    texts = [*FORMS, None, *NO_SALARIES, *reversed(FORMS), None]

    parsed = parse_salary_texts(pl.Series("any name", texts))

    nothing = (None, None, None, None)
    assert parsed.schema == PARSED_SALARY
    assert parsed.rows() == [FORMS.get(text or "", nothing) for text in texts]


@pytest.mark.parametrize("texts", [[], [None, None]])
def test_columns_without_texts(texts: list[None]) -> None:
    parsed = parse_salary_texts(pl.Series(texts, dtype=pl.String))

    assert parsed.schema == PARSED_SALARY
    assert parsed.rows() == [(None,) * 4] * len(texts)


def test_a_text_of_a_megabyte_is_no_statement_of_pay() -> None:
    texts = ["$80,000 " + "x" * 1_000_000, "1" * 1_000_000, "$" * 1_000_000, "$50k"]

    assert parse_salary_texts(pl.Series(texts))["maximum"].to_list() == [None, None, None, 50_000]


def test_record_has_the_pay_per_year_in_the_stated_currency() -> None:
    hourly, open_minimum, nothing = salary_records(["£24-£17.56 per hour", "up to 5.000 €", "competitive"])
    assert hourly == {
        "currency": "GBP",
        "minimum": 17.56,
        "maximum": 24.0,
        "period": "hourly",
        "annual_minimum": 36_524.8,
        "annual_maximum": 49_920.0,
    }
    assert open_minimum == {
        "currency": "EUR",
        "minimum": None,
        "maximum": 5_000.0,
        "period": None,
        "annual_minimum": None,
        "annual_maximum": 60_000.0,
    }
    assert nothing is None


def grouped(amount: int, separator: str) -> str:
    return f"{amount:,}".replace(",", separator)


WRITERS: dict[str, Callable[[int], str]] = {
    "plain": str,
    "english": lambda amount: grouped(amount, ","),
    "cents": lambda amount: grouped(amount, ",") + ".00",
    "continental": lambda amount: grouped(amount, ".") + ",00",
    "points": lambda amount: grouped(amount, "."),
    "swiss": lambda amount: grouped(amount, "'"),
    "french": lambda amount: grouped(amount, "\u202f"),
    "thousands": lambda amount: f"{amount / 1000:g}k",
    "capital": lambda amount: f"{amount / 1000:g} K",
}
CURRENCIES = {
    "${}": "USD",
    "US${}": "USD",
    "C${}": "CAD",
    "£ {}": "GBP",
    "₹{}": "INR",
    "PLN {}": "PLN",
    "EUR {}": "EUR",
    "{} €": "EUR",
    "{} euros": "EUR",
    "{} CHF": "CHF",
    "{} zł": "PLN",
    "{} USD": "USD",
    "{} kr": None,
    "€{}": "EUR",
}
PERIODS = {
    "": None,
    " per year": "yearly",
    "/yr": "yearly",
    " p.a.": "yearly",
    " annually": "yearly",
    "/mo": "monthly",
    " pro Jahr": "yearly",
    " per month": "monthly",
    " a week": "weekly",
    " per day": "daily",
    " (est.) per hour": "hourly",
}
AMOUNTS = st.integers(200, 1_999).map(lambda hundreds: hundreds * 100)
SEPARATORS = st.sampled_from(["-", " - ", "–", " — ", " to ", " bis "])


@given(
    st.tuples(AMOUNTS, AMOUNTS),
    st.sampled_from(sorted(WRITERS)),
    st.sampled_from(sorted(CURRENCIES)),
    st.sampled_from(sorted(PERIODS)),
    SEPARATORS,
    st.sampled_from(["", "Salary: ", "OTE ", "We pay "]),
)
def test_what_is_written_is_read_back(
    amounts: tuple[int, int],
    writer: str,
    currency: str,
    period: str,
    separator: str,
    before: str,
) -> None:
    written = [currency.format(WRITERS[writer](amount)) for amount in amounts]

    single, ranged = parse_salary_texts(
        pl.Series([before + written[0] + period, before + separator.join(written) + period])
    ).rows()

    assert single == (amounts[0], amounts[0], CURRENCIES[currency], PERIODS[period])
    assert ranged == (min(amounts), max(amounts), CURRENCIES[currency], PERIODS[period])


@given(st.text(alphabet="0123456789.,-+$€£kKmM% ()/'ehrUSDtoperyar\x00\n", max_size=60) | st.text(max_size=60))
def test_any_text_gives_sound_figures_or_none(text: str) -> None:
    minimum, maximum, _, period = parse_salary_texts(pl.Series([text])).row(0)

    figures = [figure for figure in (minimum, maximum) if figure is not None]
    if figures:
        assert figures == sorted(figures)
        assert all(0 < figure < 1e12 for figure in figures)
        assert period in (None, *SALARY_PERIODS)
        assert any(character.isdigit() for character in text)


def recorded(name: str) -> list[dict[str, str]]:
    file = POSTINGS / name
    if not file.exists():
        pytest.skip(f"no recordings at {file}")
    with file.open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def test_recorded_salary_texts() -> None:
    rows = recorded("salary_strings.csv")
    parsed = parse_salary_texts(pl.Series([row["raw"] for row in rows]))
    is_pay = parsed.select(pl.coalesce("minimum", "maximum").is_not_null()).to_series().to_list()
    counts = Counter((row["kind"], found) for row, found in zip(rows, is_pay, strict=True))
    not_pay = {row["raw"] for row, found in zip(rows, is_pay, strict=True) if not found}

    assert counts == {("field", True): 219, ("free_text_match", True): 35, ("free_text_match", False): 5}
    assert not_pay == {"$100 m", "$80M", "$18.35 M", "$345 m", "$250M"}


def test_recorded_fields_of_a_board() -> None:
    rows = recorded("glassdoor.csv")

    def found(column: str) -> set[str]:
        texts = pl.Series([row[column] for row in rows])
        parsed = parse_salary_texts(texts)
        return set(texts.filter(parsed.select(pl.coalesce("minimum", "maximum").is_not_null()).to_series()))

    assert found("Salary Estimate") == {row["Salary Estimate"] for row in rows} - {"-1"}
    for column in ("Revenue", "Size", "Rating", "Headquarters", "Company Name"):
        assert found(column) == set(), column


def test_recorded_field_by_an_independent_reading() -> None:
    """Every Glassdoor estimate, read back with plain string methods."""
    texts = sorted({row["Salary Estimate"] for row in recorded("glassdoor.csv")} - {"-1"})
    parsed = parse_salary_texts(pl.Series(texts)).rows()
    assert len(texts) > 100
    for text, found in zip(texts, parsed, strict=True):
        figures = text.split(":")[-1].split("(")[0].replace("$", "").replace(" Per Hour", "").strip()
        low, high = (float(figure.strip("K ")) * (1000 if "K" in figure else 1) for figure in figures.split("-"))
        period = "hourly" if "Per Hour" in text else None

        assert found == (low, high, "USD", period), text
