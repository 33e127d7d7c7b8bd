"""Decides which messages each recipient is sent, and when, and sends them through Apprise.

A recipient is sent once that an incident began and once that it is over; if it was over before the first message
could be sent, one message has both. All news at one time are one message. After ten messages within an hour the
news wait until the hour is over. The URLs of recipients have secrets, which no message or log reveals.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Literal
from urllib.parse import unquote, urlsplit

from market_assets.operations.alerts.incidents import (
    Finding,
    Incident,
    IncidentLog,
    Recipient,
    Stage,
    listed,
    shortened,
)
from market_assets.operations.background import in_thread

#: So many messages within an hour, then the news wait.
MOST_AN_HOUR = 10
HOUR = timedelta(hours=1)
#: After a failure a recipient is tried again after this long, then twice as long, up to an hour.
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_MESSAGE = 3_000
_LISTED, _IN_TITLE = 20, 3
_PREFIX = "market_assets: "
_TIME = "%Y-%m-%d %H:%M"
_ALL = ": market-assets status"
#: The limit for messages to servers that answer slowly or not at all; the sensor's tick has a minute.
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


@dataclass(frozen=True)
class Delivery:
    """The log after one round of messages, the number that was sent, and a line for each failure."""

    log: IncidentLog
    sent: int = 0
    failures: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """For the tick of the sensor: open incidents, sent messages, and recipients that can't be reached."""
        titles = [one.title for one in self.log.open]
        parts = [f"{len(titles)} open" + (f": {listed(titles, 5, '; ')}" if titles else "")]
        if self.sent:
            parts.append(f"{self.sent} messages sent")
        unreached = [one for one in self.log.recipients.values() if one.error]
        return "; ".join([*parts, *(f"{one.host} can't be reached: {one.error}" for one in unreached)])


def announce(
    log: IncidentLog,
    findings: Iterable[Finding],
    urls: Sequence[str],
    now: datetime,
    save: Callable[[IncidentLog], None],
) -> Delivery:
    """Update the log with findings and send the recipients what they have not been sent yet.

    The log is saved before the messages are sent, so that nothing is sent while it can't be saved, and afterwards.
    A process that is killed in between sends the message again when it is restarted.

    Args:
        log: the log as it was loaded.
        findings: what was detected since.
        urls: the recipients, for Apprise.
        now: the time of the evaluation.
        save: saves the log.
    """
    log = with_recipients(log, urls).updated(findings).pruned(now)
    due = {name: message for name in log.recipients if (message := due_message(log, name, now))}
    save(log)
    if not due:
        return Delivery(log)
    errors = send_all(due, urls)
    for name, message in due.items():
        log = after_sending(log, name, message, errors[name], now)
    save(log)
    failures = tuple(f"{log.recipients[name].host}: {error}" for name, error in errors.items() if error)
    return Delivery(log, len(due) - len(failures), failures)


def with_recipients(log: IncidentLog, urls: Iterable[str]) -> IncidentLog:
    """The log with these recipients and no others."""
    recipients = {}
    for url in urls:
        name = recipient_of(url)
        recipients[name] = log.recipients.get(name, Recipient(host_of(url)))
    return replace(log, recipients=recipients)


def due_message(log: IncidentLog, recipient: str, now: datetime) -> Message | None:
    """What a recipient is to be sent now; None if nothing."""
    known = log.recipients[recipient]
    # A time more than an hour ahead is from before the clock was set back.
    waits = known.retry_at is not None and now < known.retry_at <= now + HOUR
    if waits or sum(_is_recent(sent, now) for sent in known.sent) >= MOST_AN_HOUR:
        return None
    unsent = [one for one in log.incidents if _is_unsent(one, recipient)]
    if not unsent:
        return None
    unsent.sort(key=lambda one: (one.over_at or one.begun_at, one.key))
    texts = [_text(one, recipient) for one in unsent]
    title, body = texts[0] if len(texts) == 1 else _combined(texts)
    return Message(
        title=_PREFIX + title,
        # Some services refuse a message without a body.
        body=shortened(body.strip() or title, _LONGEST_MESSAGE),
        kind="failure" if any(one.is_open for one in unsent) else "success",
        stages={one.identity: "begun" if one.is_open else "over" for one in unsent},
    )


def after_sending(
    log: IncidentLog, recipient: str, message: Message, error: str | None, now: datetime
) -> IncidentLog:
    """The log when a message to a recipient has been sent, or has failed with an error."""
    known = log.recipients[recipient]
    if error is not None:
        wait = min(_FIRST_WAIT * 2 ** min(known.failures, 10), HOUR)
        error = shortened(error, 300)
        known = replace(known, failures=known.failures + 1, retry_at=now + wait, error=error, error_at=now)
        return replace(log, recipients={**log.recipients, recipient: known})
    sent = (*(time for time in known.sent if _is_recent(time, now)), now)
    incidents = tuple(
        replace(one, announced={**one.announced, recipient: message.stages[one.identity]})
        if one.identity in message.stages
        else one
        for one in log.incidents
    )
    return replace(log, incidents=incidents, recipients={**log.recipients, recipient: Recipient(known.host, sent)})


def _is_recent(time: datetime, now: datetime) -> bool:
    return now - HOUR < time <= now


def _is_unsent(one: Incident, recipient: str) -> bool:
    """Whether a recipient has not been sent everything about an incident."""
    stage = one.announced.get(recipient)
    return not stage if one.is_open else bool(one.ending) and stage in ("", "begun")


def _text(one: Incident, recipient: str) -> tuple[str, str]:
    """Title and body. That of the end has the cause only where that has not been sent before."""
    if one.is_open:
        return one.title, one.detail
    is_known = one.announced[recipient] == "begun"
    begin = f"It began at {one.begun_at:{_TIME}} UTC." if is_known else f"{one.title}.\n{one.detail}"
    return f"over: {one.title}", f"{one.ending}.\n{begin}"


def _combined(texts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    title = f"{len(texts)} incidents: {listed([title for title, _body in texts], _IN_TITLE, '; ', _ALL)}"
    lines = [shortened(" ".join(f"- {one}. {body}".split()), 300) for one, body in texts]
    return title, listed(lines, _LISTED, "\n", _ALL)


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
    sending = {name: in_thread(partial(_notify, message, url_of[name])) for name, message in messages.items()}
    wait(sending.values(), timeout=ANSWER_SECONDS)
    late = f"no answer within {ANSWER_SECONDS:g} s"
    return {name: error.result() if error.done() else late for name, error in sending.items()}


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
