"""Searching postings again after the taxonomy has changed: those alone that the change can matter to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from market_assets.skills.changes import SkillChanges
    from market_assets.skills.matching import SkillMatcher
    from market_assets.store.connection import MarketConnection

BATCH = 5_000


@dataclass(frozen=True)
class Reextracted:
    """What became of some postings: looked at, searched again, found to have other skills or weights."""

    looked_at: int = 0
    searched: int = 0
    changed: int = 0

    def __add__(self, other: Reextracted) -> Reextracted:
        return Reextracted(
            self.looked_at + other.looked_at, self.searched + other.searched, self.changed + other.changed
        )


def reextract(connection: MarketConnection, matcher: SkillMatcher, batch: int = BATCH) -> Iterator[Reextracted]:
    """Bring the skills of all postings up to date with a taxonomy, a batch at a time, each whole in itself.

    Postings remember by which rules they were searched, so that a run that was killed goes on where it ended.
    """
    from market_assets.store.extraction import (
        forget_unused_rules,
        prepare,
        read_outdated,
        recall_rules,
        rules_of,
        skill_names,
    )
    from market_assets.store.revisions import count_up_postings

    rules = rules_of(matcher)
    skill_ids = prepare(connection, skill_names(matcher.taxonomy), rules)
    with connection.transaction():
        older = recall_rules(connection)

    @cache
    def changes_since(version: int | None) -> SkillChanges | None:
        """What has changed since a version; None where that can't be told, so that everything may have."""
        from market_assets.skills.changes import SkillChanges
        from market_assets.skills.taxonomy import Taxonomy

        known = None if version is None else older.get(version)
        if known is None or known.rules != rules.rules:
            return None
        return SkillChanges(Taxonomy.from_json(known.taxonomy), matcher.taxonomy)

    last = -(2**63)
    while True:
        with connection.transaction():
            # Writers of postings queue on it, so that no text changes under the batch.
            count_up_postings(connection)
            texts = read_outdated(connection, rules, last, batch)
            if texts.is_empty():
                forget_unused_rules(connection, rules)
                return
            last = int(texts["posting_id"][-1])
            done = Reextracted()
            for (version,), alike in texts.group_by("skills_version", maintain_order=True):
                done += _search_again(connection, alike, matcher, skill_ids, changes_since(version))
        yield done


def _search_again(
    connection: MarketConnection,
    texts: pl.DataFrame,
    matcher: SkillMatcher,
    skill_ids: npt.NDArray[np.uint16],
    changes: SkillChanges | None,
) -> Reextracted:
    from market_assets.store.extraction import mark_current, rules_of
    from market_assets.store.posting_skills import encode_skills, write_skills

    rules = rules_of(matcher)
    looked_at = texts.height
    if changes is not None:
        touched = changes.touches(texts["title"], texts["description"])
        mark_current(connection, texts.filter(~touched)["posting_id"], rules)
        texts = texts.filter(touched)
    encoded = encode_skills(matcher.weighed(texts["title"], texts["description"]), skill_ids)
    alike = texts["skills"].eq_missing(encoded["skills"])
    alike &= texts["skill_weights"].eq_missing(encoded["skill_weights"])
    mark_current(connection, texts.filter(alike)["posting_id"], rules)
    write_skills(connection, texts.filter(~alike), encoded.filter(~alike), rules.version)
    return Reextracted(looked_at, texts.height, int((~alike).sum()))
