"""Keys of employers: the same for the same words, and no others, whatever else is in the column."""

from __future__ import annotations

import polars as pl

from market_assets.postings.identity import company_keys


def keys(*companies: str | None) -> list[int | None]:
    return company_keys(pl.Series("company", companies, pl.String)).to_list()


def test_a_key_does_not_depend_on_the_other_companies() -> None:
    names = [f"Company {number}" for number in range(500)]
    assert keys(*names, *reversed(names)) == [key for name in [*names, *reversed(names)] for key in keys(name)]
    assert len(set(keys(*names))) == 500


def test_case_and_punctuation_make_no_other_employer() -> None:
    assert len(set(keys("Acme Inc", "ACME, Inc.", " acme  inc"))) == 1
    assert keys("Acme") != keys("Acme Ltd")


def test_an_unknown_company_has_no_key() -> None:
    assert keys(None, "Acme", None)[::2] == [None, None]
