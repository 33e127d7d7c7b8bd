"""Landed payloads: the responses of a source for a day, byte for byte, compressed, on any fsspec file system.

A day of a source is a folder `<landing>/<source>/<YYYY-MM-DD>` of gzipped payloads, whose names contain a digest
of their content, and a manifest that is written last. A day without a manifest is not landed, and files that are
not in the manifest are ignored.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem
from pydantic import TypeAdapter

from market_assets.sources.protocol import Fetch, Payload, SourceError
from market_assets.store.database import file_errors

_MANIFEST = "manifest.json"
_FAILURE = "failure.txt"
_BLOCK = 1 << 20
#: Folders of other names are left alone.
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class LandedPayload:
    """A landed payload.

    Attributes:
        name: as its source calls it.
        size, sha256: of the payload, in bytes.
        stored: bytes of its file. A file that has lost gzip members at its end can be read without an error.
        problem: why no postings could be read from it.
    """

    name: str
    size: int
    sha256: str
    stored: int
    problem: str | None = None

    @property
    def file(self) -> str:
        return f"{self.name}.{self.sha256[:12]}.gz"


@dataclass(frozen=True)
class LandedDay:
    """The manifest of a source's day; `problems` are the errors of payloads that could not be fetched."""

    source: str
    day: date
    observed_at: datetime
    payloads: tuple[LandedPayload, ...]
    problems: tuple[str, ...] = ()


_LANDED_DAY = TypeAdapter(LandedDay)
_compress = partial(gzip.compress, compresslevel=1, mtime=0)


def _compressed(content: BinaryIO) -> Iterator[tuple[bytes, Future[bytes]]]:
    """Each block of a payload, and its gzip member, which is made on several cores meanwhile."""
    threads = os.cpu_count() or 1
    waiting: deque[tuple[bytes, Future[bytes]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        while block := content.read(_BLOCK):
            waiting.append((block, pool.submit(_compress, block)))
            if len(waiting) > threads:
                yield waiting.popleft()
        yield from waiting


class Landing:
    """The landing area at an fsspec URL or a local folder."""

    def __init__(self, url: str) -> None:
        # Other machines land days too, which a cached listing would hide.
        self._files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self._root = str(root).rstrip("/")

    @property
    def local_folder(self) -> Path | None:
        """The folder where it is on this machine; None on other file systems."""
        return Path(self._root) if isinstance(self._files, LocalFileSystem) else None

    def land(self, source: str, day: date, fetch: Fetch, *, kept: LandedDay | None = None) -> LandedDay:
        """Write a fetch's payloads, then the manifest; replaces an earlier landing of that day.

        A payload that can't be fetched is a problem of the day, as long as another one can be fetched. If `kept`,
        an earlier landing, has a payload of its name, that one is kept.

        Raises:
            SourceError: nothing could be fetched.
            StoreUnavailableError: the file system refuses.
        """
        folder = self._folder(source, day)
        with file_errors(folder):
            self._files.makedirs(folder, exist_ok=True)
        payloads, problems = self._write_all(folder, fetch)
        if problems and not payloads:
            permanent = all(error.permanent for error in problems)
            raise SourceError("; ".join(map(str, problems)), permanent=permanent) from problems[0]
        if kept is not None and problems:
            fetched = {payload.name for payload in payloads}
            payloads += [payload for payload in kept.payloads if payload.name not in fetched]
        landed = LandedDay(source, day, fetch.observed_at, tuple(payloads), tuple(map(str, problems)))
        with file_errors(folder):
            self._write_whole(f"{folder}/{_MANIFEST}", BytesIO(_LANDED_DAY.dump_json(landed, indent=1)))
        self._remove_others(folder, {payload.file for payload in payloads} | {_MANIFEST})
        return landed

    def land_failure(self, source: str, day: date, reason: str) -> None:
        """Store why a source gave nothing for a day; an earlier landing is kept."""
        folder = self._folder(source, day)
        with file_errors(folder):
            self._files.makedirs(folder, exist_ok=True)
            self._write_whole(f"{folder}/{_FAILURE}", BytesIO(reason.encode()))

    def failure(self, source: str, day: date) -> str | None:
        """Why the last attempt to fetch a source for a day failed; None where it did not."""
        path = f"{self._folder(source, day)}/{_FAILURE}"
        with file_errors(path, "read"):
            return self._files.cat_file(path).decode() if self._files.exists(path) else None

    def landed(self, source: str, day: date) -> LandedDay | None:
        """The manifest of a source's day; None where the day is not landed."""
        path = f"{self._folder(source, day)}/{_MANIFEST}"
        with file_errors(path, "read"):
            if not self._files.exists(path):
                return None
            return _LANDED_DAY.validate_json(self._files.cat_file(path))

    def open(self, landed: LandedDay, *, with_problem: bool = False) -> Iterator[Payload]:
        """The payloads of a landed day, as fetched; with `with_problem` only those that could not be read."""
        folder = self._folder(landed.source, landed.day)
        for payload in landed.payloads:
            if with_problem and payload.problem is None:
                continue
            yield Payload(payload.name, partial(self._open, f"{folder}/{payload.file}", payload.stored))

    def files(self) -> Iterator[tuple[str, BinaryIO]]:
        """The path in the landing area and the stored file of each landed day, its manifest after its payloads.

        A day that is removed or fetched again meanwhile may lack payloads; its manifest is then left out, so that
        it is not landed.
        """
        for source, day in self._days():
            with contextlib.suppress(FileNotFoundError):
                folder = f"{self._root}/{source}/{day}"
                manifest = self._files.cat_file(f"{folder}/{_MANIFEST}")
                for payload in _LANDED_DAY.validate_json(manifest).payloads:
                    yield f"{source}/{day}/{payload.file}", self._files.open(f"{folder}/{payload.file}", "rb")
                yield f"{source}/{day}/{_MANIFEST}", BytesIO(manifest)

    def add_file(self, name: str, content: IO[bytes]) -> bool:
        """Write a file that `files` returned, unless it exists; a day's manifest must come last.

        Returns:
            Whether it was written.

        Raises:
            StoreUnavailableError: the file system refuses.
        """
        path = f"{self._root}/{name}"
        if self._files.exists(path):
            return False
        with file_errors(path):
            self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._write_whole(path, content)
        return True

    def remove_before(self, cutoff: date) -> int:
        """Remove the landed days before a day; returns how many."""
        old = [(source, day) for source, day in self._days() if day < cutoff.isoformat()]
        for source, day in old:
            self._files.rm(f"{self._root}/{source}/{day}", recursive=True)
        return len(old)

    def _days(self) -> Iterator[tuple[str, str]]:
        """Source and day of each folder."""
        for source in self._names(self._root):
            for name in self._names(f"{self._root}/{source}"):
                if _DAY.fullmatch(name):
                    yield source, name

    def _folder(self, source: str, day: date) -> str:
        return f"{self._root}/{source}/{day.isoformat()}"

    def _names(self, folder: str) -> list[str]:
        if not self._files.exists(folder):
            return []
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in self._files.ls(folder, detail=False))

    def _open(self, path: str, stored: int) -> BinaryIO:
        if (there := self._files.size(path)) != stored:
            raise EOFError(f"{path} is damaged: {there:,} of its {stored:,} bytes are there")
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
        digest, size, stored, unfinished = hashlib.sha256(), 0, 0, f"{folder}/{payload.name}.part"
        with payload.open() as content, file_errors(unfinished):
            with self._files.open(unfinished, "wb") as packed:
                for block, member in _compressed(content):
                    digest.update(block)
                    size += len(block)
                    stored += len(member.result())
                    packed.write(member.result())
            landed = LandedPayload(payload.name, size, digest.hexdigest(), stored, payload.problem())
            self._files.mv(unfinished, f"{folder}/{landed.file}")
        return landed

    def _write_whole(self, path: str, content: IO[bytes]) -> None:
        with self._files.open(f"{path}.part", "wb") as file:
            shutil.copyfileobj(content, file, _BLOCK)
        self._files.mv(f"{path}.part", path)

    def _remove_others(self, folder: str, keep: set[str]) -> None:
        for name in self._names(folder):
            if name not in keep:
                self._files.rm(f"{folder}/{name}")
