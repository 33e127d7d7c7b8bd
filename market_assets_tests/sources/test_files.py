"""A file as a source: what it gives, what it says when it can't, and the real files of other people."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.files.source import FileSource
from market_assets.sources.protocol import RawBatch, Source, SourceError

DAY, NOW = date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def batches(source: Source) -> list[RawBatch]:
    found: list[RawBatch] = []
    for payload in source.fetch(DAY, NOW).payloads:
        with payload.open() as content:
            found += source.read(payload.name, content)
    assert all(batch.frame.schema == RAW_POSTING and batch.frame.height <= 5_000 for batch in found)
    return found


def postings(source: Source) -> pl.DataFrame:
    return pl.concat(batch.frame for batch in batches(source))


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path, mapping: dict[str, str] | None = None) -> str:
    """What reading the file and showing its mapping both say."""
    source = FileSource("mine", path, mapping or {})
    with pytest.raises(SourceError) as caught:
        batches(source)
    assert caught.value.permanent
    with pytest.raises(SourceError) as shown:
        source.resolved_columns()[0]
    message = str(caught.value)
    assert str(shown.value) == message
    assert "\n" not in message
    assert path.name in message
    return message


def test_a_file_is_one_payload_of_any_day(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbftitle,company\r\nCook,Inn\r\n"
    source = FileSource("mine", written(tmp_path, "My jobs.csv", content))

    fetch = source.fetch(DAY, NOW)
    (payload,) = fetch.payloads

    assert source.name == "mine"
    assert not source.any_day
    assert source.kind == "file"
    assert fetch.observed_at == NOW
    assert payload.name == "My jobs.csv"
    for _ in range(2):
        with payload.open() as opened:
            assert opened.read() == content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'Job Title,Company Name,payload\nCook,"Inn, ""The""",x\nNurse,,\n'),
        ("a.tsv", 'Job Title\tCompany Name\tpayload\nCook\t"Inn, ""The"""\tx\nNurse\t\t\n'),
        ("a.json", '[{"Job Title":"Cook","Company Name":"Inn, \\"The\\"","payload":"x"},{"Job Title":"Nurse"}]'),
        ("a.jsonl", '{"Job Title":"Cook","Company Name":"Inn, \\"The\\"","payload":"x"}\n{"Job Title":"Nurse"}\n'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_every_text_format_gives_raw_postings(tmp_path: Path, name: str, content: str, packed: bool) -> None:
    path = written(tmp_path, name + ".gz" * packed, gzip.compress(content.encode()) if packed else content)
    source = FileSource("mine", path, {"description": "payload"})

    frame = postings(source)

    assert source.resolved_columns()[0] == {
        "title": "Job Title",
        "company": "Company Name",
        "description": "payload",
    }
    assert frame["title"].to_list() == ["Cook", "Nurse"]
    assert frame["company"].to_list() == ['Inn, "The"', None]
    assert frame["description"].to_list() == ["x", None]
    assert frame["url"].null_count() == 2
    assert json.loads(frame["payload"][0]) == {"Job Title": "Cook", "Company Name": 'Inn, "The"', "payload": "x"}


def test_parquet_gives_raw_postings(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(
        {"position": ["Cook"], "salary_min": [18.5], "created": [NOW], "locations": [["A", "B"]]}
    ).write_parquet(path)

    row = postings(FileSource("mine", path)).row(0, named=True)

    assert (row["title"], row["salary_min"], row["location"]) == ("Cook", "18.5", "A; B")
    assert row["posted_at"] == "2026-01-02T03:04:05+00:00"
    assert json.loads(row["payload"])["salary_min"] == 18.5


def test_undecodable_records_come_with_their_batch(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "title,b\nCook,1\nonly\nNurse,2\n")
    (batch,) = batches(FileSource("mine", path))
    assert batch.frame["title"].to_list() == ["Cook", "Nurse"]
    assert [(each.payload, each.reason) for each in batch.undecodable] == [
        ("only", "line 3 has 1 fields where the header has 2")
    ]


def test_later_records_may_lack_columns_or_all_of_them(tmp_path: Path) -> None:
    lines = ['{"title": "Cook", "url": "https://x.example/1"}'] * 5_000 + ["{}", '{"url": "u", "more": 1}', "bad"]
    path = written(tmp_path, "a.jsonl", "\n".join([*lines, *["{}"] * 4_996, "[]"]))
    found = batches(FileSource("mine", path))
    assert [batch.frame.height for batch in found] == [5_000, 4_998]
    assert [len(batch.undecodable) for batch in found] == [0, 2]
    assert found[1].frame["title"].null_count() == 4_998
    assert found[1].frame["url"].to_list()[:3] == [None, "u", None]
    assert found[1].frame["payload"].to_list()[:2] == ["{}", '{"url": "u", "more": 1}']


def test_a_batch_of_bad_records_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "title,b\n" + "Cook,1\n" * 5_000 + "bad\n" * 3)
    assert [(batch.frame.height, len(batch.undecodable)) for batch in batches(FileSource("mine", path))] == [
        (5_000, 0),
        (0, 3),
    ]


def test_nul_characters_of_json_do_not_reach_the_fields(tmp_path: Path) -> None:
    frame = postings(FileSource("mine", written(tmp_path, "a.json", '[{"title": "Co\\u0000ok"}]')))
    assert frame["title"].to_list() == ["Cook"]
    assert frame["payload"].to_list() == ['{"title":"Co\\u0000ok"}']


def test_a_large_field_costs_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write('title,description\nCook,"')
        for _ in range(30):
            file.write("x" * 1_000_000)
        file.write('"\nNurse,y\n')
    (batch,) = batches(FileSource("mine", path))
    assert batch.frame["title"].to_list() == ["Nurse"]
    assert [each.reason for each in batch.undecodable] == ["record of 30.0 MB is over the limit of 1 MB"]


# What can't be read ---------------------------------------------------------------------------------------


def test_files_that_can_not_be_opened(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert refusal(tmp_path / "missing.csv").endswith("there is no such file")
    assert "folder" in refusal(tmp_path / "folder.csv")
    assert refusal(tmp_path / "missing.csv" / "x.csv").endswith("there is no such file")
    assert refusal(written(tmp_path, "empty.csv", "")).endswith("it is empty")
    assert "known are .csv, " in refusal(written(tmp_path, "jobs.xlsx", "PK"))
    assert "can't be opened" in refusal(written(tmp_path, "x.csv", "x") / "y.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = written(tmp_path, "secret.csv", "title\nCook\n")
    path.chmod(0)
    assert "Permission denied" in refusal(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "title,company\n", "there is no posting in it"),
        ("a.csv", "title,company\nx\ny\n", "there is no posting in it that can be read; line 2 has 1 fields"),
        ("a.csv", "foo,bar\n1,2\n", "no column can be taken for the title; its columns are: foo, bar."),
        ("a.json", "[]", "neither a list of postings nor an object that holds one; it is []"),
        ("a.json", '[{"foo": 1}]', "no column can be taken for the title; its columns are: foo."),
        ("a.json", "[{}]", "no column can be taken for the title"),
        ("a.json", "nonsense", "it is not JSON"),
        ("a.jsonl", "a,b\n1,2\n", "there is no posting in it that can be read; line 1 is not JSON"),
        ("a.jsonl", "\n\n", "there is no posting in it"),
        ("a.parquet", "PAR1 not really", "it can't be read as Parquet"),
        ("a.csv.gz", "title\nCook\n", "it is not a whole gzip file"),
    ],
)
def test_files_of_the_wrong_shape(tmp_path: Path, name: str, content: str, message: str) -> None:
    assert message in refusal(written(tmp_path, name, content))


def test_parquet_without_rows_or_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"title": ["Cook"] * 1_000}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    assert "it can't be read as Parquet" in refusal(path)
    pl.DataFrame({"title": []}, schema={"title": pl.String}).write_parquet(path)
    assert "there is no posting in it" in refusal(path)


def test_a_compressed_file_that_is_cut_off_says_so_after_what_it_held(tmp_path: Path) -> None:
    packed = gzip.compress(b"title,b\n" + b"".join(b"Cook,%d\n" % (n * 7919) for n in range(40_000)))
    source = FileSource("mine", written(tmp_path, "a.csv.gz", packed[:-1_000]))
    with (tmp_path / "a.csv.gz").open("rb") as content:
        reading = source.read("a.csv.gz", content)
        assert next(reading).frame.height == 5_000
        with pytest.raises(SourceError, match=r"^a\.csv\.gz: it is not a whole gzip file"):
            list(reading)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.csv", b"title,b\nCook,1\n", None),
        ("a.csv.gz", gzip.compress(b"title,b\nCook,1\n", mtime=0), None),
        ("a.json", b'[{"headword": "x", "y": 1}]', "a.json: no column can be taken for the title"),
        ("a.jsonl", b"not json\n", "a.jsonl: there is no posting in it that can be read"),
        ("a.parquet", b"PAR1 and more", "a.parquet: it can't be read as Parquet"),
    ],
)
def test_a_payload_that_can_not_be_read_is_landed_with_its_problem(
    tmp_path: Path, name: str, content: bytes, problem: str | None
) -> None:
    source = FileSource("mine", written(tmp_path, name, content))
    (payload,) = source.fetch(DAY, NOW).payloads
    with payload.open() as opened:
        assert opened.read() == content
    found = payload.problem()
    assert found is None if problem is None else str(found).startswith(problem)


def test_mappings_that_can_not_be(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "title,company\nCook,Inn\n")
    assert refusal(path, {"titel": "title"}) == "a.csv: there is no field 'titel' to map; did you mean title?"
    assert "did you mean title?" in refusal(path, {"title": "Titel"})


# Real files -----------------------------------------------------------------------------------------------


def recorded(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"there is no {name} beside the checkout")
    return path


def test_glassdoor() -> None:
    source = FileSource("mine", recorded("postings/glassdoor.csv"))
    assert source.resolved_columns()[0] == {
        "title": "Job Title",
        "company": "Company Name",
        "location": "Location",
        "description": "Job Description",
        "salary_text": "Salary Estimate",
        "industry": "Industry",
    }
    (batch,) = batches(source)
    assert batch.undecodable == []
    assert batch.frame.height == 330
    row = batch.frame.row(0, named=True)
    assert (row["title"], row["company"]) == ("Data Scientist", "Tecolote Research\n3.8")
    assert row["salary_text"] == "$53K-$91K (Glassdoor est.)"
    assert len(row["description"]) > 1_000
    assert json.loads(row["payload"])["Headquarters"] == "Goleta, CA"


def test_postings_of_three_boards() -> None:
    path = recorded("postings/ats_jobs_2026.parquet")
    source = FileSource("mine", path)
    mapping = source.resolved_columns()[0]
    assert mapping == {
        "board": "source",
        "external_id": "job_uid",
        "title": "title",
        "company": "company",
        "location": "location_raw",
        "url": "apply_url",
        "salary_min": "salary_min_orig",
        "salary_max": "salary_max_orig",
        "salary_currency": "currency_original",
        "salary_period": "salary_interval_orig",
        "posted_at": "published_at",
        "employment_type": "employment_type",
        "workplace": "is_remote",
        "seniority": "seniority",
    }
    found, original = postings(source), pl.read_parquet(path)
    assert found.height == 4_100
    for field, column in mapping.items():
        if original[column].dtype == pl.String:
            assert found[field].equals(original[column], null_equal=True)
    assert found["salary_min"].cast(pl.Float64).equals(original["salary_min_orig"], null_equal=True)
    assert "188000" in found["salary_min"]
    assert set(found["workplace"].unique()) == {"true", "false"}


def test_new_graduate_listings() -> None:
    path = recorded("postings/listings.json")
    source = FileSource("mine", path)
    assert source.resolved_columns()[0] == {
        "board": "source",
        "external_id": "id",
        "title": "title",
        "company": "company_name",
        "location": "locations",
        "url": "url",
        "posted_at": "date_posted",
    }
    found, original = postings(source), json.loads(path.read_text())
    assert found.height == 648
    assert found["location"].to_list() == ["; ".join(entry["locations"]) or None for entry in original]
    assert found["posted_at"].to_list() == [str(entry["date_posted"]) for entry in original]
    assert [json.loads(payload) for payload in found["payload"]] == original


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("arbeitnow", 3, {"external_id": "slug", "workplace": "remote", "posted_at": "created_at"}),
        ("ashby", 3, {"description": "descriptionPlain", "workplace": "workplaceType", "url": "jobUrl"}),
        ("greenhouse", 2, {"location": "location.name", "description": "content", "posted_at": "first_published"}),
        (
            "himalayas",
            3,
            {"company": "companyName", "salary_period": "salaryPeriod", "location": "locationRestrictions"},
        ),
        ("jobicy", 3, {"title": "jobTitle", "location": "jobGeo", "industry": "jobIndustry"}),
        (
            "lever",
            2,
            {"title": "text", "location": "categories.location + country", "salary_min": "salaryRange.min"},
        ),
        ("remoteok", 4, {"title": "position", "external_id": "id", "salary_max": "salary_max"}),
        ("remotive", 3, {"salary_text": "salary", "location": "candidate_required_location"}),
    ],
)
def test_answers_of_public_boards(name: str, rows: int, expected: dict[str, str]) -> None:
    source = FileSource("mine", recorded(f"payloads/{name}.json"))
    assert expected.items() <= source.resolved_columns()[0].items()
    assert postings(source).height == rows
