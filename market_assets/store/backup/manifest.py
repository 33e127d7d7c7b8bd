"""What a backup says about itself: of when, of what, made by which program, and the digest of every file in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from market_assets.store.database import StoreError

MANIFEST = "manifest.json"
#: Goes up when an older program could not make sense of a backup any more.
FORMAT = 1


class BackupError(StoreError):
    """A backup is damaged, is none, or does not fit; the message tells what to do."""


@dataclass(frozen=True)
class StoredFile:
    """A file inside a backup: its name there, its size in bytes and SHA-256 before compression."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The manifest of a backup.

    Attributes:
        created_at: when the snapshot of the database was taken, in UTC.
        program: the version of market_assets that made it.
        kind: `sqlite` or `postgresql`.
        engine: the version of SQLite or of the PostgreSQL server.
        schema_version: the schema version of the database inside.
        tables: the number of rows of each table.
        files: every file in the backup but the manifest.
        left_out: what is not in it, in words.
    """

    created_at: datetime
    program: str
    kind: str
    engine: str
    schema_version: str
    tables: dict[str, int]
    files: tuple[StoredFile, ...]
    left_out: tuple[str, ...] = ()
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            BackupError: it is none, or of a newer format.
        """
        try:
            fields: dict[str, Any] = json.loads(content)
            if fields["format"] > FORMAT:
                raise BackupError(f"it has format {fields['format']}, this program reads up to {FORMAT}")
            return cls(
                **{
                    **fields,
                    "created_at": datetime.fromisoformat(fields["created_at"]),
                    "files": tuple(StoredFile(**file) for file in fields["files"]),
                    "left_out": tuple(fields["left_out"]),
                }
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BackupError(f"its manifest can't be read: {error}") from error
