"""The inbox: a folder into which files of postings are put, and the source that reads those of a day.

    inbox/postings.csv                  waiting
    inbox/taken/2026-01-31/…            complete, part of that day and being ingested
    inbox/done/2026-01-31/…             ingested; read again when that day is fetched again; can be removed
    inbox/failed/2026-01-31/…           unreadable, with the reason in NAME.reason.txt; to be repaired and put back

A file is only ever moved within the inbox, so that it is in one of these places after any interruption.
"""

from __future__ import annotations

import itertools
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


@dataclass(frozen=True)
class Inbox:
    """The folder."""

    folder: Path

    def waiting(self) -> list[Path]:
        """The files that are not taken yet, by name, without those whose name marks them as unfinished."""
        return sorted(path for path in self.folder.iterdir() if path.is_file() and not _is_unfinished(path.name))

    def take(self, path: Path, day: date) -> Path:
        """Make a waiting file part of a day, under a name that is unique within the day."""
        taken, done = self._place("taken", day), self._place("done", day)
        return _move(path, taken / _free_name(path.name, taken, done))

    def finish(self, path: Path, day: date) -> Path:
        """Move a taken file to the ingested ones."""
        return _move(path, self._place("done", day) / path.name)

    def fail(self, path: Path, day: date, reason: str) -> Path:
        """Move a file that can't be read to the failed ones, with the reason beside it."""
        folder = self._place("failed", day)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / _free_name(path.name, folder)
        target.with_name(f"{target.name}.reason.txt").write_text(f"{reason}\n", encoding="utf-8")
        return _move(path, target)

    def taken(self) -> dict[date, list[Path]]:
        """The files that are not ingested yet, by day, the oldest first."""
        days = sorted(path for path in (self.folder / "taken").glob("????-??-??") if path.is_dir())
        files = {date.fromisoformat(path.name): _files(path) for path in days}
        return {day: paths for day, paths in files.items() if paths}

    def failed(self) -> list[Path]:
        """The files that could not be read."""
        found = (path for day in sorted((self.folder / "failed").glob("*/")) for path in _files(day))
        return [path for path in found if not path.name.endswith(".reason.txt")]

    def of_day(self, day: date) -> list[Path]:
        """All files of a day that can be read, by name."""
        found = [path for place in ("done", "taken") for path in _files(self._place(place, day))]
        return sorted(found, key=lambda path: path.name)

    def _place(self, place: str, day: date) -> Path:
        return self.folder / place / day.isoformat()


@dataclass(frozen=True)
class InboxSource:
    """The files of the inbox, each part of the day on which it was taken; past days have only those."""

    inbox: Inbox
    name: ClassVar[str] = INBOX
    any_day: ClassVar[bool] = False
    kind: ClassVar[SourceKind] = "file"

    def fetch(self, day: date, now: datetime) -> Fetch:
        """Return the files of a day; one that can't be read to its end is moved away when it is opened."""
        payloads = (Payload(path.name, partial(self._open, path, day)) for path in self.inbox.of_day(day))
        return Fetch(now, payloads)

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of a file, as `FileSource` does."""
        from market_assets.sources.files.source import FileSource

        return FileSource(self.name, name).read(name, content)

    def _open(self, path: Path, day: date) -> BinaryIO:
        """Open a file after reading it once, since an unreadable one would keep the others from being ingested."""
        try:
            with path.open("rb") as content:
                for _batch in self.read(path.name, content):
                    pass
            return path.open("rb")
        except SourceError as error:
            aside = self.inbox.fail(path, day, str(error))
            raise SourceError(f"{error}; the file is in {aside}") from error
        except OSError as error:
            raise SourceError(f"{path}: it can't be read ({error.strerror or error})", permanent=False) from error


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _free_name(name: str, *folders: Path) -> str:
    """The name, with a number before it if one of the folders has it."""
    names = itertools.chain([name], (f"{number}-{name}" for number in itertools.count(2)))
    return next(free for free in names if not any((folder / free).exists() for folder in folders))


def _is_unfinished(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower().endswith(_UNFINISHED)


def _move(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return path.rename(target)
