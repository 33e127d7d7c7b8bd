"""Keys of postings, each from what one posting says, whatever else is in its batch."""

from __future__ import annotations

import polars as pl

from market_assets.postings.identity import company_keys


def _keys(*companies: str | None) -> list[int | None]:
    return company_keys(pl.Series("company", companies, pl.String)).to_list()


def test_a_company_has_its_key_in_every_batch() -> None:
    companies = pl.Series("company", [f"Company {number % 300} Inc." for number in range(900)])
    together = company_keys(companies)
    assert together.n_unique() == 300
    for place in range(0, 900, 97):
        assert company_keys(companies[place : place + 1]).to_list() == [together[place]]


def test_case_and_punctuation_make_no_other_employer() -> None:
    assert len(set(_keys("Acme Inc", "ACME, Inc.", " acme  inc"))) == 1
    assert _keys("Acme") != _keys("Acme Ltd")


def test_an_unknown_company_has_no_key() -> None:
    assert _keys(None, "Acme", None)[::2] == [None, None]
