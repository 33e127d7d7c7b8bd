"""The templates of the pages."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from market_assets.report import numbers
from market_assets.web.explorer import parameters as addresses

_TEMPLATES = Path(__file__).parents[1] / "templates" / "market"


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The templates, compiled once; every string that is not markup is escaped and has no control characters."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "number": numbers,
        "MARKET": addresses.MARKET,
        "page_of": addresses.page_of,
        "country_name": addresses.country_name,
    }
    return made


def _printable(value: object) -> object:
    return numbers.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
