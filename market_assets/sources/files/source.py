"""Files of postings as a source: found at a local path, on any fsspec file system or at a web address."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, ClassVar, cast

import polars as pl

from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.files.columns import apply_mapping, beside_location
from market_assets.sources.files.decoding import check_known, decode, is_known
from market_assets.sources.files.records import Chunk
from market_assets.sources.protocol import (
    Fetch,
    Payload,
    RawBatch,
    Request,
    SourceError,
    SourceKind,
    without_queries,
)


def find_files(path: str, get: Callable[[Request], bytes] | None = None) -> list[Payload]:
    """The file at a path, or those in and under a folder whose ending is known, by name, which is unique.

    Raises:
        SourceError: there is no such file, or it can't be opened. Files of a folder are not opened yet.
    """
    if path.startswith(("http://", "https://")):
        return [_web_file(path, get)]
    files, root = _file_system(path)
    shown = without_queries(path)
    if not _attempt(shown, lambda: files.isdir(root)):
        found = Payload(PurePosixPath(root).name, partial(_open, files, root, shown))
        found.open().close()
        return [found]
    paths = sorted(str(each) for each in _attempt(shown, lambda: files.find(root)))
    named = {each: each.removeprefix(root.rstrip("/") + "/") for each in paths}
    within = [
        Payload(_as_one_name(name), partial(_open, files, each, f"{shown.rstrip('/')}/{name}"))
        for each, name in named.items()
        if is_known(name) and not any(part.startswith(".") for part in name.split("/"))
    ]
    if not within:
        raise SourceError(f"{shown}: it is a folder without any file of postings")
    return within


def _file_system(path: str) -> tuple[Any, str]:
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    if "://" not in path:
        return LocalFileSystem(), str(Path(path))
    files, root = _attempt(without_queries(path), lambda: fsspec.core.url_to_fs(path))
    return files, str(root)


def _open(files: Any, path: str, shown: str) -> BinaryIO:
    """Open a file that is not empty and whose ending is known."""
    if _attempt(shown, lambda: files.size(path)) == 0:
        raise SourceError(f"{shown}: it is empty")
    check_known(shown)
    return cast(BinaryIO, _attempt(shown, lambda: files.open(path, "rb")))


def _attempt(shown: str, action: Callable[[], Any]) -> Any:
    """Call a file system. Third-party ones raise anything, with credentials in the message."""
    try:
        return action()
    except FileNotFoundError:
        raise SourceError(f"{shown}: there is no such file") from None
    except ImportError as error:
        raise SourceError(f"{shown}: its file system needs a package that is not installed ({error})") from None
    except OSError as error:
        raise SourceError(f"{shown}: it can't be opened ({error.strerror or type(error).__name__})") from None
    except Exception as error:
        raise SourceError(f"{shown}: it can't be opened ({type(error).__name__})", permanent=False) from None


def _web_file(url: str, get: Callable[[Request], bytes] | None) -> Payload:
    name = PurePosixPath(without_queries(url).split("://", 1)[1]).name
    if get is None:
        raise SourceError(f"{without_queries(url)}: it is a web address, which only sources.yaml can name")
    check_known(name)
    return Payload(name, lambda: io.BytesIO(get(Request(url))))


def _as_one_name(name: str) -> str:
    """A path with its separators percent-encoded."""
    return name.replace("%", "%25").replace("/", "%2F")


@dataclass(frozen=True)
class FileSource:
    """The postings of CSV, JSON, JSON lines or Parquet files, whatever their columns are called.

    Attributes:
        name: the source's name in assets, folders and tables.
        path: a file, whose ending names the format, or a folder of such; a path or any URL that fsspec knows.
        mapping: field of `RAW_POSTING` → column, for fields whose column would be guessed wrong; an empty column
            leaves the field out.
        get: sends a request, for a file at a web address.
        any_day: files have only their current content.
        kind: they are what somebody collected.
    """

    name: str
    path: Path | str
    mapping: Mapping[str, str] = field(default_factory=dict)
    get: Callable[[Request], bytes] | None = None
    any_day: ClassVar[bool] = False
    kind: ClassVar[SourceKind] = "file"

    @property
    def origins(self) -> tuple[str, ...]:
        """The path, without what may hold a key."""
        return (without_queries(str(self.path)),)

    def fetch(self, day: date, now: datetime) -> Fetch:  # noqa: ARG002
        """Return the current files, whatever the day: one payload each, opened on demand.

        Raises:
            SourceError: the file is missing, empty, can't be opened, or has an unknown ending; for files of a
                folder when the payload is opened.
        """
        return Fetch(observed_at=now, payloads=map(self._checked, find_files(str(self.path), self.get)))

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of the file, in batches of at most five thousand rows.

        Raises:
            SourceError: it is not of its ending's format, has no posting, or has no column for the title.
        """
        mapping, beside, chunks = self._resolve(name, content)
        for chunk in chunks:
            yield RawBatch(_raw_postings(chunk, mapping, beside), chunk.undecodable)

    def resolved_columns(self) -> tuple[dict[str, str], list[str]]:
        """Field → column of the file, or of the first file of a folder, and the columns that are not used.

        A location may be completed by further columns, which are named with it. Errors as in `fetch` and `read`.
        """
        file = find_files(str(self.path), self.get)[0]
        with file.open() as content:
            mapping, beside, chunks = self._resolve(file.name, content)
            columns = next(chunks).frame.columns
        used = {*mapping.values(), *beside}
        shown = mapping | ({"location": " + ".join([mapping["location"], *beside])} if beside else {})
        return shown, [name for name in columns if name not in used]

    def _checked(self, file: Payload) -> Payload:
        problem: str | None = None

        def open_and_check() -> BinaryIO:
            nonlocal problem
            content = file.open()
            try:
                self._resolve(file.name, content)
                problem = None
            except SourceError as error:
                problem = str(error)
            content.seek(0)
            return content

        return Payload(file.name, open_and_check, lambda: problem)

    def _resolve(self, name: str, content: BinaryIO) -> tuple[dict[str, str], list[str], Iterator[Chunk]]:
        """The mapping and what completes the location, decided by the first records, and all records."""
        chunks = decode(name, content)
        first = next(chunks, None)
        if first is None:
            raise SourceError(f"{name}: there is no posting in it")
        if first.payload.is_empty():
            reason = first.undecodable[0].reason
            raise SourceError(f"{name}: there is no posting in it that can be read", quoted=f"; {reason}")
        try:
            mapping = apply_mapping(first.frame, self.mapping)
        except SourceError as error:
            raise error.of_file(name) from None
        return mapping, beside_location(first.frame, mapping), itertools.chain([first], chunks)


def _raw_postings(chunk: Chunk, mapping: Mapping[str, str], beside: list[str]) -> pl.DataFrame:
    """The chunk with the columns of `RAW_POSTING`. A chunk of nested records may lack a column."""
    known = set(chunk.frame.columns)
    fields = {name: pl.col(column) for name, column in mapping.items() if column in known}
    # JSON can escape NUL characters, which databases refuse.
    if chunk.payload.str.contains(r"\u0000", literal=True).any():
        fields = {name: text.str.replace_all("\0", "", literal=True) for name, text in fields.items()}
    for column in beside if "location" in fields else ():
        if column in known:
            fields["location"] = _completed(fields["location"], pl.col(column))
    missing = pl.lit(None, pl.String)
    return chunk.frame.select(
        (chunk.payload if name == "payload" else fields.get(name, missing)).alias(name) for name in RAW_POSTING
    )


def _completed(location: pl.Expr, beside: pl.Expr) -> pl.Expr:
    """'Berlin' and 'DE' are 'Berlin, DE', but 'Austin, TX' and 'TX' just 'Austin, TX'."""
    further = beside.str.replace_all("\0", "", literal=True).str.strip_chars()
    said = location.str.to_lowercase().str.contains(further.str.to_lowercase(), literal=True)
    new = pl.when((further != "") & ~said.fill_null(False)).then(further)
    return pl.concat_str(location, new, separator=", ", ignore_nulls=True)
