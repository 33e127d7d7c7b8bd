"""Which column of a file holds which field of a posting: guessed from names and values, or as the user maps it."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import yaml

from market_assets.postings.gazetteer import countries, country_names, place_key, places_by_key, region_codes
from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.protocol import SourceError

#: The fields that a column can be taken for.
FIELDS = tuple(name for name in RAW_POSTING if name != "payload")
#: The number of rows by which a column is judged.
SAMPLE_ROWS = 2_000
_MOST_COLUMNS_SHOWN = 40

_NAMES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("column_names.yaml").read_text(encoding="utf-8"))
#: For each field the column names it goes by, from the surest to the vaguest; as `place_key` spells them.
KNOWN_NAMES: dict[str, list[str]] = {
    field: list(map(place_key, names)) for field, names in _NAMES["known_names"].items()
}
_WORDS_IN_NAMES: dict[str, list[str]] = _NAMES["words_in_names"]
_NEVER_WORDS = frozenset(_NAMES["never_words"])
_COMPANY_WORDS = frozenset(_NAMES["company_words"])
_COMPANY_NAME_WORDS = _COMPANY_WORDS.union(_NAMES["company_name_words"])

_BARE_NUMBER = r"^\s*[-+]?\d[\d.,\s]*%?\s*$"
#: A number with a currency, a thousand's letter or a short word on either side.
_AMOUNT = r"^[^\d\s-]{0,4}\s*-?\d[\d.,\s]*[kKmM]?\s*[^\d\s-]{0,4}$"
_TRUTH = r"(?i)^(true|false|yes|no|y|n|0|1|0\.0|1\.0)$"
_ADDRESS = r"(?i)^(https?://|www\.)"
_NESTED = r"^\s*[\[{]\s*[\[{\"]"
_WORKPLACE = r"(?i)^(remote|hybrid|on-?\s?site|in-?office|work from home|telecommute)$"
_TIME = r"(?i)\d|today|yesterday|just|ago"


def words_of(name: str) -> list[str]:
    """The words of a column's name: "jobTitle", "job_title" and "Job Title" are job, title. See `place_key`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [place_key(word) for word in re.split(r"[\W_]+", spaced) if word]


def beside_location(sample: pl.DataFrame, mapping: Mapping[str, str]) -> list[str]:
    """The columns, taken for no field, of the region and the country that complete the location in another one.

    Args:
        sample: some rows of the file, as text.
        mapping: field → column.
    """
    free = {"".join(words_of(name)): name for name in sample.columns if name not in mapping.values()}
    found = []
    for names, is_known in zip(_NAMES["beside_location"], (_is_region, _is_country), strict=True):
        column = next((free[key] for name in names if (key := place_key(name).replace(" ", "")) in free), None)
        values = sample[column].drop_nulls().unique().to_list() if column and "location" in mapping else []
        if column and sum(map(is_known, values)) > len(values) / 2:
            found.append(column)
    return found


def _is_region(text: str) -> bool:
    return text.upper() in region_codes() or place_key(text) in places_by_key("region")


def _is_country(text: str) -> bool:
    return text.upper() in countries() or place_key(text) in country_names()


def apply_mapping(sample: pl.DataFrame, mapping: Mapping[str, str]) -> dict[str, str]:
    """The column of each field, as the user maps it, and guessed for the fields that the mapping lacks.

    An empty column in the mapping leaves the field out.

    Raises:
        SourceError: the mapping names an unknown field or column, or no column is the title. The message does
            not name the file.
    """
    for field, column in mapping.items():
        if field not in FIELDS:
            raise SourceError(f"there is no field {field!r} to map; {_nearest(field, FIELDS)}")
        if column and column not in sample.columns:
            nearest = _nearest(column, sample.columns)
            raise SourceError(f"there is no column {column!r} to map {field} to", quoted=f"; {nearest}")
    resolved = guess_columns(sample.head(SAMPLE_ROWS), mapping)
    if "title" not in resolved:
        raise SourceError(
            "no column can be taken for the title",
            quoted=f"; its columns are: {_listed(sample.columns)}. Name it with --map title='COLUMN'",
        )
    return resolved


def guess_columns(sample: pl.DataFrame, stated: Mapping[str, str]) -> dict[str, str]:
    """The column of a file that each field is in, guessed from names and values.

    A well-known name wins over a vaguer one, a column with values over one without; a column serves one
    field. A column whose values can't be the field's (a title of numbers, an identifier that repeats, a board
    of many values, a range where a single amount belongs) is passed over.

    Args:
        sample: some rows of the file, as text.
        stated: field → column, as mapped by the user; an empty column leaves the field out.

    Returns:
        Field of `RAW_POSTING` → column, in the order of the schema.
    """
    taken = {field: column for field, column in stated.items() if column}
    free = {name: words_of(name) for name in sample.columns if name not in taken.values()}
    free = {name: words for name, words in free.items() if _NEVER_WORDS.isdisjoint(words)}
    wanted = [field for field in KNOWN_NAMES if field not in stated]
    for pick in (_by_known_name, _by_words):
        for field in wanted:
            column = None if field in taken else pick(field, free, sample, taken)
            if column is not None:
                taken[field] = column
                del free[column]
    return {field: taken[field] for field in FIELDS if field in taken}


def _by_known_name(
    field: str, free: Mapping[str, list[str]], sample: pl.DataFrame, taken: Mapping[str, str]
) -> str | None:
    joined = {name: "".join(words) for name, words in free.items()}
    candidates = [name for known in KNOWN_NAMES[field] for name in free if joined[name] == known.replace(" ", "")]
    if field == "salary_text":
        candidates += [
            name
            for bound in ("salary_min", "salary_max")
            for known in KNOWN_NAMES[bound]
            for name in free
            if joined[name] == known.replace(" ", "") and _holds_ranges(sample[name])
        ]
    if field == "salary_currency" and "usd" in words_of(taken.get("salary_min", "")):
        # A converted amount is not in the currency that the original was in.
        candidates = [name for name in candidates if not {"original", "orig"} & set(free[name])]
    filled = [name for name in candidates if sample[name].null_count() < sample.height]
    plausible = [name for name in filled if _plausible(field, sample[name], sample)]
    # An empty column may be the field, but one with values is preferred.
    return next(iter(plausible or [name for name in candidates if name not in filled]), None)


def _by_words(
    field: str, free: Mapping[str, list[str]], sample: pl.DataFrame, taken: Mapping[str, str]
) -> str | None:
    if field == "salary_text" and "salary_min" in taken:
        return None
    for wanted in _WORDS_IN_NAMES.get(field, ()):
        for name, words in free.items():
            if f" {wanted} " not in f" {' '.join(words)} " or not _describes(field, set(words)):
                continue
            values = sample[name]
            if values.null_count() < len(values) and _plausible(field, values, sample):
                return name
    return None


def _describes(field: str, words: set[str]) -> bool:
    if field == "company":
        return words <= _COMPANY_NAME_WORDS
    return _COMPANY_WORDS.isdisjoint(words)


def _share(values: pl.Series, pattern: str) -> float:
    """The share of the values present that match."""
    present = values.drop_nulls()
    return float(present.str.contains(pattern).sum()) / len(present) if len(present) else 0.0


def _median_length(values: pl.Series) -> float:
    return float(pl.Series(values.drop_nulls().str.len_chars()).median() or 0)  # type: ignore[arg-type]


def _holds_ranges(values: pl.Series) -> bool:
    return _share(values, r"\d") > 0.5 and _share(values, _AMOUNT) < 0.5


class _Check(NamedTuple):
    """What the values of a column must be like to be those of a field.

    Attributes:
        mostly: a pattern that at least the share `least` of them matches.
        seldom: patterns each of which less than half of them match.
        longest: the greatest median of their lengths.
    """

    mostly: str = ""
    least: float = 0.5
    seldom: tuple[str, ...] = ()
    longest: float = math.inf


_NO_WORDS = (_BARE_NUMBER, _TRUTH, _ADDRESS)
_CHECKS = {
    "title": _Check(seldom=_NO_WORDS, longest=200),
    "company": _Check(seldom=_NO_WORDS, longest=120),
    "description": _Check(seldom=_NO_WORDS),
    "location": _Check(seldom=_NO_WORDS, longest=200),
    "url": _Check(mostly=r"(?i)^\s*(https?://|www\.|[\w-]+(\.[\w-]+)+/|/\w)"),
    "salary_min": _Check(mostly=_AMOUNT),
    "salary_max": _Check(mostly=_AMOUNT),
    "salary_currency": _Check(seldom=_NO_WORDS, longest=20),
    "salary_period": _Check(seldom=_NO_WORDS, longest=30),
    "salary_text": _Check(mostly=r"\d", least=0.2, seldom=(_TRUTH, _ADDRESS)),
    "posted_at": _Check(mostly=_TIME, seldom=(_TRUTH,), longest=60),
    "external_id": _Check(seldom=(_TRUTH,)),
    "workplace": _Check(seldom=(_BARE_NUMBER,), longest=40),
    "employment_type": _Check(seldom=(*_NO_WORDS, _WORKPLACE), longest=60),
    "board": _Check(seldom=_NO_WORDS, longest=60),
    "industry": _Check(seldom=_NO_WORDS, longest=120),
    "seniority": _Check(seldom=_NO_WORDS, longest=40),
}


def _plausible(field: str, values: pl.Series, sample: pl.DataFrame) -> bool:
    """Whether the values of a column that has some could be the field's."""
    if field not in ("description", "salary_text") and _share(values, _NESTED) > 0.5:
        return False
    present, check = values.drop_nulls(), _CHECKS[field]
    if field == "workplace" and _share(values, _TRUTH) > 0.5:
        return True
    if field == "external_id":
        # Whole records may be repeated; a value that different records share identifies something else.
        records = sample.filter(values.is_not_null()).unique()
        if present.n_unique() < 0.9 * records.height:
            return False
    if field == "board" and len(present) >= 200 and present.n_unique() > 50:
        return False
    return (
        (not check.mostly or _share(values, check.mostly) >= check.least)
        and all(_share(values, pattern) < 0.5 for pattern in check.seldom)
        and (check.longest == math.inf or _median_length(values) <= check.longest)
    )


def _nearest(name: str, known: Sequence[str]) -> str:
    folded = {one.casefold(): one for one in reversed(known)}
    near = [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]
    return f"did you mean {' or '.join(near)}?" if near else f"there are: {_listed(known)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(" ".join(name.split()) for name in names[:_MOST_COLUMNS_SHOWN])
    more = len(names) - _MOST_COLUMNS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
