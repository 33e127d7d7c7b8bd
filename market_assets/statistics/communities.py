"""Communities of skills: groups that are asked for together, as in a role on the market."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from market_assets.statistics.tables import SKILL_COMMUNITIES

if TYPE_CHECKING:
    from networkx import Graph

#: Pairs with an npmi_lower below this are no edges of the graph.
LEAST_NPMI = 0.05
#: Each skill has edges to this many of its closest skills.
CLOSEST = 15
#: A community is named after this many of its most central skills.
NAMED_AFTER = 3
_SEED = 0


def skill_communities(relationships: pl.DataFrame) -> pl.DataFrame:
    """Groups of skills that occur together more than with other skills.

    Args:
        relationships: skill_a, skill_b, npmi_lower (schema `tables.SKILL_RELATIONSHIPS`).

    Returns:
        Schema `SKILL_COMMUNITIES`, by community and skill; skills without an edge have no row. The communities,
        numbered from 1 by size (ties by name), are those of the Louvain method (Blondel et al., "Fast unfolding
        of communities in large networks", 2008), with npmi_lower as the weight of an edge. `centrality` is the
        sum of a skill's edges within its community, divided by the greatest such sum there: 0 to 1;
        `community_name` lists the three most central skills.
    """
    from networkx import Graph
    from networkx.algorithms.community import louvain_communities

    edges = _closest(relationships)
    skills = sorted({*edges["skill_a"], *edges["skill_b"]})
    number_of = {skill: number for number, skill in enumerate(skills)}
    graph = Graph()
    # Numbers in a fixed order, so that the result depends neither on the order of rows nor on that of a set.
    graph.add_nodes_from(range(len(skills)))
    graph.add_weighted_edges_from((number_of[a], number_of[b], weight) for a, b, weight in edges.iter_rows())
    if not skills:
        return pl.DataFrame(schema=SKILL_COMMUNITIES)
    found = [_by_centrality(graph, members) for members in louvain_communities(graph, seed=_SEED)]
    found.sort(key=lambda members: (-len(members), members[0]))
    rows = [
        (skills[skill], community, ", ".join(skills[one] for one, _ in members[:NAMED_AFTER]), centrality)
        for community, members in enumerate(found, start=1)
        for skill, centrality in sorted(members)
    ]
    return pl.DataFrame(rows, schema=SKILL_COMMUNITIES, orient="row")


def _closest(relationships: pl.DataFrame) -> pl.DataFrame:
    """skill_a, skill_b, npmi_lower of the pairs that are among the closest of either of their skills, by name."""
    sure = relationships.select("skill_a", "skill_b", "npmi_lower").filter(pl.col("npmi_lower") >= LEAST_NPMI)
    sure = sure.sort("npmi_lower", "skill_a", "skill_b", descending=[True, False, False]).with_row_index("pair")
    either = pl.concat([sure.select("pair", skill="skill_a"), sure.select("pair", skill="skill_b")]).sort("pair")
    kept = either.group_by("skill", maintain_order=True).head(CLOSEST)["pair"].unique()
    return sure.filter(pl.col("pair").is_in(kept.implode())).drop("pair").sort("skill_a", "skill_b")


def _by_centrality(graph: Graph, members: set[int]) -> list[tuple[int, float]]:
    """The members of a community with their centrality, the most central first; ties by number."""
    bound = {
        skill: sum(edge["weight"] for other, edge in graph[skill].items() if other in members)
        for skill in sorted(members)
    }
    greatest = max(bound.values())
    return sorted(
        ((skill, weight / greatest) for skill, weight in bound.items()), key=lambda member: (-member[1], member[0])
    )
