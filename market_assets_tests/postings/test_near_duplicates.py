"""Groups of near duplicates are those of comparing everything with everything, while there is little."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings import near_duplicates
from market_assets.postings.near_duplicates import BANDS, MAX_ALL_PAIRS, NEIGHBOURS, TOGETHER, near_groups
from market_assets.postings.near_keys import HEADER, padded, sketches
from market_assets_tests.postings.test_sketches import hashes_of, prose

START = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "near_key": pl.Int64(),
        "sketch": pl.Binary(),
        "source": pl.String(),
        "posted_at": pl.Datetime("us", "UTC"),
    }
)
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


class Made(NamedTuple):
    """A posting by what near duplicates are known by; no text where it is empty."""

    key: int | None = 5
    text: str = ""
    country: int = 1
    city: int = 1
    remote: int = 0
    ranks: int = 0
    company: tuple[int, ...] = (1,)
    source: str = "a"
    day: int = 0

    @property
    def header(self) -> tuple[int, ...]:
        prefixes = [sum(number * 10**place for place, number in enumerate(self.company[:n])) for n in (9, 1, 2, 3)]
        return (self.country, 0, self.city, self.remote, self.ranks, *prefixes)


POSTINGS = st.lists(
    st.builds(
        Made,
        key=st.none() | st.integers(5, 6),
        text=TEXTS,
        country=st.integers(0, 2),
        city=st.integers(0, 2),
        remote=st.integers(0, 1),
        ranks=st.sampled_from([0, 0, 1, 2, 3]),
        company=st.sampled_from([(1,), (1, 2), (1, 2, 3), (1, 3)]),
        source=st.just("a"),
        day=st.just(0),
    ),
    max_size=8,
)


def frame(postings: list[Made]) -> pl.DataFrame:
    encoded = sketches(pl.Series([made.text or None for made in postings], dtype=pl.String))
    rows = [
        {
            "posting_id": number,
            "near_key": made.key,
            "sketch": np.array(made.header, "<u2").tobytes() + sketch,
            "source": made.source,
            "posted_at": START + timedelta(days=made.day),
        }
        for number, (made, sketch) in enumerate(zip(postings, encoded, strict=True))
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def groups_of(rows: pl.DataFrame) -> pl.Series:
    """The groups of postings, of which each sketch is asked for once at the most."""
    asked_for: list[int] = []

    def sketches_of(posting_ids: pl.Series) -> pl.DataFrame:
        asked_for.extend(posting_ids)
        return rows.select("posting_id", "sketch").filter(pl.col("posting_id").is_in(posting_ids.implode()))

    groups = near_groups(rows.drop("sketch"), sketches_of)
    assert len(asked_for) == len(set(asked_for))
    return groups


def fits(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Country, city, remote, ranks, company of two postings or groups."""
    places = all(here == there or not here or not there for here, there in zip(one[:2], other[:2], strict=True))
    companies = sorted((one[4], other[4]), key=len)
    return (
        (places or bool(one[2] and other[2]))
        and one[3] & other[3] in (one[3], other[3])
        and companies[1][: len(companies[0])] == companies[0]
    )


def of(made: Made) -> tuple[Any, ...]:
    return (made.country, made.city, made.remote, made.ranks, made.company)


def share(one: Made, other: Made) -> float:
    first, second = hashes_of(one.text), hashes_of(other.text)
    return len(first & second) / min(len(first), len(second))


def partition(groups: list[int | None]) -> set[frozenset[int]]:
    """The groups of two and more, by the places of their members."""
    places: dict[int, set[int]] = {}
    for place, group in enumerate(groups):
        if group is not None:
            places.setdefault(group, set()).add(place)
    return {frozenset(members) for members in places.values() if len(members) > 1}


def compared_one_by_one(postings: list[Made]) -> set[frozenset[int]]:
    """Same texts, then certain pairs, then doubtful ones, the surest first, while all that is known fits."""
    sketched = frame(postings)["sketch"].to_list()
    order = sorted(range(len(postings)), key=lambda row: (postings[row].key or 0, sketched[row]))
    pairs = [
        (one, other)
        for place, one in enumerate(order)
        for other in order[place + 1 :]
        if postings[one].key is not None and postings[one].key == postings[other].key
    ]
    groups = list(range(len(postings)))
    doubtful = []
    for one, other in pairs:
        alike, certain = share(postings[one], postings[other]), postings[one].header == postings[other].header
        if certain and alike >= 0.65:
            groups = [groups[one] if group == groups[other] else group for group in groups]
        elif not certain and alike >= 0.85 and fits(of(postings[one]), of(postings[other])):
            first, second = ([*map(sketched.__getitem__, order)].index(sketched[row]) for row in (one, other))
            doubtful.append((-alike, first, second, one, other))
    known = {}
    for group in set(groups):
        known[group] = merged([of(made) for made, own in zip(postings, groups, strict=True) if own == group])
    for *_, one, other in sorted(doubtful):
        here, there = groups[one], groups[other]
        if here != there and fits(known[here], known[there]):
            known[here] = merged([known[here], known[there]])
            groups = [here if group == there else group for group in groups]
    return partition(list(groups))


def merged(known: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    country, city, remote, ranks, company = zip(*known, strict=True)
    return (max(country), max(city), min(remote), max(ranks), max(company, key=len))


@pytest.mark.parametrize("together", [1, 3, TOGETHER])
@given(postings=POSTINGS)
def test_groups_are_those_of_comparing_each_with_each(together: int, postings: list[Made]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "TOGETHER", together)
        assert partition(groups_of(frame(postings)).to_list()) == compared_one_by_one(postings)


@pytest.mark.parametrize("all_pairs", [0, 3, MAX_ALL_PAIRS])
@given(postings=POSTINGS, data=st.data())
def test_groups_do_not_depend_on_the_order(all_pairs: int, postings: list[Made], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(postings))))
    rows = frame(postings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "MAX_ALL_PAIRS", all_pairs)
        straight = partition(groups_of(rows).to_list())
        shuffled = partition(groups_of(rows[order]).to_list())
    assert {frozenset(order[place] for place in group) for group in shuffled} == straight


def test_many_texts_of_one_employer_take_time_that_grows_with_their_number_only() -> None:
    """Half of each text is the employer's; every twentieth is a job that is there already, its text changed."""
    shared, draw = prose(100, 1), random.Random(1)
    jobs = [f"{shared} {prose(100, number)}" for number in range(100, 700)]
    again = [" ".join(word for word in job.split() if draw.random() > 0.02) for job in jobs[::20]]
    postings = [Made(text=text) for text in jobs + again]
    rows = frame(postings).sort("sketch")
    numbers = padded([sketch[2 * len(HEADER) :] for sketch in rows["sketch"]])
    one, other = near_duplicates._candidates(rows["near_key"].to_numpy(), numbers)
    assert len(one) <= len(postings) * BANDS * NEIGHBOURS < len(postings) ** 2 / 3
    assert np.all(one < other)
    found = partition(groups_of(frame(postings)).to_list())
    expected = {frozenset((20 * place, len(jobs) + place)) for place in range(len(again))}
    assert found <= expected
    assert len(found) >= 0.9 * len(expected)


def test_a_text_that_many_post_word_for_word_is_one_group() -> None:
    groups = groups_of(frame([Made(text=prose(100, 1))] * 500 + [Made(6, prose(100, 1))]))
    assert groups[:500].n_unique() == 1
    assert groups[500] is None


TEXT = prose(90, 1)


def test_a_missing_place_joins_no_two_towns() -> None:
    """The text without a place goes with the town whose text is nearer; the towns stay apart."""
    one, other = Made(text=TEXT), Made(text=" ".join(TEXT.split()[:-2]), city=2)
    assert grouped(one, Made(text=TEXT, country=0, city=0), other) == {frozenset((0, 1))}


def test_where_a_place_is_missing_more_of_the_text_must_be_the_same() -> None:
    one, other = Made(text=TEXT), Made(text=" ".join(TEXT.split()[:70] + prose(20, 2).split()))
    assert 0.65 < share(one, other) < 0.85
    assert grouped(one, other) == {frozenset((0, 1))}
    assert grouped(one, other._replace(city=0)) == set()


def test_a_title_without_a_rank_joins_no_two_ranks() -> None:
    one, other = Made(text=TEXT, ranks=1), Made(text=" ".join(TEXT.split()[:-2]), ranks=2)
    assert grouped(one, Made(text=TEXT), other) == {frozenset((0, 1))}


def test_a_remote_job_in_several_countries_is_one() -> None:
    remote = [Made(text=TEXT, country=country, remote=1) for country in (0, 1, 2)]
    assert grouped(*remote, Made(text=TEXT, country=3)) == {frozenset((0, 1, 2))}
    assert grouped(*(made._replace(text="") for made in remote)) == {frozenset((0, 1, 2))}


def test_without_texts_two_boards_have_one_job_and_one_board_has_two() -> None:
    assert grouped(Made(), Made(source="b", day=30)) == {frozenset((0, 1))}
    assert grouped(Made(), Made()) == set()
    assert grouped(Made(), Made(), Made(source="b"), Made(source="b")) == {frozenset((0, 2)), frozenset((1, 3))}
    assert grouped(Made(), Made(source="b", day=31)) == set()


@pytest.mark.parametrize("other", [{"city": 2}, {"city": 0}, {"ranks": 1}, {"company": (1, 2)}, {"key": 6}])
def test_without_texts_everything_else_must_be_known_and_the_same(other: dict[str, Any]) -> None:
    assert grouped(Made(), Made(source="b")._replace(**other)) == set()


def test_one_text_is_enough_but_two_are_compared() -> None:
    assert grouped(Made(text=TEXT), Made(source="b")) == {frozenset((0, 1))}
    assert grouped(Made(text=TEXT), Made(source="b", text=prose(90, 2)), Made(source="c")) == {frozenset((0, 2))}


def grouped(*postings: Made) -> set[frozenset[int]]:
    return partition(groups_of(frame([*postings])).to_list())


def test_no_postings() -> None:
    assert groups_of(pl.DataFrame(schema=SCHEMA)).to_list() == []


def test_a_posting_without_a_sketch_is_in_no_group() -> None:
    rows = frame([Made(text=TEXT)] * 3)
    without = pl.col("posting_id") == 1
    known = rows.with_columns(sketch=pl.when(~without).then("sketch")).drop_nulls("sketch")
    groups = near_groups(rows.drop("sketch"), lambda _ids: known.select("posting_id", "sketch"))
    assert partition(groups.to_list()) == {frozenset((0, 2))}
    assert groups[1] is None
    assert near_groups(rows.drop("sketch"), lambda _ids: known.clear()).null_count() == 3
