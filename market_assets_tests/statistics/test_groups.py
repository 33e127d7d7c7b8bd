"""The kernels of groups beside NumPy and plain Python, one group at a time."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.statistics import groups
from market_assets.statistics.groups import (
    crosstab,
    distinct,
    labels,
    month_labels,
    rank_within,
    runs,
    skill_blocks,
)
from market_assets.statistics.published_pay import PublishedPay
from market_assets.statistics.window import Entries, coded, order_of
from market_assets_tests.statistics.markets import Market, markets

_values = st.one_of(st.floats(0, 1e9, allow_nan=False), st.integers(0, 5).map(float))
_members = st.lists(st.tuples(st.integers(0, 5), _values), max_size=60)
_codes = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 40)), max_size=80)
_quantiles = st.one_of(st.floats(0, 1), st.sampled_from((0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)))


def _pay(members: list[tuple[int, float]], size: int = 6, min_sample: int = 1) -> PublishedPay:
    ordered = sorted(members)
    counts = np.bincount(np.array([group for group, _ in ordered], dtype=np.int64), minlength=size)
    return PublishedPay(counts, np.array([value for _, value in ordered], dtype=np.float64), min_sample)


@given(members=_members, q=_quantiles, min_sample=st.integers(1, 3))
def test_every_figure_is_that_of_its_group_alone(
    members: list[tuple[int, float]], q: float, min_sample: int
) -> None:
    pay = _pay(members, min_sample=min_sample)
    for group in range(6):
        alone = [value for of, value in members if of == group]
        assert pay.counts[group] == len(alone)
        assert pay.minimum()[group] == min(alone, default=None)
        assert pay.maximum()[group] == max(alone, default=None)
        published = len(alone) >= min_sample
        assert pay.average()[group] == (pytest.approx(fmean(alone), rel=1e-12) if published else None)
        assert pay.quantile(q)[group] == (np.quantile(alone, q, method="linear") if published else None)


@given(members=_members, q=st.floats(0, 1))
def test_figures_stay_between_the_extremes(members: list[tuple[int, float]], q: float) -> None:
    pay = _pay(members)
    for figure in (pay.average(), pay.quantile(q)):
        assert ((figure >= pay.minimum()) & (figure <= pay.maximum())).drop_nulls().all()


def test_the_mean_of_equal_values_is_that_value() -> None:
    assert _pay([(0, 0.1)] * 3, size=1).average().to_list() == [0.1]


@pytest.mark.parametrize("size", [0, 3])
def test_no_members(size: int) -> None:
    pay = _pay([], size)
    assert pay.counts.tolist() == [0] * size
    assert pay.average().to_list() == pay.quantile(0.5).to_list() == [None] * size


@given(codes=st.lists(st.integers(-1, 300)))
def test_codes_are_ordered_as_by_python(codes: list[int]) -> None:
    expected = sorted(range(len(codes)), key=codes.__getitem__)
    for size in (301, 100_000):
        assert order_of(np.array(codes, dtype=np.int64), size).tolist() == expected


@given(texts=st.lists(st.sampled_from((None, "", "a", "B", "Ö"))))
def test_texts_are_coded_in_their_order(texts: list[str | None]) -> None:
    codes, names = coded(pl.Series(texts, dtype=pl.String))
    assert names.to_list() == sorted({text for text in texts if text is not None})
    assert [None if code < 0 else names[int(code)] for code in codes] == texts


@given(market=markets())
def test_labels_are_the_combinations_in_order(market: Market) -> None:
    window = market.window()
    found = labels(window, "country", "seniority")
    rows = [(posting.country, posting.seniority) for posting in market.postings]
    known = sorted(row for row in set(rows) if None not in row)
    assert list(zip(*(values.to_list() for values in found.values.values()), strict=True)) == known
    assert found.codes.tolist() == [known.index(row) if row in known else -1 for row in rows]
    assert found.counts().tolist() == [rows.count(row) for row in known]
    assert [of.tolist() for of in found.rows()] == [
        [place for place, row in enumerate(rows) if row == each] for each in known
    ]
    assert labels(window).codes.tolist() == [0] * len(rows)
    months = month_labels(window)
    assert [months.values["month"][int(code)] for code in months.codes] == [
        f"{posting.posted_at:%Y-%m}" for posting in market.postings
    ]


@given(entries=st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 40))))
def test_combinations_are_counted(entries: list[tuple[int, int]]) -> None:
    first, second = (np.array([entry[part] for entry in entries], dtype=np.int16) for part in (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "BLOCK", 7)
        found = crosstab(first, second, 4, 41)
    counts = Counter(entry for entry in entries if min(entry) >= 0)
    assert {(row, column): int(found[row, column]) for row, column in np.argwhere(found).tolist()} == counts


@given(entries=_codes.map(sorted))
def test_runs_begin_where_anything_changes(entries: list[tuple[int, int]]) -> None:
    starts = runs(*(np.array([entry[part] for entry in entries], dtype=np.int64) for part in (0, 1)))
    assert [entries[start] for start in starts] == sorted(set(entries))


@given(entries=_codes, most=st.sampled_from((0, 4, 1_000)))
def test_combinations_are_numbered(entries: list[tuple[int, int]], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "_MOST_PLACES", most)
        first, second, position = distinct(*(np.array([entry[part] for entry in entries], int) for part in (0, 1)))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == sorted(set(entries))
    assert [(first[place], second[place]) for place in position] == entries


@given(codes=st.lists(st.integers(0, 9)).map(sorted), block=st.integers(1, 12))
def test_blocks_hold_every_entry_of_their_skills(codes: list[int], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "BLOCK", block)
        entries = Entries(np.arange(len(codes), dtype=np.int32), np.array(codes, dtype=np.int16))
        blocks = list(skill_blocks([entries]))
    found = [block.codes.tolist() for block in blocks]
    assert [code for each in found for code in each] == codes
    assert [place for block in blocks for place in block.places.tolist()] == list(range(len(codes)))
    assert sum(len(set(each)) for each in found) == len(set(codes))
    assert all(len(each) - each.count(each[-1]) < block for each in found)


@given(members=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5))))
def test_ranks_count_from_the_greatest_of_each_group(members: list[tuple[int, int]]) -> None:
    group, value = (np.array([member[part] for member in members], dtype=np.int64) for part in (0, 1))
    for place, rank in enumerate(rank_within(group, value).tolist()):
        before = [(-other, at) for at, (of, other) in enumerate(members) if of == members[place][0]]
        assert sorted(before).index((-members[place][1], place)) == rank - 1
