"""Databases that have been migrated: by this program, and by one whose schema has a version more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from market_assets.store import schema
from market_assets.store.database import Database


def add_version(monkeypatch: pytest.MonkeyPatch, folder: Path, *statements: str) -> str:
    """Let the newest version of the schema be a later one, which these statements make of this program's."""
    newest = schema.newest_version()
    version = f"{int(newest) + 1:04}"
    migrations = folder / f"migrations to {version}"
    shutil.copytree(schema._MIGRATIONS, migrations)
    (migrations / "versions" / f"{version}_later.py").write_text(
        f"from alembic import op\nrevision, down_revision = {version!r}, {newest!r}\n"
        "def upgrade():\n" + "".join(f"    op.execute({statement!r})\n" for statement in statements)
    )
    monkeypatch.setattr(schema, "_MIGRATIONS", migrations)
    return version


def copied(migrated: Path, path: Path) -> Database:
    """A copy of a migrated SQLite file, and of that of its accounts."""
    source, copy = Database(f"sqlite:///{migrated}"), Database(f"sqlite:///{path}")
    for each, target in ((source, copy), (source.accounts, copy.accounts)):
        shutil.copy(each.path, target.path)
    return copy
