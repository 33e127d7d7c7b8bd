"""A code location with a task of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from market_assets.definitions import build_defs
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource


def code_location(folder: Path, content: str, **settings: Any) -> dg.Definitions:
    (folder / "mine.py").write_text(content)
    return build_defs(
        Settings(
            MARKET_ASSETS_CUSTOM_DIR=folder,
            MARKET_ASSETS_DATA_DIR=folder / "data",
            _env_file=None,
            **settings,
        ),
        [SampleSource()],
    )


def task(body: str, when: str = "hours=1", signature: str = "def my_function():") -> str:
    return f"import sys, asyncio, math\n@scheduled_job('mine', {when})\n{signature}\n    {body}\n"
