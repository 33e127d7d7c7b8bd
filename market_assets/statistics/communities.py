"""Communities of skills: groups that are asked for together, as in a role on the market."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from market_assets.statistics.tables import SKILL_COMMUNITIES

if TYPE_CHECKING:
    from networkx import Graph

#: Pairs with an npmi_lower below this are no edges of the graph.
LEAST_NPMI = 0.05
#: Pairs in fewer postings are none either: two postings of one employer make a clique of all that they list.
LEAST_CO_OCCURRENCES = 3
#: Each skill has edges to this many of its closest skills.
CLOSEST = 15
#: A community is named after this many of its skills.
NAMED_AFTER = 3
_SEED = 0


def skill_communities(relationships: pl.DataFrame) -> pl.DataFrame:
    """Groups of skills that occur together more than with other skills.

    Args:
        relationships: skill_a, skill_b, co_occurrences, npmi_lower (schema `tables.SKILL_RELATIONSHIPS`).

    Returns:
        Schema `SKILL_COMMUNITIES`, by community and skill; skills without an edge have no row. The communities,
        numbered from 1 by size (ties by name), are those of the Louvain method (Blondel et al., "Fast unfolding
        of communities in large networks", 2008), with npmi_lower as the weight of an edge. `centrality` is the
        sum of a skill's edges within its community, divided by the greatest such sum there: 0 to 1;
        `community_name` lists the three skills that bind most postings to it: those with the greatest sum of
        npmi_lower × co_occurrences over their edges within the community, since the most central skills of all
        may be rare ones.
    """
    from networkx import Graph
    from networkx.algorithms.community import louvain_communities

    edges = _closest(relationships)
    skills = sorted({*edges["skill_a"], *edges["skill_b"]})
    number_of = {skill: number for number, skill in enumerate(skills)}
    graph = Graph()
    # Numbers in a fixed order, so that the result depends neither on the order of rows nor on that of a set.
    graph.add_nodes_from(range(len(skills)))
    for a, b, postings, weight in edges.iter_rows():
        graph.add_edge(number_of[a], number_of[b], weight=weight, postings=weight * postings)
    if not skills:
        return pl.DataFrame(schema=SKILL_COMMUNITIES)
    found = [
        (_bonds(graph, members, "weight"), _bonds(graph, members, "postings"))
        for members in louvain_communities(graph, seed=_SEED)
    ]
    found.sort(key=lambda community: (-len(community[0]), min(community[0])))
    rows = [
        (skills[skill], number, _name(binding, skills), weight / max(central.values()))
        for number, (central, binding) in enumerate(found, start=1)
        for skill, weight in sorted(central.items())
    ]
    return pl.DataFrame(rows, schema=SKILL_COMMUNITIES, orient="row")


def _closest(relationships: pl.DataFrame) -> pl.DataFrame:
    """The pairs that are among the closest of either of their skills, by name; the columns of `relationships`."""
    sure = relationships.select("skill_a", "skill_b", "co_occurrences", "npmi_lower").filter(
        pl.col("npmi_lower") >= LEAST_NPMI, pl.col("co_occurrences") >= LEAST_CO_OCCURRENCES
    )
    sure = sure.sort("npmi_lower", "skill_a", "skill_b", descending=[True, False, False]).with_row_index("pair")
    either = pl.concat([sure.select("pair", skill="skill_a"), sure.select("pair", skill="skill_b")]).sort("pair")
    kept = either.group_by("skill", maintain_order=True).head(CLOSEST)["pair"].unique()
    return sure.filter(pl.col("pair").is_in(kept.implode())).drop("pair").sort("skill_a", "skill_b")


def _bonds(graph: Graph, members: set[int], attribute: str) -> dict[int, float]:
    """For each member of a community, the sum of an attribute of its edges within it."""
    return {
        skill: sum(edge[attribute] for other, edge in graph[skill].items() if other in members)
        for skill in members
    }


def _name(bonds: dict[int, float], skills: list[str]) -> str:
    """The skills with the greatest sums; ties by name."""
    return ", ".join(skills[one] for one in sorted(bonds, key=lambda skill: (-bonds[skill], skill))[:NAMED_AFTER])
