"""What pages answer in place of figures: nothing has that name, or a parameter is wrong; each with suggestions."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple


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


def closest(wanted: str, names: Iterable[str], most: int = 5) -> list[str]:
    """The names most like the one that was written, whatever their case: those that hold it first."""
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.casefold(), name)
    key = wanted.casefold().strip()
    holding = sorted((name for name in folded if key and key in name), key=lambda name: (len(name), name))
    alike = get_close_matches(key, folded, most, 0.6)
    return [folded[name] for name in dict.fromkeys([*holding[:most], *alike])][:most]
