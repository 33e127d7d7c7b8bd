"""Pay by country, seniority and employment; intervals of medians; samples too small to publish."""

from __future__ import annotations

import random
from math import comb
from statistics import median

import numpy as np
import polars as pl
import pytest

from market_assets.statistics.pay import employment_salaries, location_salaries, of_all_postings, salary_statistics
from market_assets.statistics.published_pay import PublishedPay
from market_assets_tests.statistics.markets import Posting, market
from market_assets_tests.statistics.significance_by_hand import median_ranks


def interval(salaries: list[float], min_sample: int = 1) -> tuple[float | None, float | None]:
    pay = PublishedPay(np.array([len(salaries)]), np.sort(salaries), min_sample)
    return pay.median_lower()[0], pay.median_upper()[0]


@pytest.mark.parametrize(
    ("count", "expected"),
    # scipy.stats.quantile_test(range(1, count + 1), q=0, p=0.5).confidence_interval(0.95), SciPy 1.17.1
    [(6, (1, 6)), (10, (2, 9)), (25, (8, 18)), (101, (41, 61)), (5, (None, None))],
)
def test_the_interval_is_that_of_the_binomial_distribution(
    count: int, expected: tuple[int | None, int | None]
) -> None:
    assert interval([float(number) for number in range(1, count + 1)]) == expected


@pytest.mark.parametrize("count", [*range(1, 60), 499, 500, 501, 502, 753, 1_000])
def test_the_interval_holds_the_median_with_95_percent_and_is_no_wider(count: int) -> None:
    lower, _ = interval([float(number) for number in range(1, count + 1)])
    rank = median_ranks(count)
    assert lower == (rank or None)
    beside = [sum(comb(count, below) for below in range(ranks)) for ranks in (rank, rank + 1)]
    assert beside[0] * 40 <= 2**count < beside[1] * 40


def test_intervals_of_drawn_salaries_hold_the_true_median() -> None:
    draw = random.Random(4)
    for count in (6, 9, 30):
        held = 0
        for _ in range(1_000):
            lower, upper = interval([draw.lognormvariate(11, 0.5) for _ in range(count)])
            assert lower is not None
            assert upper is not None
            held += lower <= np.exp(11) <= upper
        assert held >= 935, "95 % less what chance may take"


def test_pay_by_country_and_seniority() -> None:
    postings = [
        Posting(("SQL",), salary=50_000.0, country="DE", seniority="junior"),
        Posting(("SQL",), salary=70_000.0, country="DE", seniority="senior"),
        Posting(("SQL",), salary=150_000.0, country="US", seniority="senior"),
        Posting(("SQL",), salary=60_000.0),
        Posting(("SQL",), country="FR", seniority="lead"),
    ]
    table = salary_statistics(market(postings).window(), 1)
    columns = ("country", "seniority", "postings_with_salary", "countries", "median_salary")
    assert table.select(columns).rows() == [
        (None, None, 4, 2, 65_000.0),
        (None, "junior", 1, 1, 50_000.0),
        (None, "senior", 2, 2, 110_000.0),
        ("DE", None, 2, 1, 60_000.0),
        ("DE", "junior", 1, 1, 50_000.0),
        ("DE", "senior", 1, 1, 70_000.0),
        ("US", None, 1, 1, 150_000.0),
        ("US", "senior", 1, 1, 150_000.0),
    ]
    assert of_all_postings(table).select(columns).rows() == [(None, None, 4, 2, 65_000.0)]


def test_internships_and_part_time_work_are_apart() -> None:
    postings = [
        *(Posting(employment_type="full_time", salary=60_000.0 + n, country="DE") for n in range(5)),
        *(Posting(employment_type="internship", salary=12_000.0, country="DE") for _ in range(2)),
        Posting(employment_type="internship", salary=40_000.0, country="US"),
        Posting(employment_type="contract", country="US"),
        Posting(salary=90_000.0),
    ]
    table = employment_salaries(market(postings).window(), 3)
    columns = ("employment_type", "country", "postings_with_salary", "median_salary")
    assert table.select(columns).rows() == [
        (None, None, 9, 60_001.0),
        (None, "DE", 7, 60_001.0),
        (None, "US", 1, None),
        ("full_time", None, 5, 60_002.0),
        ("full_time", "DE", 5, 60_002.0),
        ("internship", None, 3, 12_000.0),
        ("internship", "DE", 2, None),
        ("internship", "US", 1, None),
    ]


@pytest.mark.parametrize("min_sample", [1, 4, 5, 6])
def test_figures_of_too_small_a_sample_are_null_and_counted(min_sample: int) -> None:
    postings = [
        Posting(("SQL",), salary=50_000.0 + number, location="Oslo, NO", employment_type="contract")
        for number in range(5)
    ]
    window = market(postings).window()
    medians = ("average_salary", "median_salary", "p10", "p25", "p75", "p90", "median_lower", "median_upper")
    for table in (
        salary_statistics(window, min_sample),
        employment_salaries(window, min_sample),
        location_salaries(window, min_sample),
    ):
        row = table.row(0, named=True)
        assert row["postings_with_salary"] == 5
        published = [row[name] is not None for name in medians[:6] if name in row]
        assert published == [min_sample <= 5] * len(published)
    statistics = salary_statistics(window, min_sample)
    assert statistics.select(pl.col("median_lower", "median_upper")).row(0) == (None, None), "of five, no interval"


def test_the_interval_is_not_published_without_its_median() -> None:
    salaries = [float(number) for number in range(1, 11)]
    assert interval(salaries, min_sample=10) == (2, 9)
    assert interval(salaries, min_sample=11) == (None, None)
    assert median(salaries) == 5.5
