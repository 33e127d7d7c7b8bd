"""Answers that came with an ETag or a date, kept by address, so that a server need not send them again."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import time
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path

from market_assets.sources.request import Request

_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_KEPT_SECONDS = 14 * 86_400


class RememberedAnswers:
    """A folder with one compressed file an address: a line with the validators, then the body.

    It is only ever a shortcut: a file that can't be read or written is as good as none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def validators(self, request: Request) -> dict[str, str]:
        """The headers that ask for the answer only if it has changed; none where it is not known."""
        found = self._read(request)
        return found[0] if found else {}

    def body(self, request: Request) -> bytes | None:
        """The body as it was."""
        found = self._read(request)
        return found[1] if found else None

    def keep(self, request: Request, headers: Mapping[str, str], content: bytes) -> None:
        """Remember an answer if it can be asked for again in this way, and forget those that are old."""
        stated = {ask: headers[name] for name, ask in _VALIDATORS.items() if name in headers}
        path = self._path(request)
        with contextlib.suppress(OSError):
            if not stated:
                path.unlink(missing_ok=True)
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(f".{uuid.uuid4().hex}")
            body = request.redacted_body(content)
            unfinished.write_bytes(gzip.compress(json.dumps(stated).encode() + b"\n" + body, 1))
            unfinished.replace(path)
            self._forget_old()

    def _read(self, request: Request) -> tuple[dict[str, str], bytes] | None:
        try:
            head, _, body = gzip.decompress(self._path(request).read_bytes()).partition(b"\n")
            return dict(json.loads(head)), body
        except (OSError, EOFError, ValueError, TypeError, zlib.error):
            return None

    def _path(self, request: Request) -> Path:
        asked = json.dumps([request.url, sorted(request.params.items())])
        return self._folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.gz"

    def _forget_old(self) -> None:
        oldest = time.time() - _KEPT_SECONDS
        for entry in os.scandir(self._folder):
            if entry.stat().st_mtime < oldest:
                Path(entry.path).unlink(missing_ok=True)
