"""A program whose schema has a version more than this one's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from market_assets.store import schema


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
