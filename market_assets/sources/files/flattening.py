"""One nested record as a flat row of texts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, time
from typing import Any

#: Fields of objects are named by the way to them, `jobLocation.address.addressLocality`, this many dots deep.
_DOTS = 2


def compact_json(value: Any) -> str:
    """A value as JSON text without spaces.

    What JSON has no form for is written as `value_text` does; NaN and infinite numbers are null.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=value_text, allow_nan=False)
    except ValueError:
        finite = json.loads(json.dumps(value, default=value_text), parse_constant=lambda _constant: None)
        return json.dumps(finite, ensure_ascii=False, separators=(",", ":"))


def without_lone_surrogates(payload: str) -> str:
    """JSON text in which halves of surrogate pairs, which no encoding can hold, are U+FFFD."""
    return payload.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def flatten(record: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a record by the way to each: {"company": {"name": "Acme"}} gives company.name.

    Lists of plain values are joined by "; ", other lists are JSON text, missing and empty values are left
    out. Where two ways read the same, the first one counts.
    """
    flat: dict[str, str] = {}
    _add(flat, "", record, _DOTS)
    return flat


def _add(flat: dict[str, str], prefix: str, record: Mapping[str, Any], dots: int) -> None:
    for key, value in record.items():
        name = prefix + key
        if isinstance(value, dict) and value and dots:
            _add(flat, name + ".", value, dots - 1)
        else:
            text = value if isinstance(value, str) else value_text(value)
            if text:
                flat.setdefault(name, text)


def value_text(value: Any) -> str | None:
    """A value as text without loss; null where there is none.

    Whole floats are written as integers, other floats in the shortest form that reads back the same, truth
    values as JSON does, times in ISO 8601, lists of plain values joined by "; ", and objects as JSON.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0") if math.isfinite(value) else None
    if isinstance(value, list):
        return _list_text(value)
    if isinstance(value, dict):
        return compact_json(value) if value else None
    if isinstance(value, date | time):
        return value.isoformat()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _list_text(values: list[Any]) -> str | None:
    if any(isinstance(value, list | dict) for value in values):
        return compact_json(values)
    return "; ".join(text for text in map(value_text, values) if text) or None
