"""What an entry of `sources.yaml` is: settings that are checked, and the source that they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from market_assets.sources.http_client import HttpClient
    from market_assets.sources.protocol import Source

_NAME = r"^[a-z][a-z0-9_]*$"


@dataclass(frozen=True)
class Tools:
    """What sources are made with.

    Attributes:
        client: gives the HTTP client, which is made when it is first needed.
        keys: environment variable → key of an account at a board.
    """

    client: Callable[[], HttpClient]
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)


class Entry(BaseModel, ABC):
    """An entry; its `type` tells which. A subclass loads what is heavy only in `make`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The names of the keys without which there can be no such source.
    needed_keys: ClassVar[tuple[str, ...]] = ()
    #: Whether the postings of a past day can be had.
    any_day: ClassVar[bool] = False

    type: str
    name: str | None = Field(default=None, pattern=_NAME, max_length=60)

    @property
    def source_name(self) -> str:
        return self.name or self.type

    @abstractmethod
    def make(self, tools: Tools) -> Source:
        """The source."""
