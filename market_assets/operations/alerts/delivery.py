"""Decides which messages each recipient is sent, and when, and sends them.

A recipient is sent once that an incident began and once that it is over; if it was over before the first message
could be sent, one message has both. What begins or ends together is one message. After ten messages within an hour
the news wait, and are one message when the hour is over. All but `announce` are pure functions of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from market_assets.operations.alerts.channels import (
    Message,
    MessageKind,
    Outcome,
    host_of,
    recipient_of,
    send_all,
)
from market_assets.operations.alerts.incidents import (
    Finding,
    Incident,
    IncidentLog,
    Recipient,
    Stage,
    shortened,
)

#: So many messages within an hour, then the news wait.
MOST_AN_HOUR = 10
HOUR = timedelta(hours=1)
#: After a failure a recipient is tried again after this long, then twice as long, up to an hour.
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_MESSAGE = 3_000
_LISTED, _IN_TITLE = 20, 3
_PREFIX = "market_assets: "
_TIME = "%Y-%m-%d %H:%M"


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
        more = f" and {len(titles) - 5} more" if len(titles) > 5 else ""
        parts = [f"{len(titles)} open" + (f": {'; '.join(titles[:5])}{more}" if titles else "")]
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
    due = {name: messages for name in log.recipients if (messages := due_messages(log, name, now))}
    save(log)
    if not due:
        return Delivery(log)
    outcomes = send_all(due, urls)
    for name, outcome in outcomes.items():
        log = after_sending(log, name, outcome, now)
    save(log)
    failures = tuple(f"{log.recipients[name].host}: {one.error}" for name, one in outcomes.items() if one.error)
    return Delivery(log, sum(len(one.sent) for one in outcomes.values()), failures)


def with_recipients(log: IncidentLog, urls: Iterable[str]) -> IncidentLog:
    """The log with these recipients and no others."""
    recipients = {}
    for url in urls:
        name = recipient_of(url)
        recipients[name] = log.recipients.get(name, Recipient(host_of(url)))
    return replace(log, recipients=recipients)


def due_messages(log: IncidentLog, recipient: str, now: datetime) -> list[Message]:
    """What a recipient is to be sent now."""
    known = log.recipients[recipient]
    # A time more than an hour ahead is from before the clock was set back.
    if known.retry_at is not None and now < known.retry_at <= now + HOUR:
        return []
    begun, over = _news(log, recipient)
    messages = [_begun_message(begun)] if begun else []
    if over:
        messages.append(_over_message(over, recipient))
    return messages[: max(0, MOST_AN_HOUR - sum(_is_recent(sent, now) for sent in known.sent))]


def after_sending(log: IncidentLog, recipient: str, outcome: Outcome, now: datetime) -> IncidentLog:
    """The log when the messages to a recipient have been sent or have failed."""
    sent = {identity: stage for message in outcome.sent for identity, stage in message.stages.items()}
    incidents = tuple(
        replace(one, announced={**one.announced, recipient: sent[one.identity]}) if one.identity in sent else one
        for one in log.incidents
    )
    known = _recipient_after(log.recipients[recipient], outcome, now)
    return replace(log, incidents=incidents, recipients={**log.recipients, recipient: known})


def _recipient_after(known: Recipient, outcome: Outcome, now: datetime) -> Recipient:
    sent = (*(time for time in known.sent if _is_recent(time, now)), *(now for _message in outcome.sent))
    known = replace(known, sent=sent)
    if outcome.error is None:
        return replace(known, failures=0, retry_at=None, error=None, error_at=None) if outcome.sent else known
    wait = min(_FIRST_WAIT * 2 ** min(known.failures, 10), HOUR)
    error = shortened(outcome.error, 300)
    return replace(known, failures=known.failures + 1, retry_at=now + wait, error=error, error_at=now)


def _is_recent(time: datetime, now: datetime) -> bool:
    return now - HOUR < time <= now


def _news(log: IncidentLog, recipient: str) -> tuple[list[Incident], list[Incident]]:
    """The incidents of which a recipient has to be sent that they began, and that they are over."""
    begun, over = [], []
    for one in sorted(log.incidents, key=lambda one: (one.over_at or one.begun_at, one.key)):
        stage = one.announced.get(recipient)
        if one.is_open and not stage:
            begun.append(one)
        elif not one.is_open and one.ending and stage in ("", "begun"):
            over.append(one)
    return begun, over


def _begun_message(incidents: Sequence[Incident]) -> Message:
    texts = [(one.title, one.detail) for one in incidents]
    return _message(texts, "failure", {one.identity: "begun" for one in incidents})


def _over_message(incidents: Sequence[Incident], recipient: str) -> Message:
    texts = [(one.title, f"{one.ending}.\n{_beginning(one, recipient)}") for one in incidents]
    return _message(texts, "success", {one.identity: "over" for one in incidents}, "over: ")


def _beginning(one: Incident, recipient: str) -> str:
    """When it began; with the cause where this has not been sent before."""
    if one.announced[recipient] == "begun":
        return f"It began at {one.begun_at:{_TIME}} UTC."
    return f"{one.title}.\n{one.detail}"


def _message(
    texts: Sequence[tuple[str, str]],
    kind: MessageKind,
    stages: Mapping[tuple[str, datetime], Stage],
    prefix: str = "",
) -> Message:
    """A message of one title and body, or of many."""
    titles = [title for title, _body in texts]
    if len(texts) == 1:
        ((title, body),) = texts
    else:
        title = f"{len(texts)} incidents: {_listed(titles, _IN_TITLE, '; ')}"
        body = _listed(
            [f"- {shortened(' '.join(f'{one}. {each}'.split()), 300)}" for one, each in texts], _LISTED, "\n"
        )
    # Some services refuse a message without a body.
    body = shortened(body.strip() or title, _LONGEST_MESSAGE)
    return Message(f"{_PREFIX}{prefix}{title}", body, kind, stages)


def _listed(texts: Sequence[str], longest: int, separator: str) -> str:
    more = len(texts) - longest
    return separator.join([*texts[:longest], *([f"and {more} more: market-assets status"] if more > 0 else [])])
