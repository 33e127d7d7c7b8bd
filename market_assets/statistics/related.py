"""The relationships of each skill: skill_relationships with a row for each direction of a pair."""

from __future__ import annotations

import polars as pl

#: How rows are ordered within a skill (True: greatest first): by lower bounds, so that rare pairs come late.
CLOSEST_FIRST = {"npmi_lower": True, "npmi": True, "co_occurrences": True, "related_skill": False}


def related_skills(relationships: pl.DataFrame) -> pl.DataFrame:
    """Each pair twice, once for either skill.

    Args:
        relationships: schema `relationships.SKILL_RELATIONSHIPS`.

    Returns:
        skill, related_skill, co_occurrences, support, confidence (the share of the skill's postings that have the
        related one too), confidence_reverse, lift, npmi, strength, lift_lower, npmi_lower, log_likelihood.
    """
    return pl.concat(
        [
            _side(relationships, "skill_a", "skill_b", "confidence_ab", "confidence_ba"),
            _side(relationships, "skill_b", "skill_a", "confidence_ba", "confidence_ab"),
        ]
    )


def _side(relationships: pl.DataFrame, skill: str, related: str, confidence: str, reverse: str) -> pl.DataFrame:
    return relationships.select(
        pl.col(skill).alias("skill"),
        pl.col(related).alias("related_skill"),
        "co_occurrences",
        "support",
        pl.col(confidence).alias("confidence"),
        pl.col(reverse).alias("confidence_reverse"),
        "lift",
        "npmi",
        "strength",
        "lift_lower",
        "npmi_lower",
        "log_likelihood",
    )
