"""Groups of near duplicates are those of comparing everything with everything, while there is little."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings import near_duplicates
from market_assets.postings.near_duplicates import BANDS, MAX_ALL_PAIRS, NEIGHBOURS, near_groups
from market_assets.postings.sketches import padded, sketches
from market_assets_tests.postings.test_sketches import hashes_of, prose

SCHEMA = pl.Schema({"near_key": pl.Int64(), "sketch": pl.Binary()})
#: Texts of three jobs, whole, cut, changed and mixed. All their hashes are in their sketches.
BASES = [prose(90, seed).split() for seed in (1, 2, 3)]
TEXTS = st.builds(
    lambda base, start, end, other, more: " ".join(BASES[base][start:end] + BASES[other][:more]),
    st.integers(0, 2),
    st.integers(0, 30),
    st.integers(50, 90),
    st.integers(0, 2),
    st.sampled_from([0, 0, 10, 40]),
)
RANKS = st.sampled_from([0, 0, 1, 2, 3])
POSTINGS = st.lists(st.tuples(st.none() | st.integers(5, 7), TEXTS, RANKS), max_size=10)

Made = tuple[int | None, str, int]


def frame(postings: list[Made]) -> pl.DataFrame:
    encoded = sketches(pl.Series([text for _, text, _ in postings], dtype=pl.String))
    rows = [
        {"near_key": key, "sketch": rank.to_bytes(2, "little") + sketch}
        for (key, _, rank), sketch in zip(postings, encoded, strict=True)
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def alike(one: Made, other: Made) -> bool:
    ranks = {one[2], other[2], one[2] & other[2]}
    if one[0] is None or one[0] != other[0] or len(ranks) > 2:
        return False
    first, second = hashes_of(one[1]), hashes_of(other[1])
    share = len(first & second) / min(len(first), len(second))
    return share >= (0.65 if one[2] == other[2] else 0.9)


def partition(groups: list[int | None]) -> set[frozenset[int]]:
    """The groups of two and more, by the places of their members."""
    places: dict[int, set[int]] = {}
    for place, group in enumerate(groups):
        if group is not None:
            places.setdefault(group, set()).add(place)
    return {frozenset(members) for members in places.values() if len(members) > 1}


def compared_one_by_one(postings: list[Made]) -> set[frozenset[int]]:
    groups = list(range(len(postings)))
    for one in range(len(postings)):
        for other in range(one):
            if alike(postings[one], postings[other]):
                groups = [groups[one] if group == groups[other] else group for group in groups]
    return partition(list(groups))


@given(postings=POSTINGS)
def test_groups_are_those_of_comparing_each_with_each(postings: list[Made]) -> None:
    assert partition(near_groups(frame(postings)).to_list()) == compared_one_by_one(postings)


@pytest.mark.parametrize("all_pairs", [0, 3, MAX_ALL_PAIRS])
@given(postings=POSTINGS, data=st.data())
def test_groups_do_not_depend_on_the_order(all_pairs: int, postings: list[Made], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(postings))))
    rows = frame(postings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "MAX_ALL_PAIRS", all_pairs)
        straight = partition(near_groups(rows).to_list())
        shuffled = partition(near_groups(rows[order]).to_list())
    assert {frozenset(order[place] for place in group) for group in shuffled} == straight


def test_many_texts_of_one_employer_take_time_that_grows_with_their_number_only() -> None:
    """Half of each text is the employer's; every twentieth is a job that is there already, its text changed."""
    shared, draw = prose(100, 1), random.Random(1)
    jobs = [f"{shared} {prose(100, number)}" for number in range(100, 700)]
    again = [" ".join(word for word in job.split() if draw.random() > 0.02) for job in jobs[::20]]
    postings: list[Made] = [(5, text, 0) for text in jobs + again]
    rows = frame(postings).sort("sketch")
    numbers = padded([sketch[2:] for sketch in rows["sketch"]])
    one, other = near_duplicates._candidates(rows["near_key"].to_numpy(), numbers)
    assert len(one) <= len(postings) * BANDS * NEIGHBOURS < len(postings) ** 2 / 3
    assert np.all(one < other)
    found = partition(near_groups(frame(postings)).to_list())
    expected = {frozenset((20 * place, len(jobs) + place)) for place in range(len(again))}
    assert found <= expected
    assert len(found) >= 0.9 * len(expected)


def test_a_text_that_many_post_word_for_word_is_one_group() -> None:
    groups = near_groups(frame([(5, prose(100, 1), 0)] * 500 + [(6, prose(100, 1), 0)]))
    assert groups[:500].n_unique() == 1
    assert groups[500] is None


def test_no_postings() -> None:
    assert near_groups(pl.DataFrame(schema=SCHEMA)).to_list() == []
