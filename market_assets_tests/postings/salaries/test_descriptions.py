"""Pay in descriptions: texts by hand, in several languages, that state pay, and that only speak of money."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.gazetteer import country_currencies
from market_assets.postings.salaries.descriptions import _AMOUNT, _amounts, completed_pay, described_pay
from market_assets.postings.salaries.parse import PAY as PAY_COLUMNS
from market_assets.postings.salaries.readings import PERIODS_PER_YEAR, read_pay
from market_assets.postings.schemas import NORMALISED_POSTING

#: Minimum, maximum, currency (None: the country's), and the period that they are meant for.
Pay = tuple[float | None, float | None, str | None, str]

# Text, country, pay.
PAY: list[tuple[str, str, Pay]] = [
    (
        "The salary range for this role is $120,000 - $150,000 plus a 10% annual bonus and $5,000 sign-on bonus.",
        "US",
        (120_000, 150_000, "USD", "yearly"),
    ),
    (
        "We raised $50M in Series B. Base pay: $140K–$180K. 401(k) match up to $5,000.",
        "US",
        (140_000, 180_000, "USD", "yearly"),
    ),
    ("Benefits include a $1,500 learning budget.\nPay: $23.50 per hour", "US", (23.5, 23.5, "USD", "hourly")),
    ("Compensation: €55.000 - €70.000 brutto/Jahr", "DE", (55_000, 70_000, "EUR", "yearly")),
    (
        "Wir bieten ein Bruttojahresgehalt von 65.000 bis 80.000 EUR sowie 30 Tage Urlaub.",
        "DE",
        (65_000, 80_000, "EUR", "yearly"),
    ),
    ("Gehalt: 3.200 € bis 3.800 € brutto im Monat, zzgl. Schichtzulagen", "DE", (3200, 3800, "EUR", "monthly")),
    (
        "Das kollektivvertragliche Mindestgehalt beträgt € 2.800,- brutto pro Monat (Vollzeit).",
        "AT",
        (2800, 2800, "EUR", "monthly"),
    ),
    ("Bruttomonatsgehalt ab EUR 3.450,00 mit Bereitschaft zur Überzahlung", "AT", (3450, None, "EUR", "monthly")),
    ("Stundenlohn von 17,50 € plus Nachtzuschlag von 25 %", "DE", (17.5, 17.5, "EUR", "hourly")),
    (
        "Rémunération : 45 000 € à 55 000 € bruts annuels selon profil. Prime de 2 000 €.",
        "FR",
        (45_000, 55_000, "EUR", "yearly"),
    ),
    ("Salaire : 2 200 € brut mensuel, tickets restaurant 9 €", "FR", (2200, 2200, "EUR", "monthly")),
    ("TJM : 450 - 550 € selon expérience", "FR", (450, 550, "EUR", "daily")),
    (
        "Salaris tussen € 3.500 en € 4.800 bruto per maand, 8% vakantiegeld en een opleidingsbudget van € 1.500.",
        "NL",
        (3500, 4800, "EUR", "monthly"),
    ),
    ("Wat bieden wij? Een bruto maandsalaris van €3.000 tot €4.200", "NL", (3000, 4200, "EUR", "monthly")),
    ("Uurloon: €14,50 - €16,80", "NL", (14.5, 16.8, "EUR", "hourly")),
    ("Wynagrodzenie: 12 000 - 16 000 zł brutto miesięcznie", "PL", (12_000, 16_000, "PLN", "monthly")),
    ("Stawka: 150-180 zł/h netto + VAT (B2B)", "PL", (150, 180, "PLN", "hourly")),
    ("Widełki 18 000 – 24 000 PLN netto/mies. na B2B", "PL", (18_000, 24_000, "PLN", "monthly")),
    ("RAL: 35.000 - 42.000 €, buoni pasto da 8 €", "IT", (35_000, 42_000, "EUR", "yearly")),
    ("Stipendio mensile di 1.800 € lordi", "IT", (1800, 1800, "EUR", "monthly")),
    ("Salario: 30.000 - 36.000 € brutos anuales y 1.200 € de bono", "ES", (30_000, 36_000, "EUR", "yearly")),
    ("Salário: R$ 8.000,00 por mês + vale refeição R$ 40/dia", "BR", (8000, 8000, "BRL", "monthly")),
    ("Månadslön: 38 000 - 45 000 kr, friskvårdsbidrag 5 000 kr", "SE", (38_000, 45_000, None, "monthly")),
    ("Løn: 42.000 kr. pr. måned", "DK", (42_000, 42_000, None, "monthly")),
    ("Lønn: kr 650 000 - 750 000 per år", "NO", (650_000, 750_000, None, "yearly")),
    ("Salary: £38,000 to £45,000 per annum, plus £3,000 car allowance", "GB", (38_000, 45_000, "GBP", "yearly")),
    ("Day rate: £500 - £600 outside IR35", "GB", (500, 600, "GBP", "daily")),
    ("CTC: 18-25 LPA", "IN", (1_800_000, 2_500_000, "INR", "yearly")),
    ("Salary: ₹8,00,000 - ₹12,00,000 per year", "IN", (800_000, 1_200_000, "INR", "yearly")),
    (
        "The annual base salary range for CA is $165,000—$205,000 USD. Equity worth $40,000 is offered on top.",
        "US",
        (165_000, 205_000, "USD", "yearly"),
    ),
    ("Interns are paid $45/hour and receive a $3,000 housing stipend.", "US", (45, 45, "USD", "hourly")),
    (
        "Our customers spend $2 billion a year with us. You'll earn between $85,000 and $95,000 annually.",
        "US",
        (85_000, 95_000, "USD", "yearly"),
    ),
    ("Pay range\n$18.00 - $22.00 an hour\nBenefits\n$500 referral bonus", "US", (18, 22, "USD", "hourly")),
    ("Expected salary: CHF 110'000 – 130'000", "CH", (110_000, 130_000, "CHF", "yearly")),
    ("Salary: 85,000 - 95,000 depending on experience", "US", (85_000, 95_000, None, "yearly")),
    ("Bonus eligible. Target compensation is 210k-240k USD.", "US", (210_000, 240_000, "USD", "yearly")),
    ("Vergütung: 1.100 € im 1. Ausbildungsjahr", "DE", (1100, 1100, "EUR", "monthly")),
    ("Salary up to €60k", "IE", (None, 60_000, "EUR", "yearly")),
    ("Starting at $17/hr with overtime", "US", (17, None, "USD", "hourly")),
    ("Mzda: 45 000 - 60 000 Kč / měsíc", "CZ", (45_000, 60_000, "CZK", "monthly")),
    (
        "Base compensation is expected to fall between $98,500 and $131,300, plus bonus.",
        "US",
        (98_500, 131_300, "USD", "yearly"),
    ),
    (
        "In accordance with NY law, the salary for this position is 130-160K.",
        "US",
        (130_000, 160_000, None, "yearly"),
    ),
    (
        "Pay: $55,000.00 - $62,000.00 per year\nBenefits:\n401(k)\nDental insurance",
        "US",
        (55_000, 62_000, "USD", "yearly"),
    ),
    ("Salary: From $20.00 per hour\nExpected hours: 40 per week", "US", (20, None, "USD", "hourly")),
    ("Compensation Range: $210K - $270K", "US", (210_000, 270_000, "USD", "yearly")),
    (
        "The pay range for this role is:\n150,000 - 190,000 USD per year (San Francisco)",
        "US",
        (150_000, 190_000, "USD", "yearly"),
    ),
    (
        "US base salary range for this full-time position is $160,000-$240,000 + bonus + equity + benefits.",
        "US",
        (160_000, 240_000, "USD", "yearly"),
    ),
    (
        "Minimum Salary: USD $87,400.00/Yr.\nMaximum Salary: USD $124,900.00/Yr.",
        "US",
        (87_400, 87_400, "USD", "yearly"),
    ),
    ("Hourly Pay Range: $16.50-$19.75", "US", (16.5, 19.75, "USD", "hourly")),
    ("We pay between £32,000 and £36,000 depending on experience", "GB", (32_000, 36_000, "GBP", "yearly")),
    ("Salary band: £41,000-£47,500 (Grade 7)", "GB", (41_000, 47_500, "GBP", "yearly")),
    (
        "£28,000 - £32,000 per annum, 25 days holiday, pension contribution of 5%",
        "GB",
        (28_000, 32_000, "GBP", "yearly"),
    ),
    ("OTE €90.000 (basis € 60.000)", "NL", (90_000, 90_000, "EUR", "yearly")),
    ("Salarisindicatie: € 2.900 - € 4.100 bruto per maand o.b.v. 40 uur", "NL", (2900, 4100, "EUR", "monthly")),
    ("Salaris: maximaal € 5.670 bruto per maand (schaal 10)", "NL", (None, 5670, "EUR", "monthly")),
    (
        "ein Jahresgehalt zwischen 55.000 € und 65.000 € (je nach Erfahrung)",
        "DE",
        (55_000, 65_000, "EUR", "yearly"),
    ),
    ("Gehaltsspanne: 48.000 - 58.000 Euro brutto jährlich", "DE", (48_000, 58_000, "EUR", "yearly")),
    (
        "Unser Angebot: 3.000 Euro brutto monatlich, 13. Monatsgehalt, 500 Euro Willkommensbonus",
        "DE",
        (3000, 3000, "EUR", "monthly"),
    ),
    ("Verdienst bis 4.000€ mtl. möglich", "DE", (None, 4000, "EUR", "monthly")),
    (
        "Für diese Position gilt ein KV-Mindestgrundgehalt von 42.000 Euro brutto pro Jahr mit Bereitschaft.",
        "AT",
        (42_000, 42_000, "EUR", "yearly"),
    ),
    ("Fourchette de salaire : 38-45 k€", "FR", (38_000, 45_000, "EUR", "yearly")),
    ("Salaire brut annuel entre 42k€ et 50k€", "FR", (42_000, 50_000, "EUR", "yearly")),
    ("Oferujemy wynagrodzenie od 8 500 do 11 000 PLN brutto", "PL", (8500, 11_000, "PLN", "monthly")),
    ("Offriamo una retribuzione annua lorda di 28.000 - 32.000 euro", "IT", (28_000, 32_000, "EUR", "yearly")),
    ("Salario bruto anual entre 24.000€ y 28.000€", "ES", (24_000, 28_000, "EUR", "yearly")),
    ("Vi erbjuder en fast månadslön på 32 000 kr", "SE", (32_000, 32_000, None, "monthly")),
    ("Compensation: $70 - $90 AUD per hour", "AU", (70, 90, "AUD", "hourly")),
    ("Annual Salary: CAD 85,000 - 110,000", "CA", (85_000, 110_000, "CAD", "yearly")),
    ("$35/hr W2", "US", (35, 35, "USD", "hourly")),
    ("Contract rate $75-85/hr on C2C", "US", (75, 85, "USD", "hourly")),
    ("Salary: 3,000 Dhs per month", "AE", (3000, 3000, "AED", "monthly")),
    ("Salaire : 8 000 DH par mois", "MA", (8000, 8000, "MAD", "monthly")),
    ("AED 12,000 - 15,000 per month plus accommodation", "AE", (12_000, 15_000, "AED", "monthly")),
    ("Sueldo: $18,000 mensuales más prestaciones de ley", "MX", (18_000, 18_000, "MXN", "monthly")),
    ("Sueldo base $12,500 pesos mensuales", "MX", (12_500, 12_500, "MXN", "monthly")),
    ("Salary: $60,000 - $80,000 per year", "MX", (60_000, 80_000, "USD", "yearly")),
    ("Salary: $3,000 per month, paid in dollars", "MX", (3000, 3000, "USD", "monthly")),
    ("Sueldo bruto $1.500.000 mensual", "AR", (1_500_000, 1_500_000, "ARS", "monthly")),
    ("Salary: $2,500 - $3,500 per month", "AR", (2500, 3500, "USD", "monthly")),
    ("Salario: $3.500.000 mensuales", "CO", (3_500_000, 3_500_000, "COP", "monthly")),
    ("Renta líquida: $900.000 mensual", "CL", (900_000, 900_000, "CLP", "monthly")),
    ("Salary: $95,000 - $110,000", "CA", (95_000, 110_000, "CAD", "yearly")),
    ("Rs. 65,000 - 85,000 per month", "PK", (65_000, 85_000, "PKR", "monthly")),
    ("Salary: Rs 40,000 per month", "IN", (40_000, 40_000, "INR", "monthly")),
    ("Salary R25 000 - R30 000 per month", "ZA", (25_000, 30_000, "ZAR", "monthly")),
    ("Salary: RM 3,500 - RM 5,000", "MY", (3500, 5000, "MYR", "monthly")),
    ("Contratação: CLT\nBolsa-auxílio: R$ 1.800,00", "BR", (1800, 1800, "BRL", "monthly")),
    ("Contrato: PJ. Faixa salarial: Até R$8.000.", "BR", (None, 8000, "BRL", "monthly")),
    ("UoP: 15 000 - 20 000 PLN brutto", "PL", (15_000, 20_000, "PLN", "monthly")),
    ("Een salaris tot € 4.500,89 bruto per maand", "NL", (None, 4500.89, "EUR", "monthly")),
    ("Das Jahresgehalt beträgt mindestens EUR 49.000,00 brutto", "AT", (49_000, None, "EUR", "yearly")),
    ("Data Engineer | London | £60,000 | Remote", "GB", (60_000, 60_000, "GBP", "yearly")),
    ("DATA ANALYST LONDON/HYBRID UP TO £50,000\nJoin us", "GB", (None, 50_000, "GBP", "yearly")),
    ("Data EngineerSalary: £60,000 per annumLocation: Leeds", "GB", (60_000, 60_000, "GBP", "yearly")),
    ("6 months £600 - £700 per day - Remote", "GB", (600, 700, "GBP", "daily")),
    ("Senior Data Engineer\n💰 £450/day (Inside IR35)", "GB", (450, 450, "GBP", "daily")),
    ("Salary: c£60k", "GB", (60_000, 60_000, "GBP", "yearly")),
    ("We are in Sydney. $113k - $121k plus 17% superannuation", "AU", (113_000, 121_000, "AUD", "yearly")),
    ("Head of Sales. £70,000 + bonus and car", "GB", (70_000, 70_000, "GBP", "yearly")),
]

NO_PAY: list[tuple[str, str]] = [
    ("We offer a $5,000 sign-on bonus and up to $10,000 in relocation assistance.", "US"),
    ("We manage $3.5 trillion in assets and raised $345 million in funding.", "US"),
    ("Competitive salary, 401(k) match up to $4,000 and $1,200 annual wellness stipend.", "US"),
    ("Tuition reimbursement of up to $5,250 per year", "US"),
    ("You will own a marketing budget of $250,000 per year.", "US"),
    ("Manage a sales quota of $1,200,000 annually", "US"),
    ("Referral bonus: $2,000 for every hire", "US"),
    ("Startprämie in Höhe von 1.000,00 € brutto", "DE"),
    ("Zuschuss zum Deutschlandticket von 49 € im Monat und 50 € Sachbezug monatlich", "DE"),
    ("Urlaubsgeld 1.200 € und Weihnachtsgeld 1.500 € pro Jahr", "DE"),
    ("Jaarlijks opleidingsbudget van € 2.000 en een reiskostenvergoeding van €0,23 per km", "NL"),
    ("Budget formation de 1 500 € par an, prime de cooptation de 1 000 €", "FR"),
    ("Dofinansowanie 500 zł miesięcznie do zajęć sportowych", "PL"),
    ("Friskvårdsbidrag 5 000 kr per år", "SE"),
    ("£500/year education budget", "GB"),
    ("Equity grant valued at $80,000 over four years", "US"),
    ("Our platform saves customers $120,000 a year.", "US"),
    ("Deals of $50,000 - $100,000 ARR", "US"),
    ("The company had revenue of €45.000.000 last year and 300 employees.", "DE"),
    ("Salary: competitive. Founded in 2015, with $40M raised.", "US"),
    ("Must lift 50 pounds. 401k. Fortune 500. Salary history is not asked.", "US"),
    ("Process payroll for 12,000 employees; handle invoices of $50,000 per month", "US"),
    ("We pay a $50 weekly lunch allowance", "US"),
    ("Life insurance of $50,000 and a $1,000 HSA contribution per year", "US"),
    ("Salary sacrifice pension; £1,000 per year flexible benefits", "GB"),
    ("Average home prices of $450,000 - $500,000 in the area", "US"),
    ("Annual compensation review. Development budget of USD 2,000 per year", "US"),
    ("Compensation rate is $0.55 USD per accepted image", "US"),
    ("The median customer spends $60,000 - $90,000 per year on our software", "US"),
    ("Responsible for P&L of €20.000 - €50.000 per month", "DE"),
    ("Company car up to €50,000 list price", "DE"),
    ("Fines of up to $100,000 per year may apply", "US"),
    ("Application reference: 120000-150000. Salary: negotiable", "US"),
    ("Call us: 030 / 120 000 - 15. Gehalt nach Vereinbarung", "DE"),
    ("Vacancy nr 45000-50000 salaris in overleg", "NL"),
    ("Earn $1,000 for every referral. Earn rewards of $50 per month.", "US"),
    ("Up to $200 per month in commuter benefits", "US"),
    ("Salary is competitive and you get $100/month phone reimbursement", "US"),
    ("Our average deal is $50k-$80k per year", "US"),
    ("with over $10,000,000 - $20,000,000 annual payroll", "US"),
    ("Manages a portfolio of $100,000 - $500,000", "US"),
    ("Sign-on bonus up to $15,000! Competitive pay!", "US"),
    ("Pay stub questions: $0 fee. Processing 150,000 - 200,000 pay slips", "US"),
    ("Competitive compensation. The site has 150,000 - 200,000 visitors", "US"),
    ("Compensation for injuries up to $25,000", "US"),
    ("Gehaltsabrechnung für 30.000 - 40.000 Mitarbeiter", "DE"),
    ("Lohnbuchhaltung für Mandanten mit 20.000 - 50.000 € Umsatz", "DE"),
    ("Bezahlung nach Tarif. Zuschuss von 300 € pro Jahr", "DE"),
    ("Spesen bis zu 30 € pro Tag", "DE"),
    ("Mitarbeiter werben: 2.000 € Prämie pro Jahr möglich", "DE"),
    ("13e maand en €750 bonus", "NL"),
    ("Un budget de 30.000 - 40.000 € par an pour vos projets", "FR"),
    ("Salary sacrifice electric car scheme from £300 per month", "GB"),
    ("Clothing allowance £500 per year and £2,000 per year training", "GB"),
    ("Penalty of $5,000 per day", "US"),
    ("donated $100,000 per year to charities", "US"),
    ("Rent is from $1,200 per month near the office", "US"),
    ("Treatment costs $40,000-$60,000 a year", "US"),
    ("households earning $30,000 to $60,000 a year", "US"),
    ("patients with incomes of $20,000 - $40,000 per year", "US"),
    ("Rate of pay: $1,150.50 biweekly", "US"),
    ("Manager | $5,000 sign on | Dallas", "US"),
    ("£2,000 training budget + benefits", "GB"),
    ("Our clients save $50,000 a year plus benefits", "US"),
    ("16 weeks top up to full base pay, $10,000 fertility benefit", "US"),
    ("You can earn 10% of base salary up to $20,000", "US"),
    ("Deal sizes of $50,000 - $150,000 per year", "US"),
    ("Indique um amigo e ganhe R$ 1.500,00", "BR"),
    ("Vale refeição de R$ 1.200,00 por mês", "BR"),
    ("Bono de $20,000 mensuales", "MX"),
    ("Relocation package of $10,000 gross", "US"),
    ("Our product costs $20,000 - $50,000 per year", "US"),
]


def described(*texts: tuple[str | None, str | None]) -> pl.DataFrame:
    postings = pl.DataFrame(
        list(texts), {"description": pl.String(), "country": pl.String()}, orient="row", strict=False
    )
    return described_pay(postings).hstack(postings)


@pytest.mark.parametrize(("text", "country", "pay"), PAY)
def test_pay_in_texts(text: str, country: str, pay: Pay) -> None:
    minimum, maximum, currency, period = pay
    (found,) = read_pay(described((text, country))).iter_rows(named=True)
    per_year = PERIODS_PER_YEAR[period]
    assert found["currency"] == (currency or country_currencies()[country])
    assert (found["minimum"], found["maximum"]) == pytest.approx(
        tuple(None if amount is None else amount * per_year for amount in (minimum, maximum))
    )


@pytest.mark.parametrize(("text", "country"), NO_PAY)
def test_money_that_is_no_pay(text: str, country: str) -> None:
    assert described((text, country)).select(*PAY_COLUMNS).row(0) == (None,) * 4


def test_pay_is_found_among_other_money() -> None:
    others = [text for text, country in NO_PAY if country == "US"]
    pay = "Salary: $120,000 - $150,000 per year"
    for position in range(0, len(others), 5):
        text = "\n".join([*others[:position], pay, *others[position:]])
        assert described((text, "US")).select(*PAY_COLUMNS).row(0) == (120e3, 150e3, "USD", "yearly")


def test_the_first_of_several_pays_is_taken() -> None:
    text = "US base salary: $115,000\nUK base salary: £73,900"
    assert described((text, "GB"))["salary_min"].to_list() == [115e3]


def test_a_dollar_is_the_country_s_own() -> None:
    text = "Salary: $80,000 - $100,000 per year"
    found = described((text, "CA"), (text, "US"), (text, None), (f"{text} (USD)", "CA"))
    assert found["salary_currency"].to_list() == [None, "USD", "USD", "USD"]
    assert read_pay(found)["currency"].to_list() == ["CAD", "USD", "USD", "USD"]


def test_pay_that_cannot_be_believed_is_not_taken() -> None:
    found = described(
        ("Salary: $40,000,000 - $60,000,000", "US"),
        ("Salary: $21 per year", "US"),
        ("Salary: €25.600 - €3.500", "NL"),
        ("Salary: 50,000 - 60,000", None),
    )
    assert found["salary_max"].to_list() == [None] * 4


def test_only_postings_without_stated_pay_are_searched() -> None:
    text = "Salary: $120,000 - $150,000 per year"
    fields = {name: NORMALISED_POSTING[name] for name in PAY_COLUMNS}
    postings = pl.DataFrame(
        [
            (None, None, None, None, text, "US"),
            (90e3, None, None, None, text, "US"),
            (None, 90e3, "EUR", "yearly", text, "US"),
            (None, None, "EUR", "monthly", "Competitive salary", "DE"),
            (None, None, "EUR", "monthly", text, "DE"),
            (None, None, None, None, None, "DE"),
        ],
        {**fields, "description": pl.String(), "country": pl.String()},
        orient="row",
    )
    assert completed_pay(postings).rows() == [
        (120e3, 150e3, "USD", "yearly", "from_text"),
        (90e3, None, None, None, None),
        (None, 90e3, "EUR", "yearly", None),
        (None, None, "EUR", "monthly", None),
        (120e3, 150e3, "USD", "yearly", "from_text"),
        (None, None, None, None, None),
    ]
    assert completed_pay(postings.clear()).is_empty()


WORDS = st.sampled_from(
    [
        "Salary:",
        "salaris",
        "bonus",
        "$",
        "€",
        "PLN",
        "90,000",
        "45.000",
        "-",
        "to",
        "per year",
        "/h",
        "k",
        "\n",
        ". ",
        "(",
    ]
)


@given(st.lists(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=60), max_size=8))
def test_amounts_are_those_of_the_whole_text(parts: list[str]) -> None:
    for between in ("", " ", " with much that is no amount between it and others "):
        text = between.join(parts)
        assert [each.span() for each in _amounts(text)] == [each.span() for each in _AMOUNT.finditer(text)]


@given(st.lists(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=60), max_size=4))
def test_any_text_gives_believable_pay_or_none(texts: list[str]) -> None:
    found = described(*((text, "DE") for text in texts))
    assert found.height == len(texts)
    stated = found.filter(pl.any_horizontal(pl.col("salary_min", "salary_max").is_not_null()))
    assert set(read_pay(stated)["pay_quality"]) <= {"stated", "inferred"}
    alone = [described((text, "DE")).select(*PAY_COLUMNS).row(0) for text in texts]
    assert found.select(*PAY_COLUMNS).rows() == alone
