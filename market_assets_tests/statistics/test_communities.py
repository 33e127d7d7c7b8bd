"""Skills that are asked for together are of one community, whatever the order of the rows."""

from __future__ import annotations

import itertools

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from market_assets.statistics.communities import skill_communities
from market_assets.statistics.tables import SKILL_COMMUNITIES

PAIR = pl.Schema(
    {"skill_a": pl.String(), "skill_b": pl.String(), "npmi_lower": pl.Float64(), "co_occurrences": pl.Int64()}
)


def related(*pairs: tuple[str, str, float], postings: int = 10) -> pl.DataFrame:
    rows = [(*sorted(pair[:2]), pair[2], postings) for pair in pairs]
    return pl.DataFrame(rows, schema=PAIR, orient="row")


def clique(names: str, npmi: float) -> list[tuple[str, str, float]]:
    return [(a, b, npmi) for a, b in itertools.combinations(names, 2)]


def test_two_groups_with_a_weak_bridge_are_two_communities() -> None:
    found = skill_communities(
        related(*clique("abcd", 0.5), ("a", "b", 0.8), *clique("xyz", 0.4), ("d", "x", 0.06))
    )
    assert found.schema == SKILL_COMMUNITIES
    assert found.select("skill", "community").rows() == [*((s, 1) for s in "abcd"), *((s, 2) for s in "xyz")]
    assert found["community_name"].unique(maintain_order=True).to_list() == ["a, b, c", "x, y, z"]
    assert found.filter(pl.col("skill") == "y")["centrality"].to_list() == [1.0]


def test_the_most_central_skill_has_the_strongest_bonds_within_its_community() -> None:
    found = skill_communities(related(("hub", "a", 0.5), ("hub", "b", 0.5), ("hub", "c", 0.3), ("a", "b", 0.2)))
    central = dict(found.select("skill", "centrality").iter_rows())
    assert central == {"hub": 1.0, "a": 0.7 / 1.3, "b": 0.7 / 1.3, "c": 0.3 / 1.3}
    assert set(found["community_name"]) == {"hub, a, b"}


def test_pairs_that_may_be_chance_bind_nothing() -> None:
    found = skill_communities(related(("a", "b", 0.049), ("c", "d", -0.5), ("e", "f", 0.05)))
    assert found["skill"].to_list() == ["e", "f"]
    assert skill_communities(related()).equals(pl.DataFrame(schema=SKILL_COMMUNITIES))
    seldom = related(*clique("abc", 0.9), postings=2)
    assert skill_communities(pl.concat([seldom, related(("a", "b", 0.2))]))["skill"].to_list() == ["a", "b"]


def test_a_community_is_named_after_what_most_of_its_postings_ask_for() -> None:
    often = {("a", "w"), ("b", "w")}
    rare = [pair for pair in clique("abcdw", 0.5) if pair[:2] not in often]
    common = related(*((a, w, 0.4) for a, w in sorted(often)), postings=90)
    found = skill_communities(pl.concat([related(*rare, postings=3), common]))
    assert found.filter(pl.col("centrality") == 1)["skill"].to_list() == ["c", "d"]
    assert set(found["community_name"]) == {"w, a, b"}


names = st.sampled_from("abcdefghij")
pairs = st.lists(
    st.tuples(names, names, st.floats(-1, 1)).filter(lambda pair: pair[0] < pair[1]),
    unique_by=lambda pair: pair[:2],
    max_size=40,
)


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(drawn: list[tuple[str, str, float]], random: object) -> None:
    shuffled = list(drawn)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = skill_communities(related(*drawn))
    assert found.equals(skill_communities(related(*shuffled)))
    bound = {skill for a, b, npmi in drawn if npmi >= 0.05 for skill in (a, b)}
    assert set(found["skill"]) == bound
    assert found["skill"].is_unique().all()
    sizes = found.group_by("community").len().sort("community")
    assert sizes["community"].to_list() == list(range(1, sizes.height + 1))
    assert sizes["len"].is_sorted(descending=True)
    assert (found.group_by("community").agg(pl.col("centrality").max())["centrality"] == 1).all()
