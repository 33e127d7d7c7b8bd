"""The inbox: a folder into which files of postings are put, and the source that reads those of a day.

    inbox/postings.csv                  waiting
    inbox/taken/2026-01-31/…            complete, part of that day and being ingested
    inbox/done/2026-01-31/…             ingested; read again when that day is fetched again; can be removed
    inbox/failed/2026-01-31/…           unreadable, with the reason in NAME.reason.txt; to be repaired and put back

A file is only ever moved within the inbox, so that it is in one of these places after any interruption. Who may
put files into it must not see other files by it: links in it are never followed, and no message quotes a file.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, ClassVar

from market_assets.sources.protocol import Fetch, Payload, RawBatch, SourceError, SourceKind

INBOX = "inbox"
#: Endings that programs give to unfinished files, besides names that begin with a dot.
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp", "~")
#: What may lie in the folder; 0 is what was removed in the meantime.
_KNOWN_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)


@dataclass(frozen=True)
class Inbox:
    """The folder."""

    folder: Path

    def waiting(self) -> list[Path]:
        """The files that are not taken yet, by name, without those whose name marks them as unfinished."""
        found = (path for path in self.folder.iterdir() if not _is_unfinished(path.name))
        return sorted(path for path in found if stat.S_ISREG(_mode(path)))

    def refused(self) -> list[str]:
        """The names in the folder that are neither files nor folders: links, pipes, sockets and devices."""
        return sorted(path.name for path in self.folder.iterdir() if stat.S_IFMT(_mode(path)) not in _KNOWN_KINDS)

    def open(self, path: Path) -> BinaryIO:
        """Open a file of the inbox.

        Raises:
            OSError: it is no regular file any more, or can't be opened.
        """
        with self._opened(path.parent) as folder:
            # A pipe would block without O_NONBLOCK.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            content = os.fdopen(os.open(path.name, flags, dir_fd=folder), "rb")
        if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
            content.close()
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return content

    def take(self, path: Path, day: date) -> Path:
        """Make a waiting file part of a day, under a name that is unique within the day."""
        taken, done = self._place("taken", day), self._place("done", day)
        return self._move(path, taken / _free_name(path.name, taken, done))

    def finish(self, path: Path, day: date) -> Path:
        """Move a taken file to the ingested ones."""
        return self._move(path, self._place("done", day) / path.name)

    def fail(self, path: Path, day: date, reason: str) -> Path:
        """Move a file that can't be read to the failed ones, with the reason beside it."""
        place = self._place("failed", day)
        target = place / _free_name(path.name, place)
        note = f"{target.name}.reason.txt"
        with self._opened(place, create=True) as folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(note, dir_fd=folder)
            written = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
            with os.fdopen(written, "w", encoding="utf-8") as file:
                file.write(f"{reason}\n")
        return self._move(path, target)

    def taken(self) -> dict[date, list[Path]]:
        """The files that are not ingested yet, by day, the oldest first."""
        days = sorted(path for path in (self.folder / "taken").glob("????-??-??") if path.is_dir())
        files = {date.fromisoformat(path.name): self._files(path) for path in days}
        return {day: paths for day, paths in files.items() if paths}

    def failed(self) -> list[Path]:
        """The files that could not be read."""
        found = (path for day in sorted((self.folder / "failed").glob("*/")) for path in self._files(day))
        return [path for path in found if not path.name.endswith(".reason.txt")]

    def of_day(self, day: date) -> list[Path]:
        """All files of a day that can be read, by name."""
        found = [path for place in ("done", "taken") for path in self._files(self._place(place, day))]
        return sorted(found, key=lambda path: path.name)

    def _place(self, place: str, day: date) -> Path:
        return self.folder / place / day.isoformat()

    @contextlib.contextmanager
    def _opened(self, folder: Path, *, create: bool = False) -> Iterator[int]:
        """The descriptor of a folder in the inbox, which is reached from the inbox without following a link."""
        opened = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in folder.relative_to(self.folder).parts:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=opened)
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=opened)
                os.close(opened)
                opened = inner
            yield opened
        finally:
            os.close(opened)

    def _files(self, folder: Path) -> list[Path]:
        """The regular files in a folder of the inbox, by name; none where the folder is missing or a link."""
        try:
            with self._opened(folder) as opened, os.scandir(opened) as entries:
                return sorted(folder / entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _move(self, path: Path, target: Path) -> Path:
        with self._opened(path.parent) as source, self._opened(target.parent, create=True) as place:
            os.rename(path.name, target.name, src_dir_fd=source, dst_dir_fd=place)
        return target


@dataclass(frozen=True)
class InboxSource:
    """The files of the inbox, each part of the day on which it was taken; past days have only those."""

    inbox: Inbox
    name: ClassVar[str] = INBOX
    any_day: ClassVar[bool] = False
    kind: ClassVar[SourceKind] = "file"

    @property
    def origins(self) -> tuple[str, ...]:
        """The folder."""
        return (str(self.inbox.folder),)

    def fetch(self, day: date, now: datetime) -> Fetch:
        """Return the files of a day; one that can't be read to its end is moved away when it is opened."""
        payloads = (Payload(path.name, partial(self._open, path, day)) for path in self.inbox.of_day(day))
        return Fetch(now, payloads)

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of a file, as `FileSource` does, with errors that quote nothing of it."""
        from market_assets.sources.files.source import FileSource

        try:
            yield from FileSource(self.name, name).read(name, content)
        except SourceError as error:
            raise error.without_quotes() from None

    def _open(self, path: Path, day: date) -> BinaryIO:
        """Open a file after reading it once, since an unreadable one would keep the others from being ingested."""
        try:
            with self.inbox.open(path) as content:
                for _batch in self.read(path.name, content):
                    pass
            return self.inbox.open(path)
        except SourceError as error:
            aside = self.inbox.fail(path, day, str(error))
            raise SourceError(f"{error}; the file is in {aside}") from error
        except OSError as error:
            raise SourceError(f"{path}: it can't be read ({error.strerror or error})", permanent=False) from error


def _mode(path: Path) -> int:
    """The kind and permissions of a path itself; 0 where it was removed in the meantime."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0


def _free_name(name: str, *folders: Path) -> str:
    """The name, with a number before it if one of the folders has it."""
    names = itertools.chain([name], (f"{number}-{name}" for number in itertools.count(2)))
    return next(free for free in names if not any(os.path.lexists(folder / free) for folder in folders))


def _is_unfinished(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower().endswith(_UNFINISHED)
