"""The words and patterns of this room, which are kept in YAML files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

#: The loader in C takes a tenth of the time, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def word_lists(file: str) -> dict[str, Any]:
    """The words and patterns in a YAML file of this room."""
    lists: dict[str, Any] = yaml.load((Path(__file__).parent / file).read_text(encoding="utf-8"), _LOADER)
    return lists
