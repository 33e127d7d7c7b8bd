"""The parameters of a page: read from its address, checked, and written into the addresses of others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request

from market_assets.postings.gazetteer import countries, country_code
from market_assets.postings.schemas import SENIORITIES, WORKPLACES
from market_assets.statistics.segments import Segment
from market_assets.statistics.window import window_start
from market_assets.web.market.requests import Names
from market_assets.web.market.snapshot import MarketSnapshot

MARKET = "/market"
LONGEST_VALUE = 200
#: Periods to choose from, in days; others may be written into the address.
_PERIODS = (7, 30, 60)


class Parameters:
    """The parameters of a request: each known and given once, empty ones left out.

    Raises:
        PageProblem: 422, one is not known, given twice, or too long.
    """

    def __init__(
        self, path: str, query: QueryParams, known: Collection[str], repeated: Collection[str] = ()
    ) -> None:
        self.path = path
        self._values: dict[str, list[str]] = {}
        for name, value in ((name, value.strip()) for name, value in query.multi_items()):
            self._check(name, value, known, repeated)
            if value:
                self._values.setdefault(name, []).append(value)

    def get(self, name: str) -> str | None:
        return self._values.get(name, [None])[0]

    def all_of(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def address(self, **changes: str | int | None) -> str:
        """The address of the page with some parameters changed; None leaves one out."""
        values: dict[str, list[str]] = {**self._values}
        for name, value in changes.items():
            values[name] = [] if value is None else [str(value)]
        return address(self.path, ((name, value) for name, several in values.items() for value in several))

    def address_with(self, name: str, values: Iterable[str], *, alone: bool = False) -> str:
        """The address of the page with these values of a parameter; `alone`: without any other parameter."""
        others = [] if alone else [(other, value) for other in self._values for value in self.all_of(other)]
        kept = [(other, value) for other, value in others if other != name]
        return address(self.path, [*((name, value) for value in values), *kept])

    def one_of(self, name: str, choices: Iterable[str]) -> str | None:
        """The value of a parameter that must be one of some, in any case.

        Raises:
            PageProblem: 422, it is none of them.
        """
        value, known = self.get(name), list(choices)
        if value is None:
            return None
        found = {choice.casefold(): choice for choice in reversed(known)}.get(value.casefold())
        if found is None:
            raise self.wrong(name, value, closest(value, known) or known[:8])
        return found

    def whole(self, name: str, most: int) -> int | None:
        """The value of a parameter that must be a whole number from 1 on.

        Raises:
            PageProblem: 422, it is not, or is out of its bounds.
        """
        value = self.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) < 10 and 1 <= int(value) <= most):
            raise PageProblem(422, "Wrong address", f"{name} must be a whole number from 1 to {most}.")
        return int(value)

    def wrong(self, name: str, value: str, meant: Iterable[str]) -> PageProblem:
        links = [Link(f"{name}={one}", self.address(**{name: one})) for one in meant]
        return PageProblem(422, "Wrong address", f"There is no {name} “{value}”.", links)

    def _check(self, name: str, value: str, known: Collection[str], repeated: Collection[str]) -> None:
        if name not in known:
            meant = closest(name, known)
            links = [Link(f"{one}={value}", address(self.path, [(one, value)])) for one in meant]
            raise PageProblem(
                422, "Wrong address", f"There is no parameter “{name}”; there are: {', '.join(known)}.", links
            )
        if name in self._values and name not in repeated:
            raise PageProblem(422, "Wrong address", f"{name} may be given only once.")
        if len(value) > LONGEST_VALUE:
            raise PageProblem(422, "Wrong address", f"{name} may have {LONGEST_VALUE} characters at most.")


@dataclass(frozen=True)
class Filters:
    """What a page is limited to; None: anything. `period` is the last so many days."""

    country: str | None = None
    industry: str | None = None
    occupation: str | None = None
    seniority: str | None = None
    workplace: str | None = None
    period: int | None = None

    @property
    def chosen(self) -> dict[str, str]:
        """The parameters of those that are set."""
        return {name: str(value) for name in FILTERS if (value := getattr(self, name)) is not None}

    def segment(self, as_of: datetime, **more: str | int | None) -> Segment:
        """The part of the market that they leave; `more` are further fields of it."""
        stated = {name: getattr(self, name) for name in FILTERS if name != "period"}
        since = None if self.period is None else window_start(as_of, self.period)
        return Segment(**{**stated, **more}, since=since)


FILTERS = tuple(field.name for field in fields(Filters))


class Field(NamedTuple):
    """A choice in the form of a page: its options are values with their texts."""

    name: str
    label: str
    value: str | None
    options: list[tuple[str, str]]
    anything: str


def read_filters(parameters: Parameters, market: MarketSnapshot) -> Filters:
    """The filters of a page, by the names that people use: a country's, an industry's alias.

    Raises:
        PageProblem: 422, there is no such value.
    """
    return Filters(
        country=_country(parameters, market),
        industry=_known(parameters, "industry", market.industries),
        occupation=_known(parameters, "occupation", market.occupations),
        seniority=parameters.one_of("seniority", SENIORITIES),
        workplace=parameters.one_of("workplace", WORKPLACES),
        period=parameters.whole("period", window_days(market)),
    )


def filter_fields(filters: Filters, market: MarketSnapshot, names: Iterable[str] = FILTERS) -> list[Field]:
    """The choices for filters, with those of the data as options."""
    known = market.pay_by_country["country"].to_list()
    days = [one for one in _PERIODS if one < window_days(market)]
    if filters.period not in (None, *days):
        days.append(filters.period or 0)
    options = {
        "country": (
            "Country",
            [(code, country_name(code)) for code in _with(known, filters.country)],
            "all countries",
        ),
        "industry": ("Industry", [(name, name) for name in market.industries.all], "all industries"),
        "occupation": ("Occupation", [(name, name) for name in market.occupations.all], "all occupations"),
        "seniority": ("Seniority", [(name, name) for name in SENIORITIES], "any seniority"),
        "workplace": ("Workplace", [(name, name) for name in WORKPLACES], "any workplace"),
        "period": ("Period", [(str(one), f"last {one} days") for one in days], f"{window_days(market)} days"),
    }
    return [
        Field(name, label, filters.chosen.get(name), values, anything)
        for name, (label, values, anything) in options.items()
        if name in names
    ]


def window_days(market: MarketSnapshot) -> int:
    """How many days the figures look back."""
    summary = market.summary
    return max((summary["as_of"] - summary["window_start"]).days, 1) if summary else 1


def country_name(code: str) -> str:
    """'Germany' for DE."""
    country = countries().get(code)
    return country.name if country else code


def address(path: str, values: Iterable[tuple[str, str]] | Mapping[str, str] = ()) -> str:
    """A path with parameters."""
    query = urlencode(list(values.items()) if isinstance(values, Mapping) else list(values), quote_via=quote)
    return f"{path}?{query}" if query else path


def path_of(request: Request) -> str:
    """The path of a request as it is written in an address."""
    return quote(request.scope["path"], safe="/")


def page_of(kind: str, name: str, filters: Mapping[str, str] | None = None) -> str:
    """The address of the page of a skill, place, occupation and so on ('skills', 'places')."""
    return address(f"{MARKET}/{kind}/{quote(name, safe='')}", filters or {})


def _with(names: list[str], name: str | None) -> list[str]:
    return names if name is None or name in names else [*names, name]


def _country(parameters: Parameters, market: MarketSnapshot) -> str | None:
    value = parameters.get("country")
    if value is None:
        return None
    code = country_code(value)
    if code is None:
        names = {country.name: country.alpha2 for country in countries().values()}
        known = [names[name] for name in closest(value, names)]
        raise parameters.wrong("country", value, known or market.pay_by_country["country"].head(8))
    return code


def _known(parameters: Parameters, name: str, names: Names) -> str | None:
    value = parameters.get(name)
    if value is None:
        return None
    known = names.find(value)
    if known is None:
        raise parameters.wrong(name, value, closest(value, names) or names.all[:8])
    return known


class Link(NamedTuple):
    """A link of a page."""

    text: str
    href: str


class PageProblem(Exception):  # noqa: N818 - it is an answer, not a failure
    """An answer with another status than 200.

    Attributes:
        status: of HTTP.
        title, message: for people.
        suggestions: what may have been meant.
    """

    def __init__(self, status: int, title: str, message: str, suggestions: Iterable[Link] = ()) -> None:
        super().__init__(message)
        self.status, self.title, self.message = status, title, message
        self.suggestions = list(suggestions)


def closest(wanted: str, names: Names | Iterable[str], most: int = 5) -> list[str]:
    """The names that a text may mean: those that hold it, the shortest first, then those that look like it."""
    known = names if isinstance(names, Names) else Names(names)
    holding = sorted(known.containing(wanted), key=lambda name: (len(name), name)) if wanted.strip() else []
    return list(dict.fromkeys([*holding[:most], *known.suggestions(wanted)]))[:most]
