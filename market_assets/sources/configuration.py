"""Which sources there are: read from `sources.yaml`, checked, and made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from market_assets.sources.protocol import Fetch, RawBatch, Source

_NAME = r"^[a-z][a-z0-9_]*$"


class ConfigurationError(Exception):
    """`sources.yaml` is wrong; each line of the message names the entry and what is wrong with it."""


@dataclass(frozen=True)
class ConfiguredSource:
    """A source that is made when it is first used, so that knowing what is configured costs no heavy imports."""

    name: str
    any_day: bool
    make: Callable[[], Source]

    def fetch(self, day: date, now: datetime) -> Fetch:
        return self.make().fetch(day, now)

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        return self.make().read(name, content)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, pattern=_NAME)


class SampleEntry(_Entry):
    """Believable postings, made up, the same each time for a day."""

    type: Literal["sample"]
    postings_per_day: int = Field(default=200, ge=1, le=10_000_000)
    seed: int = Field(default=0, ge=0)

    any_day: ClassVar[bool] = True

    def make(self) -> Source:
        from market_assets.sources.sample.source import SampleSource

        return SampleSource(name=self.name or self.type, postings_per_day=self.postings_per_day, seed=self.seed)


class FileEntry(_Entry):
    """A file of postings: CSV, JSON, JSONL or Parquet."""

    type: Literal["file"]
    path: Path
    map: dict[str, str] = Field(default_factory=dict)

    any_day: ClassVar[bool] = False

    def make(self) -> Source:
        from market_assets.sources.files.source import FileSource

        return FileSource(name=self.name or self.type, path=self.path, mapping=self.map)


_ENTRIES = TypeAdapter(list[Annotated[SampleEntry | FileEntry, Field(discriminator="type")]])


def load_sources(path: Path) -> list[Source]:
    """The sources of a configuration file, in its order; the sample source alone where there is no file.

    Raises:
        ConfigurationError: the file can't be read or says something that is not known.
    """
    if not path.exists():
        return [_configured(SampleEntry(type="sample"))]
    sources = [_configured(entry) for entry in _read_entries(path)]
    names = [source.name for source in sources]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{path}: two sources are called {repeated[0]!r}; give one another `name`")
    return sources


def _configured(entry: SampleEntry | FileEntry) -> Source:
    return ConfiguredSource(entry.name or entry.type, entry.any_day, entry.make)


def _read_entries(path: Path) -> list[SampleEntry | FileEntry]:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    listed = content.get("sources") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise ConfigurationError(f"{path}: it needs a list under `sources:`, with at least one source")
    try:
        return _ENTRIES.validate_python(listed)
    except ValidationError as error:
        raise ConfigurationError("\n".join(f"{path}: {_worded(problem)}" for problem in error.errors())) from None


def _worded(problem: Any) -> str:
    number, *where = problem["loc"]
    field = ".".join(str(part) for part in where if part not in ("sample", "file"))
    return f"source {number + 1}{f', {field}' if field else ''}: {problem['msg']} (it is {problem['input']!r})"
