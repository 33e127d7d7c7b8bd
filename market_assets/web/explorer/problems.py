"""What pages answer in place of figures: nothing has that name, or a parameter is wrong; each with suggestions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from market_assets.web.market.names import Names


class Link(NamedTuple):
    """A link of a page."""

    text: str
    href: str


class PageProblem(Exception):  # noqa: N818 - it is an answer, not a failure
    """An answer with another status than 200.

    Attributes:
        status: of HTTP.
        title, message: for people.
        suggestions: what may have been meant.
    """

    def __init__(self, status: int, title: str, message: str, suggestions: Iterable[Link] = ()) -> None:
        super().__init__(message)
        self.status, self.title, self.message = status, title, message
        self.suggestions = list(suggestions)


def closest(wanted: str, names: Names | Iterable[str], most: int = 5) -> list[str]:
    """The names that a text may mean: those that hold it, the shortest first, then those that look like it."""
    known = names if isinstance(names, Names) else Names(names)
    holding = sorted(known.containing(wanted), key=lambda name: (len(name), name)) if wanted.strip() else []
    return list(dict.fromkeys([*holding[:most], *known.suggestions(wanted)]))[:most]
