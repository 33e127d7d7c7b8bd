"""The industries that postings are counted by, and the names that sources give them: loads `industries.yaml`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

INDUSTRIES_FILE = Path(__file__).with_name("industries.yaml")

_NOT_A_WORD = re.compile(r"[\W_]+")


def industry_key(name: str) -> str:
    """What spellings of the same industry have in common: no case, no punctuation, '&' as 'and'."""
    return _NOT_A_WORD.sub(" ", name.casefold().replace("&", " and ")).strip()


@cache
def industry_names() -> dict[str, str]:
    """Key of a name or alias (`industry_key`) → the canonical name."""
    entries: dict[str, list[str]] = yaml.safe_load(INDUSTRIES_FILE.read_text(encoding="utf-8"))
    return {industry_key(alias): name for name, aliases in entries.items() for alias in (name, *aliases)}
