"""Landed payloads come back byte for byte; a day is landed whole or not at all."""

from __future__ import annotations

import gzip
import io
import random
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_assets.sources.protocol import Fetch, Payload, SourceError
from market_assets.store.database import StoreUnavailableError
from market_assets.store.landing import Landing
from market_assets_tests.object_store import bucket

__all__ = ["bucket"]

DAY = date(2026, 3, 1)
OBSERVED = datetime(2026, 3, 1, 2, 30, 0, 123_456, tzinfo=UTC)


def fetch(**contents: bytes) -> Fetch:
    def payloads() -> Iterator[Payload]:
        for name, content in contents.items():
            yield Payload(name, lambda content=content: io.BytesIO(content))

    return Fetch(OBSERVED, payloads())


def fetch_that_breaks(**contents: bytes) -> Fetch:
    def payloads() -> Iterator[Payload]:
        yield from fetch(**contents).payloads
        raise SourceError("the source hung up")

    return Fetch(OBSERVED, payloads())


def contents(landing: Landing, source: str = "board", day: date = DAY) -> dict[str, bytes]:
    landed = landing.landed(source, day)
    assert landed is not None
    read = {}
    for payload in landing.open(landed):
        with payload.open() as content:
            read[payload.name] = content.read()
    return read


@pytest.fixture(params=["folder", "file URL", "memory", "object store"])
def landing(request: pytest.FixtureRequest, tmp_path: Path) -> Landing:
    if request.param == "object store":
        return Landing(f"{request.getfixturevalue('bucket')}/landing")
    places = {
        "folder": str(tmp_path / "landing"),
        "file URL": (tmp_path / "landing").as_uri(),
        "memory": f"memory://{uuid4().hex}/landing",
    }
    return Landing(places[request.param])


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_payloads_come_back_byte_for_byte(landing: Landing, content: bytes) -> None:
    landing.land("board", DAY, fetch(page_1=content, page_2=content + b"\0"))
    assert contents(landing) == {"page_1": content, "page_2": content + b"\0"}


def test_a_payload_larger_than_a_block_comes_back(landing: Landing) -> None:
    large = random.Random(7).randbytes(3 * 2**20 + 1)
    landed = landing.land("board", DAY, fetch(large=large, empty=b""))
    assert landed.payloads[0].size == len(large)
    assert contents(landing) == {"large": large, "empty": b""}


def test_a_payload_of_which_a_part_is_lost_is_not_read_as_if_it_were_whole(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path))
    whole = random.Random(7).randbytes(3 * 2**20)
    landing.land("board", DAY, fetch(whole=whole))
    (file,) = tmp_path.rglob("*.gz")
    first_member = gzip.compress(whole[: 2**20], compresslevel=1, mtime=0)
    assert file.read_bytes().startswith(first_member)
    for rest in (first_member, file.read_bytes()[:-1], b""):
        file.write_bytes(rest)
        with pytest.raises(EOFError, match=r"is damaged: [\d,]+ of its [\d,]+ bytes are there"):
            contents(landing)


def test_the_manifest_lists_what_was_landed(landing: Landing) -> None:
    assert landing.landed("board", DAY) is None
    landed = landing.land("board", DAY, fetch(a=b"abc", b=b""))
    assert landing.landed("board", DAY) == landed
    assert (landed.source, landed.day, landed.observed_at) == ("board", DAY, OBSERVED)
    assert [(payload.name, payload.size) for payload in landed.payloads] == [("a", 3), ("b", 0)]
    assert landing.landed("board", date(2026, 3, 2)) is None
    assert landing.landed("other", DAY) is None


def test_a_day_on_which_a_source_gave_nothing_is_landed_all_the_same(landing: Landing) -> None:
    landing.land("board", DAY, fetch())
    assert contents(landing) == {}


def test_a_fetch_that_breaks_off_at_once_is_not_landed(landing: Landing) -> None:
    with pytest.raises(SourceError, match="hung up"):
        landing.land("board", DAY, fetch_that_breaks())
    assert landing.landed("board", DAY) is None


def test_a_fetch_that_breaks_off_lands_what_came_with_the_problem(landing: Landing) -> None:
    landed = landing.land("board", DAY, fetch_that_breaks(a=b"abc"))
    assert landed == landing.landed("board", DAY)
    assert len(landed.problems) == 1
    assert "hung up" in landed.problems[0]
    assert contents(landing) == {"a": b"abc"}
    assert landing.land("board", DAY, fetch(a=b"whole")).problems == ()
    assert contents(landing) == {"a": b"whole"}


def test_landing_again_replaces(landing: Landing) -> None:
    landing.land("board", DAY, fetch(a=b"old", b=b"same", c=b"gone"))
    landing.land("board", DAY, fetch(a=b"new", b=b"same"))
    assert contents(landing) == {"a": b"new", "b": b"same"}


def test_landing_again_that_breaks_off_keeps_the_earlier_answers(landing: Landing) -> None:
    earlier = landing.land("board", DAY, fetch(a=b"old", b=b"old too"))
    landing.land("board", DAY, fetch_that_breaks(a=b"new"), kept=earlier)
    assert contents(landing) == {"a": b"new", "b": b"old too"}
    with pytest.raises(SourceError):
        landing.land("board", DAY, fetch_that_breaks(), kept=earlier)
    assert contents(landing) == {"a": b"new", "b": b"old too"}


def test_no_file_of_a_replaced_landing_is_left(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path))
    landing.land("board", DAY, fetch_that_breaks(a=b"abc", b=b"def"))
    landing.land("board", DAY, fetch(a=b"new"))
    files = {path.name.split(".")[0]: path for path in (tmp_path / "board" / "2026-03-01").iterdir()}
    assert sorted(files) == ["a", "manifest"]
    assert gzip.decompress(files["a"].read_bytes()) == b"new"


def test_the_same_payload_makes_the_same_file(tmp_path: Path) -> None:
    files = []
    for name in ("one", "other"):
        Landing(str(tmp_path / name)).land("board", DAY, fetch(a=b"abc" * 100))
        files.append({p.name: p.read_bytes() for p in (tmp_path / name / "board" / "2026-03-01").glob("*.gz")})
    assert files[0] == files[1]


def test_a_failure_is_noted_beside_what_was_landed_and_forgotten_with_the_next(landing: Landing) -> None:
    assert landing.failure("board", DAY) is None
    landing.land_failure("board", DAY, "the key is wrong: ż")
    assert landing.failure("board", DAY) == "the key is wrong: ż"
    assert landing.landed("board", DAY) is None
    landing.land("board", DAY, fetch(a=b"abc"))
    assert landing.failure("board", DAY) is None
    landing.land_failure("board", DAY, "again")
    assert landing.failure("board", DAY) == "again"
    assert contents(landing) == {"a": b"abc"}


def test_days_before_the_cutoff_are_removed(landing: Landing) -> None:
    days = [date(2025, 12, 31), date(2026, 2, 28), DAY]
    for source in ("board", "other"):
        for day in days:
            landing.land(source, day, fetch(a=day.isoformat().encode()))
    assert landing.remove_before(DAY) == 4
    assert landing.remove_before(DAY) == 0
    for source in ("board", "other"):
        assert [landing.landed(source, day) is not None for day in days] == [False, False, True]
        assert contents(landing, source) == {"a": b"2026-03-01"}


def test_nothing_landed_is_nothing_to_remove(landing: Landing) -> None:
    assert landing.remove_before(DAY) == 0


def test_only_days_are_removed(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path))
    landing.land("board", date(2026, 1, 1), fetch(a=b"abc"))
    for stray in (tmp_path / "0 notes.txt", tmp_path / "board" / ".keep", tmp_path / "board" / "0 my copy" / "a"):
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("theirs")
    assert landing.remove_before(DAY) == 1
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".keep", "0 notes.txt", "a"]


@pytest.mark.parametrize("in_the_way", ["", "board", "board/2026-03-01"])
def test_a_place_that_can_not_be_written_is_named(tmp_path: Path, in_the_way: str) -> None:
    """A file where a folder is wanted binds root as well, other than permissions."""
    blocked = tmp_path / "landing" / in_the_way
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file")
    landing = Landing(str(tmp_path / "landing"))
    for write in (
        lambda: landing.land("board", DAY, fetch(a=b"abc")),
        lambda: landing.land_failure("board", DAY, "reason"),
    ):
        with pytest.raises(StoreUnavailableError, match=r"can't write .*landing"):
            write()
    assert landing.landed("board", DAY) is None


def test_what_another_machine_landed_is_seen(bucket: str) -> None:
    here, there = Landing(bucket), Landing(bucket)
    # Another machine remembers nothing of what this one has listed.
    there._files = type(there._files)(skip_instance_cache=True, use_listings_cache=False)
    here.land("board", date(2026, 2, 28), fetch(a=b"1"))
    assert here.landed("board", DAY) is None
    assert here.remove_before(date(2026, 1, 1)) == 0
    landed = there.land("board", DAY, fetch(a=b"2"))
    assert here.landed("board", DAY) == landed
    assert contents(here) == {"a": b"2"}
    assert here.remove_before(date(2026, 4, 1)) == 2
    assert there.landed("board", DAY) is None


def test_an_object_store_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nothing")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with socket.socket() as taken:
        # Bound and not listening: connections are refused.
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        fsspec.filesystem("s3").clear_instance_cache()
        landing = Landing("s3://bucket/landing")
        with pytest.raises(StoreUnavailableError, match="can't read bucket/landing/board/2026-03-01/"):
            landing.landed("board", DAY)
        with pytest.raises(StoreUnavailableError, match="can't write bucket/landing/board/2026-03-01"):
            landing.land("board", DAY, fetch(a=b"1"))
    fsspec.filesystem("s3").clear_instance_cache()
