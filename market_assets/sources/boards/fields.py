"""Fields of postings out of the decoded answers of boards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from market_assets.sources.protocol import SourceError

#: Field of `RAW_POSTING` → text.
Fields = dict[str, str | None]
#: Field of `RAW_POSTING` → the path to its value, as keys joined by dots; of several paths the first with a value.
FieldPaths = Mapping[str, str | tuple[str, ...]]


def fields_at(record: dict[str, Any], paths: FieldPaths) -> Fields:
    """The fields at some paths into a record, as text: amounts by `pay`, the others by `stated`."""
    fields: Fields = {}
    for field, alternatives in paths.items():
        as_text = pay if field in ("salary_min", "salary_max") else stated
        each = (alternatives,) if isinstance(alternatives, str) else alternatives
        texts = (as_text(at(record, *path.split("."))) for path in each)
        fields[field] = next((text for text in texts if text), None)
    return fields


def record_list(document: Any, *path: str) -> list[dict[str, Any]]:
    """The list of objects at the end of a path into a document.

    Raises:
        SourceError: there is something else.
    """
    found, place = document, "the answer"
    for key in path:
        if not isinstance(found, dict) or key not in found:
            raise SourceError(f"its format has changed: {place} has no `{key}` but is {_beginning(found)}")
        found, place = found[key], f"`{key}`"
    if not isinstance(found, list):
        raise SourceError(f"its format has changed: {place} is not a list but {_beginning(found)}")
    if found and not any(isinstance(record, dict) for record in found):
        raise SourceError(f"its format has changed: {place} holds no objects but {_beginning(found[0])}")
    return found


def at(record: Any, *path: str) -> Any:
    """The value at the end of a path into a record; None where the path ends before."""
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def stated(value: Any) -> str | None:
    """A plain value as text, a list of such joined by "; "; None for what is empty or nested."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value).removesuffix(".0")
    if isinstance(value, list):
        return "; ".join(text for item in value if not isinstance(item, list) and (text := stated(item))) or None
    return None


def with_country(location: str | None, country: str | None) -> str | None:
    """A location followed by the country of a separate field, unless the location contains it."""
    if location is None or country is None or country.lower() in location.lower():
        return location or country
    return f"{location}, {country}"


def pay(value: Any) -> str | None:
    """An amount as text; None for 0 and -1, which mean that it is not known."""
    text = stated(value)
    return None if text in ("0", "-1", "0.0") else text


def _beginning(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]
