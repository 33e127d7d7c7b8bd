"""Sending through apprise: to whom, in what time, and what a failure says without giving a secret away."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from market_assets.operations.alerts.delivery import Kind, Message, Outcome
from market_assets.operations.threads import in_thread

#: A server that answers slowly, or a word at a time, is given up after this long.
ANSWER_SECONDS = 15.0
#: All that is sent to one recipient in one look; the sensor that sends is itself given a minute.
BUDGET_SECONDS = 30.0
_HIDDEN = "***"


def hosts_of(urls: Sequence[str]) -> dict[str, str]:
    """Recipient → what messages call it: its scheme and host."""
    return {recipient_of(url): host_of(url) for url in urls}


def recipient_of(url: str) -> str:
    """The name under which a URL's deliveries are remembered; it gives nothing of the URL away."""
    return sha256(url.encode()).hexdigest()[:16]


def host_of(url: str) -> str:
    """A URL's scheme and, where the host is one, the host: in some schemes a token stands in its place."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{parts.scheme}://"
    if not ("." in host or host == "localhost" or ":" in host):
        host, port = "", None
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def send_all(messages: Mapping[str, Sequence[Message]], urls: Sequence[str]) -> dict[str, Outcome]:
    """Send each recipient's messages, one recipient beside the other."""
    by_name = {recipient_of(url): url for url in urls}
    sending = {
        name: in_thread(partial(_send_in_order, of_recipient, by_name[name]))
        for name, of_recipient in messages.items()
    }
    return {name: outcome.result() for name, outcome in sending.items()}


def _send_in_order(messages: Sequence[Message], url: str) -> Outcome:
    deadline = time.monotonic() + BUDGET_SECONDS
    sent: list[Message] = []
    for message in messages:
        if time.monotonic() > deadline:
            break
        error = send(message.title, message.body, url, kind=message.kind)
        if error is not None:
            return Outcome(tuple(sent), error)
        sent.append(message)
    return Outcome(tuple(sent))


def send(title: str, body: str, url: str, *, kind: Kind = "info") -> str | None:
    """Send one message; what went wrong, None if nothing."""
    try:
        return in_thread(lambda: _notify(title, body, url, kind)).result(ANSWER_SECONDS)
    except TimeoutError:
        return f"no answer within {ANSWER_SECONDS:g} s"


def _notify(title: str, body: str, url: str, kind: Kind) -> str | None:
    import apprise

    sender = apprise.Apprise()
    if not sender.add(url):
        return "apprise can't read its URL"
    try:
        result = sender.notify(
            title=title,
            body=body,
            notify_type=apprise.NotifyType(kind),
            body_format=apprise.NotifyFormat.TEXT,
        )
        told = " ".join(entry.message for entry in result.logs())
    except Exception as error:
        return _without_secrets(" ".join(f"{type(error).__name__}: {error}".split()), url)
    return None if result else _without_secrets(" ".join(told.split()) or "it was not accepted", url)


def _without_secrets(text: str, url: str) -> str:
    """The text without any part of the URL but its host."""
    parts = urlsplit(url)
    known = {host_of(url).split("://")[1].partition(":")[0], parts.scheme, ""}
    pieces = re.split(r"[/?&=:@#]", url)
    for piece in sorted({*pieces, *map(unquote, pieces)} - known, key=len, reverse=True):
        if len(piece) >= (6 if piece.isdigit() else 3):
            text = text.replace(piece, _HIDDEN)
    return text
