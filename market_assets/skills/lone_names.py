"""Names that are ordinary words too, where no context word is near: "Experience with Go required", "R skills"."""

from __future__ import annotations

from functools import cache

from market_assets.skills.cues import lone_name_wordings
from market_assets.skills.tokenize import PreparedTexts, prepared_words

#: Bytes before and after a name that hold any of the wordings.
_REACH = 48
_END_MARKS = b",.;:)/|!?\n\x1f"


def is_asked_for(prepared: PreparedTexts, start: int, end: int) -> bool:
    """Whether the wording directly before or after the words from `start` to `end` makes them a skill."""
    wordings = _wordings()
    after = prepared.folded[end : end + _REACH]
    if after.startswith(wordings["after"]):
        return True
    if not prepared.folded[max(0, start - _REACH) : start].endswith(wordings["before"]):
        return False
    mark = prepared.plain[end : end + 1]
    return (
        mark in _END_MARKS or prepared.plain[end : end + 2] in (b" (", b" \0") or after.startswith(wordings["end"])
    )


@cache
def _wordings() -> dict[str, tuple[bytes, ...]]:
    """Each list of wordings as whole words with a space at both ends."""
    return {
        place: tuple(b" " + words.lower() + b" " for words in prepared_words(wordings))
        for place, wordings in lone_name_wordings().items()
    }
