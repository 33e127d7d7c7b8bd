"""Which sources can be compared, and which postings are in which period."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.statistics.comparison import Comparison, comparison
from market_assets_tests.statistics.changes_by_hand import compared_sources
from market_assets_tests.statistics.markets import AS_OF, INSTANT, TODAY, Market, Posting, market, markets

START, BOUNDARY = TODAY - timedelta(days=90), TODAY - timedelta(days=30)


def every_part(source: str = "sample", **more: object) -> list[Posting]:
    """A posting at the first instant of each ten days."""
    return [
        Posting(("SQL",), source=source, posted_at=START + timedelta(days=10 * part), **more) for part in range(9)
    ]  # type: ignore[arg-type]


def compared(postings: Iterable[Posting], boards: Iterable[str] = ()) -> Comparison:
    return comparison(market(postings).window(), AS_OF, tuple(boards))


@given(market=markets(max_size=60), boards=st.sets(st.sampled_from(("adzuna", "sample_jobs"))))
def test_sources_of_any_market(market: Market, boards: set[str]) -> None:
    found = comparison(market.window(), AS_OF, boards)
    sources, left_out = compared_sources(market.postings, AS_OF, boards)
    assert (list(found.sources), found.left_out) == (sources, left_out)
    assert (found.start, found.boundary, found.as_of) == (START, BOUNDARY, AS_OF)


def test_a_posting_in_each_ten_days_is_enough() -> None:
    assert compared(every_part()).sources == ("sample",)


@pytest.mark.parametrize("part", range(9))
def test_ten_days_without_a_posting_are_too_many(part: int) -> None:
    found = compared([posting for number, posting in enumerate(every_part()) if number != part])
    first = START.date() + timedelta(days=10 * part)
    reason = f"no postings from {first} to {first + timedelta(days=9)}"
    assert (found.sources, found.left_out) == ((), {"sample": reason})


def test_today_belongs_to_the_last_part() -> None:
    postings = [*every_part()[:-1], Posting(posted_at=AS_OF)]
    assert compared(postings).sources == ("sample",)
    assert compared([*every_part()[:-1], Posting(posted_at=AS_OF + INSTANT)]).sources == ()


def test_a_source_without_dates_is_left_out() -> None:
    found = compared([*every_part(), *every_part("undated", dated=False)])
    assert found.sources == ("sample",)
    assert found.left_out == {"undated": "its postings have no dates"}


def test_undated_postings_fill_no_part() -> None:
    postings = every_part()
    postings[4] = Posting(posted_at=postings[4].posted_at, dated=False)
    assert compared(postings).left_out["sample"].startswith("no postings from")


@pytest.mark.parametrize(("more", "is_compared"), [(9, True), (12, True), (13, False)])
def test_a_source_with_another_volume_is_left_out(more: int, is_compared: bool) -> None:
    postings = [*every_part(), *(Posting(("SQL",), posted_at=TODAY) for _ in range(more))]
    found = compared(postings)
    assert found.sources == (("sample",) if is_compared else ())
    if not is_compared:
        assert found.left_out == {"sample": "it gave 0.1 postings a day before, 0.53 in the last 30"}


@pytest.mark.parametrize(("days", "is_compared"), [(9, True), (10, False)])
def test_a_board_counts_from_when_it_is_followed(days: int, is_compared: bool) -> None:
    followed_from = START.date() + timedelta(days=days)
    postings = every_part(first_seen=followed_from)
    assert compared(postings).sources == ("sample",), "files are what somebody collected"
    found = compared(postings, boards=["sample"])
    assert found.sources == (("sample",) if is_compared else ())
    if not is_compared:
        assert found.left_out == {"sample": f"it is followed since {followed_from} only"}


def test_only_sources_with_postings_in_the_periods_are_named() -> None:
    found = compared([*every_part(), Posting(source="old", posted_at=START - INSTANT)])
    assert (found.sources, found.left_out) == (("sample",), {})


@pytest.mark.parametrize(
    ("posted_at", "period"),
    [
        (AS_OF + INSTANT, -1),
        (AS_OF, 1),
        (BOUNDARY, 1),
        (BOUNDARY - INSTANT, 0),
        (START, 0),
        (START - INSTANT, -1),
    ],
)
@pytest.mark.parametrize("sources", [("sample",), ()])
def test_where_the_periods_begin_and_end(posted_at: object, period: int, sources: tuple[str, ...]) -> None:
    window = market([Posting(posted_at=posted_at)]).window()  # type: ignore[arg-type]
    assert Comparison(AS_OF, BOUNDARY, START, sources, {}).periods(window).tolist() == [period]


def test_other_sources_and_undated_postings_are_in_no_period() -> None:
    window = market([Posting(), Posting(source="other"), Posting(dated=False)]).window()
    assert Comparison(AS_OF, BOUNDARY, START, ("sample",), {}).periods(window).tolist() == [1, -1, -1]
    nothing = Comparison(AS_OF, BOUNDARY, START, (), {})
    assert nothing.periods(window).tolist() == [1, 1, 1], "counted, though nothing is compared"


@pytest.mark.parametrize(
    ("recent", "previous", "is_compared"), [(60, 24, True), (61, 24, False), (12, 120, True), (12, 126, False)]
)
def test_a_source_that_gives_more_than_five_times_as_much_is_another(
    recent: int, previous: int, is_compared: bool
) -> None:
    times = [TODAY - timedelta(days=2 + 10 * (number % 3)) for number in range(recent)]
    times += [TODAY - timedelta(days=32 + 10 * (number % 6)) for number in range(previous)]
    found = compared(Posting(posted_at=time) for time in times)
    assert found.sources == (("sample",) if is_compared else ())
    if not is_compared:
        before, now = f"{previous / 60:.2g}", f"{recent / 30:.2g}"
        assert found.left_out == {"sample": f"it gave {before} postings a day before, {now} in the last 30"}
