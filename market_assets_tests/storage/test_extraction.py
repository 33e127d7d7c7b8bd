"""Skills and rules are made known once, and then nobody waits for them."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
import sqlalchemy as sa

from market_assets.storage.connection import MarketConnection
from market_assets.storage.extraction import ExtractionRules, prepare, recall_rules
from market_assets.storage.facts import known_skill_ids
from market_assets.storage.revisions import POSTINGS, count_up_postings
from market_assets.storage.tables import data_revision, skills

RULES = ExtractionRules("{}", "1")
NAMES = pl.DataFrame({"skill": ["zsh", "Ada"], "category": ["shells", "languages"]})


def known(connection: MarketConnection) -> dict[str, tuple[int, str]]:
    columns = (skills.c.skill, skills.c.skill_id, skills.c.category)
    schema = pl.Schema({"skill": pl.String(), "skill_id": pl.Int64(), "category": pl.String()})
    return {
        name: (number, category) for name, number, category in connection.read(sa.select(*columns), schema).rows()
    }


def revision(connection: MarketConnection) -> int:
    return int(connection.scalar(sa.select(data_revision.c.revision).where(data_revision.c.id == POSTINGS)))


@pytest.fixture
def other(connection: MarketConnection) -> Iterator[MarketConnection]:
    """Another writer of the same database, which does not wait long."""
    with MarketConnection(connection.database) as other:
        if not connection.database.is_sqlite:
            other.execute("SET lock_timeout = '3s'")
        yield other


def test_what_is_new_is_made_known_once(connection: MarketConnection) -> None:
    ids = prepare(connection, NAMES, RULES)
    assert known(connection) == {"zsh": (ids[0], "shells"), "Ada": (ids[1], "languages")}
    assert recall_rules(connection) == {RULES.version: RULES}
    before = revision(connection)
    assert prepare(connection, NAMES.reverse(), RULES).tolist() == ids[::-1].tolist()
    assert revision(connection) == before


@pytest.mark.parametrize(
    ("names", "rules"),
    [
        (pl.concat([NAMES, pl.DataFrame({"skill": ["Go"], "category": ["languages"]})]), RULES),
        (NAMES.with_columns(category=pl.lit("moved")), RULES),
        (NAMES, ExtractionRules("{}", "2")),
    ],
    ids=["skill", "category", "rules"],
)
def test_whatever_is_new_is_noticed(
    connection: MarketConnection, names: pl.DataFrame, rules: ExtractionRules
) -> None:
    first = prepare(connection, NAMES, RULES)
    ids = prepare(connection, names, rules)
    assert ids[:2].tolist() == first.tolist()
    assert known(connection) == {
        name: (number, category) for (name, category), number in zip(names.rows(), ids, strict=True)
    }
    assert recall_rules(connection).keys() == {RULES.version, rules.version}


def test_known_ids_are_those_of_the_names(connection: MarketConnection) -> None:
    assert known_skill_ids(connection, NAMES) is None
    ids = prepare(connection, NAMES, RULES)
    found = known_skill_ids(connection, NAMES)
    assert found is not None
    assert (found.dtype, found.tolist()) == (ids.dtype, ids.tolist())
    assert known_skill_ids(connection, NAMES.with_columns(category=pl.lit("moved"))) is None


def test_nobody_waits_for_a_day_that_is_being_written_where_nothing_is_new(
    connection: MarketConnection, other: MarketConnection
) -> None:
    ids = prepare(connection, NAMES, RULES)
    with connection.transaction():
        count_up_postings(connection)
        assert prepare(other, NAMES, RULES).tolist() == ids.tolist()
