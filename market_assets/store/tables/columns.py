"""What all tables are declared with: their common `metadata`, and columns of the usual kinds.

A column's `info` holds what must be true of its values: `minimum`, `maximum` and `choices`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Float, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SHARE: dict[str, Any] = {"minimum": 0.0, "maximum": 1.0}
NOT_NEGATIVE: dict[str, Any] = {"minimum": 0}
POSITIVE: dict[str, Any] = {"minimum": 1}


def text(name: str, *, null: bool = True, key: bool = False, choices: tuple[str, ...] = ()) -> Column[str]:
    info: dict[str, Any] = {"choices": choices} if choices else {}
    return Column(name, Text, nullable=null and not key, primary_key=key, info=info)


def count(name: str, info: dict[str, Any] = NOT_NEGATIVE) -> Column[int]:
    return Column(name, BigInteger, nullable=False, info=info)


def number(name: str, *, null: bool = True, info: dict[str, Any] | None = None) -> Column[float]:
    return Column(name, Float(53), nullable=null, info=info or {})


def money(*names: str) -> list[Column[float]]:
    return [number(name, info=NOT_NEGATIVE) for name in names]
