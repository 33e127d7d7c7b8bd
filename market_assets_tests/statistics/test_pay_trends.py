"""Trends of pay: months that take part, directions, and what is no change."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from market_assets.statistics.pay_trends import salary_trends
from market_assets.statistics.tables import SALARY_TRENDS
from market_assets_tests.statistics.brute_force import assert_rows
from market_assets_tests.statistics.changes_by_hand import Row
from market_assets_tests.statistics.changes_by_hand import salary_trends as by_hand
from market_assets_tests.statistics.markets import Market, Posting, market

PAY = 60_000.0


def paid(month: int, salaries: Iterable[float | None], **more: object) -> list[Posting]:
    """Postings of a month of 2024, each of an employer of its own unless one is named."""
    first = datetime(2024, month, 1, tzinfo=UTC)
    return [
        Posting(("SQL",), posted_at=first + timedelta(hours=number % 600), salary=salary, **more)  # type: ignore[arg-type]
        for number, salary in enumerate(salaries)
    ]


def noisy(seed: int, number: int, level: float = PAY, spread: float = 0.2) -> list[float]:
    draw = random.Random(seed)
    return [level * draw.lognormvariate(0, spread) for _ in range(number)]


def only(postings: Iterable[Posting], min_sample: int = 1) -> list[Row]:
    return salary_trends(market(postings).window(), min_sample).to_dicts()


def direction(postings: Iterable[Posting]) -> str:
    found = {row["trend_direction"] for row in only(postings)}
    assert len(found) == 1, "the same in all rows of the skill"
    return str(found.pop())


def monthly(level: Callable[[int], float], number: int = 40, months: int = 6, **more: object) -> list[Posting]:
    return [
        posting
        for month in range(1, months + 1)
        for posting in paid(month, noisy(month, number, level(month)), **more)
    ]


@pytest.mark.parametrize(
    ("level", "found"),
    [
        (lambda _: PAY, "uncertain"),
        (lambda month: PAY * (1.5 if month > 3 else 1), "increasing"),
        (lambda month: PAY * 1.08**month, "increasing"),
        (lambda month: PAY / (1.5 if month > 3 else 1), "decreasing"),
    ],
)
def test_directions(level: Callable[[int], float], found: str) -> None:
    assert direction(monthly(level)) == found


def test_pay_that_surely_changes_little_is_stable() -> None:
    assert direction(monthly(lambda _: PAY, number=1_500)) == "stable"
    assert direction(monthly(lambda month: PAY * 1.004**month, number=1_500)) == "stable"


def test_equal_salaries_are_stable() -> None:
    row = only(posting for month in range(1, 5) for posting in paid(month, [PAY] * 10))[0]
    assert row["trend_direction"] == "stable"
    assert [row["change"], row["change_lower"], row["change_upper"]] == pytest.approx([0, 0, 0], abs=1e-9)


def test_the_change_is_that_from_the_first_month_to_the_last() -> None:
    row = only(posting for month in (1, 3, 6) for posting in paid(month, [PAY * 1.1 ** (month - 1)] * 10))[0]
    assert row["change"] == pytest.approx(1.1**5 - 1)
    assert row["trend_direction"] == "increasing"


@pytest.mark.parametrize(("third", "found"), [(10, True), (9, False)])
def test_a_month_takes_part_with_ten_salaries(third: int, found: bool) -> None:
    postings = [*paid(1, [PAY] * 10), *paid(2, [PAY] * 10), *paid(3, [PAY] * third + [None] * 9)]
    assert (direction(postings) != "insufficient_data") == found


def test_a_month_with_fewer_salaries_is_left_out_of_the_line() -> None:
    postings = [posting for month in (1, 2, 3) for posting in paid(month, [PAY] * 10)]
    assert only([*postings, *paid(4, [9 * PAY] * 9)])[0]["change"] == pytest.approx(0, abs=1e-9)


def test_undated_salaries_take_no_part() -> None:
    postings = [posting for month in (1, 2, 3) for posting in paid(month, [PAY] * 20, dated=False)]
    rows = only(postings)
    assert {row["trend_direction"] for row in rows} == {"insufficient_data"}
    assert [row["postings_with_salary"] for row in rows] == [20, 20, 20]
    assert [row[name] for row in rows for name in ("change", "change_lower", "change_upper", "q_value")] == [
        None
    ] * 12


@pytest.mark.parametrize("field", ["country", "seniority", "source"])
def test_a_change_of_composition_is_no_change_of_pay(field: str) -> None:
    postings = [
        posting
        for month in range(1, 7)
        for posting in (
            *paid(month, noisy(month, 100 - 14 * month, PAY / 2), **{field: "PL"}),
            *paid(month, noisy(-month, 14 * month, PAY * 2), **{field: "US"}),
        )
    ]
    row = only(postings)[0]
    assert row["median_salary"] < only(postings)[-1]["median_salary"], "although the median rises"
    assert abs(row["change"]) < 0.2
    assert row["trend_direction"] in ("uncertain", "stable")


def test_one_employer_shows_nothing_of_the_others() -> None:
    rising = {level: [PAY * 1.1**level * (1 + n / 1_000) for n in range(50)] for level in range(1, 7)}
    one = [posting for level, pay in rising.items() for posting in paid(level, pay, employer="Acme")]
    assert direction(one) == "uncertain"
    many = [
        posting
        for level, pay in rising.items()
        for number, salary in enumerate(pay)
        for posting in paid(level, [salary], employer=f"company {number}")
    ]
    assert direction(many) == "increasing"


def test_a_source_with_other_pay_that_appears_changes_nothing() -> None:
    postings = monthly(lambda _: PAY)
    appeared = paid(5, noisy(50, 100, 3 * PAY), source="new") + paid(6, noisy(60, 100, 3 * PAY), source="new")
    assert direction(postings + appeared) == "uncertain"


def test_small_samples_are_counted_but_not_published() -> None:
    rows = only([*paid(1, [PAY] * 4), *paid(2, [PAY] * 5), *paid(3, [None])], min_sample=5)
    assert [row["postings"] for row in rows] == [4, 5, 1]
    assert [row["postings_with_salary"] for row in rows] == [4, 5, 0]
    assert [row["median_salary"] for row in rows] == [None, PAY, None]
    assert [row["average_salary"] for row in rows] == [None, PAY, None]


def test_a_year_ends_between_months() -> None:
    instants = [datetime(2023, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)]
    rows = only(Posting(("SQL",), posted_at=instant) for instant in instants)
    assert [row["month"] for row in rows] == ["2023-12", "2024-01"]


@pytest.mark.parametrize("seed", range(4))
def test_lines_through_random_markets(seed: int) -> None:
    draw = random.Random(seed)
    skills = ("C", "SQL", "Zig")
    postings = [
        Posting(
            tuple(skill for skill in skills if draw.random() < 0.5),
            source=draw.choice(("a", "b")),
            posted_at=datetime(2023, 11, 1, tzinfo=UTC) + timedelta(days=draw.uniform(0, 180)),
            salary=draw.choice((None, PAY * draw.lognormvariate(0.02 * seed, 0.4))),
            country=draw.choice((None, "DE", "US")),
            seniority=draw.choice((None, "senior")),
            employer=draw.choice((None, *(f"company {number}" for number in range(2 + 10 * seed)))),
            dated=draw.random() < 0.9,
        )
        for _ in range(draw.choice((400, 700)))
    ]
    given_market = Market(postings, dict.fromkeys(skills, "any"))
    expected = by_hand(postings, 3)
    assert any(row["change"] is not None for row in expected)
    assert_rows(salary_trends(given_market.window(), 3), SALARY_TRENDS, expected)
