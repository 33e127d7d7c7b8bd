"""Where the postings are in a JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from market_assets.sources.protocol import SourceError


def load(text: str) -> Any:
    """The value that a JSON text states; NaN and Infinity, which are no values, are null.

    Raises:
        ValueError: the text is not JSON, or nested too deeply; the message says where.
    """
    try:
        return json.loads(text, parse_constant=_no_value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno} column {error.colno}") from None


def _no_value(_constant: str) -> None:
    return None


def kind(value: Any) -> str:
    """What a JSON value is, in words."""
    if isinstance(value, dict):
        return f"an object with {_some_of(list(value))}" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value):,} values, none of them an object" if value else "an empty list"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    return "nothing (null)" if value is None else "a text"


def _some_of(keys: list[str], most: int = 8) -> str:
    shown = ", ".join(keys[:most])
    return f"the keys {shown} …" if len(keys) > most else f"the keys {shown}"


def find_postings(document: Any) -> list[Any]:
    """The entries of the list of postings that a document is or holds.

    That is the document itself; or the rows of a table that was written column by column, as pandas does it;
    or the values of an object of objects that have the same keys; or the longest list of objects in the
    object or one level down, the first of several; or the values of any other object of objects.

    Raises:
        SourceError: there is none.
    """
    if isinstance(document, list) and _has_objects(document):
        return document
    if isinstance(document, dict) and document:
        if _written_by_column(document):
            return _rows_of_columns(document)
        if _alike(document):
            return list(document.values())
        lists = list(_lists_of_objects(document))
        if lists:
            return max(lists, key=len)
        if all(isinstance(value, dict) for value in document.values()):
            return list(document.values())
    raise SourceError(f"neither a list of postings nor an object that holds one; it is {kind(document)}")


def _has_objects(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict) for entry in value)


def _lists_of_objects(document: dict[str, Any]) -> Iterator[list[Any]]:
    for value in document.values():
        nested = list(value.values()) if isinstance(value, dict) else []
        yield from (found for found in (value, *nested) if _has_objects(found))


def _alike(document: dict[str, Any]) -> bool:
    """Whether the values are two objects or more that share keys, as records do and sections don't."""
    values = list(document.values())
    if len(values) < 2 or not all(isinstance(value, dict) and value for value in values):
        return False
    shared = set(values[0]).intersection(*values[1:])
    return len(shared) > 1 or all(len(value) == len(shared) for value in values)


def _written_by_column(document: dict[str, Any]) -> bool:
    """{"title": {"0": …, "1": …}, "company": {"0": …, "1": …}}."""
    columns = list(document.values())
    return (
        all(isinstance(column, dict) and column for column in columns)
        and not any(name.isdigit() for name in document)
        and all(row.isdigit() for column in columns for row in column)
        and all(not isinstance(value, dict) for value in columns[0].values())
    )


def _rows_of_columns(document: dict[str, Any]) -> list[Any]:
    rows: dict[str, dict[str, Any]] = {}
    for name, column in document.items():
        for row, value in column.items():
            rows.setdefault(row, {})[name] = value
    return list(rows.values())
