"""HTTP requests, and their addresses as they are shown: never with a key, a query or a password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, urlsplit

_URL = re.compile(r"(?i)\b(https?://)(?:[^/?#\s\"'<>]*@)?([^\s?#\"'<>]*)(?:\?[^\s\"'<>]*)?(?:#[^\s\"'<>]*)?")


@dataclass(frozen=True)
class Request:
    """A GET request.

    Attributes:
        url: the address; a query in it is kept.
        params: further query parameters, as text.
        headers: further headers.
        secret_params: query parameters that must not appear in messages, logs and files.
        secret_headers: headers of the same kind.
        key_names: the environment variables of the secrets, named in the message when they are refused.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_names: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The address for messages and logs."""
        return without_queries(self.url)

    @property
    def host(self) -> str:
        try:
            return urlsplit(self.url).netloc.rpartition("@")[2].lower()
        except ValueError:
            return ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret values, also as they are written in addresses and in JSON; the longest first."""
        values = {*self.secret_params.values(), *self.secret_headers.values()} - {""}
        written = {form for value in values for form in (value, quote(value, safe=""), value.replace("/", "\\/"))}
        return tuple(sorted(written, key=len, reverse=True))

    def redacted(self, text: str) -> str:
        """A text with the secrets of this request replaced."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return without_queries(text)

    def redacted_body(self, content: bytes) -> bytes:
        """An answer without the secrets of the request, which some servers repeat."""
        for secret in self.secrets:
            content = content.replace(secret.encode(), b"***")
        return content


class Client(Protocol):
    """What sends requests: `http_client.HttpClient`, which is imported only where something is fetched."""

    def get(self, request: Request) -> bytes:
        """The body of the answer.

        Raises:
            SourceError: there is none.
        """
        ...


def without_queries(text: str) -> str:
    """A text whose web addresses have neither user, query nor fragment, which may contain keys."""
    return _URL.sub(r"\1\2", text)
