"""`market-assets run --from FILE`: a user's own file, good, odd or broken."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.pipelines import read_rows

POSTINGS = [
    {
        "id": f"job-{number}",
        "title": title,
        "company": "Acme",
        "location": "Berlin, Germany",
        "description": text,
        "salary": "EUR 60,000 per year",
        "posted_at": f"2024-02-{number + 10}T08:00:00Z",
    }
    for number, (title, text) in enumerate(
        [("Data Engineer", "Python and SQL"), ("Analyst", "SQL and Excel"), ("Developer", "Python, SQL, Docker")]
    )
]


def as_csv(postings: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(postings[0]))
    writer.writeheader()
    writer.writerows(postings)
    return text.getvalue().encode()


def as_parquet(postings: list[dict[str, Any]]) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(postings), content)
    return content.getvalue()


FORMATS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "csv": as_csv,
    "json": lambda postings: json.dumps(postings).encode(),
    "jsonl": lambda postings: "\n".join(map(json.dumps, postings)).encode(),
    "parquet": as_parquet,
    "csv.gz": lambda postings: gzip.compress(as_csv(postings)),
}


def summary(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def written(name: str, content: bytes | str) -> Path:
    path = Path(name)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "ending",
    [name if name == "parquet" else pytest.param(name, marks=pytest.mark.thorough) for name in FORMATS],
)
def test_every_format_gives_the_same(invoke: Invoke, ending: str) -> None:
    found = summary(invoke("run", "--json", "--from", written(f"mine.{ending}", FORMATS[ending](POSTINGS))))
    assert (found["postings_in"], found["rejected"], found["duplicates"], found["postings"]) == (3, 0, 0, 3)
    assert found["as_of"] == "2024-02-12T08:00:00+00:00"
    assert found["window_start"].startswith("2023-11-14T00:00:00")
    counts = {skill["skill"]: skill["postings"] for skill in found["top_skills"]}
    assert (counts["SQL"], counts["Python"], counts["Docker"], counts["Excel"]) == (3, 2, 1, 1)
    rows = read_rows(f"sqlite:///{found['database']}", "job_postings")
    assert {row["title"] for row in rows} == {posting["title"] for posting in POSTINGS}
    assert {row["salary_currency"] for row in rows} == {"EUR"}
    assert Path(found["report"]).read_text(encoding="utf-8").startswith("<!")


def test_a_file_in_german_is_read_and_what_is_left_out_is_named(invoke: Invoke) -> None:
    text = (
        "Stelle;Firma;Ort;Land;Gehalt;Beschreibung;Datum;Ansprechpartner\n"
        "Köchin;Krone;Bern;CH;CHF 5'000 pro Monat;Kochen mit Excel;07/08/2025;Frau Kern\n"
        ";Krone;Bern;CH;;Ohne Titel;07/08/2025;\n"
        "Koch;Adler;Brig;CH;;Kochen mit SQL;18/07/2025;\n"
    )
    result = invoke("run", "--from", written("meine.csv", text))
    assert result.exit_code == 0, result.stderr
    shown = " ".join(result.stdout.split())
    for said in ("title ", "--map", "location Ort + Land", "not used Ansprechpartner", "Rejected: ", "Ohne Titel"):
        assert said in shown
    for said in ("job_postings", "2 postings", "2025-08-07", "data/from/meine.db", "meine.html"):
        assert said in shown
    rows = read_rows("sqlite:///data/from/meine.db", "job_postings")
    assert {(row["company"], row["location"], row["salary_min"]) for row in rows} == {
        ("Krone", "Bern, CH", 5_000),
        ("Adler", "Brig, CH", None),
    }
    assert {str(row["posted_at"])[:10] for row in rows} == {"2025-08-07", "2025-07-18"}


def test_columns_can_be_named(invoke: Invoke) -> None:
    path = written("odd.csv", "a,b,c\nCook,Inn,HACCP\nNurse,Ward,English\n")
    refused = invoke("run", "--from", path)
    assert refused.exit_code == 1
    assert "--map title='COLUMN'" in refused.stderr
    found = summary(invoke("run", "--json", "--from", path, "--map", "title=a", "--map", "company = b"))
    rows = read_rows(f"sqlite:///{found['database']}", "job_postings")
    assert {(row["title"], row["company"]) for row in rows} == {("Cook", "Inn"), ("Nurse", "Ward")}


def test_a_file_is_never_mixed_with_the_rest_nor_with_its_older_self(invoke: Invoke, project: Path) -> None:
    # Any name of a file will do.
    first = summary(invoke("run", "--json", "--from", written("a'b; drop.csv", as_csv(POSTINGS))))
    again = summary(invoke("run", "--json", "--from", written("a'b; drop.csv", as_csv(POSTINGS[:1]))))
    assert (first["postings"], again["postings"]) == (3, 1)
    assert again["database"] == first["database"]
    assert Path(again["database"]).parent.match("data/from"), "each name has a database of its own"
    assert not (project / "data/market.db").exists()


def test_with_a_database_of_the_settings_it_goes_there(invoke: Invoke) -> None:
    url = "sqlite:///mine.db"
    found = summary(invoke("run", "--json", "--from", written("mine.csv", as_csv(POSTINGS)), DATABASE_URL=url))
    assert found["database"] == "mine.db"
    summary(invoke("run", "--json", "--from", written("other.csv", as_csv(POSTINGS[:2])), DATABASE_URL=url))
    sources = [row["source"] for row in read_rows(url, "job_postings")]
    assert (sources.count("mine"), sources.count("other")) == (3, 2)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name",
    [
        "-.csv",
        "Überstunden & mehr.csv",
        "2024-02.csv",
        "x" * 120 + ".csv",
    ],
)
def test_any_name_of_a_file_will_do(invoke: Invoke, name: str) -> None:
    path = written(f"./{name}", as_csv(POSTINGS))
    assert summary(invoke("run", "--json", f"--from={path.resolve()}"))["postings"] == 3


# --- odd content ---------------------------------------------------------------------------------


def test_odd_fields_are_emptied_and_nothing_else_is_lost(invoke: Invoke) -> None:
    odd = [
        {"id": "job-1", "title": "Cook\u0000\u0007\u001b[31m", "salary_min": -5, "posted_at": "1970-01-01"},
        {"id": "job-2", "title": "Nurse", "salary_min": 1e12, "posted_at": "2199-01-01"},
        {"id": "job-3", "title": "Baker", "salary_min": 50_000, "currency": "QQQ", "posted_at": "2024-02-01"},
        {"id": "job-4", "title": "\t ", "posted_at": "2024-02-01"},
    ]
    found = summary(invoke("run", "--json", "--from", written("odd.json", json.dumps(odd))))
    assert (found["postings_in"], found["rejected"], found["postings_with_salary"]) == (4, 1, 0)
    rows = {row["external_id"]: row for row in read_rows(f"sqlite:///{found['database']}", "job_postings")}
    assert rows.keys() == {"job-1", "job-2", "job-3"}
    assert all(character.isprintable() for row in rows.values() for character in row["title"])
    assert [row["annual_salary_min"] for row in rows.values()] == [None] * 3
    assert [rows[name]["stated_posted_at"] is None for name in sorted(rows)] == [True, True, False]


@pytest.mark.thorough
@pytest.mark.slow
def test_a_description_of_30_megabytes_is_rejected_and_the_rest_taken(invoke: Invoke) -> None:
    huge = {"id": "job-1", "title": "Dev", "description": "python " * 4_300_000}
    for ending in ("json", "jsonl", "csv"):
        content = FORMATS[ending]([huge, {"id": "job-2", "title": "Nurse", "description": "English"}])
        assert len(content) > 30_000_000
        found = summary(invoke("run", "--json", "--from", written(f"{ending}.{ending}", content)))
        assert (found["postings_in"], found["rejected"], found["postings"]) == (2, 1, 1)
        (rejected,) = read_rows(f"sqlite:///{found['database']}", "rejected_postings")
        assert "over the limit of 1 MB" in rejected["reason"]
        assert len(rejected["payload"]) < 100_000


def test_ragged_lines_of_another_encoding_are_rejected_with_their_number(invoke: Invoke) -> None:
    content = "title,company\nBäcker,Müller\nNurse\nBaker,Mill,extra\nCafé-Leitung,Brühl\n".encode("latin-1")
    found = summary(invoke("run", "--json", "--from", written("mine.csv", content)))
    assert (found["postings_in"], found["rejected"], found["postings"]) == (4, 2, 2)
    assert "no dates" in found["window_note"], "without dates, postings count as posted now"
    rows = read_rows(f"sqlite:///{found['database']}", "job_postings")
    assert {row["title"] for row in rows} == {"Bäcker", "Café-Leitung"}
    reasons = {row["reason"] for row in read_rows(f"sqlite:///{found['database']}", "rejected_postings")}
    assert reasons == {
        "line 3 has 1 fields where the header has 2",
        "line 4 has 3 fields where the header has 2",
    }


# --- files that can't be read --------------------------------------------------------------------

#: One of each kind; all others are in sources/test_files.py and test_file_decoding.py.
UNREADABLE: dict[str, tuple[bytes | None, str]] = {
    "missing.csv": (None, "there is no such file"),
    "columns.csv": (b"x,y\n1,2\n", "no column can be taken for the title"),
    "cut.json": (b'[{"title": "Cook"}, {"tit', ""),
    "sheet.xlsx": (b"PK\x03\x04" + bytes(60), "its ending is not known"),
    "cut.parquet": (as_parquet(POSTINGS)[:-20], "Parquet"),
    "cut.csv.gz": (gzip.compress(as_csv(POSTINGS * 50))[:-30], "gzip"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cant_be_read_is_one_line_and_leaves_nothing(invoke: Invoke, name: str) -> None:
    content, shown = UNREADABLE[name]
    if content is not None:
        written(name, content)
    result = invoke("run", "--from", name)
    assert result.exit_code == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("market-assets: ")
    assert name in last
    assert shown in last
    for database in Path("data/from").glob("*.db"):
        for table in ("job_postings", "rejected_postings", "market_summary"):
            assert read_rows(f"sqlite:///{database}", table) == []


def test_a_file_that_breaks_off_in_the_middle_changes_nothing(invoke: Invoke) -> None:
    url = "sqlite:///mine.db"
    summary(invoke("run", "--json", "--from", written("sound.csv", as_csv(POSTINGS)), DATABASE_URL=url))
    before = {table: read_rows(url, table) for table in ("job_postings", "skill_demand", "market_summary")}
    many = [{**POSTINGS[0], "id": f"more-{number}"} for number in range(30_000)]
    torn = gzip.compress(as_csv(many), mtime=0)[:-2_000]
    result = invoke("run", "--from", written("torn.csv.gz", torn), DATABASE_URL=url)
    assert result.exit_code == 1
    assert "it is not a whole gzip file" in result.stderr.strip().splitlines()[-1]
    assert {table: read_rows(url, table) for table in before} == before


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("--map", "title"), "write it as FIELD=COLUMN"),
        (("--map", "=x"), "write it as FIELD=COLUMN"),
        (("--days", "3"), "a file is one day's"),
    ],
)
def test_wrong_use_is_reported(invoke: Invoke, arguments: tuple[str, ...], shown: str) -> None:
    result = invoke("run", "--from", written("mine.csv", as_csv(POSTINGS)), *arguments)
    assert result.exit_code == 2
    assert shown in result.stderr


@pytest.mark.parametrize(("mapping", "shown"), [("title=job", "'job'"), ("titel=title", "did you mean title")])
def test_a_mapping_of_what_is_not_there_is_reported(invoke: Invoke, mapping: str, shown: str) -> None:
    result = invoke("run", "--from", written("mine.csv", as_csv(POSTINGS)), "--map", mapping)
    assert result.exit_code == 1
    assert shown in result.stderr


def test_a_data_folder_that_is_none_is_reported(invoke: Invoke) -> None:
    written("afile", "")
    path = written("mine.csv", as_csv(POSTINGS))
    for folder in ("afile", "/proc/nowhere"):
        result = invoke("run", "--from", path, MARKET_ASSETS_DATA_DIR=folder)
        assert result.exit_code == 1
        last = result.stderr.strip().splitlines()[-1]
        assert last.startswith("market-assets: ")
        assert folder in last
