"""Signs of several currencies, in fields and texts of postings: the country and the size of pay decide."""

from __future__ import annotations

import polars as pl
import pytest

from market_assets.postings.salaries.parse import stated_pay
from market_assets.postings.salaries.readings import read_pay

#: Amount, sign, period and country as a source states them; the currency that is meant.
MEANT = [
    ("95000", "$", "yearly", "US", "USD"),
    ("95000", "$", "yearly", "CA", "CAD"),
    ("12", "$", "hourly", "CA", "CAD"),
    ("95000", "$", "yearly", "DE", "USD"),
    ("95000", "$", "yearly", None, "USD"),
    ("95000", "$", "yearly", "CN", "USD"),
    ("25000", "$", "monthly", "MX", "MXN"),
    ("25000", "$", None, "MX", "MXN"),
    ("3000", "$", "monthly", "MX", "USD"),
    ("80000", "$", "yearly", "MX", "USD"),
    ("1500000", "$", "monthly", "AR", "ARS"),
    ("2500", "$", "monthly", "AR", "USD"),
    ("900000", "$", "monthly", "CL", "CLP"),
    ("3500000", "$", "monthly", "CO", "COP"),
    ("60000", "$", "monthly", "TW", "TWD"),
    ("300000", "¥", "monthly", "JP", "JPY"),
    ("20000", "¥", "monthly", "CN", "CNY"),
    ("9000", "Dhs", "monthly", "AE", "AED"),
    ("9000", "Dh", "monthly", "MA", "MAD"),
    ("90000", "Rs", "monthly", "PK", "PKR"),
    ("90000", "Rs", "monthly", "IN", "INR"),
]


@pytest.mark.parametrize(("amount", "sign", "period", "country", "currency"), MEANT)
@pytest.mark.parametrize("in_fields", [True, False])
def test_the_currency_that_a_sign_means(
    amount: str, sign: str, period: str | None, country: str | None, currency: str, in_fields: bool
) -> None:
    text = f"{sign} {amount} {period or ''}".strip()
    stated = {
        "salary_min": amount if in_fields else None,
        "salary_max": amount if in_fields else None,
        "salary_currency": sign if in_fields else None,
        "salary_period": period if in_fields else None,
        "salary_text": None if in_fields else text,
        "country": country,
    }
    postings = pl.DataFrame([stated], schema=dict.fromkeys(stated, pl.String()))
    pay, lost = stated_pay(postings)
    (read,) = read_pay(pay.with_columns(postings["country"])).iter_rows(named=True)
    assert read["currency"] == currency
    assert read["pay_quality"] in ("stated", "inferred")
    assert set(lost.row(0)) == {0}


def test_pesos_are_those_of_the_country() -> None:
    texts = pl.DataFrame(
        {"salary_text": ["$25,000 pesos monthly"] * 3, "country": ["MX", "PH", None]}
    ).with_columns(
        pl.lit(None, pl.String).alias(name)
        for name in ("salary_min", "salary_max", "salary_currency", "salary_period")
    )
    pay, _lost = stated_pay(texts)
    assert read_pay(pay.with_columns(texts["country"]))["currency"].to_list() == ["MXN", "PHP", None]
