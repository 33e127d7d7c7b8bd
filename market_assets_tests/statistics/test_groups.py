"""The grouped kernel beside NumPy and plain Python, one group at a time."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.statistics.groups import GroupedValues, group_values, known_or_null

_values = st.one_of(
    st.floats(-1e9, 1e9, allow_nan=False),
    st.integers(0, 5).map(float),
    st.just(float("nan")),
    st.just(float("inf")),
)
_members = st.lists(st.tuples(st.integers(0, 5), _values), max_size=60)


def _grouped(members: list[tuple[int, float]], size: int = 6) -> GroupedValues:
    groups = np.array([group for group, _ in members], dtype=np.int64)
    return group_values(groups, np.array([value for _, value in members], dtype=np.float64), size)


@given(members=_members, q=st.one_of(st.floats(0, 1), st.sampled_from((0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0))))
def test_every_figure_is_that_of_its_group_alone(members: list[tuple[int, float]], q: float) -> None:
    grouped = _grouped(members)
    for group in range(6):
        alone = [value for of, value in members if of == group and np.isfinite(value)]
        figures = [f[group] for f in (grouped.mean(), grouped.minimum(), grouped.maximum(), grouped.quantile(q))]
        assert grouped.counts[group] == len(alone)
        if alone:
            assert figures[0] == pytest.approx(fmean(alone), rel=1e-12, abs=1e-6)
            assert figures[1:] == [min(alone), max(alone), np.quantile(alone, q, method="linear")]
        else:
            assert np.isnan(figures).all()


@given(members=_members, place=st.integers(1, 8))
def test_the_largest_by_place(members: list[tuple[int, float]], place: int) -> None:
    largest = _grouped(members).largest(place)
    for group in range(6):
        alone = sorted((value for of, value in members if of == group and np.isfinite(value)), reverse=True)
        assert alone[:place][-1:] == [value for value in [largest[group]] if not np.isnan(value)]


@given(members=_members, q=st.floats(0, 1))
def test_figures_stay_between_the_extremes(members: list[tuple[int, float]], q: float) -> None:
    grouped = _grouped(members)
    filled = grouped.counts > 0
    for figure in (grouped.mean(), grouped.quantile(q)):
        assert (figure[filled] >= grouped.minimum()[filled]).all()
        assert (figure[filled] <= grouped.maximum()[filled]).all()


@given(members=_members, order=st.randoms(use_true_random=False))
def test_the_order_of_members_changes_no_bit(members: list[tuple[int, float]], order: object) -> None:
    shuffled = list(members)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = _grouped(members), _grouped(shuffled)
    np.testing.assert_array_equal(one.mean(), other.mean())
    np.testing.assert_array_equal(one.quantile(0.37), other.quantile(0.37))


def test_a_value_may_be_a_member_of_many_groups() -> None:
    grouped = group_values(
        groups=np.array([0, 0, 2, 2, 2]),
        values=np.array([10.0, np.nan, 30.0]),
        size=3,
        rows=np.array([0, 2, 2, 1, 0]),
    )
    assert grouped.counts.tolist() == [2, 0, 2]
    assert grouped.ordered.tolist() == [10.0, 30.0, 10.0, 30.0]


def test_the_mean_of_equal_values_is_that_value() -> None:
    assert _grouped([(0, 0.1)] * 3, size=1).mean().tolist() == [0.1]


@pytest.mark.parametrize("size", [0, 3])
def test_no_members(size: int) -> None:
    grouped = _grouped([], size)
    assert grouped.counts.tolist() == [0] * size
    assert known_or_null(grouped.mean()).to_list() == [None] * size
    assert known_or_null(grouped.quantile(0.5)).to_list() == [None] * size
