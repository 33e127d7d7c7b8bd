"""A record becomes a posting, or is rejected with a reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from market_assets.postings.identity import plain_title, text_hashes
from market_assets.postings.normalise import (
    MAX_RECORD_BYTES,
    StatedBatch,
    normalise,
    normalise_each,
    rejected_frame,
)
from market_assets.postings.schemas import (
    REJECTED_POSTING,
)
from market_assets_tests.postings.raw_records import OBSERVED_AT, each_of, normalised, one, raw_frame

LONG = "We build software that plans the routes of delivery vans. " * 5


def test_batches_normalised_together_are_as_each_is_alone() -> None:
    american = [{"title": "Cook", "posted_at": day} for day in ("07/08/2026", "2 days ago", "today", "2031-01-01")]
    european = [{"title": "Chef", "posted_at": day} for day in ("07/08/2026", "18/07/2026", "gone")]
    pay = {"salary_min": "-5", "salary_currency": "QQQ", "salary_period": "soon", "workplace": "?", "board": "B"}
    bad = [{"title": ""}, {"title": "Big", "description": "x" * MAX_RECORD_BYTES}, {"title": "Baker", **pay}]
    batches = [
        StatedBatch("one", OBSERVED_AT, raw_frame(*american)),
        StatedBatch("One ", OBSERVED_AT - timedelta(days=40), raw_frame(*american)),
        StatedBatch("two", OBSERVED_AT.replace(tzinfo=None), raw_frame(*european)),
        StatedBatch("none", OBSERVED_AT, raw_frame()),
        StatedBatch("two", OBSERVED_AT, raw_frame(*bad)),
        StatedBatch("bad", OBSERVED_AT, raw_frame(*bad[:2])),
    ]
    together = normalise_each(batches)
    for batch, one_of_many in zip(batches, together, strict=True):
        alone = normalise(batch.frame, source=batch.source, observed_at=batch.observed_at)
        assert_frame_equal(one_of_many.postings, alone.postings)
        assert_frame_equal(one_of_many.rejected, alone.rejected)
        assert (one_of_many.source, one_of_many.observed_at) == (batch.source, batch.observed_at)
        assert one_of_many.nulled == alone.nulled
    days = [batch.postings["stated_posted_at"].dt.strftime("%m-%d").to_list() for batch in together[:3]]
    assert days == [["07-08", "07-30", "08-01", None], [None, "06-20", "06-22", None], [None, "07-18", None]]
    assert normalise_each([]) == []


def test_a_whole_posting() -> None:
    posting = one(
        board=" Jobs.Example ",
        external_id=" 17 ",
        title=" Data &amp; ML\n Engineer ",
        company="Acme\n4.1",
        location="Remote - Toronto, ON",
        description="<p>Plan routes.</p><ul><li>Python</li></ul>",
        url="https://jobs.example/17?utm_source=x",
        salary_min="90000",
        salary_max="120000.0",
        salary_currency="cad",
        salary_period="annual",
        posted_at="2026-07-18T10:00:00-04:00",
        employment_type="FullTime",
        industry="IT Services",
        seniority="Mid-Senior level",
        workplace="Hybrid",
        payload="{}",
    )
    keys = {
        name: posting.pop(name)
        for name in ("url_key", "job_key", "near_key", "company_key", "text_hash", "sketch")
    }
    assert posting == {
        "source": "jobs.example",
        "external_id": "17",
        "title": "Data & ML Engineer",
        "company": "Acme",
        "locations": None,
        "location": "Toronto, ON, CA",
        "country": "CA",
        "workplace": "hybrid",
        "is_remote": False,
        "employment_type": "full_time",
        "industry": "Technology",
        "seniority": "mid",
        "occupation": "Machine learning engineer",
        "language": None,
        "description": "Plan routes.\nPython",
        "url": "https://jobs.example/17?utm_source=x",
        "salary_min": 90_000.0,
        "salary_max": 120_000.0,
        "salary_currency": "CAD",
        "salary_period": "yearly",
        "pay_quality": None,
        "stated_posted_at": datetime(2026, 7, 18, 14, tzinfo=UTC),
        "nulled": {},
    }
    assert keys["text_hash"] == text_hash("Data & ML Engineer", "Plan routes.\nPython")
    assert keys["url_key"] >= 0
    assert keys["job_key"] is None


def test_nothing_but_a_title() -> None:
    posting = one()
    stated = {name for name, value in posting.items() if value is not None}
    assert stated == {"source", "external_id", "title", "text_hash", "nulled"}
    assert posting["source"] == "board"
    assert posting["nulled"] == {}


def test_no_records() -> None:
    result = normalised()
    assert result.nulled == {}


@pytest.mark.parametrize("title", [None, "", " \n", "-1", "N/A", "\0", "<p></p>", "nan"])
def test_without_a_title_rejected(title: str | None) -> None:
    payload = json.dumps({"title": title, "id": 3})
    result = normalised({"title": "kept"}, {"title": title, "payload": payload}, {"title": "kept too"})
    assert result.postings["title"].to_list() == ["kept", "kept too"]
    assert result.rejected.rows() == [(payload, hashlib.sha256(payload.encode()).hexdigest(), "title is missing")]


@pytest.mark.parametrize("field", ["payload", "description", "company"])
def test_over_one_megabyte_rejected(field: str) -> None:
    result = normalised(
        {"title": "fits", field: "é" * 500_000},
        {"title": "too large", field: "é" * 500_000 + "x"},
        {"title": None, field: "x" * 2_300_000},
    )
    assert result.postings["title"].to_list() == ["fits"]
    assert result.rejected["reason"].to_list() == [
        "record of 1.000001 MB is over the limit of 1 MB",
        "record of 2.3 MB is over the limit of 1 MB",
    ]
    assert result.rejected["payload"].str.len_bytes().max() == 64_000
    if field == "payload":
        assert result.rejected["payload_hash"][1] == hashlib.sha256(b"x" * 2_300_000).hexdigest()


def test_rejected_without_a_payload_shows_its_fields() -> None:
    payload = normalised({"company": "Acme", "url": "https://a.example"}).rejected["payload"].item()
    assert json.loads(payload)["company"] == "Acme"


def test_rejected_frame_keeps_what_can_be_stored() -> None:
    payloads = ["a\0b", "half \ud83d", "€" * 30_000]
    frame = rejected_frame(payloads, ["one", "two", "three"])
    assert frame.schema == REJECTED_POSTING
    assert frame["payload"].to_list() == ["a\ufffdb", "half ?", "€" * 21_333]
    assert frame["payload_hash"].to_list() == [
        hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest() for payload in payloads
    ]
    assert rejected_frame([], []).schema == REJECTED_POSTING


def test_external_id_is_stated_or_the_url_or_a_hash() -> None:
    url = "https://www.a.example/x/?utm_medium=y"
    assert one(external_id="7", url=url)["external_id"] == "7"
    assert one(external_id="-1", url=url)["external_id"] == "https://a.example/x"
    content = ["Engineer", "Acme", "Remote - Berlin", "Text"]
    posting = one(company="Acme", location="Remote -  Berlin", description="<p>Text</p>", url="mailto:a@b")
    assert posting["external_id"] == hashlib.sha256("\x1f".join(content).encode()).hexdigest()
    assert one()["external_id"] == hashlib.sha256(b"Engineer\x1f\x1f\x1f").hexdigest()
    assert one(external_id="9" * 301)["external_id"] == hashlib.sha256(b"9" * 301).hexdigest()


def text_hash(title: str, description: str) -> int:
    digest = hashlib.blake2b(f"{title}\x1f{description}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def test_a_text_has_the_same_hash_for_ever() -> None:
    """Were it another after an upgrade, every posting would count as changed and lose its skills."""
    titles, descriptions = ["Nurse", "Größe", "a", "a\nb"], ["Night shifts", None, "b", None]
    hashes = text_hashes(pl.Series(titles), pl.Series(descriptions))
    assert hashes.dtype == pl.Int64
    assert hashes.to_list() == [42199646709296241, 8528035926389406088, 8945880261400226312, 5773362789882387966]
    assert hashes.to_list() == [
        text_hash(title, description or "") for title, description in zip(titles, descriptions, strict=True)
    ]


# The stated fields, what becomes of them (minimum, maximum, currency, period), and what is counted.
SALARIES: list[tuple[dict[str, str | None], tuple[Any, ...], dict[str, int]]] = [
    ({"salary_min": "50000", "salary_max": "70000"}, (50e3, 70e3, None, None), {}),
    ({"salary_min": "70000", "salary_max": "50000"}, (50e3, 70e3, None, None), {}),
    ({"salary_min": "-5"}, (None,) * 4, {"salary": 1}),
    ({"salary_min": "-5", "salary_max": "60000"}, (None, 60e3, None, None), {"salary": 1}),
    ({"salary_min": "1e12", "salary_max": "1000000000000"}, (None,) * 4, {"salary": 2}),
    ({"salary_max": "100000000"}, (None,) * 4, {"salary": 1}),
    ({"salary_max": "99999999"}, (None, 99_999_999.0, None, None), {}),
    ({"salary_min": "150000000", "salary_currency": "IDR"}, (150e6, None, "IDR", None), {}),
    ({"salary_min": "1e12", "salary_currency": "IDR"}, (None, None, "IDR", None), {"salary": 1}),
    ({"salary_min": "0", "salary_max": "0"}, (None,) * 4, {}),
    ({"salary_min": "-1", "salary_max": "-1.0"}, (None,) * 4, {}),
    ({"salary_min": "n/a", "salary_max": "null"}, (None,) * 4, {}),
    ({"salary_min": "a lot"}, (None,) * 4, {"salary": 1}),
    ({"salary_min": "nan", "salary_max": "inf"}, (None,) * 4, {"salary": 1}),
    ({"salary_text": "$53K-$91K (Glassdoor est.)"}, (53e3, 91e3, "USD", None), {}),
    ({"salary_text": "$17-$24 Per Hour"}, (17.0, 24.0, "USD", "hourly"), {}),
    ({"salary_text": "Pay per task"}, (None,) * 4, {}),
    ({"salary_text": "-1"}, (None,) * 4, {}),
    ({"salary_min": "0", "salary_text": "£30k"}, (30e3, 30e3, "GBP", None), {}),
    ({"salary_min": "40000", "salary_text": "£40,000 per year"}, (40e3, None, "GBP", "yearly"), {}),
    ({"salary_min": "104000", "salary_text": "$50 per hour"}, (104e3, None, None, None), {}),
    ({"salary_currency": "EUR", "salary_text": "$50k"}, (50e3, 50e3, "EUR", None), {}),
    ({"salary_min": "9", "salary_currency": "ZZZ"}, (9.0, None, None, None), {"salary_currency": 1}),
    ({"salary_min": "9", "salary_period": "per moon"}, (9.0, None, None, None), {"salary_period": 1}),
    ({"salary_period": "per-hour-wage", "salary_currency": "$"}, (None, None, "USD", "hourly"), {}),
]


def test_salaries() -> None:
    names = ("salary_min", "salary_max", "salary_currency", "salary_period")
    postings = each_of(*(fields for fields, _, _ in SALARIES))
    assert [
        (fields, tuple(posting[name] for name in names), posting["nulled"])
        for (fields, _, _), posting in zip(SALARIES, postings, strict=True)
    ] == SALARIES


def test_salaries_all_at_once() -> None:
    result = normalised(*({"title": "x", **fields} for fields, _, _ in SALARIES))
    columns = ("salary_min", "salary_max", "salary_currency", "salary_period")
    assert result.postings.select(columns).rows() == [expected for _, expected, _ in SALARIES]
    total: Counter[str] = Counter()
    for _, _, nulled in SALARIES:
        total.update(nulled)
    assert result.nulled == dict(sorted(total.items()))


DATES: list[tuple[str | None, datetime | None, int]] = [
    ("2026-07-18", datetime(2026, 7, 18, tzinfo=UTC), 0),
    ("2000-01-01", datetime(2000, 1, 1, tzinfo=UTC), 0),
    ("1999-12-31T23:59:59Z", None, 1),
    ("1970-01-01", None, 1),
    ("0", None, 1),
    ("2026-08-01T12:00:00Z", OBSERVED_AT, 0),
    ("2026-08-01T12:00:01Z", None, 1),
    ("2030-01-01", None, 1),
    ("soon", None, 1),
    ("3 days ago", OBSERVED_AT - timedelta(days=3), 0),
    ("-1", None, 0),
    ("", None, 0),
    (None, None, 0),
]


def test_dates() -> None:
    postings = each_of(*({"posted_at": text} for text, _, _ in DATES))
    assert [
        (text, posting["stated_posted_at"], posting["nulled"])
        for (text, _, _), posting in zip(DATES, postings, strict=True)
    ] == [(text, expected, {"posted_at": count} if count else {}) for text, expected, count in DATES]


# workplace, location, title: the workplace
WORKPLACE = [
    ("Remote", "Berlin", "Engineer", "remote"),
    ("true", None, "Engineer", "remote"),
    ("hybrid", "Remote", "Engineer (Remote)", "hybrid"),
    ("false", "Berlin", "Engineer", "onsite"),
    ("false", "Hybrid", "Engineer", "hybrid"),
    (None, "Remote - US", "Engineer (Hybrid)", "remote"),
    (None, "Berlin", "Engineer (Remote)", "remote"),
    (None, "Berlin", "Remote Sensing Engineer", None),
    ("unspecified", "On-site, Berlin", "Engineer", "onsite"),
]


def test_workplace() -> None:
    names = ("workplace", "location", "title")
    postings = each_of(*(dict(zip(names, stated, strict=True)) for *stated, _ in WORKPLACE))
    assert [
        (*stated, posting["workplace"]) for (*stated, _), posting in zip(WORKPLACE, postings, strict=True)
    ] == WORKPLACE
    for posting in postings:
        assert posting["is_remote"] == (posting["workplace"] and posting["workplace"] == "remote")


def test_unreadable_words_are_counted() -> None:
    posting = one(
        employment_type="Side", workplace="unspecified", url="ftp://a.example", industry="New", location="?"
    )
    assert posting["nulled"] == {"employment_type": 1, "url": 1, "workplace": 1}
    assert posting["industry"] == "New"


def keys(**fields: str | None) -> tuple[int | None, int | None]:
    base: dict[str, str | None] = {
        "company": "Acme",
        "location": "Berlin",
        "description": LONG,
        "url": "https://a.example/1",
    }
    posting = one(**{**base, **fields})
    return posting["url_key"], posting["job_key"]


def test_keys_of_the_same_job() -> None:
    url_key, job_key = keys()
    assert None not in (url_key, job_key)
    assert keys(url="http://www.a.example/1/?utm_source=z#apply")[0] == url_key
    assert keys(title="ENGINEER (m/f/d)", description="something else", company="Other")[0] == url_key
    assert keys(
        title="Engineer (all genders)",
        company="ACME.",
        location="Berlin, Germany",
        description=f"<p>{LONG.upper()}</p>",
        url=None,
        external_id="9",
    ) == (None, job_key)


def test_keys_of_other_jobs() -> None:
    url_key, job_key = keys()
    assert keys(url="https://a.example/2")[0] != url_key
    assert keys(title="Engineer II")[0] != url_key
    for field in ("title", "company", "location", "description"):
        assert keys(**{field: "other " + LONG})[1] != job_key
    assert keys(company=None)[1] is None
    assert keys(description=LONG[:199])[1] is None
    assert keys(location=None)[1] not in (None, job_key)


PLAIN_TITLES = {
    "Entwickler (m/w/d)": "entwickler",
    "Entwickler (w/m/div.)": "entwickler",
    "Entwickler [m|f|x] Berlin": "entwickler berlin",
    "Entwickler m/w/d": "entwickler",
    "Développeur H/F - Paris": "développeur paris",
    "Designer (all genders)": "designer",
    "Designer (gn)": "designer",
    "Engineer,  Data-Platform!": "engineer data platform",
    "Data  Engineer   Berlin": "data engineer berlin",
    "C++ Developer": "c++ developer",
    "C# Developer": "c# developer",
    "Engineer 3": "engineer 3",
    "Analyst (A/B)": "analyst a b",
    "डेवलपर": "डेवलपर",
    "!": "",
}


@pytest.mark.parametrize("title", PLAIN_TITLES)
def test_plain_titles(title: str) -> None:
    assert pl.select(plain_title(pl.lit(title))).item() == PLAIN_TITLES[title]
