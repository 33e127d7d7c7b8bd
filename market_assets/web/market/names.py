"""Names as people write them: in any case, by another spelling, with suggestions where they are unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cached_property

MOST_SUGGESTIONS = 3


class Names:
    """The names of one kind of thing."""

    def __init__(self, names: Iterable[str], spellings: Callable[[], Mapping[str, str]] | None = None) -> None:
        """Take the names that are known.

        Args:
            names: as the tables spell them; of names that differ by case alone, the last in order is found first.
            spellings: makes the table from other spellings, casefolded, to names; called when it is first needed.
        """
        self._names = frozenset(names)
        self._folded = {name.casefold(): name for name in sorted(self._names, reverse=True)}
        self._other_spellings = spellings

    @property
    def all(self) -> list[str]:
        """The names in ascending order."""
        return sorted(self._names)

    def find(self, name: str) -> str | None:
        """The name as the tables spell it, None where they don't have it."""
        if name in self._names:
            return name
        folded = name.strip().casefold()
        return self._folded.get(folded) or self._spellings.get(folded)

    def suggestions(self, name: str) -> list[str]:
        """Up to three known names that look like an unknown one, the most alike first."""
        known = {**self._spellings, **self._folded}
        alike = get_close_matches(name.strip().casefold(), known, n=2 * MOST_SUGGESTIONS, cutoff=0.7)
        return list(dict.fromkeys(known[each] for each in alike))[:MOST_SUGGESTIONS]

    def containing(self, part: str) -> set[str]:
        """The names in which a text occurs, whatever its case, and the one that it is another spelling of."""
        folded = part.strip().casefold()
        found = self.find(part)
        return {name for key, name in self._folded.items() if folded in key} | ({found} if found else set())

    @cached_property
    def _spellings(self) -> dict[str, str]:
        made = self._other_spellings() if self._other_spellings else {}
        return {spelling: name for spelling, name in made.items() if name in self._names}


def town_spellings(locations: Iterable[str]) -> dict[str, str]:
    """For each town ("berlin"), the first of the locations that begin with it ("Berlin, DE")."""
    found: dict[str, str] = {}
    for location in locations:
        town, comma, _ = location.partition(",")
        if comma:
            found.setdefault(town.strip().casefold(), location)
    return found
