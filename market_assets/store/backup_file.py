"""The file of a backup: a zip with a manifest, whose CRC-32 of each file shows damage."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from market_assets.store.database import StoreError, file_errors

_MANIFEST = "manifest.json"
#: Files that are compressed already.
_COMPRESSED = (".dump", ".gz", ".parquet")
_BLOCK = 1 << 20
_LARGEST_MANIFEST = 10_000_000
#: Zeros alone shrink to a 230th where backups are written; a hostile file may name the same bytes again and again.
_MOST_UNPACKED, _ALWAYS_UNPACKED = 250, 100_000_000
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)


class BackupError(StoreError):
    """A backup is damaged, is none, or does not fit; the message names the reason and what to do."""


class Manifest(BaseModel):
    """The manifest of a backup.

    Attributes:
        created_at: when the snapshot of the database was taken, in UTC.
        program: the version of market_assets that made it.
        kind: `sqlite` or `postgresql`.
        schema_version: the schema version of the database inside.
        tables: the number of rows of each table.
        left_out: descriptions of what it does not contain.
    """

    model_config = ConfigDict(frozen=True)

    created_at: datetime
    program: str
    kind: str
    schema_version: str
    tables: dict[str, int]
    left_out: tuple[str, ...] = ()


def write_backup(path: Path, contents: Iterable[tuple[str, BinaryIO]], manifest: Manifest) -> None:
    """Write a backup to a new file that only its owner can read.

    Args:
        path: the new file.
        contents: the name of each file and the open file, which is closed once it is written.
        manifest: the manifest.

    Raises:
        StoreUnavailableError: the folder is full or can't be written.
    """
    with file_errors(path), os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in contents:
                info = zipfile.ZipInfo(name)
                info.compress_type = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
                info.external_attr = 0o600 << 16
                with content, archive.open(info, "w", force_zip64=True) as place:
                    shutil.copyfileobj(content, place, _BLOCK)
            archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())


class Backup:
    """An existing backup, open for reading; use it as a context manager.

    Raises:
        BackupError: it is no backup, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with contextlib.ExitStack() as undo:
            try:
                with self._damage():
                    self._archive = undo.enter_context(zipfile.ZipFile(path))
            except FileNotFoundError:
                raise BackupError(f"there is no file {path}") from None
            except OSError as error:
                raise BackupError(f"{path} can't be read: {error.strerror or error}") from error
            self._check_entries()
            self.manifest = self._read_manifest()
            undo.pop_all()

    def __enter__(self) -> Backup:
        return self

    def __exit__(self, *_error: object) -> None:
        self._archive.close()

    def verify(self) -> None:
        """Read every file to its end.

        Raises:
            BackupError: a file is damaged.
        """
        with self._damage():
            damaged = self._archive.testzip()
        if damaged is not None:
            raise BackupError(f"{self.path} is damaged: {damaged!r} is not what was backed up")

    def files(self, folder: str) -> dict[str, str]:
        """The names of the files in a folder of the backup, by their path inside the folder."""
        names = self._archive.namelist()
        return {name.removeprefix(f"{folder}/"): name for name in names if name.startswith(f"{folder}/")}

    def extract_missing(self, folder: str, target: Path) -> int:
        """Write the files in a folder of the backup that a target folder lacks; returns how many.

        Each gets its name only when it is complete and undamaged.

        Raises:
            BackupError: one is damaged.
            StoreUnavailableError: the target is full or can't be written.
        """
        missing = {
            target / path: name for path, name in self.files(folder).items() if not (target / path).exists()
        }
        for place, name in missing.items():
            unfinished = place.with_name(f"{place.name}.part")
            with file_errors(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                with unfinished.open("wb") as file, self._damage(), self.open(name) as content:
                    shutil.copyfileobj(content, file, _BLOCK)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.rename(place)
        return len(missing)

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)

    def check_target(self, folder: str, target: Path) -> None:
        """Check where the files in a folder of the backup would be written, before any of them is.

        Args:
            folder: the folder of the backup.
            target: where its files are to be; those that are there already are not written again.

        Raises:
            BackupError: one would be written outside of the target, through a link in it, or there is no room.
        """
        root, size = target.resolve(), 0
        for path, name in self.files(folder).items():
            place = root / path
            if not place.resolve().is_relative_to(root):
                raise BackupError(
                    f"{self.path} has a file outside of its folder: {name!r} would be {place.resolve()}"
                )
            size += 0 if place.exists() else self._archive.getinfo(name).file_size
        free = shutil.disk_usage(next(each for each in (root, *root.parents) if each.is_dir())).free
        if size > free:
            raise BackupError(
                f"{self.path} needs {size / 1e6:,.0f} MB in {target}, where {free / 1e6:,.0f} MB are free"
            )

    def _read_manifest(self) -> Manifest:
        with self._damage():
            content = self._archive.read(_MANIFEST)
        try:
            return Manifest.model_validate_json(content)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise BackupError(f"{self.path} has a manifest that can't be read: {where} {problem['msg']}") from None

    def _check_entries(self) -> None:
        """Check the list of files; no file is longer than the list says, since reading it ends there."""
        if _MANIFEST not in self._archive.namelist():
            raise BackupError(f"{self.path} is not a backup of market-assets: it has no {_MANIFEST}")
        entries = self._archive.infolist()
        for entry in entries:
            path = PurePosixPath(entry.filename)
            # A path such as archive//etc/x is relative only until its first folder is removed.
            if path.is_absolute() or ".." in path.parts or str(path) != entry.filename:
                raise BackupError(f"{self.path} has a file outside of its folder: {entry.filename!r}")
            if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
                raise BackupError(f"{self.path} has a link or a device, which is in no backup: {entry.filename!r}")
            if entry.filename == _MANIFEST and entry.file_size > _LARGEST_MANIFEST:
                raise BackupError(f"{self.path} has a manifest of {entry.file_size / 1e6:,.0f} MB")
        if len({entry.filename for entry in entries}) < len(entries):
            raise BackupError(f"{self.path} has two files of one name")
        packed, unpacked = self.path.stat().st_size, sum(entry.file_size for entry in entries)
        if unpacked > max(_ALWAYS_UNPACKED, _MOST_UNPACKED * packed):
            raise BackupError(
                f"{self.path} would unpack to {unpacked / 1e6:,.0f} MB, over {_MOST_UNPACKED} times its size"
            )

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise BackupError(f"{self.path} is damaged or no backup: {error}") from error
