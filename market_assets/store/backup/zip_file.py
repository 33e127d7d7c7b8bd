"""The file of a backup: a zip with a manifest that lists every file in it with its SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from market_assets.store.database import StoreError, StoreUnavailableError

_MANIFEST = "manifest.json"
#: Increased when older programs can no longer read new backups.
_FORMAT = 1
#: Files that are compressed already.
_COMPRESSED = (".dump", ".gz", ".parquet")
_BLOCK = 1 << 20
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)


class BackupError(StoreError):
    """A backup is damaged, is none, or does not fit; the message names the reason and what to do."""


class StoredFile(BaseModel):
    """A file inside a backup: its name there, its size in bytes and SHA-256 before compression."""

    model_config = ConfigDict(frozen=True)

    name: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """The manifest of a backup.

    Attributes:
        created_at: when the snapshot of the database was taken, in UTC.
        program: the version of market_assets that made it.
        kind: `sqlite` or `postgresql`.
        engine: the version of SQLite or of the PostgreSQL server.
        schema_version: the schema version of the database inside.
        tables: the number of rows of each table.
        files: every file in the backup but the manifest.
        left_out: descriptions of what it does not contain.
        format: the version of this format.
    """

    model_config = ConfigDict(frozen=True)

    created_at: datetime
    program: str
    kind: str
    engine: str
    schema_version: str
    tables: dict[str, int]
    files: tuple[StoredFile, ...] = ()
    left_out: tuple[str, ...] = ()
    format: int = _FORMAT


def write_backup(path: Path, contents: Iterable[tuple[str, BinaryIO]], manifest: Manifest) -> None:
    """Write a backup to a new file that only its owner can read.

    Args:
        path: the new file.
        contents: the name of each file and the open file, which is closed once it is written.
        manifest: its list of files is completed.

    Raises:
        StoreUnavailableError: the folder is full or can't be written.
    """
    with file_errors(path), os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            files = tuple(_add(archive, name, content) for name, content in contents)
            archive.writestr(_MANIFEST, manifest.model_copy(update={"files": files}).model_dump_json(indent=1))
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
            self.manifest = self._read_manifest()
            undo.pop_all()

    def __enter__(self) -> Backup:
        return self

    def __exit__(self, *_error: object) -> None:
        self._archive.close()

    def verify(self) -> None:
        """Read every file and compare it with the manifest.

        Raises:
            BackupError: a file is damaged.
        """
        for file in self.manifest.files:
            self._copy(file, None)

    def files(self, folder: str) -> dict[str, StoredFile]:
        """The files in a folder of the backup, by their path inside the folder."""
        split = ((*file.name.partition("/"), file) for file in self.manifest.files)
        return {inside: file for first, _, inside, file in split if first == folder}

    def extract(self, file: StoredFile, folder: Path, name: str) -> Path:
        """Write a file of the backup into a folder; it gets its name only when it is complete and undamaged.

        Raises:
            BackupError: it is damaged, or its name leads out of the folder.
            StoreUnavailableError: the folder is full or can't be written.
        """
        target = folder / name
        if not target.resolve().is_relative_to(folder.resolve()):
            raise BackupError(f"{self.path} has a file outside of its folder: {file.name}")
        unfinished = target.with_name(f"{target.name}.part")
        with file_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as place:
                self._copy(file, place)
                place.flush()
                os.fsync(place.fileno())
            unfinished.rename(target)
        return target

    def open(self, file: StoredFile) -> IO[bytes]:
        return self._archive.open(file.name)

    def _read_manifest(self) -> Manifest:
        with self._damage():
            if _MANIFEST not in self._archive.namelist():
                raise BackupError(f"{self.path} is not a backup of market-assets: it has no {_MANIFEST}")
            content = self._archive.read(_MANIFEST)
        try:
            manifest = Manifest.model_validate_json(content)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise BackupError(f"{self.path} has a manifest that can't be read: {where} {problem['msg']}") from None
        if manifest.format > _FORMAT:
            raise BackupError(f"{self.path} has format {manifest.format}, this program reads up to {_FORMAT}")
        for file in manifest.files:
            path = PurePosixPath(file.name)
            # A path such as archive//etc/x is relative only until its first folder is removed.
            if path.is_absolute() or ".." in path.parts or str(path) != file.name:
                raise BackupError(f"{self.path} has a file outside of its folder: {file.name}")
        return manifest

    def _copy(self, file: StoredFile, place: BinaryIO | None) -> None:
        with self._damage(), self._archive.open(file.name) as content:
            _size, digest = _copy(content, place)
        if digest != file.sha256:
            raise BackupError(f"{self.path} is damaged: {file.name} is not what was backed up")

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise BackupError(f"{self.path} is damaged or no backup: {error}") from error


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Raise OSErrors of the block as StoreUnavailableError with the path that can't be written."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(f"can't write {path}: {error.strerror or error}") from error


def _add(archive: zipfile.ZipFile, name: str, content: BinaryIO) -> StoredFile:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    with content, archive.open(info, "w", force_zip64=True) as place:
        size, digest = _copy(content, place)
    return StoredFile(name=name, size=size, sha256=digest)


def _copy(content: IO[bytes], place: IO[bytes] | None) -> tuple[int, str]:
    """Copy a file, if there is a place for it; returns its size in bytes and its SHA-256."""
    digest, size = hashlib.sha256(), 0
    while block := content.read(_BLOCK):
        digest.update(block)
        size += len(block)
        if place is not None:
            place.write(block)
    return size, digest.hexdigest()
