"""One look of an alerting process: what was found is noted and told, and the book kept up to date meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from market_assets.operations.alerts import delivery as telling
from market_assets.operations.alerts.detection import Finding, note
from market_assets.operations.alerts.incidents import Book, Incident

#: The book of the sensor, and that of the web process, which watches what the sensor stands on.
DAEMON_BOOK, WEB_BOOK = "daemon", "web"


@dataclass(frozen=True)
class Look:
    """What a look came to."""

    book: Book
    sent: int = 0
    #: What could not be sent in this look, a line for each recipient.
    failures: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """What a person reads beside the tick."""
        open_now = self.book.open
        parts = [f"{len(open_now)} open" + (f": {_titles(open_now)}" if open_now else "")]
        if self.sent:
            parts.append(f"{self.sent} messages sent")
        waiting = [one for one in self.book.recipients.values() if one.error]
        parts += [f"{one.host} could not be told: {one.error}" for one in waiting]
        return "; ".join(parts)


def tell(
    book: Book, findings: Iterable[Finding], urls: Sequence[str], now: datetime, save: Callable[[Book], None]
) -> Look:
    """Note findings and tell the recipients what they have not heard.

    The book is saved before anything is sent and after it, so that a process that is cut off in between repeats
    a message at most once.

    Args:
        book: the book as it was loaded, with the cursor to go on from.
        findings: what was found.
        urls: apprise's, of those who are to be told.
        now: the moment.
        save: keeps the book.
    """
    from market_assets.operations.alerts.channels import hosts_of, send_all

    book = telling.with_recipients(telling.settled(book), hosts_of(urls))
    book = note(book, findings, book.recipients).tidied(now)
    due = {whom: messages for whom in book.recipients if (messages := telling.due(book, whom, now))}
    for whom, messages in due.items():
        book = telling.on_their_way(book, whom, messages)
    save(book)
    if not due:
        return Look(book)
    outcomes = send_all(due, urls)
    for whom, outcome in outcomes.items():
        book = telling.after(book, whom, outcome, now)
    save(book)
    failures = tuple(
        f"{book.recipients[whom].host}: {outcome.error}" for whom, outcome in outcomes.items() if outcome.error
    )
    return Look(book, sum(len(outcome.sent) for outcome in outcomes.values()), failures)


def _titles(incidents: Sequence[Incident]) -> str:
    shown = "; ".join(one.title for one in incidents[:5])
    return shown + (f" and {len(incidents) - 5} more" if len(incidents) > 5 else "")
