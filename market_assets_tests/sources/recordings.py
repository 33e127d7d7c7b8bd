"""Answers of boards without a recording, authored after their documentation."""

# Recordings keep their lines.
# ruff: noqa: E501

from __future__ import annotations

import json
from typing import Any

ADZUNA: dict[str, Any] = {
    "count": 51,
    "mean": 52000.0,
    "results": [
        {
            "id": "4123",
            "title": "Python Developer",
            "company": {"display_name": "Acme Ltd"},
            "location": {"display_name": "Holborn, Central London", "area": ["UK", "London", "Central London"]},
            "description": "Build <strong>APIs</strong> in Python…",
            "redirect_url": "https://www.adzuna.co.uk/jobs/land/ad/4123?se=x",
            "salary_min": 60000,
            "salary_max": 70000.5,
            "salary_is_predicted": "0",
            "contract_time": "full_time",
            "contract_type": "permanent",
            "category": {"tag": "it-jobs", "label": "IT Jobs"},
            "created": "2026-08-15T09:30:00Z",
        },
        {
            "id": 4124,
            "title": "Cook",
            "company": {},
            "location": {"display_name": "Leeds", "area": []},
            "description": "Cook.",
            "redirect_url": "https://www.adzuna.co.uk/jobs/land/ad/4124",
            "salary_min": 25000,
            "salary_max": 25000,
            "salary_is_predicted": 1,
            "created": "2026-08-14T09:30:00Z",
        },
    ],
}

JSEARCH: dict[str, Any] = {
    "status": "OK",
    "parameters": {"query": "nurse in texas", "page": 1},
    "data": [
        {
            "job_id": "abc==",
            "employer_name": "Mercy",
            "job_title": "Nurse",
            "job_description": "Care for people.",
            "job_apply_link": "https://mercy.example/jobs/1",
            "job_city": "Austin",
            "job_state": "Texas",
            "job_country": "US",
            "job_min_salary": 38.5,
            "job_max_salary": 52,
            "job_salary_currency": None,
            "job_salary_period": "HOUR",
            "job_posted_at_datetime_utc": "2026-08-15T00:00:00.000Z",
            "job_employment_type": "FULLTIME",
            "job_is_remote": False,
        }
    ],
}

HACKER_NEWS_SEARCH: dict[str, Any] = {
    "hits": [
        {"objectID": "902", "title": "Ask HN: Who wants to be hired? (August 2026)"},
        {"objectID": "901", "title": "Ask HN: Who is hiring? (August 2026)"},
        {"objectID": "801", "title": "Ask HN: Who is hiring? (July 2026)"},
    ]
}

HACKER_NEWS_THREAD: dict[str, Any] = {
    "id": 901,
    "title": "Ask HN: Who is hiring? (August 2026)",
    "children": [
        {
            "id": 1,
            "author": "ada",
            "created_at": "2026-08-03T15:01:02.000Z",
            "text": 'Acme (<a href="https:&#x2F;&#x2F;acme.example">https:&#x2F;&#x2F;acme.example</a>) | Senior Rust '
            "Engineer | Berlin, Germany | Hybrid | Full-time | €80k-€100k<p>We build R&amp;D tools in Rust.",
            "children": [{"id": 2, "text": "Do you sponsor visas?", "children": []}],
        },
        {"id": 3, "author": None, "created_at": "2026-08-03T16:00:00.000Z", "text": None, "children": []},
        {
            "id": 4,
            "created_at": "2026-08-03T17:00:00.000Z",
            "text": "Globex | REMOTE (US) | Data Scientist, Product Manager | $150k<p>Apply.",
            "children": [],
        },
        {
            "id": 5,
            "created_at": "2026-08-03T18:00:00.000Z",
            "text": "Is it only me, or is it quiet?",
            "children": [],
        },
    ],
}

JOB_PAGE = """<!doctype html><html><head><link rel="canonical" href="https://acme.example/jobs/7">
<script type="application/ld+json">{"@context": "https://schema.org", "@type": "Organization", "name": "Acme"}</script>
<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [{"@type": "WebPage"},
{"@type": ["JobPosting"], "title": "Welder", "description": "<p>Weld
things.</p>", "datePosted": "2026-08-10", "employmentType": ["FULL_TIME", "CONTRACTOR"],
"hiringOrganization": {"@type": "Organization", "name": "Acme"}, "identifier": {"@type": "PropertyValue", "value": "7"},
"jobLocation": [{"@type": "Place", "address": {"addressLocality": "Lyon", "addressRegion": "ARA", "addressCountry":
{"@type": "Country", "name": "France"}}}, {"address": "Nice, France"}],
"baseSalary": {"@type": "MonetaryAmount", "currency": "EUR", "value": {"@type": "QuantitativeValue", "minValue": 2500,
"maxValue": "3000", "unitText": "MONTH"}}, "industry": "Manufacturing"}]}</script></head><body>Welder</body></html>"""

JOB_LIST = [
    {"@type": "http://schema.org/JobPosting", "title": "Nurse", "hiringOrganization": "Mercy", "identifier": 12,
     "jobLocationType": "TELECOMMUTE", "applicantLocationRequirements": {"@type": "Country", "name": "Canada"},
     "baseSalary": {"currency": "CAD", "value": 41.5, "unitText": "HOUR"}},
    {"@type": "JobPosting", "title": "Porter", "url": "https://mercy.example/2", "baseSalary": "$20 an hour"},
    {"@type": "Event", "name": "Open day"},
]  # fmt: skip

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:job="https://jobs.example/ns"
 xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Jobs</title><link>https://jobs.example</link>
<item><media:title>picture</media:title><title>Acme: Data Engineer</title><link>https://jobs.example/1</link>
<guid isPermaLink="false">job-1</guid><pubDate>Sat, 15 Aug 2026 10:00:00 +0200</pubDate><description>Short</description>
<content:encoded><![CDATA[<p>Long &amp; good</p>]]></content:encoded><job:location>Oslo, Norway</job:location>
<type>Full-Time</type><category>Tech</category><category>Data</category></item>
<item><title>Cook</title><link>https://jobs.example/2</link><job:company>Inn</job:company></item></channel></rss>"""

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Jobs</title>
<entry><id>tag:jobs.example,2026:9</id><title>Baker</title><link rel="self" href="https://jobs.example/api/9"/>
<link href="https://jobs.example/9"/><author><name>Bread Ltd</name></author><updated>2026-08-16T00:00:00Z</updated>
<published>2026-08-14T00:00:00Z</published><category term="food" label="Food"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Bake <b>bread</b>.</p></div></content></entry></feed>"""

SITEMAP = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>{0}/jobs/7</loc></url>
<url><loc> {0}/jobs/8 </loc></url><url><loc>http://169.254.169.254/keys</loc></url><url><loc>file:///etc/passwd</loc></url>
</urlset>"""


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
