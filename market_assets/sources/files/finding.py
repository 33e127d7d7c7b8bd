"""Where files of postings are: a path or a folder of this machine, of any fsspec file system, or a web address."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from market_assets.sources.files.decoding import decoder_of
from market_assets.sources.protocol import SourceError
from market_assets.sources.request import Request, without_queries

if TYPE_CHECKING:
    from market_assets.sources.http_client import HttpClient


@dataclass(frozen=True)
class FoundFile:
    """A file: its name, unique among those that were found, and what opens it."""

    name: str
    open: Callable[[], BinaryIO]


def find_files(path: str, client: Callable[[], HttpClient] | None = None) -> list[FoundFile]:
    """The file at a path, or those in and under a folder whose ending is known, by name.

    Raises:
        SourceError: there is nothing, or it can't be looked at. Files of a folder are only looked at when opened.
    """
    if path.startswith(("http://", "https://")):
        return [_web_file(path, client)]
    files, root = _file_system(path)
    shown = without_credentials(path)
    if not _attempt(shown, lambda: files.isdir(root)):
        found = FoundFile(PurePosixPath(root).name, partial(_open, files, root, shown))
        found.open().close()
        return [found]
    paths = sorted(str(each) for each in _attempt(shown, lambda: files.find(root)))
    named = {each: each.removeprefix(root.rstrip("/") + "/") for each in paths}
    within = [
        FoundFile(_flat(name), partial(_open, files, each, f"{shown.rstrip('/')}/{name}"))
        for each, name in named.items()
        if _is_known(name)
    ]
    if not within:
        raise SourceError(f"{shown}: it is a folder without any file of postings")
    return within


def without_credentials(path: str) -> str:
    """A path or URL as it may stand in a message."""
    return re.sub(r"^([a-z0-9+.-]+://)[^/@]*@", r"\1", without_queries(path))


def _file_system(path: str) -> tuple[Any, str]:
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    if "://" not in path:
        return LocalFileSystem(), str(Path(path))
    files, root = _attempt(without_credentials(path), lambda: fsspec.core.url_to_fs(path))
    return files, str(root)


def _open(files: Any, path: str, shown: str) -> BinaryIO:
    """Open a file that is not empty and whose ending is known."""
    try:
        decoder_of(path)
    except SourceError as error:
        if _attempt(shown, lambda: files.exists(path)):
            raise SourceError(f"{shown}: {error}") from None
        raise SourceError(f"{shown}: there is no such file") from None
    if _attempt(shown, lambda: files.size(path)) == 0:
        raise SourceError(f"{shown}: it is empty")
    return cast(BinaryIO, _attempt(shown, lambda: files.open(path, "rb")))


def _attempt(shown: str, ask: Callable[[], Any]) -> Any:
    """What a file system answers. Those of others raise what they like, credentials in the message included."""
    try:
        return ask()
    except FileNotFoundError:
        raise SourceError(f"{shown}: there is no such file") from None
    except ImportError as error:
        raise SourceError(f"{shown}: its file system needs a package that is not installed ({error})") from None
    except OSError as error:
        raise SourceError(f"{shown}: it can't be opened ({error.strerror or type(error).__name__})") from None
    except Exception as error:
        raise SourceError(f"{shown}: it can't be opened ({type(error).__name__})", permanent=False) from None


def _web_file(url: str, client: Callable[[], HttpClient] | None) -> FoundFile:
    name = PurePosixPath(without_queries(url).split("://", 1)[1]).name
    if client is None:
        raise SourceError(f"{without_queries(url)}: it is a web address, which only sources.yaml can name")
    decoder_of(name)
    return FoundFile(name, lambda: io.BytesIO(client().get(Request(url))))


def _flat(name: str) -> str:
    """A path as one name."""
    return name.replace("%", "%25").replace("/", "%2F")


def _is_known(name: str) -> bool:
    try:
        decoder_of(name)
    except SourceError:
        return False
    return not any(part.startswith(".") for part in name.split("/"))
