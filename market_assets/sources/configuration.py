"""The configured sources: `sources.yaml` read, checked, and made into sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, ClassVar, Literal, Union
from urllib.parse import urlsplit

import yaml
from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError

from market_assets.sources.boards.company_boards import Ashby, Greenhouse, Lever
from market_assets.sources.boards.open_boards import Arbeitnow, HackerNews, Himalayas, Jobicy, RemoteOk, Remotive
from market_assets.sources.boards.search_engines import Adzuna, JSearch
from market_assets.sources.boards.web_pages import Feed, JsonLd
from market_assets.sources.protocol import Entry, Fetch, RawBatch, Source, SourceKind, Tools, without_queries

if TYPE_CHECKING:
    from market_assets.sources.http_client import HttpClient


class ConfigurationError(Exception):
    """`sources.yaml` is wrong; each line of the message names an entry and its mistake."""


@dataclass(frozen=True)
class ConfiguredSource:
    """A source that is made when it is used, so that the configuration is known without heavy imports."""

    name: str
    any_day: bool
    kind: SourceKind
    origins: tuple[str, ...]
    make: Callable[[], Source]

    def fetch(self, day: date, now: datetime) -> Fetch:
        return self.make().fetch(day, now)

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        return self.make().read(name, content)


class SampleEntry(Entry):
    """Believable invented postings, the same each time for a day."""

    any_day: ClassVar[bool] = True
    kind: ClassVar[SourceKind] = "sample"

    type: Literal["sample"] = "sample"
    postings_per_day: int = Field(default=200, ge=1, le=10_000_000)
    seed: int = Field(default=0, ge=0)

    def make(self, tools: Tools) -> Source:  # noqa: ARG002
        from market_assets.sources.sample.source import SampleSource

        return SampleSource(name=self.source_name, postings_per_day=self.postings_per_day, seed=self.seed)


class FileEntry(Entry):
    """Files of postings: CSV, JSON, JSONL or Parquet."""

    kind: ClassVar[SourceKind] = "file"

    type: Literal["file"] = "file"
    path: str = Field(min_length=1)
    map: dict[str, str] = Field(default_factory=dict)

    @property
    def origins(self) -> tuple[str, ...]:
        return (without_queries(self.path),)

    def make(self, tools: Tools) -> Source:
        from market_assets.sources.files.source import FileSource

        return FileSource(self.source_name, self.path, self.map, tools.get)


#: The entries by their `type`. A new source is added here.
ENTRIES: dict[str, type[Entry]] = {
    str(kind.model_fields["type"].default): kind
    for kind in (
        *(SampleEntry, FileEntry),
        *(RemoteOk, Remotive, Arbeitnow, Himalayas, Jobicy),
        *(Greenhouse, Lever, Ashby),
        *(Adzuna, JSearch, HackerNews, JsonLd, Feed),
    )
}


def load_sources(path: Path, *, keys: Mapping[str, str | None] | None = None) -> list[Source]:
    """The sources of a configuration file, in its order; the sample source alone where there is no file.

    Args:
        path: the file.
        keys: environment variable → key of an account at a board, for the boards that need one.

    Raises:
        ConfigurationError: the file can't be read, or has unknown or invalid settings.
    """
    known_keys = {name: key for name, key in (keys or {}).items() if key}
    client = _made_on_first_use()
    if not path.exists():
        return [_configured(SampleEntry(), known_keys, client)]
    entries = _read_entries(path)
    _check_names(path, entries)
    _check_keys(path, entries, known_keys)
    return [_configured(entry, known_keys, client) for entry in entries]


def _made_on_first_use() -> Callable[[frozenset[str]], HttpClient]:
    """HTTP clients by the hosts that they may find at private addresses."""

    @cache
    def client(private_hosts: frozenset[str]) -> HttpClient:
        from market_assets.sources.http_client import HttpClient

        return HttpClient(private_hosts=private_hosts)

    return client


def _configured(entry: Entry, keys: Mapping[str, str], client: Callable[[frozenset[str]], HttpClient]) -> Source:
    tools = Tools(get=lambda request: client(_private_hosts(entry)).get(request), keys=keys)
    return ConfiguredSource(entry.source_name, entry.any_day, entry.kind, entry.origins, lambda: entry.make(tools))


def _private_hosts(entry: Entry) -> frozenset[str]:
    """The hosts that may be at private addresses: those that the user named as such."""
    from market_assets.sources.network import is_private

    def named_private(host: str) -> bool:
        try:
            return host == "localhost" or is_private(host)
        except ValueError:
            return False

    hosts = (urlsplit(address).hostname or "" for address in entry.addresses)
    return frozenset(host for host in hosts if entry.private_network or named_private(host))


def _check_names(path: Path, entries: list[Entry]) -> None:
    names = [entry.source_name for entry in entries]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{path}: two sources are called {repeated[0]!r}; give one another `name`")


def _check_keys(path: Path, entries: list[Entry], keys: Mapping[str, str]) -> None:
    problems = [
        f"{path}: source {number} ({entry.type}): it needs {' and '.join(missing)} in the environment or in .env"
        for number, entry in enumerate(entries, 1)
        if (missing := [name for name in entry.needed_keys if name not in keys])
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _read_entries(path: Path) -> list[Entry]:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigurationError(f"{path}: it is not YAML{where}: {error.problem}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    listed = content.get("sources") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise ConfigurationError(f"{path}: it needs a list under `sources:`, with at least one source")
    try:
        return _entry_list().validate_python(listed)
    except ValidationError as error:
        raise ConfigurationError("\n".join(f"{path}: {_message(each)}" for each in error.errors())) from error


_UNKNOWN_TYPE = "unknown_type"


def _entry_list() -> TypeAdapter[list[Entry]]:
    entry: Any = Union[tuple(Annotated[kind, Tag(name)] for name, kind in ENTRIES.items())]  # noqa: UP007
    kind = Discriminator(
        lambda content: str(content.get("type")) if isinstance(content, dict) else None,
        custom_error_type=_UNKNOWN_TYPE,
        custom_error_message=f"it needs a `type`, one of {', '.join(sorted(ENTRIES))}",
    )
    return TypeAdapter(list[Annotated[entry, kind]])


def _message(problem: Any) -> str:
    number, *where = problem["loc"]
    # Inside of an entry comes its type, and for a setting of several possible types the one that pydantic tried.
    names = [str(part) for part in where[1:] if not str(part).startswith(("list[", "dict["))]
    message = str(problem["msg"]).removeprefix("Value error, ")
    shown = "" if problem["type"] == "missing" or not names else f" (it is {problem['input']!r})"
    if problem["type"] == "extra_forbidden":
        message, shown = f"there is no such setting{_did_you_mean(names[-1], ENTRIES[where[0]].model_fields)}", ""
    if problem["type"] == _UNKNOWN_TYPE and isinstance(problem["input"], dict) and "type" in problem["input"]:
        kind = str(problem["input"]["type"])
        shown = f"; it is {kind!r}{_did_you_mean(kind, ENTRIES)}"
    return f"source {number + 1}{', ' if names else ''}{'.'.join(names)}: {message}{shown}"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f", did you mean {near[0]}?" if near else ""
