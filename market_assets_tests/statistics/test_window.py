"""Windows and parts of the market hold the postings that they name, with their skills; intervals of shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from market_assets.statistics.demand import market_demand, share_interval, skill_demand
from market_assets.statistics.pay import employment_salaries, pay_of_all, salary_statistics
from market_assets.statistics.segments import Segment, counts_by
from market_assets.statistics.window import Entries, Window, window_start
from market_assets_tests.statistics.markets import SKILLS, TODAY, Market, Posting, market, markets
from market_assets_tests.statistics.significance_by_hand import wilson

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "country": st.sampled_from((None, "DE", "US")),
    "industry": st.sampled_from((None, "Finance", "Law")),
    "location": st.sampled_from((None, "Oslo, NO", "Ube, JP")),
    "seniority": st.sampled_from((None, "junior")),
    "workplace": st.sampled_from((None, "remote")),
    "occupation": st.sampled_from((None, "Nurse")),
    "company_key": st.sampled_from((None, Posting(employer="Acme").company_key)),
    "since": st.sampled_from((None, TODAY - timedelta(days=30), TODAY)),
}
#: By several at once there is seldom a posting left.
ONE_FIELD = st.one_of(*(st.fixed_dictionaries({name: values}) for name, values in FIELDS.items()))


def entries(window: Window) -> list[tuple[int, list[str], list[int], list[str]]]:
    """posting_id, skills, weights and mentions of each posting."""
    names = window.skills["skill"].to_list()
    mentioned = [
        [names[code] for row, code in zip(window.mention_rows, window.mention_codes, strict=True) if row == place]
        for place in range(len(window))
    ]
    bounds = list(zip(window.offsets[:-1], window.offsets[1:], strict=True))
    return [
        (number, [names[code] for code in window.codes[a:b]], window.weights[a:b].tolist(), mentions)
        for number, (a, b), mentions in zip(window.postings["posting_id"], bounds, mentioned, strict=True)
    ]


def is_in(posting: Posting, fields: dict[str, Any]) -> bool:
    equal = all(
        value is None or (value in posting.places if name == "location" else getattr(posting, name) == value)
        for name, value in fields.items()
        if name != "since"
    )
    since: datetime | None = fields["since"]
    return equal and (since is None or posting.posted_at >= since)


@given(made=markets(), fields=st.fixed_dictionaries(FIELDS))
def test_a_segment_holds_its_postings_with_their_skills(made: Market, fields: dict[str, Any]) -> None:
    window = made.window()
    expected = [entry for entry, one in zip(entries(window), made.postings, strict=True) if is_in(one, fields)]
    assert entries(Segment(**fields).postings_of(window)) == expected


@given(made=markets(), fields=ONE_FIELD, skill=st.sampled_from(SKILLS))
def test_a_part_of_what_is_in_order_is_counted_the_same(made: Market, fields: dict[str, Any], skill: str) -> None:
    segment, plain, ordered = Segment(**fields), made.window(), made.window()
    _ = ordered.by_salary, ordered.employers
    for column in ("source", "industry", "location", "country", "seniority"):
        ordered.coded(column)
    cuts: tuple[Callable[[Window], Window], ...] = (
        segment.postings_of,
        lambda window: segment.postings_of(window.of_skill(skill)),
        lambda window: segment.postings_of(window).of_skill(skill),
        lambda window: segment.postings_of(window.of_skill(skill)).asking(),
    )
    for cut in cuts:
        expected, found = cut(plain), cut(ordered)
        assert entries(found) == entries(expected)
        assert found.by_salary.tolist() == expected.by_salary.tolist()
        assert share_interval(found, skill) == share_interval(expected, skill)
        for count in (skill_demand, salary_statistics):
            assert_frame_equal(count(found, 2), count(expected, 2))
    assert segment.size_in(ordered) == len(segment.postings_of(plain))


def test_a_segment_begins_at_its_time_and_keeps_mentions_with_their_postings() -> None:
    postings = [
        Posting(("SQL",), country="US", mentions=("Zig",)),
        Posting(("Zig",), country="DE", mentions=("SQL",)),
    ]
    made = market(
        [replace(one, posted_at=TODAY - timedelta(days=1 - number)) for number, one in enumerate(postings)]
    )
    window = made.window()
    (german,) = (entry for entry, one in zip(entries(window), made.postings, strict=True) if one.country == "DE")
    assert german[3] == ["SQL"]
    assert entries(Segment(country="DE").postings_of(window)) == [german]
    for since, number in ((TODAY, 1), (TODAY + timedelta(seconds=1), 0), (TODAY - timedelta(days=1), 2)):
        assert len(Segment(since=since).postings_of(window)) == number


@given(made=markets(), skill=st.sampled_from((*SKILLS, "nothing")))
def test_a_window_of_one_skill_has_no_other(made: Market, skill: str) -> None:
    one = made.window().of_skill(skill)
    kept = [
        replace(
            posting,
            skills=tuple(name for name in posting.skills if name == skill),
            mentions=tuple(name for name in posting.mentions_only if name == skill),
        )
        for posting in made.postings
    ]
    of_one = {name: category for name, category in made.categories.items() if name == skill}
    assert entries(one) == entries(Market(kept, of_one).window())
    whole = skill_demand(made.window(), 1).filter(pl.col("skill") == skill)
    assert skill_demand(one, 1).drop("rank").rows() == whole.drop("rank").rows()
    of_all = whole.filter(pl.col("industry").is_null())
    demand = market_demand(one, 1)
    assert demand.drop("rank").rows() == of_all.select(demand.columns).drop("rank").rows()


@given(made=markets())
def test_values_are_counted_where_the_skill_is_asked_for(made: Market) -> None:
    window = made.window().of_skill("SQL")
    having = Counter(place for one in made.postings if "SQL" in one.skills for place in one.places)
    of_all = Counter(place for one in made.postings for place in one.places)
    expected = sorted(having.items(), key=lambda item: (-item[1], item[0]))
    assert counts_by(window, "location").rows() == [
        (place, count, pytest.approx(count / of_all[place])) for place, count in expected
    ]
    assert len(window.asking()) == sum("SQL" in one.skills for one in made.postings)


@given(made=markets())
def test_the_pay_of_all_is_the_row_of_all(made: Market) -> None:
    rows = employment_salaries(made.window(), 2)
    of_all = rows.filter(pl.col("employment_type").is_null() & pl.col("country").is_null())
    assert_frame_equal(pay_of_all(made.window(), 2), of_all)


def interval(postings: list[Posting]) -> tuple[float, float]:
    found = share_interval(market(postings).window(), "SQL")
    assert found is not None
    return found


def test_an_interval_is_wilsons_where_employers_do_not_matter() -> None:
    postings = [Posting(("SQL",))] * 30 + [Posting(("Zig",))] * 70
    assert interval(postings) == pytest.approx(wilson(30, 100))
    # Postings of one employer each, and an employer whose share is that of all.
    apart = [replace(one, employer=f"e{number}") for number, one in enumerate(postings)]
    assert interval(apart) == pytest.approx(wilson(30, 100))


def test_postings_of_one_employer_count_together() -> None:
    postings = [Posting(("SQL",), employer=f"e{number // 10}") for number in range(30)]
    postings += [Posting(("Zig",), employer=f"f{number // 10}") for number in range(70)]
    # Ten at a time: 100 postings are worth ten.
    assert interval(postings) == pytest.approx(wilson(3, 10))


def test_an_interval_is_known_at_the_ends() -> None:
    assert interval([Posting(("SQL",))] * 4)[1] == 1.0
    assert share_interval(market([Posting(("Zig",))] * 4).window(), "SQL") == pytest.approx(wilson(0, 4))
    assert share_interval(market([]).window(), "SQL") is None


@given(made=markets())
def test_paid_entries_come_by_skill_and_salary(made: Market) -> None:
    window = made.window()
    places, codes = joined(window.paid)
    rows = window.by_salary[places]
    names = window.skills["skill"].to_list()
    expected = [
        (skill, posting.salary, row)
        for row, posting in enumerate(made.postings)
        if posting.salary is not None
        for skill in posting.skills
    ]
    found = [(names[code], made.postings[row].salary, row) for row, code in zip(rows, codes, strict=True)]
    assert found == sorted(expected)


def joined(slices: Iterable[Entries]) -> Entries:
    return Entries(*(np.concatenate(parts) for parts in zip(*slices, strict=True)))


@given(made=markets(), postings=st.integers(1, 5), entries=st.integers(1, 9), data=st.data())
def test_entries_come_in_slices_of_whole_skills(
    made: Market, postings: int, entries: int, data: st.DataObject
) -> None:
    window = made.window()
    rows = np.array(data.draw(st.permutations(range(len(window)))), dtype=np.int64)[: data.draw(st.integers(0, 9))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("market_assets.statistics.window._POSTINGS", postings)
        patch.setattr("market_assets.statistics.window._ENTRIES", entries)
        slices = list(window.entries_by_skill(rows))
    expected = sorted(
        (code, place)
        for place, row in enumerate(rows.tolist())
        for code in window.codes[window.offsets[row] : window.offsets[row + 1]].tolist()
    )
    found = [list(zip(codes.tolist(), places.tolist(), strict=True)) for places, codes in slices]
    assert [entry for each in found for entry in each] == expected
    assert sum(len({code for code, _ in each}) for each in found) == len({code for code, _ in expected})
    of_skill = window.postings_by_skill
    assert all(sum(of_skill[code] for code in {c for c, _ in each}) < entries + of_skill.max() for each in found)


def test_slices_of_few_entries_of_hundreds_of_skills(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of eight bits holds a place and a skill of the slice, but not every skill."""
    monkeypatch.setattr("market_assets.statistics.window._ENTRIES", 1)
    window = Window(
        postings=pl.DataFrame({"posting_id": [1, 2, 3]}),
        offsets=np.array([0, 2, 3, 4]),
        codes=np.array([7, 299, 299, 7], dtype=np.int16),
        skills=pl.DataFrame({"skill": [str(number) for number in range(300)]}),
    )
    places, codes = joined(window.entries_by_skill(np.array([2, 1, 0])))
    assert (places.tolist(), codes.tolist()) == ([0, 2, 1, 2], [7, 7, 299, 299])
    assert codes.dtype == np.int16


def test_entries_of_millions_of_postings_come_by_skill_too() -> None:
    """A skill and a place are one number of 32 bits, which here holds some of the skills."""
    postings, skills = 1 << 21, 3_000
    draw = np.random.default_rng(1)
    sizes = np.zeros(postings, dtype=np.int64)
    sizes[draw.choice(postings, 2_000)] = 2
    codes = draw.integers(0, skills, sizes.sum()).astype(np.int32)
    window = Window(
        postings=pl.DataFrame({"posting_id": np.arange(postings)}),
        offsets=np.concatenate(([0], np.cumsum(sizes))),
        codes=codes,
        skills=pl.DataFrame({"skill": [str(number) for number in range(skills)]}),
    )
    rows = draw.permutation(postings)
    place_of = np.argsort(rows)
    expected = sorted(zip(codes.tolist(), place_of[np.repeat(np.arange(postings), sizes)].tolist(), strict=True))
    places, found = joined(window.entries_by_skill(rows))
    assert list(zip(found.tolist(), places.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    "since", [timedelta(0), timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)]
)
def test_a_window_begins_at_midnight(since: timedelta) -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    assert window_start(midnight + since, 90) == datetime(2025, 12, 1, tzinfo=UTC)
    assert window_start(midnight + since, 0) == midnight
