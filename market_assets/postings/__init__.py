"""Postings: normalisation, identity, merging and duplicates, as functions on columns."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def word_lists(file: str) -> dict[str, Any]:
    """The words and patterns in a YAML file of this room."""
    lists: dict[str, Any] = yaml.safe_load((Path(__file__).parent / file).read_text(encoding="utf-8"))
    return lists
