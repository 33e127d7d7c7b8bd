"""The sample source: the same believable postings for a day each time."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.protocol import RawBatch, Source, SourceError
from market_assets.sources.sample.postings import draw_choices
from market_assets.sources.sample.source import ORIGINALS_PER_CHUNK, SampleSource, chunk_sizes
from market_assets.sources.sample.vocabulary import load_vocabulary, load_yaml

DAY = date(2026, 7, 14)
NOW = datetime(2026, 7, 14, 9, 30, tzinfo=UTC)
LATER = datetime(2030, 1, 1, tzinfo=UTC)
FIELDS = [name for name in RAW_POSTING if name not in ("payload", "seniority")]


def payloads_of(source: SampleSource, day: date, now: datetime = LATER) -> dict[str, bytes]:
    return {payload.name: payload.open().read() for payload in source.fetch(day, now).payloads}


def lines_of(source: SampleSource, day: date) -> list[str]:
    return [line for content in payloads_of(source, day).values() for line in content.decode().split("\n") if line]


def read(content: bytes) -> list[RawBatch]:
    return list(SampleSource().read("postings-0001.jsonl", BytesIO(content)))


def decoded(lines: list[str]) -> list[dict[str, Any]]:
    postings = []
    for line in lines:
        try:
            postings.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return postings


@cache
def month() -> dict[date, list[dict[str, Any]]]:
    days = [DAY - timedelta(back) for back in range(30)]
    return {day: decoded(lines_of(SampleSource(), day)) for day in days}


@cache
def large_day() -> list[dict[str, Any]]:
    return decoded(lines_of(SampleSource(postings_per_day=4_000), DAY))


def posted_days_before(posting: dict[str, Any], day: date) -> int:
    return (day - date.fromisoformat(posting["posted_at"][:10])).days


def is_own(posting: dict[str, Any], day: date) -> bool:
    """Whether an original is new on the day, not seen before and not faulty in its date."""
    return posting["board"] == "sample_jobs" and posting["title"] != "" and posted_days_before(posting, day) == 1


class TestFetch:
    def test_is_a_source(self) -> None:
        source: Source = SampleSource()
        assert source.name == "sample"

    def test_observed_at_the_beginning_of_the_day_whatever_the_time(self) -> None:
        early = SampleSource().fetch(DAY, datetime(2026, 7, 14, 0, 0, tzinfo=UTC))
        late = SampleSource().fetch(DAY, LATER)
        assert early.observed_at == late.observed_at == datetime(2026, 7, 14, tzinfo=UTC)

    def test_same_bytes_each_time(self) -> None:
        source = SampleSource(postings_per_day=5_000)
        first = payloads_of(source, DAY, NOW)
        assert list(first) == ["postings-0001.jsonl", "postings-0002.jsonl"]
        assert payloads_of(SampleSource(postings_per_day=5_000), DAY, LATER) == first

    def test_a_payload_opened_alone_or_twice_is_the_same(self) -> None:
        first, second = SampleSource(postings_per_day=5_000).fetch(DAY, LATER).payloads
        alone = second.open().read()
        assert first.open().read() == first.open().read()
        assert second.open().read() == alone

    def test_days_seeds_and_chunks_differ(self) -> None:
        day = payloads_of(SampleSource(), DAY)
        assert payloads_of(SampleSource(), DAY - timedelta(1)) != day
        assert payloads_of(SampleSource(seed=1), DAY) != day
        texts = {posting["description"] for posting in large_day() if is_own(posting, DAY)}
        assert len(texts) == sum(is_own(posting, DAY) for posting in large_day())

    def test_at_most_five_thousand_postings_in_a_payload(self) -> None:
        contents = payloads_of(SampleSource(postings_per_day=ORIGINALS_PER_CHUNK), DAY)
        assert all(content.count(b"\n") <= 5_000 for content in contents.values())

    def test_payloads_are_made_when_they_are_opened(self) -> None:
        payloads = SampleSource(postings_per_day=10_000_000).fetch(DAY, LATER).payloads
        assert next(payloads).name == "postings-0001.jsonl"

    @given(st.integers(1, 2_000_000))
    def test_chunks_hold_all_originals(self, postings_per_day: int) -> None:
        sizes = chunk_sizes(postings_per_day)
        assert sum(sizes) >= postings_per_day
        assert all(0 < size <= ORIGINALS_PER_CHUNK for size in sizes)

    def test_a_day_of_one_posting(self) -> None:
        for back in range(12):
            day = DAY - timedelta(back)
            assert any(
                is_own(posting, day) for posting in decoded(lines_of(SampleSource(postings_per_day=1), day))
            )

    def test_a_later_day_is_refused_in_words(self) -> None:
        with pytest.raises(SourceError, match="2026-07-15 is later than today"):
            SampleSource().fetch(DAY + timedelta(1), NOW)

    def test_today_is_that_of_utc(self) -> None:
        east = datetime.fromisoformat("2026-07-15T01:00:00+09:00")
        with pytest.raises(SourceError, match="later than today"):
            SampleSource().fetch(date(2026, 7, 15), east)

    def test_a_day_before_the_first_is_refused_in_words(self) -> None:
        with pytest.raises(SourceError, match="before 2000-01-01"):
            SampleSource().fetch(date(1999, 12, 31), LATER)
        assert lines_of(SampleSource(), date(2000, 1, 1))


class TestPostings:
    def test_at_least_two_hundred_different_originals_a_day(self) -> None:
        for day, postings in month().items():
            jobs = {(p["title"], p["company"], p["location"]) for p in postings if is_own(p, day)}
            assert len(jobs) >= 200

    def test_different_jobs_on_different_days(self) -> None:
        jobs = [
            (posting["title"], posting["company"], posting["location"], posting["description"])
            for day, postings in month().items()
            for posting in postings
            if is_own(posting, day)
        ]
        assert len(set(jobs)) == len(jobs)

    def test_posted_on_the_day_before(self) -> None:
        new = [p for p in large_day() if p["external_id"].startswith("s20260714-")]
        others = [p for p in new if posted_days_before(p, DAY) != 1]
        assert {p["posted_at"] for p in others} == {"1970-01-01T00:00:00Z", "2199-12-31T00:00:00Z"}
        assert len(others) < len(new) / 100
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[0-2]\d:[0-5]\d:[0-5]\dZ", p["posted_at"]) for p in new)

    def test_descriptions_are_long_and_in_several_layouts(self) -> None:
        texts = [posting["description"] for posting in large_day()]
        assert min(map(len, texts)) >= 1_500
        assert sum(map(len, texts)) / len(texts) < 3_000
        html = [text for text in texts if "<li>" in text]
        assert 0.12 < len(html) / len(texts) < 0.18
        assert all(text.count("<li>") == text.count("</li>") > 8 for text in html)
        assert all("<" not in text for text in texts if "<li>" not in text)

    def test_every_description_names_six_skills_of_its_own_list(self) -> None:
        names = sorted(load_vocabulary().roles.written_skills, key=len, reverse=True)
        skill = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, names)) + r")(?!\w)")
        for posting in large_day()[:300]:
            text = posting["description"].replace("&amp;", "&")
            assert len(set(skill.findall(text))) >= 6, text

    def test_nothing_is_left_of_the_templates(self) -> None:
        assert not [
            p for p in large_day() if "{" in json.dumps(list(p.values())) or "}" in json.dumps(list(p.values()))
        ]

    def test_industries_companies_and_countries_are_many(self) -> None:
        week = [posting for day in sorted(month())[-7:] for posting in month()[day]]
        assert len({posting["industry"] for posting in week}) >= 15
        assert len({posting["company"] for posting in week}) >= 200
        assert len({posting["location"] for posting in week}) >= 100
        assert len({posting["employment_type"] for posting in week}) >= 15
        assert {"remote", "Hybrid", "On-site", None} <= {posting["workplace"] for posting in week}

    def test_company_names_are_different_and_need_no_escaping(self) -> None:
        companies, titles = load_vocabulary().phrases.companies, load_vocabulary().roles.titles.values
        assert len(set(companies)) == len(companies) >= 300
        assert not [name for name in [*companies, *titles] if set(name) & set("&<>")]

    def test_about_two_thirds_state_pay_in_many_forms(self) -> None:
        postings = [p for p in large_day() if is_own(p, DAY)]
        numeric = [p for p in postings if p["salary_min"] is not None]
        text = [p for p in postings if re.search(r"\d", p["salary_text"] or "")]
        assert 0.6 < (len(numeric) + len(text)) / len(postings) < 0.7
        assert not [p for p in numeric if p["salary_text"] and p["salary_min"] != -5]
        assert [p for p in numeric if p["salary_max"] is None]
        assert [p for p in numeric if p["salary_period"] is None]
        assert [p for p in numeric if p["salary_currency"] is None]
        assert [
            p
            for p in postings
            if p["salary_text"] and p["salary_min"] is None and not re.search(r"\d", p["salary_text"])
        ]
        assert {"USD", "GBP", "EUR", "CHF", "INR"} <= {p["salary_currency"] for p in numeric}
        for pattern in (
            r"^\$[\d.]+K-\$[\d.]+K$",
            r"^£\d\d,\d{3} - £",
            r"^€\d\d\.\d{3} – €",
            r" per hour$",
            "LPA$",
        ):
            assert [p for p in text if re.search(pattern, p["salary_text"])], pattern

    def test_stated_ranges_are_in_order_and_plausible(self) -> None:
        ranges = [p for p in large_day() if is_own(p, DAY) and p["salary_max"] not in (None, 1e12)]
        assert all(p["salary_min"] <= p["salary_max"] for p in ranges if p["salary_min"] != -5)
        dollars = [p for p in ranges if p["salary_currency"] == "USD" and "ear" in (p["salary_period"] or "")]
        assert len(dollars) > 100
        assert all(15_000 < p["salary_max"] < 700_000 for p in dollars)

    def test_pay_grows_with_seniority(self) -> None:
        def median(word: str) -> float:
            pay = [
                p["salary_max"]
                for p in large_day()
                if p["salary_currency"] == "USD"
                and p["title"].startswith(word)
                and (p["salary_max"] or 0) > 15_000
            ]
            assert len(pay) >= 20
            return float(pl.Series(pay).median())  # type: ignore[arg-type]

        assert median("Junior ") < median("Senior ") < median("Lead ")

    def test_skills_of_one_stack_are_named_together(self) -> None:
        texts = [posting["description"] for posting in large_day()]
        react = [text for text in texts if re.search(r"\bReact\b(?! Native)", text)]
        assert len(react) > 20
        share = sum("Redux" in text for text in react) / len(react)
        assert share > 20 * sum("Redux" in text for text in texts) / len(texts)


class TestReturningPostings:
    def test_repeats_have_an_original_up_to_three_days_before(self) -> None:
        days = sorted(month())
        boards: Counter[str] = Counter()
        delays: Counter[int] = Counter()
        for day in days[3:]:
            originals = {
                (p["title"], p["company"], p["location"], p["description"]): p
                for back in range(4)
                for p in month()[day - timedelta(back)]
                if p["board"] == "sample_jobs"
            }
            for posting in month()[day]:
                boards[posting["board"]] += 1
                if posting["board"] == "sample_board":
                    original = originals[
                        posting["title"], posting["company"], posting["location"], posting["description"]
                    ]
                    assert original["external_id"] != posting["external_id"]
                    assert original["url"] != posting["url"]
                    assert "utm_source=" in posting["url"]
                    assert original["posted_at"] <= posting["posted_at"]
                    assert posted_days_before(posting, day) == 1
                    delays[posted_days_before(original, day) - 1] += 1
        assert set(boards) == {"sample_jobs", "sample_board"}
        assert 0.045 < boards["sample_board"] / boards["sample_jobs"] < 0.07
        assert set(delays) == {0, 1, 2, 3}

    def test_two_in_a_hundred_are_seen_again_with_more_pay(self) -> None:
        seen: dict[str, dict[str, Any]] = {}
        again = 0
        for day in sorted(month()):
            for posting in month()[day]:
                first = seen.setdefault(posting["external_id"], posting)
                if first is not posting:
                    again += 1
                    assert first["posted_at"] == posting["posted_at"]
                    assert first["title"] == posting["title"]
                    assert first["description"] == posting["description"]
                    assert posting["salary_max"] > (first["salary_max"] or 0)
        assert 0.012 < again / len(seen) < 0.025

    def test_faulty_ones_of_every_kind_are_there(self) -> None:
        lines = lines_of(SampleSource(postings_per_day=4_000), DAY)
        postings = large_day()
        faults = {
            "truncated": len(lines) - len(postings),
            "title": sum(p["title"] == "" for p in postings),
            "negative": sum(p["salary_min"] == -5 for p in postings),
            "huge": sum(p["salary_max"] == 1e12 for p in postings),
            "past": sum(p["posted_at"].startswith("1970") for p in postings),
            "future": sum(p["posted_at"].startswith("2199") for p in postings),
            "currency": sum(p["salary_currency"] == "QQQ" for p in postings),
            "control": sum("\0" in p["description"] for p in postings),
        }
        assert min(faults.values()) > 0
        assert 0.006 < sum(faults.values()) / len(lines) < 0.014


class TestTrends:
    def test_a_growing_skill_is_asked_for_more_after_a_year(self) -> None:
        skills = load_vocabulary().roles.skills

        def share(day: date, skill: str) -> float:
            drawn = draw_choices(np.random.default_rng(7), day, 20_000)["skills"]
            return float((drawn == skills.index(skill)).sum() / len(drawn))

        quarters = [date(2025, 6, 1), date(2025, 10, 1), date(2026, 2, 1), date(2026, 6, 1)]
        rising = [share(day, "Generative AI") for day in quarters]
        falling = [share(day, "Data Entry") for day in quarters]
        assert rising == sorted(rising)
        assert rising[-1] > 1.2 * rising[0]
        assert falling[-1] < 0.95 * falling[0]

    def test_pay_rises_in_most_families_and_falls_in_some(self) -> None:
        roles = load_vocabulary().roles

        def medians(day: date) -> dict[int, float]:
            choices = draw_choices(np.random.default_rng(7), day, 60_000)
            drawn = pl.DataFrame(
                {name: choices[name] for name in ("family", "country", "pay_period", "level", "pay_low")}
            )
            american = drawn.filter(
                (pl.col("country") == 0) & (pl.col("pay_period") == 0) & (pl.col("level") == 2)
            )
            return dict(american.group_by("family").agg(pl.col("pay_low").median()).iter_rows())

        before, after = medians(date(2025, 1, 1)), medians(date(2027, 1, 1))
        names = {name: position for position, name in enumerate(roles.family_names)}
        assert after[names["data_science"]] > 1.1 * before[names["data_science"]]
        assert after[names["writing"]] < 0.95 * before[names["writing"]]
        rising = sum(after[family] > before[family] for family in before if family in after)
        assert len(names) / 2 < rising < len(names)

    def test_demand_moves_slowly_and_stays_bounded(self) -> None:
        trends = load_vocabulary().roles.skill_trends
        days = [date(2026, 1, 1) + timedelta(number) for number in range(400)]
        for today, tomorrow in pairwise(days):
            ratio = trends.factors(tomorrow) / trends.factors(today)
            assert ((ratio > 0.95) & (ratio < 1.05)).all()
        for day in (date(2000, 1, 1), date(2200, 1, 1)):
            assert ((trends.factors(day) > 1e-3) & (trends.factors(day) < 1e3)).all()

    def test_every_noted_skill_is_asked_for(self) -> None:
        content = load_yaml("roles.yaml")
        assert set(content["skills"]) <= set(load_vocabulary().roles.skills)
        industry_families = {name for entry in content["industries"].values() for name in entry["families"]}
        assert industry_families == set(content["families"])


class TestRead:
    def test_what_was_fetched_has_the_schema_and_every_field(self) -> None:
        (content,) = payloads_of(SampleSource(), DAY).values()
        (batch,) = read(content)
        assert batch.frame.schema == RAW_POSTING
        lines = [line for line in content.decode().split("\n") if line]
        assert batch.frame.height + len(batch.undecodable) == len(lines)
        assert set(batch.frame["payload"]) <= set(lines)
        for row in batch.frame.iter_rows(named=True):
            posting = json.loads(row["payload"])
            assert set(posting) == set(FIELDS)
            for name in FIELDS:
                stated = posting[name]
                if isinstance(stated, float):
                    assert float(row[name]) == stated
                else:
                    assert row[name] == stated

    def test_truncated_lines_are_undecodable_and_harm_no_other(self) -> None:
        content = b'{"title": "before"}\n{"title": "cut, \xc3\n{"title": "after"}\n'
        (batch,) = read(content)
        assert batch.frame.schema == RAW_POSTING
        assert batch.frame["title"].to_list() == ["before", "after"]
        (refused,) = batch.undecodable
        assert refused.payload.startswith('{"title": "cut, ')
        assert "truncated" in refused.reason

    def test_a_payload_of_truncated_lines_alone(self) -> None:
        (batch,) = read(b'{"title": "a\n')
        assert batch.frame.schema == RAW_POSTING
        assert (batch.frame.height, len(batch.undecodable)) == (0, 1)

    def test_a_payload_that_the_source_did_not_make_is_refused(self) -> None:
        with pytest.raises(SourceError, match="jsonl: it was not made by the sample source"):
            read(b'{"title": }\n')
