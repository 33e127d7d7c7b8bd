"""The inbox as a folder, and as a source: files move through it, and none is lost."""

from __future__ import annotations

import gzip
import logging
import os
import traceback
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from market_assets.sources.files.inbox import Inbox, InboxSource
from market_assets.sources.protocol import SourceError
from market_assets.store.landing import LandedDay, Landing

DAY, NEXT = date(2026, 3, 4), date(2026, 3, 5)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
GOOD = "title,company\nCook,Inn\nBaker,Inn\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return Inbox(folder)


def put(inbox: Inbox, name: str, content: str | bytes = GOOD) -> Path:
    path = inbox.folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(inbox: Inbox) -> list[str]:
    return sorted(str(path.relative_to(inbox.folder)) for path in inbox.folder.rglob("*") if path.is_file())


def land(inbox: Inbox, day: date = DAY) -> LandedDay:
    return Landing(str(inbox.folder.parent / "landing")).land("inbox", day, InboxSource(inbox).fetch(day, NOW))


@pytest.mark.parametrize(
    "name",
    [
        *(".hidden.csv", ".postings.csv.Ab12Cd", "postings.csv.part", "postings.csv.partial", "postings.tmp"),
        *("postings.csv.crdownload", "postings.csv~", "~$postings.csv", "postings.CSV.TMP", ".csv"),
    ],
)
def test_what_is_not_finished_by_its_name_does_not_wait(inbox: Inbox, name: str) -> None:
    put(inbox, name)
    put(inbox, "postings.csv")
    assert [path.name for path in inbox.waiting()] == ["postings.csv"]


def test_folders_do_not_wait(inbox: Inbox) -> None:
    (inbox.folder / "a folder.csv").mkdir()
    inbox.take(put(inbox, "postings.csv"), DAY)
    assert inbox.waiting() == []


def test_a_file_moves_through_the_folders(inbox: Inbox) -> None:
    taken = inbox.take(put(inbox, "postings.csv"), DAY)
    assert names(inbox) == ["taken/2026-03-04/postings.csv"]
    assert inbox.taken() == {DAY: [taken]}
    done = inbox.finish(taken, DAY)
    assert names(inbox) == ["done/2026-03-04/postings.csv"]
    assert inbox.taken() == {}
    assert inbox.of_day(DAY) == [done]
    assert inbox.of_day(NEXT) == []
    failed = inbox.fail(done, DAY, "it is empty")
    assert names(inbox) == ["failed/2026-03-04/postings.csv", "failed/2026-03-04/postings.csv.reason.txt"]
    assert inbox.failed() == [failed]
    assert failed.with_name("postings.csv.reason.txt").read_text() == "it is empty\n"


def test_files_of_one_name_stay_apart(inbox: Inbox) -> None:
    inbox.finish(inbox.take(put(inbox, "postings.csv", "first"), DAY), DAY)
    inbox.take(put(inbox, "postings.csv", "second"), DAY)
    inbox.take(put(inbox, "postings.csv", "third"), DAY)
    inbox.take(put(inbox, "postings.csv", "tomorrow's"), NEXT)
    inbox.fail(put(inbox, "postings.csv", "bad"), DAY, "one reason")
    inbox.fail(put(inbox, "postings.csv", "worse"), DAY, "another reason")
    contents = {name: (inbox.folder / name).read_text() for name in names(inbox)}
    assert contents == {
        "done/2026-03-04/postings.csv": "first",
        "taken/2026-03-04/2-postings.csv": "second",
        "taken/2026-03-04/3-postings.csv": "third",
        "taken/2026-03-05/postings.csv": "tomorrow's",
        "failed/2026-03-04/postings.csv": "bad",
        "failed/2026-03-04/postings.csv.reason.txt": "one reason\n",
        "failed/2026-03-04/2-postings.csv": "worse",
        "failed/2026-03-04/2-postings.csv.reason.txt": "another reason\n",
    }


def test_the_source_gives_the_files_of_a_day_ingested_or_not(inbox: Inbox) -> None:
    inbox.finish(inbox.take(put(inbox, "b.csv"), DAY), DAY)
    inbox.take(put(inbox, "a.jsonl", '{"title": "Cook"}\n'), DAY)
    inbox.take(put(inbox, "c.csv.gz", gzip.compress(GOOD.encode())), DAY)
    inbox.take(put(inbox, "other.csv"), NEXT)
    put(inbox, "waiting.csv")
    landed = land(inbox)
    assert [payload.name for payload in landed.payloads] == ["a.jsonl", "b.csv", "c.csv.gz"]
    assert landed.problems == ()
    source = InboxSource(inbox)
    landing = Landing(str(inbox.folder.parent / "landing"))
    titles = []
    for payload in landing.open(landed):
        with payload.open() as content:
            titles += [
                row["title"] for batch in source.read(payload.name, content) for row in batch.frame.to_dicts()
            ]
    assert titles == ["Cook", "Cook", "Baker", "Cook", "Baker"]


def test_a_day_without_files_is_landed_empty(inbox: Inbox) -> None:
    landed = land(inbox)
    assert (landed.payloads, landed.problems) == ((), ())


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("bad.json", b"{", "it is not JSON"),
        ("bad.csv", b"", "it is empty"),
        ("bad.csv", b"colour,size\nred,4\n", "title"),
        ("bad.csv.gz", gzip.compress(GOOD.encode() * 9, mtime=0)[:-20], "gzip"),
        ("bad.parquet", b"PAR1 and no more", "arquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_put_away_and_the_others_are_landed(
    inbox: Inbox, name: str, content: bytes, reason: str
) -> None:
    inbox.take(put(inbox, "a.csv"), DAY)
    inbox.take(put(inbox, name, content), DAY)
    inbox.take(put(inbox, "z.csv"), DAY)
    landed = land(inbox)
    assert [payload.name for payload in landed.payloads] == ["a.csv", "z.csv"]
    (problem,) = landed.problems
    aside = inbox.folder / "failed" / "2026-03-04" / name
    assert problem.startswith(name)
    assert reason in problem
    assert problem.endswith(f"; the file is in {aside}")
    assert aside.read_bytes() == content
    assert reason in aside.with_name(f"{name}.reason.txt").read_text()
    assert [path.name for path in inbox.of_day(DAY)] == ["a.csv", "z.csv"]
    assert land(inbox).problems == ()


def test_where_no_file_can_be_read_the_source_fails_and_says_where_they_are(inbox: Inbox) -> None:
    inbox.take(put(inbox, "bad.json", "{"), DAY)
    with pytest.raises(SourceError, match=r"bad\.json: .*; the file is in .*failed/2026-03-04/bad\.json"):
        land(inbox)


def test_a_file_that_cannot_be_opened_now_stays_where_it_is(inbox: Inbox) -> None:
    path = inbox.take(put(inbox, "a.csv"), DAY)
    fetch = InboxSource(inbox).fetch(DAY, NOW)
    payload = next(fetch.payloads)
    hidden = path.rename(path.with_name("elsewhere"))
    with pytest.raises(SourceError, match="it can't be read") as caught:
        payload.open()
    assert not caught.value.permanent
    assert hidden.exists()


SECRET = "root:x:0:0:root:/root:/bin/bash"


def test_links_and_pipes_are_neither_taken_nor_read(inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"title\n{SECRET}\n")
    (inbox.folder / "a.csv").symlink_to(tmp_path / "secret")
    (inbox.folder / "gone.csv").symlink_to(tmp_path / "nothing")
    os.mkfifo(inbox.folder / "pipe.csv")
    put(inbox, "z.csv")
    assert [path.name for path in inbox.waiting()] == ["z.csv"]
    assert inbox.refused() == ["a.csv", "gone.csv", "pipe.csv"]
    for name in ("a.csv", "gone.csv", "pipe.csv"):
        inbox.take(inbox.folder / name, DAY)
    assert (inbox.taken(), inbox.of_day(DAY)) == ({}, [])


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_file_that_becomes_a_link_or_a_pipe_is_not_read(inbox: Inbox, tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret.csv").write_text(f"title\n{SECRET}\n")
    path = inbox.take(put(inbox, "a.csv"), DAY)
    payload = next(InboxSource(inbox).fetch(DAY, NOW).payloads)
    path.unlink()
    if kind == "link":
        path.symlink_to(tmp_path / "secret.csv")
    else:
        os.mkfifo(path)
    with pytest.raises(SourceError, match="it can't be read"):
        payload.open()


@pytest.mark.parametrize("level", ["place", "day"])
def test_folders_that_are_links_are_not_followed(inbox: Inbox, tmp_path: Path, level: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    folder = elsewhere / "2026-03-04" if level == "place" else elsewhere
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(f"title\n{SECRET}\n")
    before = sorted(elsewhere.rglob("*"))
    for place in ("taken", "done", "failed"):
        link = inbox.folder / place if level == "place" else inbox.folder / place / "2026-03-04"
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(elsewhere, target_is_directory=True)
    assert (inbox.taken(), inbox.of_day(DAY), inbox.failed()) == ({}, [], [])
    waiting = put(inbox, "b.csv")
    for move in (inbox.take, inbox.finish, lambda path, day: inbox.fail(path, day, "it is bad")):
        with pytest.raises(NotADirectoryError):
            move(waiting, DAY)
    assert sorted(elsewhere.rglob("*")) == before
    assert waiting.exists()


def test_a_reason_is_never_written_through_a_link(inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    folder = inbox.folder / "failed" / "2026-03-04"
    folder.mkdir(parents=True)
    (folder / "a.csv.reason.txt").symlink_to(tmp_path / "mine")
    (folder / "b.csv").symlink_to(tmp_path / "mine")
    inbox.fail(put(inbox, "a.csv"), DAY, "it is bad")
    inbox.fail(put(inbox, "b.csv"), DAY, "it is bad")
    assert (tmp_path / "mine").read_text() == "mine"
    assert (folder / "a.csv.reason.txt").read_text() == "it is bad\n"
    assert (folder / "2-b.csv").read_text() == GOOD


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", f"{SECRET}\n{SECRET}\n"),
        ("a.csv", f"title,company\n{SECRET}\n"),
        ("a.tsv", f"colour\t{SECRET}\nred\t4\n"),
        ("a.json", f'"{SECRET}"'),
        ("a.json", f'{{"{SECRET}": 1}}'),
        ("a.json", f'[{{"{SECRET}": 1}}]'),
        ("a.json", SECRET),
        ("a.jsonl", f'"{SECRET}"\n'),
        ("a.jsonl", SECRET),
        ("a.csv.gz", SECRET),
        ("a.parquet", f"PAR1{SECRET}PAR1"),
    ],
)
def test_no_reason_and_no_log_quotes_a_file(
    inbox: Inbox, caplog: pytest.LogCaptureFixture, name: str, content: str
) -> None:
    caplog.set_level(logging.DEBUG)
    inbox.take(put(inbox, name, content), DAY)
    with pytest.raises(SourceError, match=f"{name}: .+; the file is in ") as caught:
        land(inbox)
    (aside,) = inbox.failed()
    reason = aside.with_name(f"{name}.reason.txt").read_text()
    shown = "".join(traceback.format_exception(caught.value)) + reason + caplog.text
    for part in (SECRET, "root", "bash", "b'ro"):
        assert part not in shown.replace(str(inbox.folder), "")
