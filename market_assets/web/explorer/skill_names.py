"""Which skill is meant: by its name in any case, or by another spelling that the taxonomy has."""

from __future__ import annotations

from market_assets.web.explorer.problems import Link, PageProblem, closest
from market_assets.web.explorer.view import View


def known_skill(view: View, name: str) -> str:
    """The skill as the tables spell it.

    Raises:
        PageProblem: 404, no table has it; with suggestions.
    """
    found = find_skill(view, name)
    if found is None:
        links = [Link(one, view.skill_page(one)) for one in similar_skills(view, name)]
        raise PageProblem(404, "Skill not found", f"No counted posting asks for “{name}”.", links)
    return found


def find_skill(view: View, name: str) -> str | None:
    """As `known_skill`, None where no table has it."""
    found = view.market.skills.find(name)
    if found is None and (meant := view.explorer.spellings.get(name.strip().casefold())):
        found = view.market.skills.find(meant.name)
    return found


def similar_skills(view: View, name: str, most: int = 8) -> list[str]:
    """Skills of the tables whose name or another spelling is like a text, the closest first."""
    spelled = {name: name for name in view.market.skills.all}
    for spelling, skill in view.explorer.spellings.items():
        if known := view.market.skills.find(skill.name):
            spelled.setdefault(spelling, known)
    found = [spelled[one] for one in closest(name, spelled, 3 * most)]
    return list(dict.fromkeys(found))[:most]


def other_spellings(view: View, name: str) -> list[str]:
    skill = view.explorer.spellings.get(name.casefold())
    return list(skill.other_spellings) if skill else []
