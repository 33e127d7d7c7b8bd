"""Searching postings again after the taxonomy has changed: those alone that the change can matter to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.skills.matching import SkillChanges, SkillMatcher
from market_assets.skills.taxonomy import Taxonomy
from market_assets.store.connection import MarketConnection
from market_assets.store.posting_skills import set_version, skill_rows, write_skills
from market_assets.store.revisions import count_up_postings
from market_assets.store.skills import (
    delete_unused_rules,
    prepare,
    read_outdated,
    read_rules,
    rules_of,
    skill_names,
)

BATCH = 5_000


@dataclass(frozen=True)
class Reextracted:
    """What became of some postings: compared, searched again, found to have other skills or weights."""

    compared: int = 0
    searched: int = 0
    changed: int = 0

    def __add__(self, other: Reextracted) -> Reextracted:
        return Reextracted(
            self.compared + other.compared, self.searched + other.searched, self.changed + other.changed
        )


def reextract(connection: MarketConnection, matcher: SkillMatcher, batch: int = BATCH) -> Iterator[Reextracted]:
    """Bring the skills of all postings up to date with a taxonomy, a batch at a time, each whole in itself.

    Each posting keeps the version of its rules, so that a run that was killed goes on where it ended.
    """
    rules = rules_of(matcher)
    skill_ids = prepare(connection, skill_names(matcher.taxonomy), rules)
    with connection.transaction():
        older = read_rules(connection)

    @cache
    def changes_since(version: int) -> SkillChanges | None:
        """What has changed since a version; None where that is not known, so that everything may have."""
        known = older.get(version)
        if known is None or known.rules != rules.rules:
            return None
        return SkillChanges(Taxonomy.from_json(known.taxonomy), matcher.taxonomy)

    last = 0
    while True:
        with connection.transaction():
            # Writers of postings queue on it, so that no text changes under the batch.
            count_up_postings(connection)
            texts = read_outdated(connection, rules, last, batch)
            if texts.is_empty():
                delete_unused_rules(connection, rules)
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
    skill_ids: npt.NDArray[np.int16],
    changes: SkillChanges | None,
) -> Reextracted:
    version = rules_of(matcher).version
    compared = texts.height
    if changes is not None:
        touched = changes.touches(texts["title"], texts["description"])
        set_version(connection, texts.filter(~touched)["posting_id"], version)
        texts = texts.filter(touched)
    found = matcher.extract(texts["title"], texts["description"])
    rows = skill_rows(texts["posting_id"], found, skill_ids)
    return Reextracted(compared, texts.height, write_skills(connection, texts, rows, version))
