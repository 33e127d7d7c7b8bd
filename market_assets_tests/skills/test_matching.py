"""Columns of texts are searched as each text alone would be, by any taxonomy."""

from __future__ import annotations

import pickle

import polars as pl
import pytest

from market_assets.skills import matching as compute_skills
from market_assets.skills.matching import SkillMatcher, skill_matcher
from market_assets.skills.taxonomy import Skill, Taxonomy, TaxonomyError, load_taxonomy

SHIPPED = load_taxonomy().skills


def test_extract_gives_ascending_positions_for_each_posting() -> None:
    matcher = skill_matcher(load_taxonomy())
    titles = pl.Series(["Python developer", None, "Head of Power", "", None])
    descriptions = pl.Series(["Scala, python and Java", "Scala", "BI and power", None, ""])
    extracted = matcher.extract(titles, descriptions)["skills"]
    assert extracted.dtype == pl.List(pl.UInt16)
    assert [[SHIPPED[code].name for code in codes] for codes in extracted] == [
        ["Java", "Python", "Scala"],
        ["Scala"],
        [],
        [],
        [],
    ]
    assert all(codes.to_list() == sorted(set(codes)) for codes in extracted)


@pytest.mark.parametrize(("between", "is_found"), [(25, True), (35, False)])
def test_the_reach_of_context_is_of_characters_in_every_script(between: int, is_found: bool) -> None:
    shipped = skill_matcher(load_taxonomy())
    for text in (f"Python {'本' * between} Rust", f"Rust {'本' * between} Python"):
        assert ("Rust" in shipped.find(text)) is is_found


def test_a_context_word_of_the_neighbouring_posting_does_not_count() -> None:
    texts = pl.Series(["Plan C", "Linux compiler", "R", "SAS"])
    extracted = skill_matcher(load_taxonomy()).extract(pl.Series([None] * 4, dtype=pl.String), texts)["skills"]
    assert [[SHIPPED[code].name for code in codes] for codes in extracted] == [[], ["Linux"], [], ["SAS"]]


def test_extract_of_nothing_is_an_empty_list_column() -> None:
    empty = pl.Series([], dtype=pl.String)
    extracted = skill_matcher(load_taxonomy()).extract(empty, empty)["skills"]
    assert (len(extracted), extracted.dtype) == (0, pl.List(pl.UInt16))
    nulls = skill_matcher(load_taxonomy()).extract(pl.Series([None, None]), pl.Series([None, None]))["skills"]
    assert nulls.to_list() == [[], []]


def test_extract_leaves_its_input_alone() -> None:
    texts = pl.Series(["Ünïcode “Python”", "plain"])
    before = texts.to_list()
    skill_matcher(load_taxonomy()).extract(texts, texts)
    assert texts.to_list() == before


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 titles but 1 descriptions"):
        skill_matcher(load_taxonomy()).extract(pl.Series(["a", "b"]), pl.Series(["a"]))


@pytest.mark.parametrize("filler", ["x", " ", ". ", "é", "Go ", "C++", ".", "精", "\0", "Python "])
def test_a_megabyte_of_anything_is_searched(filler: str) -> None:
    text = filler * (2**20 // len(filler.encode())) + " Java"
    assert "Java" in skill_matcher(load_taxonomy()).find(text)


def test_small_batches_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pl.Series(["Python", "Ünix Scala", None, "", "Java " * 50, "Go language", "é"])
    whole = skill_matcher(load_taxonomy()).extract(texts, texts).rows()
    for size in (1, 7, 100):
        monkeypatch.setattr(compute_skills, "BATCH_BYTES", size)
        assert skill_matcher(load_taxonomy()).extract(texts, texts).rows() == whole


# -------------------------------------------------------------------- matcher


def test_the_matcher_is_built_once_and_survives_pickling() -> None:
    taxonomy = load_taxonomy()
    matcher = skill_matcher(taxonomy)
    assert skill_matcher(Taxonomy(taxonomy.skills)) is matcher
    copy = pickle.loads(pickle.dumps(matcher))
    text = "Python, Go, C++ and React Native"
    assert copy.find(text) == matcher.find(text) == ["C++", "Go", "Python", "React Native"]


def test_a_taxonomy_of_ones_own() -> None:
    taxonomy = Taxonomy(
        (
            Skill("Knitting", "Crafts", aliases=("Crochet",)),
            Skill("Вязание", "Crafts"),
            Skill("Hand Knitting", "Crafts"),
        )
    )
    matcher = SkillMatcher(taxonomy)
    assert matcher.find("hand-knitting, Вязание") == ["Hand Knitting", "Вязание"]
    assert matcher.find("crochet; python") == ["Knitting"]
    assert SkillMatcher(Taxonomy(())).find("Python") == []


def test_a_spelling_that_can_not_be_searched_for_is_an_error() -> None:
    with pytest.raises(TaxonomyError, match="'…' holds nothing that can be searched for"):
        SkillMatcher(Taxonomy((Skill("…", "Crafts"),)))
