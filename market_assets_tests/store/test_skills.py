"""Skills are made known once; what is found is written when it is its turn, where it still holds."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
import sqlalchemy as sa

from market_assets.skills.taxonomy import Skill, Taxonomy
from market_assets.store.connection import MarketConnection
from market_assets.store.database import StoreError
from market_assets.store.posting_skills import read_texts, skill_rows, write_skills
from market_assets.store.revisions import POSTINGS, count_up_postings
from market_assets.store.skills import known_skill_ids, prepare, read_known_skills, skill_names
from market_assets.store.tables.postings import data_revision, posting_facts, posting_skill_facts, skills
from market_assets_tests.store.made_up_postings import (
    MARCH,
    days_after,
    found_skills,
    posting,
    stored,
    write_day,
)

VERSION = 1
SKILLS = (Skill("Ada", "languages"), Skill("zsh", "shells"))
KNOWN = Taxonomy(SKILLS)


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
    ids = prepare(connection, KNOWN)
    assert known(connection) == {"Ada": (ids[0], "languages"), "zsh": (ids[1], "shells")}
    before = revision(connection)
    assert prepare(connection, Taxonomy(SKILLS[::-1])).tolist() == ids.tolist()
    assert revision(connection) == before


@pytest.mark.parametrize(
    "taxonomy",
    [
        Taxonomy((*SKILLS, Skill("zzz", "shells"))),
        Taxonomy((Skill("Ada", "moved"), SKILLS[1])),
        Taxonomy((Skill("Ada", "languages", esco="http://data.europa.eu/esco/skill/ada"), SKILLS[1])),
    ],
    ids=["skill", "category", "identifier"],
)
def test_whatever_is_new_is_noticed(connection: MarketConnection, taxonomy: Taxonomy) -> None:
    first = prepare(connection, KNOWN)
    ids = prepare(connection, taxonomy)
    assert ids[:2].tolist() == first.tolist()
    assert known(connection) == {
        skill.name: (number, skill.category) for skill, number in zip(taxonomy.skills, ids, strict=True)
    }
    with_identifiers = read_known_skills(connection).select("skill", "esco").rows()
    assert sorted(with_identifiers) == [(skill.name, skill.esco) for skill in taxonomy.skills]


def test_known_ids_are_those_of_the_names(connection: MarketConnection) -> None:
    names = skill_names(KNOWN)
    assert known_skill_ids(connection, names) is None
    ids = prepare(connection, KNOWN)
    found = known_skill_ids(connection, names)
    assert found is not None
    assert (found.dtype, found.tolist()) == (ids.dtype, ids.tolist())
    assert known_skill_ids(connection, names.with_columns(category=pl.lit("moved"))) is None


def test_nobody_waits_for_a_day_that_is_being_written_where_nothing_is_new(
    connection: MarketConnection, other: MarketConnection
) -> None:
    ids = prepare(connection, KNOWN)
    with connection.transaction():
        count_up_postings(connection)
        assert prepare(other, KNOWN).tolist() == ids.tolist()


def read_first(connection: MarketConnection) -> pl.DataFrame:
    with connection.transaction():
        return next(read_texts(connection, MARCH, VERSION))


def write_first(connection: MarketConnection, texts: pl.DataFrame) -> None:
    """Write the first of `SKILLS` as the skill of each text."""
    ids = prepare(connection, KNOWN)
    rows = skill_rows(texts["posting_id"], found_skills([[0]] * texts.height), ids)
    with connection.transaction():
        write_skills(connection, texts, rows, VERSION)


def with_skills(connection: MarketConnection) -> list[str]:
    query = sa.select(posting_facts.c.external_id).where(posting_facts.c.skills_version.is_not(None))
    searched = sorted(connection.read(query, pl.Schema({"external_id": pl.String()}))["external_id"])
    facts = stored(connection, posting_facts).join(stored(connection, posting_skill_facts), on="posting_id")
    assert sorted(facts["external_id"]) == searched
    return searched


def test_a_text_that_changed_since_it_was_searched_is_left_to_whoever_changed_it(
    connection: MarketConnection,
) -> None:
    write_day(connection, MARCH, [posting("a", title="zsh"), posting("b", title="zsh"), posting("c", title="zsh")])
    texts = read_first(connection)
    write_day(connection, days_after(1), [posting("a", title="Ada"), posting("b", title="zsh")])
    write_first(connection, texts)
    assert with_skills(connection) == ["b", "c"]


def test_skills_are_written_when_a_day_that_is_being_written_is_done(
    connection: MarketConnection, other: MarketConnection
) -> None:
    """Each holds rows that the other wants, sooner or later."""
    if connection.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    write_day(connection, MARCH, [posting("a", title="zsh")])
    texts = read_first(connection)
    prepare(connection, KNOWN)
    with connection.transaction():
        count_up_postings(connection)
        with pytest.raises(StoreError, match="lock timeout"):
            write_first(other, texts)
    write_first(other, texts)
    assert with_skills(connection) == ["a"]
