"""Answers of any shape at all: a board reads them or refuses them in words, and never breaks."""

from __future__ import annotations

import copy
import io
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import ADZUNA, HACKER_NEWS_THREAD, JOB_LIST, JSEARCH, as_json

from market_assets.sources.boards.board import Board, Page
from market_assets.sources.configuration import ENTRIES
from market_assets.sources.protocol import Request, SourceError, Tools

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "@type", "min"]), inner),
    max_leaves=6,
)
LEVER = {
    "id": "1",
    "text": "Cook",
    "country": "US",
    "categories": {"location": "Rome", "allLocations": ["Rome"], "commitment": "x"},
    "lists": [{"text": "a", "content": "b"}],
    "salaryRange": {"min": 1, "max": 2, "interval": "x", "currency": "EUR"},
}
ASHBY = {
    "title": "Cook",
    "address": {"postalAddress": {"addressCountry": "Italy"}},
    "compensation": {"summaryComponents": [{"compensationType": "Salary", "minValue": 1}]},
}
HIMALAYAS = {
    "title": "x",
    "minSalary": 1,
    "maxSalary": 2,
    "salaryPeriod": "annual",
    "companyName": "name",
    "companySlug": "a-b",
}
ANSWERS: dict[str, tuple[dict[str, Any], Any]] = {
    "remoteok": ({}, [{"id": "1", "position": "Cook", "salary_min": 0}]),
    "remotive": ({}, {"jobs": [{"title": "Cook", "salary": "x"}]}),
    "arbeitnow": ({}, {"data": [{"title": "Cook", "tags": ["a"]}], "links": {"next": "x"}}),
    "himalayas": ({}, {"jobs": [HIMALAYAS], "totalCount": 99}),
    "jobicy": ({}, {"jobs": [{"jobTitle": "Cook", "annualSalaryMin": 5, "salaryMin": 1}]}),
    "greenhouse": ({"companies": ["a"]}, {"jobs": [{"title": "Cook", "location": {"name": "Rome"}}]}),
    "lever": ({"companies": ["a"]}, [LEVER]),
    "ashby": ({"companies": ["a"]}, {"jobs": [ASHBY]}),
    "adzuna": ({"countries": ["gb"]}, ADZUNA),
    "jsearch": ({"queries": ["a"]}, JSEARCH),
    "hacker_news": ({}, HACKER_NEWS_THREAD),
    "jsonld": ({"pages": ["https://a.example"]}, JOB_LIST),
}


def ways(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(found for key, each in inner for found in ways(each, (*way, key)))]


def replaced(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    document = copy.deepcopy(document)
    holder = document
    for key in way[:-1]:
        holder = holder[key]
    holder[way[-1]] = value
    return document


@pytest.mark.parametrize("kind", ANSWERS)
@given(data=st.data())
def test_any_value_anywhere(kind: str, data: st.DataObject) -> None:
    entry_settings, document = ANSWERS[kind]
    document = replaced(document, data.draw(st.sampled_from(ways(document))), data.draw(JSON))
    board = ENTRIES[kind](**entry_settings)
    assert isinstance(board, Board)
    source = board.make(Tools(get=lambda _request: pytest.fail("reading asks nobody")))
    try:
        for batch in source.read("a.json", io.BytesIO(as_json(document))):
            assert set(batch.frame.dtypes) == {pl.String}
            assert all(each.reason for each in batch.undecodable)
    except SourceError as error:
        assert "\n" not in str(error)
    following = board.next_page(Page("gb", Request("https://a.example")), document)
    assert following is None or following.number == 2


@pytest.mark.parametrize("kind", [*ANSWERS, "feed"])
@given(content=st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes(kind: str, content: bytes) -> None:
    entry_settings = ANSWERS[kind][0] if kind != "feed" else {"feeds": ["https://a.example"]}
    source = ENTRIES[kind](**entry_settings).make(Tools(get=lambda _request: pytest.fail("reading asks nobody")))
    try:
        list(source.read("a.json", io.BytesIO(content)))
    except SourceError as error:
        assert str(error)
