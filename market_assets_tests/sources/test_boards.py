"""What boards' recordings and authored answers say, field by field, as read from them by eye."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from recordings import ADZUNA, ATOM, HACKER_NEWS_THREAD, JOB_LIST, JOB_PAGE, JSEARCH, RSS, as_json

from market_assets.postings.normalise import normalise
from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.configuration import ENTRIES
from market_assets.sources.protocol import RawBatch, Request, Source, SourceError, Tools

NOW = datetime(2026, 8, 16, tzinfo=UTC)
COMPANIES = {"gitlab": "GitLab", "matchgroup": "Match Group", "notion": "Notion", "linear": "Linear"}
SETTINGS: dict[str, dict[str, Any]] = {
    "greenhouse": {"companies": COMPANIES},
    "lever": {"companies": COMPANIES},
    "ashby": {"companies": COMPANIES},
    "adzuna": {"countries": ["gb"]},
    "jsearch": {"queries": ["nurse"]},
    "jsonld": {"pages": ["https://acme.example/jobs/7"]},
    "feed": {"feeds": ["https://jobs.example/rss"]},
}
RECORDINGS = [
    ("remoteok", "remoteok", "postings.json", 3),
    ("remotive", "remotive", "postings.json", 3),
    ("arbeitnow", "arbeitnow", "postings.json", 3),
    ("himalayas", "himalayas", "postings.json", 3),
    ("jobicy", "jobicy", "postings.json", 3),
    ("greenhouse", "greenhouse", "gitlab.json", 2),
    ("greenhouse_2", "greenhouse", "gitlab.json", 3),
    ("lever", "lever", "matchgroup.json", 2),
    ("ashby", "ashby", "notion.json", 3),
    ("ashby_2", "ashby", "linear.json", 2),
]


def source_of(kind: str, **settings: Any) -> Source:
    def no_client(_request: Request) -> bytes:
        raise AssertionError("reading asks nobody")

    return ENTRIES[kind](**{**SETTINGS.get(kind, {}), **settings}).make(Tools(get=no_client))


def read(source: Source, content: bytes | str, name: str = "postings.json") -> RawBatch:
    content = content.encode() if isinstance(content, str) else content
    (batch,) = source.read(name, io.BytesIO(content))
    assert batch.frame.schema == RAW_POSTING
    return batch


def rows(source: Source, content: bytes | str, name: str = "postings.json") -> list[dict[str, Any]]:
    """The postings without fields that say nothing."""
    found = read(source, content, name).frame.drop("payload").rows(named=True)
    return [{name: text for name, text in row.items() if text is not None} for row in found]


def recorded(real_data: Path, name: str) -> bytes:
    return (real_data / "payloads" / f"{name}.json").read_bytes()


@pytest.mark.parametrize(("recording", "kind", "page", "number"), RECORDINGS)
def test_recordings_are_read_without_a_rejection(
    real_data: Path, recording: str, kind: str, page: str, number: int
) -> None:
    batch = read(source_of(kind), recorded(real_data, recording), page)
    normalised = normalise(batch.frame, source=kind, observed_at=NOW)

    assert batch.undecodable == []
    assert (normalised.postings.height, normalised.rejected.height) == (number, 0)
    # "Side", of one of Arbeitnow's, is none of our employment types.
    assert normalised.nulled == ({"employment_type": 1} if recording == "arbeitnow" else {})
    for column in ("title", "company", "description", "url", "external_id", "stated_posted_at"):
        assert normalised.postings[column].null_count() == 0, column
    assert normalised.postings["external_id"].n_unique() == number
    assert normalised.postings["description"].str.len_chars().min() > 1_000
    assert normalised.postings["description"].str.contains("</|&lt;|&amp;").sum() == 0
    assert all(isinstance(json.loads(payload), dict) for payload in batch.frame["payload"])


#: Of one posting a recording: its position, then its fields as stated; a description is matched by its beginning.
STATED: list[tuple[str, int, dict[str, str]]] = [
    (
        "remoteok",
        0,
        {
            "external_id": "1136719",
            "title": "Shop Assistant Cammeray",
            "company": "Harris Farm Markets",
            "location": "Cammeray, ",
            "description": "<strong>About Us",
            "url": "https://remoteOK.com/remote-jobs/remote-shop-assistant-cammeray-harris-farm-markets-1136719",
            "posted_at": "2026-08-14T17:36:11+00:00",
            "workplace": "remote",
        },
    ),
    (
        "remotive",
        2,
        {
            "external_id": "2086540",
            "title": "Inside Sales Contractor",
            "company": "Credit Wellness, LLC",
            "location": "Worldwide",
            "description": '<p dir="ltr"',
            "url": "https://remotive.com/remote-jobs/sales/inside-sales-contractor-2086540",
            "salary_text": "OTE $25k - $35k",
            "posted_at": "2026-08-08T21:48:06",
            "employment_type": "full_time",
            "industry": "Sales",
            "workplace": "remote",
        },
    ),
    (
        "arbeitnow",
        1,
        {
            "external_id": "quereinsteiger-redaktion-marketing-vertrieb-berlin-308023",
            "title": "Quereinsteiger: Redaktion, Marketing, Vertrieb (m/w/d)",
            "company": "GITO mbH Verlag",
            "location": "Berlin",
            "description": "<p><strong>Abwechslungsreicher",
            "url": "https://www.arbeitnow.com/jobs/companies/gito-mbh-verlag/"
            "quereinsteiger-redaktion-marketing-vertrieb-berlin-308023",
            "posted_at": "1786806026",
            "employment_type": "Side",
            "industry": "Marketing and Communication",
            "workplace": "false",
        },
    ),
    (
        "himalayas",
        2,
        {
            "external_id": "https://himalayas.app/companies/mercor/jobs/audio-engineer-fully-remote-upto-14-hr-6932578128",
            "title": "Audio Engineer - Fully Remote | Upto $14/hr",
            "company": "Mercor",
            "location": "India",
            "description": "<h3>About the job</h3>",
            "url": "https://himalayas.app/companies/mercor/jobs/audio-engineer-fully-remote-upto-14-hr-6932578128",
            "salary_min": "14",
            "salary_max": "14",
            "salary_currency": "USD",
            "salary_period": "hourly",
            "posted_at": "1786813109",
            "employment_type": "Contractor",
            "workplace": "remote",
            "seniority": "Mid-level",
        },
    ),
    (
        "jobicy",
        2,
        {
            "external_id": "150791",
            "title": "Chief of Staff, Emergency Cash (Senior Manager)",
            "company": "GiveDirectly",
            "location": "UK,  USA",
            "description": "<p>GiveDirectly has delivered",
            "url": "https://jobicy.com/jobs/150791-chief-of-staff-emergency-cash-senior-manager",
            "salary_min": "115000",
            "salary_max": "115000",
            "salary_currency": "USD",
            "salary_period": "yearly",
            "posted_at": "2026-08-15T15:08:07+00:00",
            "employment_type": "Full-Time",
            "industry": "Product &amp; Operations",
            "workplace": "remote",
            "seniority": "Director",
        },
    ),
    (
        "greenhouse",
        0,
        {
            "external_id": "8503792002",
            "title": "Account Executive - Italy",
            "company": "GitLab",
            "location": "Remote, Italy",
            "description": "&lt;div class=&quot;content-intro&quot;&gt;",
            "url": "https://job-boards.greenhouse.io/gitlab/jobs/8503792002",
            "posted_at": "2026-04-17T05:58:03-04:00",
        },
    ),
    (
        "greenhouse_2",
        1,
        {
            "external_id": "8556658002",
            "title": "AI Engineer",
            "company": "GitLab",
            "location": "Remote, Bangalore",
            "description": "&lt;div class=&quot;content-intro&quot;&gt;",
            "url": "https://job-boards.greenhouse.io/gitlab/jobs/8556658002",
            "posted_at": "2026-05-22T09:16:29-04:00",
        },
    ),
    (
        "lever",
        0,
        {
            "external_id": "3414ba28-35f7-45d3-8e13-35c883959635",
            "title": "Android Engineer III",
            "company": "Match Group",
            "location": "New York, New York, United States",
            "description": '<div><b style="font-size: 24px">Hinge is the dating app designed to be deleted',
            "url": "https://jobs.lever.co/matchgroup/3414ba28-35f7-45d3-8e13-35c883959635",
            "salary_min": "150000",
            "salary_max": "180000",
            "salary_currency": "USD",
            "salary_period": "per-year-salary",
            "posted_at": "1779223091267",
            "employment_type": "Full-time",
            "workplace": "hybrid",
        },
    ),
    (
        "ashby",
        2,
        {
            "external_id": "d177d052-ef57-4900-acf2-d58e9eded620",
            "title": "Product Designer",
            "company": "Notion",
            "location": "San Francisco, California, United States",
            "description": "<h1>Who We Are</h1>",
            "url": "https://jobs.ashbyhq.com/notion/d177d052-ef57-4900-acf2-d58e9eded620",
            "posted_at": "2026-07-02T17:18:41.823+00:00",
            "employment_type": "FullTime",
            "workplace": "Hybrid",
        },
    ),
    (
        "ashby_2",
        1,
        {
            "external_id": "cd5ae036-0223-427a-b038-ba16ef9dcb32",
            "title": "Senior / Staff Fullstack Engineer",
            "company": "Linear",
            "location": "North America, United States",
            "description": '<p style="min-height:1.5em">At Linear',
            "url": "https://jobs.ashbyhq.com/linear/cd5ae036-0223-427a-b038-ba16ef9dcb32",
            "posted_at": "2021-08-18T20:48:26.891+00:00",
            "employment_type": "FullTime",
            "workplace": "Remote",
        },
    ),
]


@pytest.mark.parametrize(("recording", "position", "expected"), STATED, ids=[case[0] for case in STATED])
def test_fields_are_taken_as_they_are_stated(
    real_data: Path, recording: str, position: int, expected: dict[str, str]
) -> None:
    _, kind, page, _ = next(each for each in RECORDINGS if each[0] == recording)
    row = rows(source_of(kind), recorded(real_data, recording), page)[position]
    begins = expected["description"]
    assert row["description"].startswith(begins)
    assert {**row, "description": begins} == expected


def test_the_parts_of_levers_text_are_all_there(real_data: Path) -> None:
    batch = read(source_of("lever"), recorded(real_data, "lever"), "matchgroup.json")
    text = normalise(batch.frame, source="lever", observed_at=NOW).postings["description"][0]
    parts = [
        "Hinge is the dating app designed to be deleted",
        "Responsibilities",
        "Cross-Disciplinary Collaboration",
        "What We're Looking For",
        "Factors such as scope and responsibilities",
        "401(k) Matching",
    ]
    found = [text.index(part) for part in parts]
    assert found == sorted(found)
    assert text.count("Cross-Disciplinary Collaboration") == 1


def test_himalayas_says_annual_for_what_is_paid_by_the_hour() -> None:
    record = {"title": "x", "minSalary": 14, "maxSalary": 14, "salaryPeriod": "annual", "companyName": "Acme"}
    (hourly,) = rows(source_of("himalayas"), as_json({"jobs": [record]}))
    (yearly,) = rows(source_of("himalayas"), as_json({"jobs": [{**record, "maxSalary": 90_000}]}))
    assert (hourly["salary_max"], "salary_period" in hourly, hourly["company"]) == ("14", False, "Acme")
    assert (yearly["salary_max"], yearly["salary_period"]) == ("90000", "annual")


def test_ashbys_salary_is_the_salary_and_no_bonus() -> None:
    bonus = {
        "compensationType": "Bonus",
        "interval": "1 YEAR",
        "currencyCode": "EUR",
        "minValue": 1,
        "maxValue": 2,
    }
    salary = {
        "compensationType": "Salary",
        "interval": "1 HOUR",
        "currencyCode": "USD",
        "minValue": 30,
        "maxValue": 40,
    }
    summary = {"summaryComponents": [bonus, salary], "compensationTierSummary": "$30 – $40 per hour • Bonus"}
    jobs = [
        {"title": "Baker", "isListed": True, "isRemote": True, "compensation": summary},
        {"title": "Secret", "isListed": False},
        {"title": "Cook", "compensation": {"summaryComponents": True}},
    ]
    row, odd = rows(source_of("ashby"), as_json({"jobs": jobs}), "acme.json")
    assert odd == {"title": "Cook", "company": "acme"}
    assert row == {
        "title": "Baker",
        "company": "acme",
        "salary_min": "30",
        "salary_max": "40",
        "salary_currency": "USD",
        "salary_period": "1 HOUR",
        "salary_text": "$30 – $40 per hour • Bonus",
        "workplace": "true",
    }


# Without recordings ---------------------------------------------------------------------------------------


def test_adzuna_and_what_it_predicts() -> None:
    stated, predicted = rows(source_of("adzuna"), as_json(ADZUNA), "gb.json")
    assert stated == {
        "external_id": "4123",
        "title": "Python Developer",
        "company": "Acme Ltd",
        "location": "Central London, London, UK",
        "description": "Build <strong>APIs</strong> in Python…",
        "url": "https://www.adzuna.co.uk/jobs/land/ad/4123?se=x",
        "salary_min": "60000",
        "salary_max": "70000.5",
        "salary_period": "yearly",
        "posted_at": "2026-08-15T09:30:00Z",
        "employment_type": "full_time; permanent",
        "industry": "IT Jobs",
    }
    assert predicted["location"] == "Leeds"
    assert not {"company", "salary_min", "salary_max", "salary_period"} & set(predicted)
    for mark in ("1", 1, True):
        (row,) = rows(
            source_of("adzuna"), as_json({"results": [{**ADZUNA["results"][0], "salary_is_predicted": mark}]})
        )
        assert "salary_min" not in row
    (row,) = rows(source_of("adzuna"), as_json({"results": [{**ADZUNA["results"][0], "salary_is_predicted": 0}]}))
    assert row["salary_min"] == "60000"


def test_jsearch() -> None:
    (row,) = rows(source_of("jsearch"), as_json(JSEARCH))
    assert row == {
        "external_id": "abc==",
        "title": "Nurse",
        "company": "Mercy",
        "location": "Austin, Texas, US",
        "description": "Care for people.",
        "url": "https://mercy.example/jobs/1",
        "salary_min": "38.5",
        "salary_max": "52",
        "salary_period": "HOUR",
        "posted_at": "2026-08-15T00:00:00.000Z",
        "employment_type": "FULLTIME",
        "workplace": "false",
    }


def test_hacker_news() -> None:
    batch = read(source_of("hacker_news"), as_json(HACKER_NEWS_THREAD))
    first, second = batch.frame.drop("payload").rows(named=True)
    assert (first["company"], first["title"], first["location"]) == (
        "Acme",
        "Senior Rust Engineer",
        "Berlin, Germany",
    )
    assert (first["workplace"], first["employment_type"], first["salary_text"]) == (
        "Hybrid",
        "Full-time",
        "€80k-€100k",
    )
    assert (first["external_id"], first["posted_at"]) == ("1", "2026-08-03T15:01:02.000Z")
    assert first["url"] == "https://news.ycombinator.com/item?id=1"
    assert (second["title"], second["location"]) == ("Data Scientist, Product Manager", "REMOTE (US)")
    assert [each.reason for each in batch.undecodable] == [
        "its first line is not of the form 'Company | Job | Place'"
    ]
    postings = normalise(batch.frame, source="hacker_news", observed_at=NOW).postings
    assert postings.select("location", "country", "workplace").rows() == [
        ("Berlin, DE", "DE", "hybrid"),
        ("United States", "US", "remote"),
    ]
    assert postings["salary_min"].to_list() == [80_000, 150_000]


def test_a_page_with_a_graph_of_json_ld() -> None:
    (row,) = rows(source_of("jsonld"), JOB_PAGE)
    assert row == {
        "title": "Welder",
        "company": "Acme",
        "location": "Lyon, ARA, France; Nice, France",
        "description": "<p>Weld\nthings.</p>",
        "url": "https://acme.example/jobs/7",
        "salary_min": "2500",
        "salary_max": "3000",
        "salary_currency": "EUR",
        "salary_period": "MONTH",
        "posted_at": "2026-08-10",
        "employment_type": "FULL_TIME; CONTRACTOR",
        "industry": "Manufacturing",
    }


def test_a_list_of_json_ld() -> None:
    nurse, porter = rows(source_of("jsonld"), as_json(JOB_LIST))
    assert nurse == {
        "external_id": "12",
        "title": "Nurse",
        "company": "Mercy",
        "location": "Canada",
        "salary_min": "41.5",
        "salary_max": "41.5",
        "salary_currency": "CAD",
        "salary_period": "HOUR",
        "workplace": "remote",
    }
    assert porter == {"title": "Porter", "url": "https://mercy.example/2", "salary_text": "$20 an hour"}


def test_pages_without_postings_and_with_broken_ones() -> None:
    assert list(source_of("jsonld").read("x", io.BytesIO(b"<html>The job is gone</html>"))) == []
    broken = JOB_PAGE.replace('"@graph"', "graph")
    with pytest.raises(SourceError, match="JSON-LD can't be read"):
        read(source_of("jsonld"), broken)


def test_rss() -> None:
    first, second = rows(source_of("feed"), RSS)
    assert first == {
        "external_id": "job-1",
        "title": "Acme: Data Engineer",
        "location": "Oslo, Norway",
        "description": "<p>Long &amp; good</p>",
        "url": "https://jobs.example/1",
        "posted_at": "Sat, 15 Aug 2026 10:00:00 +0200",
        "employment_type": "Full-Time",
        "industry": "Tech; Data",
    }
    assert second == {"title": "Cook", "url": "https://jobs.example/2", "company": "Inn"}
    first, second = rows(source_of("feed", title_pattern="(?P<company>.+?): (?P<title>.+)"), RSS)
    assert (first["company"], first["title"]) == ("Acme", "Data Engineer")
    assert (second["company"], second["title"]) == ("Inn", "Cook")


def test_atom() -> None:
    (row,) = rows(source_of("feed"), ATOM)
    assert row == {
        "external_id": "tag:jobs.example,2026:9",
        "title": "Baker",
        "description": "Bake bread.",
        "url": "https://jobs.example/9",
        "posted_at": "2026-08-14T00:00:00Z",
        "industry": "Food",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '<!DOCTYPE x [<!ENTITY a "b">]><rss><channel><item><title>&a;</title></item></channel></rss>',
            "entities",
        ),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss>&a;</rss>', "entities"),
        ("<rss><channel>", "not XML"),
        ("<html></html>", "no feed"),
        ("", "not XML"),
    ],
)
def test_feeds_that_are_none_or_an_attack(content: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(source_of("feed"), content)


# Formats that have changed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"jobs": {"1": {}}}, '`jobs` is not a list but {"1": {}}'),
        ({"data": []}, r'the answer has no `jobs` but is {"data": \[\]}'),
        ([], r"the answer has no `jobs` but is \[\]"),
        ({"jobs": None}, "`jobs` is not a list but null"),
        ({"jobs": ["a", "b"]}, '`jobs` holds no objects but "a"'),
        ({"jobs": [{"name": "a"}, {"name": "b"}]}, r"no posting has a title among its fields \(name\)"),
        ({"jobs": [None, {}, {}]}, r"no posting has a title among its fields \(\)"),
        ({"jobs": [{"title": {"en": "a"}}, {"title": {"en": "b"}}]}, "no posting has a title"),
    ],
)
def test_another_shape_is_told_in_words(content: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(source_of("remotive"), as_json(content))
    assert str(caught.value).startswith("postings.json: ")
    assert caught.value.permanent


def test_a_changed_field_costs_that_field_or_that_record() -> None:
    jobs = [
        {"title": "Cook", "company_name": {"name": "Inn"}, "salary": 5},
        {"title": ["x"]},
        "text",
        {"title": None},
    ]
    batch = read(source_of("remotive"), as_json({"jobs": jobs}))
    assert batch.frame.select("title", "company", "salary_text").rows() == [
        ("Cook", None, "5"),
        ("x", None, None),
        (None, None, None),
    ]
    assert [each.reason for each in batch.undecodable] == ["the record is no object"]


def test_what_no_database_takes_is_left_out() -> None:
    batch = read(source_of("remotive"), b'{"jobs": [{"title": "Co\\u0000ok \\ud83d"}]}')
    assert batch.frame["title"].to_list() == ["Cook \ufffd"]
    assert batch.frame["payload"].str.len_bytes().to_list() != []


def test_many_postings_come_in_batches() -> None:
    content = as_json({"jobs": [{"title": str(number)} for number in range(20_001)]})
    frames = [batch.frame for batch in source_of("remotive").read("x", io.BytesIO(content))]
    assert [frame.height for frame in frames] == [10_000, 10_000, 1]
    assert pl.concat(frames)["title"].to_list() == [str(number) for number in range(20_001)]
