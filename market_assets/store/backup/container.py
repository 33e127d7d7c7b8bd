"""The file of a backup: a zip that appears under its name only once it is whole and has been read back."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from market_assets.store.backup.manifest import MANIFEST, BackupError, Manifest, StoredFile
from market_assets.store.database import StoreUnavailableError

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Member:
    """A file to put into a backup; `packed` where compressing it again would be for nothing."""

    name: str
    open: Callable[[], BinaryIO]
    packed: bool = False


def write(path: Path, members: Iterable[Member], describe: Callable[[tuple[StoredFile, ...]], Manifest]) -> None:
    """Write a backup beside its place and read it back; the caller then gives it its name with `publish`.

    Raises:
        StoreUnavailableError: the folder is full or can't be written.
    """
    with worded(path):
        number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with os.fdopen(number, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                stored = tuple(_add(archive, member) for member in members)
                archive.writestr(MANIFEST, describe(stored).to_json())
            file.flush()
            os.fsync(file.fileno())


def publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, unless there is one of that name already."""
    with worded(path):
        try:
            os.link(unfinished, path)
        except FileExistsError:
            raise BackupError(f"{path} exists; a backup never replaces one") from None
        unfinished.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _add(archive: zipfile.ZipFile, member: Member) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    info = zipfile.ZipInfo(member.name)
    info.compress_type = zipfile.ZIP_STORED if member.packed else zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    with member.open() as content, archive.open(info, "w", force_zip64=True) as packed:
        while block := content.read(_BLOCK):
            digest.update(block)
            size += len(block)
            packed.write(block)
    return StoredFile(member.name, size, digest.hexdigest())


class Backup:
    """An existing backup, open for reading; use it as a context manager.

    Raises:
        BackupError: it is no backup, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with self._worded():
                self._archive = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise BackupError(f"there is no file {path}") from None
        except OSError as error:
            raise BackupError(f"{path} can't be read: {error.strerror or error}") from error
        try:
            self.manifest = self._manifest()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Backup:
        return self

    def __exit__(self, *_error: object) -> None:
        self._archive.close()

    def verify(self) -> None:
        """Read every file and compare it with the manifest."""
        for file in self.manifest.files:
            self._copy(file, None)

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder of the backup."""
        return [file.name for file in self.manifest.files if file.name.startswith(f"{folder}/")]

    def extract(self, name: str, target: Path) -> None:
        """Write a file of the backup to a path, whole and as the manifest says, or not under that name at all."""
        file = next(file for file in self.manifest.files if file.name == name)
        unfinished = target.with_name(f"{target.name}.part")
        with worded(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as place:
                self._copy(file, place)
                place.flush()
                os.fsync(place.fileno())
            unfinished.rename(target)

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)

    def _manifest(self) -> Manifest:
        with self._worded():
            if MANIFEST not in self._archive.namelist():
                raise BackupError(f"{self.path} is not a backup of market-assets: it has no {MANIFEST}")
            manifest = Manifest.from_json(self._archive.read(MANIFEST))
        for file in manifest.files:
            path = PurePosixPath(file.name)
            if path.is_absolute() or ".." in path.parts:
                raise BackupError(f"{self.path} names a file outside of it: {file.name}")
        return manifest

    def _copy(self, file: StoredFile, place: BinaryIO | None) -> None:
        digest = hashlib.sha256()
        with self._worded(), self._archive.open(file.name) as content:
            while block := content.read(_BLOCK):
                digest.update(block)
                if place is not None:
                    place.write(block)
        if digest.hexdigest() != file.sha256:
            raise BackupError(f"{self.path} is damaged: {file.name} is not what was backed up")

    @contextlib.contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
            raise BackupError(f"{self.path} is damaged or no backup: {error}") from error
        except BackupError as error:
            if str(self.path) in str(error):
                raise
            raise BackupError(f"{self.path} can't be used: {error}") from error


@contextlib.contextmanager
def worded(path: Path) -> Iterator[None]:
    """Name the file that could not be written."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(f"can't write {path}: {error.strerror or error}") from error
