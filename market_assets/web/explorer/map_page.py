"""`/market/map`: the communities of skills as graphs, and the neighbourhood of one skill."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from market_assets.web.explorer import charts
from market_assets.web.explorer.parameters import MARKET, address
from market_assets.web.explorer.skill_page import edges_among, graph
from market_assets.web.explorer.tables import Column, Table
from market_assets.web.explorer.view import View

#: Skills that a community's graph shows; all are listed below it.
_DRAWN = 12


class Community(NamedTuple):
    """Skills that are asked for together, the most central first."""

    name: str
    graph: Markup
    skills: list[str]


def show(view: View) -> Response:
    parameters = view.parameters("skill")
    written = parameters.get("skill")
    if written is not None:
        name = view.known_skill(written)
        return view.answer(
            "neighbours.html", parameters, name=name, graph=graph(view, name, on_map), on_map=on_map
        )
    communities = [_community(view, name) for name in view.market.communities.groups]
    communities.sort(key=lambda one: (-len(one.skills), one.name))
    rows = [{"skill": skill, "community": one.name} for one in communities for skill in one.skills]
    table = Table("communities", "Communities", [Column("skill", "Skill"), Column("community", "Community")], rows)
    return view.answer("map.html", parameters, [table], communities=communities, on_map=on_map)


def on_map(name: str) -> str:
    """The address of a skill's neighbourhood."""
    return address(f"{MARKET}/map", {"skill": name})


def _community(view: View, name: str) -> Community:
    rows = view.market.communities.of(name).head(_DRAWN)
    names, central = rows["skill"].to_list(), rows["centrality"].to_list()
    nodes = [charts.Node(skill, on_map(skill), size) for skill, size in zip(names, central, strict=True)]
    drawing = charts.wheel(f"Skills around {name}", None, nodes, edges_among(view, names))
    return Community(name, drawing, view.market.communities.of(name)["skill"].to_list())
