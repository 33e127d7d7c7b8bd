"""Whom to tell what, and when: pure functions of the book.

Each recipient hears once that an incident began and once that it is over; of one that was over before it could be
told, once. Single messages are limited in number; beyond that one digest an hour says how many more there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from market_assets.operations.alerts.incidents import Book, Heard, Hearing, Incident, Recipient, cut

#: So many single messages within an hour, then a digest.
MOST_AN_HOUR = 10
HOUR = timedelta(hours=1)
#: After a failure it is tried again after this long, then twice as long, up to an hour.
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_MESSAGE = 3_000
_LISTED = 20
#: Incidents of these kinds that begin together are told together: they have one cause.
_TOGETHER = {"stale": "tables are stale", "missed": "schedules missed starts"}
_FROM = "market_assets: "
_TIME = "%Y-%m-%d %H:%M"


#: That it began, that it is over, or both at once for one who heard nothing in between.
_What = Literal["begun", "over", "both"]
#: How a service shows a message: as something that failed, that is well again, or merely to know.
Kind = Literal["failure", "success", "info"]
#: Which incident: its key and its beginning.
_Identity = tuple[str, datetime]


@dataclass(frozen=True)
class Message:
    """What is sent, and what its recipient has heard of which incidents afterwards."""

    title: str
    body: str
    tells: Mapping[_Identity, Heard]
    kind: Kind
    is_digest: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of sending a recipient's messages; `error` where one failed, after which no more were tried."""

    sent: tuple[Message, ...] = ()
    error: str | None = None


def with_recipients(book: Book, hosts: Mapping[str, str]) -> Book:
    """The book with the recipients that the settings name, and none besides."""
    recipients = {name: book.recipients.get(name, Recipient(host)) for name, host in hosts.items()}
    return replace(book, recipients=recipients)


def settled(book: Book) -> Book:
    """The book after a process was cut off while it sent: what was on its way goes out again, but only once."""
    return _changed(book, lambda _one, _recipient, hearing: _arrived(hearing) if hearing.again else hearing)


def due(book: Book, recipient: str, now: datetime) -> list[Message]:
    """What a recipient is to be sent now."""
    known = book.recipients[recipient]
    # What lies further ahead than an hour was noted before the clock was set back.
    if known.retry_at is not None and now < known.retry_at <= now + HOUR:
        return []
    messages = _messages(_untold(book, recipient))
    free = max(0, MOST_AN_HOUR - sum(_within_the_hour(moment, now) for moment in known.sent))
    if len(messages) <= free:
        return messages
    rest = messages[free:]
    if known.digest_at is not None and _within_the_hour(known.digest_at, now):
        return messages[:free]
    return [*messages[:free], _digest(rest) if len(rest) > 1 else replace(rest[0], is_digest=True)]


def _within_the_hour(moment: datetime, now: datetime) -> bool:
    return now - HOUR < moment <= now


def on_their_way(book: Book, recipient: str, messages: Iterable[Message]) -> Book:
    """The book while messages are being sent."""
    tells = _tells(messages)

    def sending(one: Incident) -> Incident:
        what = tells.get(one.identity)
        if what is None:
            return one
        hearing = one.told.get(recipient, Hearing())
        hearing = replace(hearing, sending=what, again=hearing.sending == what)
        return replace(one, told={**one.told, recipient: hearing})

    return replace(book, incidents=tuple(map(sending, book.incidents)))


def after(book: Book, recipient: str, outcome: Outcome, now: datetime) -> Book:
    """The book when a recipient's messages, which were on their way, have arrived or failed."""
    arrived = _tells(outcome.sent)

    def heard(one: Incident, whom: str, hearing: Hearing) -> Hearing:
        if whom != recipient or not hearing.sending:
            return hearing
        return _arrived(hearing) if one.identity in arrived else Hearing(hearing.heard)

    known = _after(book.recipients[recipient], outcome, now)
    return replace(_changed(book, heard), recipients={**book.recipients, recipient: known})


def _after(known: Recipient, outcome: Outcome, now: datetime) -> Recipient:
    single = (now for message in outcome.sent if not message.is_digest)
    sent = (*(moment for moment in known.sent if _within_the_hour(moment, now)), *single)
    digest_at = now if any(message.is_digest for message in outcome.sent) else known.digest_at
    known = replace(known, sent=sent, digest_at=digest_at)
    if outcome.error is None:
        return replace(known, failures=0, retry_at=None, error=None, error_at=None) if outcome.sent else known
    wait = min(_FIRST_WAIT * 2 ** min(known.failures, 10), HOUR)
    error = cut(outcome.error, 300)
    return replace(known, failures=known.failures + 1, retry_at=now + wait, error=error, error_at=now)


def _arrived(hearing: Hearing) -> Hearing:
    return Hearing(hearing.sending)


def _tells(messages: Iterable[Message]) -> dict[_Identity, Heard]:
    return {identity: heard for message in messages for identity, heard in message.tells.items()}


def _changed(book: Book, change: Callable[[Incident, str, Hearing], Hearing]) -> Book:
    """The book with every hearing changed."""

    def changed(one: Incident) -> Incident:
        return replace(one, told={whom: change(one, whom, hearing) for whom, hearing in one.told.items()})

    return replace(book, incidents=tuple(map(changed, book.incidents)))


def _untold(book: Book, recipient: str) -> list[tuple[Incident, _What]]:
    """The incidents that a recipient has something to hear of, and what."""
    untold: list[tuple[Incident, _What]] = []
    for one in sorted(book.incidents, key=lambda one: (one.over_at or one.begun_at, one.key)):
        hearing = one.told.get(recipient)
        if one.is_open:
            if hearing is None or hearing.heard == "":
                untold.append((one, "begun"))
        elif one.ending and hearing is not None and hearing.heard != "over":
            untold.append((one, "over" if hearing.heard == "begun" else "both"))
    return untold


def _messages(untold: list[tuple[Incident, _What]]) -> list[Message]:
    messages: list[Message] = []
    groups: dict[tuple[str, _What], list[Incident]] = {}
    for one, what in untold:
        if one.kind in _TOGETHER:
            groups.setdefault((one.kind, what), []).append(one)
        else:
            messages.append(_single(one, what))
    for (kind, what), incidents in groups.items():
        messages.append(_single(incidents[0], what) if len(incidents) == 1 else _group(kind, what, incidents))
    return messages


def _single(one: Incident, what: _What) -> Message:
    tells = {one.identity: _heard(what)}
    if what == "begun":
        return _message(one.title, one.detail, tells, "failure")
    lasted = f"It began at {one.begun_at:{_TIME}} UTC." if what == "over" else f"{one.title}.\n{one.detail}"
    return _message(f"over: {one.title}", f"{one.ending}.\n{lasted}", tells, "success")


def _group(kind: str, what: _What, incidents: list[Incident]) -> Message:
    title = f"{'' if what == 'begun' else 'over: '}{len(incidents)} {_TOGETHER[kind]}"
    lines = [f"{one.title}. {one.detail}" if what == "begun" else one.ending or one.title for one in incidents]
    shown_as: Kind = "failure" if what == "begun" else "success"
    return _message(title, _listed(lines), {one.identity: _heard(what) for one in incidents}, shown_as)


def _heard(what: _What) -> Heard:
    return "begun" if what == "begun" else "over"


def _digest(messages: list[Message]) -> Message:
    title = f"{len(messages)} more within the hour"
    tells = _tells(messages)
    body = _listed([message.title.removeprefix(_FROM) for message in messages])
    return replace(_message(title, f"{body}\nAll of them: market-assets status", tells, "info"), is_digest=True)


def _listed(lines: list[str]) -> str:
    more = len(lines) - _LISTED
    shown = [f"- {cut(line, 200)}" for line in lines[:_LISTED]]
    return "\n".join([*shown, f"- and {more} more"] if more > 0 else shown)


def _message(title: str, body: str, tells: Mapping[_Identity, Heard], kind: Kind) -> Message:
    # Some services refuse a message without a body.
    return Message(f"{_FROM}{title}", cut(body.strip() or title, _LONGEST_MESSAGE), tells, kind)
