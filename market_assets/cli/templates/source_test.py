"""An answer of Example Board and the posting in it."""

from __future__ import annotations

import io
import json

from market_assets.cli.templates.source import ExampleBoard
from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.protocol import Request, Tools

# An answer of the board, shortened; the expected fields are below.
ANSWER = {
    "jobs": [
        {
            "id": 7,
            "title": "Data Engineer",
            "company": {"name": "Acme"},
            "locations": ["Berlin", "Remote"],
            "html": "<p>Python and SQL</p>",
            "link": "https://board.example/jobs/7",
            "pay": "70,000 EUR a year",
            "published": "2026-01-31T06:00:00Z",
        }
    ],
    "more": False,
}


def no_client(_request: Request) -> bytes:
    raise AssertionError("reading must not send a request")


def test_an_answer_is_read() -> None:
    source = ExampleBoard().make(Tools(get=no_client))
    (batch,) = source.read("postings.json", io.BytesIO(json.dumps(ANSWER).encode()))
    assert batch.frame.schema == RAW_POSTING
    assert batch.undecodable == []
    (posting,) = batch.frame.to_dicts()
    stated = {name: value for name, value in posting.items() if value is not None and name != "payload"}
    assert stated == {
        "external_id": "7",
        "title": "Data Engineer",
        "company": "Acme",
        "location": "Berlin; Remote",
        "description": "<p>Python and SQL</p>",
        "url": "https://board.example/jobs/7",
        "salary_text": "70,000 EUR a year",
        "posted_at": "2026-01-31T06:00:00Z",
    }
