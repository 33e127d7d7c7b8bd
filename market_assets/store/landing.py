"""Landed payloads: what a source gave for a day, byte for byte, compressed, on any fsspec file system.

A day of a source is a folder `<landing>/<source>/<YYYY-MM-DD>` of gzipped payloads, named after their content, and
a manifest that is written last. Without a manifest nothing was landed; what no manifest names does not count.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, BinaryIO, cast

import fsspec

from market_assets.sources.protocol import Fetch, Payload, SourceError
from market_assets.store.database import StoreUnavailableError

_MANIFEST = "manifest.json"
_FAILURE = "failure.txt"
_BLOCK = 1 << 20
#: What else lies there is not ours to remove.
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class LandedPayload:
    """A landed payload's name, its size in bytes and SHA-256 before compression, and why it could not be read."""

    name: str
    size: int
    sha256: str
    problem: str | None = None

    @property
    def file(self) -> str:
        return f"{self.name}.{self.sha256[:12]}.gz"


@dataclass(frozen=True)
class LandedDay:
    """The manifest of a source's day. `problems` are those of payloads that could not be fetched."""

    source: str
    day: date
    observed_at: datetime
    payloads: tuple[LandedPayload, ...]
    problems: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(payload.size for payload in self.payloads)


class Landing:
    """The landing area at an fsspec URL or a local folder."""

    def __init__(self, url: str) -> None:
        # Other machines land days too: a listing that is remembered would hide them.
        self._files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self._root = str(root).rstrip("/")

    def land(self, source: str, day: date, fetch: Fetch, *, kept: LandedDay | None = None) -> LandedDay:
        """Write a fetch's payloads, then the manifest. An earlier landing of that day is replaced.

        A payload that can't be fetched is a problem of the day, as long as another one can; if `kept`, an earlier
        landing, has one of its name, that stays.

        Raises:
            SourceError: nothing could be fetched.
            StoreUnavailableError: the file system refuses.
        """
        folder = self._folder(source, day)
        with _worded(folder):
            self._files.makedirs(folder, exist_ok=True)
        payloads, problems = self._write_all(folder, fetch)
        if problems and not payloads:
            permanent = all(error.permanent for error in problems)
            raise SourceError("; ".join(map(str, problems)), permanent=permanent) from problems[0]
        if kept is not None and problems:
            fetched = {payload.name for payload in payloads}
            payloads += [payload for payload in kept.payloads if payload.name not in fetched]
        landed = LandedDay(source, day, fetch.observed_at, tuple(payloads), tuple(map(str, problems)))
        manifest = json.dumps(asdict(landed), default=str, indent=1)
        with _worded(folder):
            self._write_whole(f"{folder}/{_MANIFEST}", manifest.encode())
        self._remove_others(folder, {payload.file for payload in payloads} | {_MANIFEST})
        return landed

    def land_failure(self, source: str, day: date, reason: str) -> None:
        """Note why a source gave nothing for a day; what was landed before stays."""
        folder = self._folder(source, day)
        with _worded(folder):
            self._files.makedirs(folder, exist_ok=True)
            self._write_whole(f"{folder}/{_FAILURE}", reason.encode())

    def failure(self, source: str, day: date) -> str | None:
        """Why the last attempt to fetch a source for a day failed; None when it did not."""
        path = f"{self._folder(source, day)}/{_FAILURE}"
        with _worded(path, "read"):
            return self._files.cat_file(path).decode() if self._files.exists(path) else None

    def landed(self, source: str, day: date) -> LandedDay | None:
        """What was landed of a source for a day; None when nothing was."""
        path = f"{self._folder(source, day)}/{_MANIFEST}"
        with _worded(path, "read"):
            if not self._files.exists(path):
                return None
            content: dict[str, Any] = json.loads(self._files.cat_file(path))
        return LandedDay(
            source=content["source"],
            day=date.fromisoformat(content["day"]),
            observed_at=datetime.fromisoformat(content["observed_at"]),
            payloads=tuple(LandedPayload(**payload) for payload in content["payloads"]),
            problems=tuple(content.get("problems", ())),
        )

    def open(self, landed: LandedDay, *, with_problem: bool = False) -> Iterator[Payload]:
        """The payloads of a landed day, as they came; only those that could not be read if `with_problem`."""
        folder = self._folder(landed.source, landed.day)
        for payload in landed.payloads:
            if with_problem and payload.problem is None:
                continue
            yield Payload(payload.name, partial(self._open, f"{folder}/{payload.file}"))

    def files(self) -> Iterator[tuple[str, BinaryIO | bytes]]:
        """The files of every landed day as they lie there, a day's manifest after its payloads.

        A day that is removed or fetched anew meanwhile may lack payloads; it is then left without a manifest, so
        that it counts as not landed.
        """
        for source in self._names(self._root):
            for name in self._names(f"{self._root}/{source}"):
                if not _DAY.fullmatch(name):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    folder = f"{self._root}/{source}/{name}"
                    manifest = self._files.cat_file(f"{folder}/{_MANIFEST}")
                    for payload in json.loads(manifest)["payloads"]:
                        file = LandedPayload(**payload).file
                        yield f"{source}/{name}/{file}", self._files.open(f"{folder}/{file}", "rb")
                    yield f"{source}/{name}/{_MANIFEST}", manifest

    def put_back(self, name: str, content: BinaryIO) -> bool:
        """Write a file that `files` gave, unless it is there; a day's manifest must come last.

        Returns:
            Whether it was written.
        """
        path = f"{self._root}/{name}"
        if self._files.exists(path):
            return False
        with _worded(path):
            self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            with self._files.open(f"{path}.part", "wb") as file:
                shutil.copyfileobj(content, file, _BLOCK)
            self._files.mv(f"{path}.part", path)
        return True

    def remove_before(self, cutoff: date) -> int:
        """Remove the landed days before a day; returns how many."""
        removed = 0
        for source in self._names(self._root):
            for name in self._names(f"{self._root}/{source}"):
                if _DAY.fullmatch(name) and name < cutoff.isoformat():
                    self._files.rm(f"{self._root}/{source}/{name}", recursive=True)
                    removed += 1
        return removed

    def _folder(self, source: str, day: date) -> str:
        return f"{self._root}/{source}/{day.isoformat()}"

    def _names(self, folder: str) -> list[str]:
        if not self._files.exists(folder):
            return []
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in self._files.ls(folder, detail=False))

    def _open(self, path: str) -> BinaryIO:
        return cast(BinaryIO, gzip.open(self._files.open(path, "rb")))

    def _write_all(self, folder: str, fetch: Fetch) -> tuple[list[LandedPayload], list[SourceError]]:
        payloads: list[LandedPayload] = []
        problems: list[SourceError] = []
        try:
            for payload in fetch.payloads:
                try:
                    payloads.append(self._write(folder, payload))
                except SourceError as error:
                    problems.append(error)
        except SourceError as error:
            problems.append(error)
        return payloads, problems

    def _write(self, folder: str, payload: Payload) -> LandedPayload:
        digest, size, unfinished = hashlib.sha256(), 0, f"{folder}/{payload.name}.part"
        with payload.open() as content, _worded(unfinished):
            with self._files.open(unfinished, "wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
                while block := content.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
                    packed.write(block)
            landed = LandedPayload(payload.name, size, digest.hexdigest(), payload.problem())
            self._files.mv(unfinished, f"{folder}/{landed.file}")
        return landed

    def _write_whole(self, path: str, content: bytes) -> None:
        with self._files.open(f"{path}.part", "wb") as file:
            file.write(content)
        self._files.mv(f"{path}.part", path)

    def _remove_others(self, folder: str, keep: set[str]) -> None:
        for name in self._names(folder):
            if name not in keep:
                self._files.rm(f"{folder}/{name}")


@contextlib.contextmanager
def _worded(path: str, attempt: str = "write") -> Iterator[None]:
    try:
        yield
    except _refusals() as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreUnavailableError(f"can't {attempt} {path}: {reason}") from error


def _refusals() -> tuple[type[Exception], ...]:
    """What file systems raise when they refuse; S3's errors about keys and connections are no OSErrors."""
    botocore = sys.modules.get("botocore.exceptions")
    return (OSError, botocore.BotoCoreError) if botocore else (OSError,)
