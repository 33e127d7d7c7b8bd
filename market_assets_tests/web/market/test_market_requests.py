"""What the market API refuses, and that nothing sent to it makes it fail."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from market_assets.web.errors import PROBLEM_TYPE
from market_assets_tests.web.market.asking import API, Row
from market_assets_tests.web.market_tables import AWKWARD
from market_assets_tests.web.whole_process import PROBLEM


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/skills/Qbasic", "Skill not found: Qbasic"),
        ("/skills/", "Skill not found: "),
        ("/skills/a%2Fb/trend", "Skill not found: a/b"),
        ("/skills/%F0%9F%A6%95/related", "Skill not found: 🦕"),
        ("/skills/Qbasic/recommendations", "Skill not found: Qbasic"),
        ("/salaries?skill=Qbasic", "Skill not found: Qbasic"),
        ("/salaries?location=Nowhere", "Location not found: Nowhere"),
        ("/employment-salaries?employment_type=hobby", "Type of employment not found: hobby"),
        ("/employment-salaries?country=XX", "Country not found: XX"),
        ("/skills?industry=Alchemy", "Industry not found: Alchemy"),
        ("/skills?category=Magic", "Category not found: Magic"),
        ("/industries/Alchemy/skills", "Industry not found: Alchemy"),
        ("/nothing", "Not Found"),
    ],
)
def test_what_is_not_there_is_404(client: TestClient, path: str, error: str) -> None:
    answer = client.get(API + path)
    assert (answer.status_code, answer.json()["error"]) == (404, error)


def test_an_unknown_industry_of_a_gap_is_404(client: TestClient) -> None:
    answer = client.post(f"{API}/skill-gap", json={"skills": [], "industry": "Alchemy"})
    assert (answer.status_code, answer.json()["error"]) == (404, "Industry not found: Alchemy")


ANY_TEXT = st.text(max_size=40)
ANY_VALUE = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT


@settings(deadline=None, max_examples=60)
@given(
    name=ANY_TEXT | st.sampled_from(AWKWARD),
    end=st.sampled_from(["", "/trend", "/related", "/recommendations", "/skills"]),
    folder=st.sampled_from(["/skills/", "/industries/", "/salaries", "/skills", "/trending", "/summary"]),
    parameters=st.dictionaries(
        st.sampled_from(
            ["limit", "offset", "industry", "category", "skill", "location", "trend", "sort", "fields", "search"]
        ),
        ANY_TEXT | st.integers().map(str) | st.sampled_from(AWKWARD),
    ),
)
def test_no_question_is_too_strange(
    client: TestClient, name: str, end: str, folder: str, parameters: dict[str, str]
) -> None:
    path = folder + (quote(name, safe="") + end if folder.endswith("/") else "")
    check_answer(client.get(API + path, params=parameters))


@settings(deadline=None, max_examples=60)
@given(
    path=st.sampled_from(["/skill-gap", "/recommendations"]),
    body=st.fixed_dictionaries(
        {"skills": st.lists(ANY_TEXT | st.sampled_from(AWKWARD), max_size=5) | ANY_VALUE},
        optional={"industry": ANY_VALUE, "limit": ANY_VALUE, "more": ANY_VALUE},
    ),
)
def test_no_body_is_too_strange(client: TestClient, path: str, body: Row) -> None:
    check_answer(client.post(API + path, content=json.dumps(body), headers={"Content-Type": "application/json"}))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"skills": ["\\ud800"]}', b"[" * 5_000]
)
def test_no_bytes_are_too_strange(client: TestClient, body: bytes) -> None:
    answer = client.post(f"{API}/skill-gap", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    check_answer(answer)


def check_answer(answer: httpx.Response) -> None:
    assert answer.status_code in (200, 400, 404, 422), answer.text
    content = answer.json()
    if answer.status_code != 200:
        assert set(content) <= {*PROBLEM, "suggestions"}
        assert answer.headers["content-type"] == PROBLEM_TYPE
        assert isinstance(content["error"], str)
