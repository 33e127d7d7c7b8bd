"""Who is told what, and when: simulated recipients compare what they hear with what happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.operations.alerts import delivery as telling
from market_assets.operations.alerts.delivery import MOST_AN_HOUR, Message, Outcome
from market_assets.operations.alerts.detection import End, note
from market_assets.operations.alerts.incidents import Book, Hearing, Incident, cut, incident, read_book, write_book

START = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOSTS = {"one": "json://one", "two": "mailto://two"}
MINUTE = timedelta(minutes=1)


def failed(job: str, at: datetime, detail: str = "cause") -> Incident:
    return incident(f"run:{job}", "run", f"{job} failed", detail, at)


def over(job: str, at: datetime) -> End:
    return End(f"run:{job}", at, f"{job} succeeded")


class Inbox:
    """A recipient, as the other side of the wire sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.received: list[tuple[datetime, Message]] = []

    def look(self, book: Book, now: datetime, *, fails: bool = False) -> Book:
        messages = telling.due(book, self.name, now)
        if not messages:
            return book
        book = telling.on_their_way(book, self.name, messages)
        if fails:
            return telling.after(book, self.name, Outcome((), "HTTP 500"), now)
        self.received += [(now, message) for message in messages]
        return telling.after(book, self.name, Outcome(tuple(messages)), now)

    @property
    def heard(self) -> Counter[tuple[tuple[str, datetime], str]]:
        return Counter(told for _, message in self.received for told in message.tells.items())

    @property
    def titles(self) -> list[str]:
        return [message.title.removeprefix("market_assets: ") for _, message in self.received]


def with_hosts(book: Book, hosts: dict[str, str] = HOSTS) -> Book:
    return telling.with_recipients(book, hosts)


def test_one_message_when_it_begins_and_one_when_it_is_over() -> None:
    inbox, book = Inbox("one"), with_hosts(Book())
    book = inbox.look(note(book, [failed("a", START)], HOSTS), START)
    for minutes in range(1, 300):
        again = failed("a", START + minutes * MINUTE)
        book = inbox.look(note(book, [again], HOSTS), START + minutes * MINUTE)
    assert inbox.titles == ["a failed"]
    later = START + 300 * MINUTE
    book = inbox.look(note(book, [over("a", later)], HOSTS), later)
    book = inbox.look(book, later + MINUTE)
    assert inbox.titles == ["a failed", "over: a failed"]
    assert "a succeeded" in inbox.received[-1][1].body
    # It may fail again: that is another incident.
    book = inbox.look(note(book, [failed("a", later + MINUTE)], HOSTS), later + 2 * MINUTE)
    assert inbox.titles[2:] == ["a failed"]


def test_what_was_over_before_it_could_be_told_is_told_once() -> None:
    inbox, book = Inbox("one"), with_hosts(Book())
    book = inbox.look(note(book, [failed("a", START, "the cause")], HOSTS), START, fails=True)
    end = START + MINUTE
    book = note(book, [over("a", end)], HOSTS)
    book = inbox.look(book, end + MINUTE)
    assert inbox.titles == ["over: a failed"]
    assert all(words in inbox.received[0][1].body for words in ("the cause", "a succeeded"))
    assert inbox.look(book, end + 10 * MINUTE) == book


def test_an_end_that_nobody_needs_to_hear_of_is_not_told() -> None:
    inbox, book = Inbox("one"), with_hosts(Book())
    book = inbox.look(note(book, [failed("a", START)], HOSTS), START)
    inbox.look(note(book, [End("run:a", START + MINUTE, "")], HOSTS), START + MINUTE)
    assert inbox.titles == ["a failed"]


def test_a_failure_waits_longer_each_time_and_is_remembered() -> None:
    inbox, book = Inbox("one"), with_hosts(Book())
    book = note(book, [failed("a", START)], HOSTS)
    now, waits = START, []
    for _ in range(12):
        book = inbox.look(book, now, fails=True)
        known = book.recipients["one"]
        assert known.error == "HTTP 500" and known.retry_at is not None
        assert telling.due(book, "one", known.retry_at - timedelta(seconds=1)) == []
        waits.append(known.retry_at - now)
        now = known.retry_at
    assert waits[:3] == [timedelta(seconds=30), MINUTE, 2 * MINUTE]
    assert waits[-1] == timedelta(hours=1) == max(waits)
    book = inbox.look(book, now)
    assert (book.recipients["one"].error, book.recipients["one"].failures) == (None, 0)
    assert inbox.titles == ["a failed"]


def test_a_flood_is_ten_messages_and_a_digest() -> None:
    inbox, book = Inbox("one"), with_hosts(Book())
    book = inbox.look(note(book, [failed(f"job {n:03}", START) for n in range(300)], HOSTS), START)
    assert len(inbox.received) == MOST_AN_HOUR + 1
    digest = inbox.received[-1][1]
    assert digest.title == "market_assets: 290 more within the hour"
    assert "and 270 more" in digest.body and len(digest.body) < 3_100
    assert {heard for _, heard in inbox.heard} == {"begun"} and set(inbox.heard.values()) == {1}
    assert len(inbox.heard) == 300
    # What comes within the same hour waits for its end.
    soon = START + 30 * MINUTE
    book = inbox.look(note(book, [failed(f"late {n}", soon) for n in range(3)], HOSTS), soon)
    assert len(inbox.received) == MOST_AN_HOUR + 1
    book = inbox.look(book, START + 61 * MINUTE)
    assert inbox.titles[-3:] == ["late 0 failed", "late 1 failed", "late 2 failed"]


def test_tables_that_grow_old_together_are_told_together() -> None:
    inbox, book = Inbox("one"), with_hosts(Book())
    tables = [incident(f"stale:t{n}", "stale", f"t{n} is stale", "Last made …", START) for n in range(12)]
    book = inbox.look(note(book, tables, HOSTS), START)
    assert inbox.titles == ["12 tables are stale"]
    ends = [End(f"stale:t{n}", START + MINUTE, f"t{n} was made again") for n in range(12)]
    inbox.look(note(book, ends, HOSTS), START + MINUTE)
    assert inbox.titles[1:] == ["over: 12 tables are stale"]
    assert set(inbox.heard.values()) == {1} and len(inbox.heard) == 24


def test_who_is_new_hears_of_what_is_open_and_not_of_what_was() -> None:
    book = note(Book(), [failed("a", START), failed("b", START), over("b", START + MINUTE)], ())
    inbox = Inbox("one")
    book = inbox.look(with_hosts(book), START + 2 * MINUTE)
    assert inbox.titles == ["a failed"]
    inbox.look(note(book, [over("a", START + 3 * MINUTE)], HOSTS), START + 3 * MINUTE)
    assert inbox.titles == ["a failed", "over: a failed"]


def test_who_left_is_forgotten() -> None:
    book = with_hosts(with_hosts(Book()), {"one": "json://one"})
    assert set(book.recipients) == {"one"}


def test_a_process_that_was_cut_off_repeats_once_at_most() -> None:
    book = note(with_hosts(Book()), [failed("a", START)], HOSTS)
    sent = 0
    for minutes in range(6):
        now = START + minutes * MINUTE
        book = telling.settled(read_book(write_book(book)))
        messages = telling.due(book, "one", now)
        sent += len(messages)
        # It is saved that they are on their way, they are sent, and then the process is gone.
        book = telling.on_their_way(book, "one", messages)
    assert sent == 2
    assert telling.settled(book).incidents[0].told["one"] == Hearing("begun")
    inbox = Inbox("one")
    inbox.look(note(telling.settled(book), [over("a", START + 9 * MINUTE)], HOSTS), START + 9 * MINUTE)
    assert inbox.titles == ["over: a failed"]


def test_a_known_failure_is_no_unknown_fate() -> None:
    book = note(with_hosts(Book()), [failed("a", START)], HOSTS)
    inbox = Inbox("one")
    for _ in range(5):
        known = book.recipients["one"]
        book = telling.settled(inbox.look(book, known.retry_at or START, fails=True))
    assert inbox.titles == []
    inbox.look(book, START + timedelta(days=1))
    assert inbox.titles == ["a failed"]


def test_texts_are_bounded_and_keep_both_ends() -> None:
    huge = failed("a", START, "the cause\n" + "x" * 1_000_000 + "\nValueError: the other end")
    (message,) = telling.due(note(with_hosts(Book()), [huge], HOSTS), "one", START)
    assert len(message.body) <= 1_600 and len(message.title) <= 230
    assert message.body.startswith("the cause") and message.body.endswith("the other end")
    assert cut("short", 10) == "short"
    assert all(len(cut("y" * size, 100)) <= 100 for size in (99, 100, 101, 10_000, 10**6))


JOBS = [f"j{n}" for n in range(14)]
HAPPENINGS = st.lists(
    st.tuples(
        st.integers(1, 90),
        st.lists(st.tuples(st.sampled_from(JOBS), st.booleans()), max_size=14, unique_by=lambda pair: pair[0]),
        st.sets(st.sampled_from(["one", "two"])),
    ),
    max_size=25,
)


@settings(max_examples=150)
@given(HAPPENINGS)
def test_whatever_happens_each_hears_of_everything_once_and_not_too_often(
    happenings: list[tuple[int, list[tuple[str, bool]], set[str]]],
) -> None:
    book, now = with_hosts(Book()), START
    inboxes = [Inbox("one"), Inbox("two")]
    everything: dict[tuple[str, datetime], Incident] = {}
    for minutes, changes, failing in happenings:
        now += minutes * MINUTE
        found = [failed(job, now) if bad else over(job, now) for job, bad in changes]
        book = note(read_book(write_book(book)), found, HOSTS)
        for inbox in inboxes:
            book = inbox.look(book, now, fails=inbox.name in failing)
        everything |= {one.identity: one for one in book.incidents}
        book = book.tidied(now)
    # In the end all are reachable for long enough, and there is nothing new.
    for _ in range(8):
        now += timedelta(hours=2)
        for inbox in inboxes:
            book = inbox.look(book, now)
    for inbox in inboxes:
        assert set(inbox.heard.values()) <= {1}
        expected = {(one.identity, "begun") for one in everything.values() if one.is_open}
        expected |= {(one.identity, "over") for one in everything.values() if not one.is_open}
        begun_too = {(one.identity, "begun") for one in everything.values()}
        assert expected <= set(inbox.heard) <= expected | begun_too
        for at, _ in inbox.received:
            within = [message for then, message in inbox.received if at - timedelta(minutes=59) <= then <= at]
            assert sum(not message.is_digest for message in within) <= MOST_AN_HOUR
            assert sum(message.is_digest for message in within) <= 1


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(JOBS), st.booleans(), st.text(max_size=40)), max_size=12))
def test_a_book_is_read_as_it_was_written(changes: list[tuple[str, bool, str]]) -> None:
    book = with_hosts(Book())
    for number, (job, bad, text) in enumerate(changes):
        now = START + number * MINUTE
        book = note(book, [failed(job, now, text) if bad else over(job, now)], HOSTS)
        for name in HOSTS:
            book = Inbox(name).look(book, now, fails=number % 3 == 0)
    assert read_book(write_book(book)) == book
    assert read_book(write_book(replace(book, incidents=()))).incidents == ()


def test_a_book_keeps_what_is_open_and_the_end_of_what_was() -> None:
    old = [replace(failed(f"o{n}", START), over_at=START + n * MINUTE) for n in range(400)]
    book = Book((*old, failed("open", START)))
    kept = book.tidied(START + 400 * MINUTE)
    assert [one.key for one in kept.open] == ["run:open"]
    assert len(kept.recently_over) == 200 and kept.recently_over[0].key == "run:o399"
    assert Book((*old, failed("open", START))).tidied(START + timedelta(days=9)).recently_over == []


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    inbox, book = Inbox("one"), with_hosts(Book())
    ahead = START + timedelta(days=400)
    book = note(book, [failed(f"job {n:03}", ahead) for n in range(40)], HOSTS)
    book = inbox.look(book, ahead)
    book = inbox.look(note(book, [failed("later", ahead)], HOSTS), ahead + timedelta(hours=2), fails=True)
    book = inbox.look(note(book, [failed("now", START)], HOSTS), START)
    assert {"later failed", "now failed"} <= set(inbox.titles)
