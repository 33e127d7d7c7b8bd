"""Files of postings in folders, on other file systems and at web addresses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest
from board_server import Answer, BoardServer
from fsspec.implementations.memory import MemoryFileSystem

from market_assets.sources.files.source import FileSource, find_files
from market_assets.sources.protocol import Source, SourceError, without_queries

NOW = datetime(2026, 8, 16, tzinfo=UTC)


def titles(source: Source) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for payload in source.fetch(NOW.date(), NOW).payloads:
        with payload.open() as content:
            for batch in source.read(payload.name, content):
                found.setdefault(payload.name, []).extend(batch.frame["title"].to_list())
    return found


@pytest.fixture
def memory() -> Iterator[str]:
    """The URL of a folder in the memory of the process, as good as any other remote file system."""
    folder = f"/market_assets_{uuid.uuid4().hex}"
    yield f"memory:/{folder}"
    files = fsspec.filesystem("memory")
    if files.exists(folder):
        files.rm(folder, recursive=True)


def test_a_folder_is_all_the_files_in_and_under_it(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "b.jsonl").write_text('{"title": "Baker"}\n')
    (tmp_path / "a.csv").write_text("Job Title\nCook\nNurse\n")
    (tmp_path / "more" / "a.csv").write_text("position\nWelder\n")
    (tmp_path / "more%2Fa.csv").write_text("position\nPilot\n")
    (tmp_path / "notes.txt").write_text("not these")
    (tmp_path / ".hidden.csv").write_text("title\nnor these\n")
    source = FileSource("mine", tmp_path)
    assert titles(source) == {
        "a.csv": ["Cook", "Nurse"],
        "b.jsonl": ["Baker"],
        "more%2Fa.csv": ["Welder"],
        "more%252Fa.csv": ["Pilot"],
    }
    assert source.resolved_columns()[0] == {"title": "Job Title"}


def test_a_bad_file_of_a_folder_is_known_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "b.csv").write_text("title\nCook\n")
    first, second = FileSource("mine", tmp_path).fetch(NOW.date(), NOW).payloads
    with pytest.raises(SourceError, match=r"a\.csv: it is empty"):
        first.open()
    with second.open() as content:
        assert content.read() == b"title\nCook\n"


def test_a_folder_without_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match="it is a folder without any file of postings"):
        titles(FileSource("mine", tmp_path))


def test_files_of_another_file_system(memory: str) -> None:
    with fsspec.open(f"{memory}/day/a.csv", "wb") as file:
        file.write(b"title\nCook\n")
    with fsspec.open(f"{memory}/day/b.csv", "wb") as file:
        file.write(b"title\nNurse\n")
    assert titles(FileSource("mine", f"{memory}/day/a.csv")) == {"a.csv": ["Cook"]}
    assert titles(FileSource("mine", f"{memory}/day")) == {"a.csv": ["Cook"], "b.csv": ["Nurse"]}
    for wrong, message in (("c.csv", "there is no such file"), ("a.txt", "there is no such file")):
        with pytest.raises(SourceError, match=message):
            titles(FileSource("mine", f"{memory}/day/{wrong}"))


def test_a_file_at_a_web_address(server: BoardServer, make_client: Any) -> None:
    url = server.serve("/jobs.csv", Answer(b"title\nCook\n"))
    client = make_client()
    assert titles(FileSource("mine", f"{url}?token=t", get=client.get)) == {"jobs.csv": ["Cook"]}
    assert server.asked[0].query == {"token": "t"}
    with pytest.raises(SourceError, match="its ending is not known"):
        find_files(f"{server.url}/jobs?x=a.csv", client.get)


@pytest.mark.parametrize("path", ["nothing://bucket/a.csv", "gs://key:secret@bucket/a.csv", "gs://bucket/a.csv"])
def test_file_systems_that_are_not_there(path: str) -> None:
    with pytest.raises(SourceError) as caught:
        find_files(path)
    assert "secret" not in str(caught.value)


def test_credentials_do_not_show() -> None:
    assert without_queries("s3://key:secret@bucket/a.csv") == "s3://bucket/a.csv"
    assert without_queries("https://me:secret@x.example/a.csv?token=t") == "https://x.example/a.csv"
    assert without_queries("/home/me@work/a.csv") == "/home/me@work/a.csv"


def test_what_another_file_system_raises_does_not_escape(monkeypatch: pytest.MonkeyPatch, memory: str) -> None:
    class NoCredentialsError(Exception):
        pass

    def refuse(*_: object) -> None:
        raise NoCredentialsError("AKIA… is wrong")

    monkeypatch.setattr(MemoryFileSystem, "isdir", refuse)
    with pytest.raises(SourceError, match=r"it can't be opened \(NoCredentialsError\)") as caught:
        find_files(f"{memory}/a.csv")
    assert "AKIA" not in str(caught.value)
