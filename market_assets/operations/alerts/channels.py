"""Sends messages through Apprise, within a time limit and without revealing the secrets of URLs."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Literal
from urllib.parse import unquote, urlsplit

from market_assets.operations.alerts.incidents import Stage
from market_assets.operations.background import in_thread

#: The limit for one message to a server that answers slowly or not at all; the sensor's tick has a minute.
ANSWER_SECONDS = 15.0
_HIDDEN = "***"

#: How a service shows a message.
MessageKind = Literal["failure", "success", "info"]


@dataclass(frozen=True)
class Message:
    """A message, and which stage of which incidents (by key and begin) its recipient knows from it."""

    title: str
    body: str
    kind: MessageKind = "info"
    stages: Mapping[tuple[str, datetime], Stage] = field(default_factory=dict)


def recipient_of(url: str) -> str:
    """The name under which the deliveries to a URL are kept, which reveals nothing of it."""
    return sha256(url.encode()).hexdigest()[:16]


def host_of(url: str) -> str:
    """A URL's scheme and host, without the host in schemes that have a token in its place."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{parts.scheme}://"
    if not ("." in host or host == "localhost" or ":" in host):
        host, port = "", None
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def send_all(messages: Mapping[str, Message], urls: Sequence[str]) -> dict[str, str | None]:
    """Send each recipient a message, all at the same time; returns by recipient what went wrong, None if nothing.

    Args:
        messages: by the names of recipients, see `recipient_of`.
        urls: the URLs of all recipients.
    """
    url_of = {recipient_of(url): url for url in urls}
    sending = {name: in_thread(partial(send, message, url_of[name])) for name, message in messages.items()}
    return {name: error.result() for name, error in sending.items()}


def send(message: Message, url: str) -> str | None:
    """Send one message; returns what went wrong, None if nothing."""
    try:
        return in_thread(lambda: _notify(message, url)).result(ANSWER_SECONDS)
    except TimeoutError:
        return f"no answer within {ANSWER_SECONDS:g} s"


def _notify(message: Message, url: str) -> str | None:
    import apprise

    # The result has the cause of a failure only where apprise logs it, whatever the process's level is.
    logging.getLogger("apprise").setLevel(logging.WARNING)
    sender = apprise.Apprise()
    if not sender.add(url):
        return "apprise can't read its URL"
    try:
        result = sender.notify(
            title=message.title,
            body=message.body,
            notify_type=apprise.NotifyType(message.kind),
            body_format=apprise.NotifyFormat.TEXT,
        )
        logged = " ".join(entry.message for entry in result.logs())
    except Exception as error:
        return _without_secrets(" ".join(f"{type(error).__name__}: {error}".split()), url)
    return None if result else _without_secrets(" ".join(logged.split()) or "it was not accepted", url)


def _without_secrets(text: str, url: str) -> str:
    """The text without any part of the URL but its host."""
    parts = urlsplit(url)
    known = {host_of(url).split("://")[1].partition(":")[0], parts.scheme, ""}
    pieces = re.split(r"[/?&=:@#]", url)
    for piece in sorted({*pieces, *map(unquote, pieces)} - known, key=len, reverse=True):
        if len(piece) >= (6 if piece.isdigit() else 3):
            text = text.replace(piece, _HIDDEN)
    return text
