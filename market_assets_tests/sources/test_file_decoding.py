"""Bytes → frames: every format, every way in which a file can be broken."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import io
import json
import logging
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from market_assets.sources.files import text
from market_assets.sources.files.decoding import decode
from market_assets.sources.files.records import Chunk
from market_assets.sources.files.text import CsvRecords, sniff_delimiter
from market_assets.sources.protocol import SourceError


def decoded(name: str, content: bytes) -> tuple[pl.DataFrame, list[Any], list[str], list[Chunk]]:
    """All rows, the payloads as values, the reasons of what is undecodable, and the chunks."""
    chunks = list(decode(name, io.BytesIO(content)))
    frame = pl.concat([chunk.frame for chunk in chunks], how="diagonal")
    payloads = [json.loads(payload) for chunk in chunks for payload in chunk.payload]
    assert len(payloads) == frame.height
    assert all(dtype == pl.String for dtype in frame.dtypes)
    return frame, payloads, [each.reason for chunk in chunks for each in chunk.undecodable], chunks


def table(content: str | bytes, name: str = "jobs.csv") -> tuple[list[dict[str, Any]], list[str]]:
    frame, _, reasons, _ = decoded(name, content.encode() if isinstance(content, str) else content)
    return frame.to_dicts(), reasons


def refusal(name: str, content: bytes) -> str:
    with pytest.raises(SourceError) as caught:
        list(decode(name, io.BytesIO(content)))
    assert caught.value.permanent
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{name}: ")
    return message.removeprefix(f"{name}: ")


# CSV ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_csv_of_every_delimiter_and_line_end(delimiter: str, line_end: str) -> None:
    cells = [
        ["title", "company", "text"],
        ["Engineer, Data", "A|B;C\tD", 'says "hi"\nand more\r\nlines'],
        ["Nurse", "", "x"],
    ]
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(cells)

    found, reasons = table(stream.getvalue())

    assert found == [
        dict(zip(cells[0], cells[1], strict=True)),
        {"title": "Nurse", "company": None, "text": "x"},
    ]
    assert reasons == []


def test_csv_delimiter_is_the_one_by_which_records_agree() -> None:
    assert sniff_delimiter("title;pay\nCook, chef;1,5\nNurse;2,5\n") == ";"
    assert sniff_delimiter("a,b|c,d\n1,2|3,4\n5|6\n") == "|"
    assert sniff_delimiter("title\nA;B\n") == ","
    assert sniff_delimiter("") == ","


def test_csv_that_states_its_delimiter_as_spreadsheets_do() -> None:
    assert table("sep=;\r\na;b\r\n1,5;2\r\n")[0] == [{"a": "1,5", "b": "2"}]


cell = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from('",;\n\r\t| é'),
    max_size=12,
)


@given(st.data(), st.sampled_from(["\r\n", "\n"]), st.booleans())
def test_csv_comes_back_cell_by_cell(data: st.DataObject, line_end: str, marked: bool) -> None:
    width = data.draw(st.integers(1, 5))
    cells = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=8))
    names = [f"n{position}" for position in range(width)]
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=line_end).writerows([names, *cells])

    content = stream.getvalue().encode("utf-8-sig" if marked else "utf-8")
    frame, payloads, reasons, _ = decoded("jobs.csv", content)

    # A lone carriage return is not quoted where the line ends in a newline, so it ends the line too.
    assume(line_end == "\r\n" or not any("\r" in value for row in cells for value in row))
    assert frame.columns == names
    assert frame.rows() == [tuple(value or None for value in row) for row in cells]
    assert payloads == frame.to_dicts()
    assert reasons == []


@given(st.text(alphabet='ab",\n\r', max_size=40), st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_csv_records_are_those_of_the_csv_module(content: str, sizes: list[int]) -> None:
    chunks: list[str] = []
    rest = content
    while rest:
        size = sizes[len(chunks) % len(sizes)]
        size += 1 if rest[size - 1 : size + 1] == "\r\n" else 0
        chunks.append(rest[:size])
        rest = rest[size:]
    records = list(CsvRecords(chunks, ","))
    assume(all(record.problem is None for record in records))

    expected = [row for row in csv.reader(io.StringIO(content, newline="")) if row]

    assert [record.fields for record in records] == expected


def test_csv_rows_of_the_wrong_width_are_undecodable_and_the_rest_goes_on() -> None:
    found, reasons = table('a,b,c\n1,2,3\n4,5\n"x\ny",2,3\n6,7,8,9\n\n9,9,9\n')

    assert [row["a"] for row in found] == ["1", "x\ny", "9"]
    assert reasons == [
        "line 3 has 2 fields where the header has 3",
        "line 6 has 4 fields where the header has 3",
    ]


@pytest.mark.parametrize(
    ("encoding", "warned"),
    [("utf-8", False), ("utf-8-sig", False), ("utf-16", False), ("utf-32", False), ("cp1252", True)],
)
def test_csv_encodings(encoding: str, warned: bool, caplog: pytest.LogCaptureFixture) -> None:
    content = "title,city\nIngénieur – «Données»,Zürich\n".encode(encoding)
    with caplog.at_level(logging.WARNING):
        found, _ = table(content)

    assert found == [{"title": "Ingénieur – «Données»", "city": "Zürich"}]
    assert ("jobs.csv" in caplog.text) == warned


def test_csv_with_some_wrong_bytes_keeps_the_rest_as_utf8() -> None:
    content = "title,city\nÉtudiant,".encode() + "Zürich".encode("cp1252") + "\nBäcker,Köln\n".encode()
    assert table(content)[0] == [
        {"title": "Étudiant", "city": "Zürich"},
        {"title": "Bäcker", "city": "Köln"},
    ]


def test_csv_characters_cut_by_the_end_of_a_read_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_CHUNK_BYTES", 3)
    content = 'title,city\r\n"Ingénieur 😀",Zürich\r\n"a\r\nb",ß\r\n'
    expected = [{"title": "Ingénieur 😀", "city": "Zürich"}, {"title": "a\r\nb", "city": "ß"}]

    assert table(content.encode() + b"x,\xff\r\n") == ([*expected, {"title": "x", "city": "ÿ"}], [])
    assert table(content.encode("utf-16")) == (expected, [])


def test_csv_tolerates_nul_bytes() -> None:
    assert table(b"ti\0tle,b\nCo\0ok,\0\n") == ([{"title": "Cook", "b": None}], [])


def test_csv_column_names_are_made_unique() -> None:
    frame, *_ = decoded("jobs.csv", b"title, title ,,title_2,title\n1,2,3,4,5\n")
    assert frame.columns == ["title", "title_2", "column_3", "title_2_2", "title_3"]
    assert frame.row(0) == ("1", "2", "3", "4", "5")


def test_csv_of_a_huge_field_loses_that_record_alone() -> None:
    huge = b'a,b\n1,2\n"' + b'he said ""x"", and\r\nleft\n' * 130_000 + b'",5\n7,8\n'
    found, _, reasons, chunks = decoded("jobs.csv", huge)

    assert found.rows() == [("1", "2"), ("7", "8")]
    size = len(huge) - len(b"a,b\n1,2\n") - len(b"\n7,8\n")
    assert size > 3_000_000
    assert reasons == [f"record of {size / 1e6:.1f} MB is over the limit of 1 MB"]
    assert len(chunks[0].undecodable[0].payload) <= text.KEPT_CHARACTERS + 1
    assert chunks[0].undecodable[0].payload.startswith('"he said')


@pytest.mark.parametrize("quote", ['"', ""])
def test_csv_records_after_a_huge_one_have_their_lines(quote: str) -> None:
    body = "x" * 3_000_000
    found, reasons = table(f"a,b\n{quote}{body}{quote},1\n2\n3,4\n")
    assert found == [{"a": "3", "b": "4"}]
    assert sorted(reasons) == [
        "line 3 has 1 fields where the header has 2",
        "record of 3.0 MB is over the limit of 1 MB",
    ]


def test_csv_size_is_counted_in_bytes() -> None:
    found, reasons = table("a,b\n" + "é" * 499_990 + ",1\n" + "é" * 500_001 + ",2\n")
    assert [row["b"] for row in found] == ["1"]
    assert reasons == ["record of 1.000004 MB is over the limit of 1 MB"]


def test_csv_quote_that_is_never_closed_costs_its_own_line() -> None:
    found, reasons = table('a,b\n1,2\n3,"4\n5,6\n7,8\n')
    assert [row["a"] for row in found] == ["1", "5", "7"]
    assert reasons == ["line 3 opens a quote that is never closed"]


def test_csv_text_cut_off_within_a_quoted_field_is_one_undecodable_record() -> None:
    found, reasons = table('a,b\n1,2\n3,"some text\nthat goes on\nand stops')
    assert [row["a"] for row in found] == ["1"]
    assert reasons == ["line 3 opens a quote that is never closed"]


def test_csv_quote_that_is_never_closed_in_a_large_file_costs_its_own_line() -> None:
    many = "".join(f"{number},{number}\n" for number in range(90_000))
    found, reasons = table(f'a,b\n1,"2\n{many}')
    assert len(found) == 90_000
    assert reasons == ["line 2 opens a quote that is never closed"]


def test_csv_endless_field_that_is_never_closed_says_both() -> None:
    found, reasons = table('a,b\n1,2\n3,"' + "words go on\n" * 200_000)
    assert found == [{"a": "1", "b": "2"}]
    assert reasons == [
        "record of 2.4 MB is over the limit of 1 MB, and the quote that it opens on line 3 is never closed"
    ]


def test_csv_comes_in_chunks_of_bounded_size() -> None:
    *_, chunks = decoded("jobs.csv", b"a,b\n" + b"1,2\n" * 25_000)
    assert [chunk.frame.height for chunk in chunks] == [5_000] * 5


def test_csv_is_streamed() -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            self.read_bytes += size
            return (b"title,b\n" + b"x,y\n" * size)[:size] if self.read_bytes == size else b"x,y\n" * (size // 4)

    endless = Endless()
    first = next(decode("jobs.csv", endless))  # type: ignore[arg-type]
    assert first.frame.height == 5_000
    assert endless.read_bytes < 2_000_000


def test_csv_that_is_empty_or_has_no_header() -> None:
    assert refusal("jobs.csv", b"") == "it is empty"
    assert refusal("jobs.csv", b"\r\n\r\n") == "it is empty"
    assert refusal("jobs.csv", b"\xef\xbb\xbf") == "it is empty"
    assert "header" in refusal("jobs.csv", b'"a,b\n1')


def test_csv_fields_beyond_the_csv_modules_own_limit() -> None:
    csv.field_size_limit(131_072)
    found, reasons = table("a,b\n" + "x" * 200_000 + ",1\n")
    assert (len(found[0]["a"]), reasons) == (200_000, [])


# JSON -----------------------------------------------------------------------------------------------------

POSTINGS = [{"title": "Cook", "id": 1}, {"title": "Nurse", "id": 2}]
ROWS = [{"title": "Cook", "id": "1"}, {"title": "Nurse", "id": "2"}]


@pytest.mark.parametrize(
    "document",
    [
        POSTINGS,
        {"jobs": POSTINGS},
        {"meta": {"total": 2}, "tags": [{"x": 1}], "anything": POSTINGS, "next": None},
        {"status": "ok", "data": {"count": 2, "results": POSTINGS}},
        {"a": POSTINGS[0], "b": POSTINGS[1]},
        {"data": {"items": POSTINGS, "total": 2}, "meta": {"total": 2}},
        {"title": {"0": "Cook", "1": "Nurse"}, "id": {"0": 1, "1": 2}},
    ],
    ids=["list", "key", "longest", "nested", "objects", "sections", "by column"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_documents_that_hold_postings(document: Any, encoding: str) -> None:
    frame, payloads, reasons, _ = decoded("jobs.json", json.dumps(document).encode(encoding))
    assert frame.to_dicts() == ROWS
    assert payloads == POSTINGS
    assert reasons == []


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ([], "[]"),
        ([1, "x"], '[1,"x"]'),
        ({}, "{}"),
        ({"title": "x", "tags": ["a"]}, '{"title":"x","tags":["a"]}'),
        ({"jobs": [], "text": "x" * 100}, '{"jobs":[],"text":"' + "x" * 61 + "…"),
        ("text", '"text"'),
        (5, "5"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_json_documents_that_hold_none(document: Any, shown: str) -> None:
    message = refusal("jobs.json", json.dumps(document).encode())
    assert message == f"neither a list of postings nor an object that holds one; it is {shown}"


@pytest.mark.parametrize(
    "content", [b"{", b'[{"title": "x"}', b"title,company\nx,y\n", b"\x00\x01\x02", b"[" * 100_000, b"9" * 5_000]
)
def test_json_that_is_none(content: bytes) -> None:
    assert refusal("jobs.json", content).startswith("it is not JSON")


def test_json_that_is_empty() -> None:
    assert refusal("jobs.json", b"") == "it is empty"
    assert refusal("jobs.json", b" \n ") == "it is empty"


def test_json_entries_that_are_no_objects() -> None:
    found, reasons = table('[{"a": 1}, 5, null, ["x"], "y", {"a": 2}]', "jobs.json")
    assert found == [{"a": "1"}, {"a": "2"}]
    assert reasons == [
        "entry 2 is not an object but 5",
        "entry 3 is not an object but null",
        'entry 4 is not an object but ["x"]',
        'entry 5 is not an object but "y"',
    ]


def test_json_values_as_text() -> None:
    record = (
        '{"whole": 120000, "float": 120000.0, "short": 0.1, "large": 12345678901234567890123, "yes": true,'
        ' "no": false, "none": null, "nan": NaN, "inf": -Infinity, "over": 1e999, "empty": "", "blank": " ",'
        ' "nothing": {}, "list": [], "text": "{\\"a\\": [1]}", "places": ["Colorado", "North Carolina", null, 3],'
        ' "offices": [{"name": "x"}], "company": {"name": "Acme", "place": {"city": "Köln",'
        ' "more": {"zip": "50667"}}}}'
    )
    frame, payloads, _, _ = decoded("jobs.json", f"[{record}]".encode())

    assert frame.to_dicts() == [
        {
            "whole": "120000",
            "float": "120000",
            "short": "0.1",
            "large": "12345678901234567890123",
            "yes": "true",
            "no": "false",
            "blank": " ",
            "text": '{"a": [1]}',
            "places": "Colorado; North Carolina; 3",
            "offices": '[{"name":"x"}]',
            "company.name": "Acme",
            "company.place.city": "Köln",
            "company.place.more": '{"zip":"50667"}',
        }
    ]
    assert payloads[0]["nan"] is payloads[0]["inf"] is payloads[0]["over"] is None
    assert payloads[0]["large"] == 12345678901234567890123
    assert payloads[0]["company"]["place"]["more"] == {"zip": "50667"}


def test_json_payload_is_compact_and_keeps_letters() -> None:
    *_, chunks = decoded("jobs.json", '[{"title": "Köchin", "n": [1, 2]}]'.encode())
    assert chunks[0].payload.to_list() == ['{"title":"Köchin","n":[1,2]}']


def test_json_lines_are_kept_as_they_came() -> None:
    lines = [
        '{"title": "K\\u00f6chin",  "n": 1e3}',
        r'{"title": "x\ud800y", "b\udc00": {"c": ["\ud83d\ude00\ud83d"]}}',
    ]
    frame, _, reasons, chunks = decoded("jobs.jsonl", "\r\n".join(lines).encode())
    assert chunks[0].payload.to_list() == lines
    assert frame.to_dicts() == [
        {"title": "Köchin", "n": "1000", "b\ufffd.c": None},
        {"title": "x\ufffdy", "n": None, "b\ufffd.c": "😀\ufffd"},
    ]
    assert not reasons


def test_json_halves_of_surrogate_pairs() -> None:
    found, _ = table(r'[{"a": "x\ud800y", "b\udc00": "z", "c": "\ud83d\ude00"}]', "jobs.json")
    assert found == [{"a": "x\ufffdy", "b\ufffd": "z", "c": "😀"}]


def test_json_records_over_the_limit_and_nested_too_deeply() -> None:
    deep = "[" * 400 + "]" * 400
    content = json.dumps([{"title": "x" * 1_000_000}, {"title": "ok"}])[:-1] + f', {{"deep": {deep}}}]'
    found, reasons = table(content, "jobs.json")
    assert [row["title"] for row in found] == ["ok", None]
    assert reasons == ["record of 1.000012 MB is over the limit of 1 MB"]


def test_json_of_ever_new_names_stays_bounded() -> None:
    frame, payloads, _, _ = decoded("jobs.json", json.dumps([{f"k{n}": n} for n in range(5_000)]).encode())
    assert frame.shape == (5_000, 1_000)
    assert payloads[4_999] == {"k4999": 4_999}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=5), json_values, max_size=4), min_size=1, max_size=4))
def test_json_payload_is_the_record(records: list[dict[str, Any]]) -> None:
    for name, content in (
        ("jobs.json", json.dumps(records)),
        ("jobs.jsonl", "\n".join(json.dumps(record) for record in records)),
    ):
        _, payloads, reasons, _ = decoded(name, content.encode())
        assert payloads == records
        assert reasons == []


# JSON lines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["jobs.jsonl", "jobs.ndjson", "jobs.json"])
def test_json_lines_with_bad_ones(name: str) -> None:
    found, reasons = table('{"a": 1}\r\n\n{"a": \n[1]\n7\n{"a": "\u2028"}\n{"a": 3}', name)
    assert found == [{"a": "1"}, {"a": "\u2028"}, {"a": "3"}]
    assert reasons == [
        "line 3 is not JSON: Expecting value at column 7",
        "line 4 is not an object but [1]",
        "line 5 is not an object but 7",
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"title": "cut', "line 2 is not JSON"),
        (b"[1, 2, 3]", "line 2 is not an object"),
        (b"null", "line 2 is not an object"),
        (b'{"title": "a"} {"title": "b"}', "line 2 is not JSON"),
        (b'{"title": "' + b"x" * 2_000_000 + b'"}', "record of 2.0 MB is over the limit of 1 MB"),
        (b"y" * 2_000_000, "record of 2.0 MB is over the limit of 1 MB"),
        (b'{"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "line 2 is not JSON: it is nested too deeply"),
        (b'{"title": ' + b"9" * 5_000 + b"}", "line 2 is not JSON: Exceeds the limit"),
    ],
)
def test_hostile_json_lines_are_undecodable_and_harm_no_other(line: bytes, reason: str) -> None:
    frame, _, reasons, _ = decoded("jobs.jsonl", b'{"title": "before"}\n' + line + b'\n{"title": "after"}\n')
    assert frame["title"].to_list() == ["before", "after"]
    assert len(reasons) == 1
    assert reasons[0].startswith(reason)


def test_json_document_under_the_ending_of_json_lines() -> None:
    assert table(json.dumps(POSTINGS, indent=1), "jobs.jsonl")[0] == ROWS


def test_json_lines_over_the_limit_are_not_held() -> None:
    content = '{"a": 1}\n{"a": "' + "é" * 15_000_000 + '"}\n{"a": 2}\nbad\n'
    frame, _, reasons, chunks = decoded("jobs.jsonl", content.encode())
    assert frame["a"].to_list() == ["1", "2"]
    assert reasons == [
        "record of 30.0 MB is over the limit of 1 MB",
        "line 4 is not JSON: Expecting value at column 1",
    ]
    assert len(chunks[0].undecodable[0].payload) == text.KEPT_CHARACTERS + 1


def test_json_lines_in_chunks_whose_names_differ() -> None:
    content = '{"a": 1}\n' * 5_000 + '{"b": 2}\n'
    *_, chunks = decoded("jobs.jsonl", content.encode())
    assert [(chunk.frame.columns, chunk.frame.height) for chunk in chunks] == [(["a"], 5_000), (["b"], 1)]


@given(st.text(alphabet="ab\n\r\u2028", max_size=30), st.integers(1, 5))
def test_lines_are_those_between_newlines(content: str, size: int) -> None:
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    expected = [line + "\n" for line in content.split("\n")]
    expected[-1] = expected[-1].removesuffix("\n")
    found = [(line.line, line.text) for line in text.lines(chunks)]
    assert found == list(enumerate([line for line in expected if line], 1))


# gzip and endings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("jobs.csv.gz", "title,id\nCook,1\nNurse,2\n"),
        ("JOBS.TSV.GZ", "title\tid\nCook\t1\nNurse\t2\n"),
        ("jobs.json.gz", json.dumps(POSTINGS)),
        ("jobs.jsonl.gz", "\n".join(map(json.dumps, POSTINGS))),
    ],
)
def test_compressed_text(name: str, content: str) -> None:
    packed = gzip.compress(content.encode())
    assert table(packed, name)[0] == ROWS
    for broken in (packed[:-9], content.encode(), packed[:15] + b"\xff" * 20):
        assert refusal(name, broken).startswith("it is not a whole gzip file")


@pytest.mark.parametrize("name", ["jobs.xlsx", "jobs", "jobs.parquet.gz", "csv", "jobs.csv.zip"])
def test_unknown_endings(name: str) -> None:
    message = refusal(name, b"x")
    assert "known are .csv, .tsv, .json, .jsonl, .ndjson, .parquet" in message


@pytest.mark.parametrize("name", ["jobs.csv", "jobs.json", "jobs.jsonl"])
def test_files_that_are_no_text(name: str) -> None:
    assert refusal(name, b"PK\x03\x04rest") == "it is not text but a spreadsheet or zip archive"
    assert refusal(name, gzip.compress(b"x")) == "it is not text but a gzip file, whose name should end in .gz"
    assert refusal(name, parquet({"title": ["x"]})) == "it is not text but a Parquet file"


# Parquet --------------------------------------------------------------------------------------------------


def parquet(columns: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


UTC = datetime.UTC
PLAIN: dict[str, Any] = {
    "text": pa.array(["x", None, ""]),
    "whole": pa.array([1, None, -(2**62)], pa.int64()),
    "unsigned": pa.array([2**64 - 1, None, 0], pa.uint64()),
    "float": pa.array([188_000.0, 0.1, float("nan")]),
    "single": pa.array([1.1, 2.0, None], pa.float32()),
    "truth": pa.array([True, False, None]),
    "instant": pa.array([datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None, None], pa.timestamp("ns")),
    "zoned": pa.array([datetime.datetime(2026, 1, 2, 3, 4, 5, 6000, UTC), None, None], pa.timestamp("us", "UTC")),
    "day": pa.array([datetime.date(2026, 1, 2), None, None]),
    "clock": pa.array([datetime.time(1, 2), None, None]),
    "decimal": pa.array([decimal.Decimal("1.50"), None, None]),
    "bytes": pa.array([b"K\xc3\xb6ln\xff", None, b""]),
    "choice": pa.array(["a", "b", None]).dictionary_encode(),
    "none": pa.nulls(3),
}
PLAIN_ROW = {
    "text": "x",
    "whole": "1",
    "unsigned": "18446744073709551615",
    "float": "188000",
    "single": "1.1",
    "truth": "true",
    "instant": "2026-01-02T03:04:05",
    "zoned": "2026-01-02T03:04:05.006000+00:00",
    "day": "2026-01-02",
    "clock": "01:02:00",
    "decimal": "1.50",
    "bytes": "Köln\ufffd",
    "choice": "a",
    "none": None,
}


def test_parquet_of_every_plain_type() -> None:
    frame, payloads, reasons, _ = decoded("jobs.parquet", parquet(PLAIN))
    assert frame.row(0, named=True) == PLAIN_ROW
    assert frame["float"].to_list() == ["188000", "0.1", None]
    assert frame["text"].to_list() == ["x", None, None]
    assert frame["truth"].to_list() == ["true", "false", None]
    assert payloads[0]["whole"] == 1
    assert payloads[0]["truth"] is True
    assert payloads[2]["float"] is None
    assert payloads[0]["instant"] == "2026-01-02T03:04:05"
    assert reasons == []


def test_parquet_with_nested_columns_reads_the_plain_ones_alike() -> None:
    nested = {
        "places": pa.array([["Colorado", "Texas"], [], None]),
        "company": pa.array([{"name": "Acme", "since": datetime.date(1999, 1, 2)}, None, {"name": None}]),
        "offices": pa.array([[{"x": 1}], None, None]),
        "days": pa.array([[datetime.datetime(2026, 1, 2, tzinfo=UTC)], None, None], pa.list_(pa.timestamp("us"))),
        "map": pa.array([[("k", "v")], None, None], pa.map_(pa.string(), pa.string())),
    }
    plain, plain_payloads, _, _ = decoded("jobs.parquet", parquet(PLAIN))
    frame, payloads, reasons, _ = decoded("jobs.parquet", parquet(PLAIN | nested))

    same = [name for name in PLAIN if name != "none"]
    assert frame.select(same).equals(plain.select(same))
    first = frame.row(0, named=True)
    assert first["places"] == "Colorado; Texas"
    assert (first["company.name"], first["company.since"]) == ("Acme", "1999-01-02")
    assert first["offices"] == '[{"x":1}]'
    assert first["days"] == "2026-01-02T00:00:00"
    assert first["map.k"] == "v"
    assert [{name: row[name] for name in PLAIN} for row in payloads] == plain_payloads
    assert payloads[0]["company"] == {"name": "Acme", "since": "1999-01-02"}
    assert reasons == []


def test_parquet_in_batches_with_an_over_long_record() -> None:
    content = parquet({"a": ["x"] * 12_000 + ["é" * 600_000]})
    frame, _, reasons, chunks = decoded("jobs.parquet", content)
    assert frame.height == 12_000
    assert [chunk.frame.height for chunk in chunks] == [5_000, 5_000, 2_000]
    assert reasons == ["record of 1.2 MB is over the limit of 1 MB"]


def test_parquet_columns_of_one_name() -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), stream)
    assert "has more than one occurrence" in refusal("jobs.parquet", stream.getvalue())


def test_parquet_that_is_damaged() -> None:
    whole = parquet({"a": [f"text {number}" for number in range(1_000)]})
    assert refusal("jobs.parquet", b"") == "it is empty"
    for broken in (
        whole[:-1],
        whole[: len(whole) // 2],
        b"title,company\nx,y\n",
        whole[:4] + b"\xff" * 300 + whole[304:],
    ):
        assert refusal("jobs.parquet", broken).startswith("it can't be read as Parquet")


def test_parquet_of_a_stream_that_can_not_seek() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation("seek")

    chunks = list(decode("jobs.parquet", Pipe(parquet({"a": [1, 2]}))))
    assert chunks[0].frame["a"].to_list() == ["1", "2"]


def test_errors_while_reading_are_said_in_words() -> None:
    class Failing(io.RawIOBase):
        def read(self, _size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

        def seekable(self) -> bool:
            return False

    for name in ("jobs.csv", "jobs.json", "jobs.jsonl"):
        with pytest.raises(SourceError, match="it can't be read"):
            list(decode(name, Failing()))  # type: ignore[arg-type]
