"""Which messages are due, and when: simulated recipients compare what they receive with what happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.operations.alerts.delivery import (
    MOST_AN_HOUR,
    Message,
    after_sending,
    due_message,
    recipient_of,
    with_recipients,
)
from market_assets.operations.alerts.incidents import (
    Finding,
    Incident,
    IncidentLog,
    Resolution,
    incident,
    log_from_json,
    log_to_json,
    shortened,
)

START = datetime(2026, 3, 4, 12, tzinfo=UTC)
URLS = ["json://one.example", "mailto://two.example"]
ONE, TWO = map(recipient_of, URLS)
MINUTE = timedelta(minutes=1)
EMPTY = with_recipients(IncidentLog(), URLS)


def failed(job: str, at: datetime, detail: str = "cause") -> Incident:
    return incident(f"run:{job}", "run", f"{job} failed", detail, at)


def over(job: str, at: datetime) -> Resolution:
    return Resolution(f"run:{job}", at, f"{job} succeeded")


class Inbox:
    """A recipient, as the other side of the connection sees it."""

    def __init__(self, name: str = ONE) -> None:
        self.name = name
        self.received: list[tuple[datetime, Message]] = []

    def receive(self, log: IncidentLog, now: datetime, *, fails: bool = False) -> IncidentLog:
        message = due_message(log, self.name, now)
        if message is None:
            return log
        if not fails:
            self.received.append((now, message))
        return after_sending(log, self.name, message, "HTTP 500" if fails else None, now)

    @property
    def stages(self) -> Counter[tuple[tuple[str, datetime], str]]:
        """How often each stage of each incident was received."""
        return Counter(stage for _, message in self.received for stage in message.stages.items())

    @property
    def titles(self) -> list[str]:
        return [message.title.removeprefix("market_assets: ") for _, message in self.received]


def test_one_message_when_it_begins_and_one_when_it_is_over() -> None:
    inbox = Inbox()
    log = inbox.receive(EMPTY.updated([failed("a", START)]), START)
    for minutes in range(1, 300):
        again = failed("a", START + minutes * MINUTE)
        log = inbox.receive(log.updated([again]), START + minutes * MINUTE)
    assert inbox.titles == ["a failed"]
    later = START + 300 * MINUTE
    log = inbox.receive(log.updated([over("a", later)]), later)
    log = inbox.receive(log, later + MINUTE)
    assert inbox.titles == ["a failed", "over: a failed"]
    assert "a succeeded" in inbox.received[-1][1].body
    # It may fail again: that is another incident.
    inbox.receive(log.updated([failed("a", later + MINUTE)]), later + 2 * MINUTE)
    assert inbox.titles[2:] == ["a failed"]


def test_what_was_detected_before_changes_nothing_when_it_is_detected_again() -> None:
    findings: list[Finding] = [failed("a", START), over("a", START + MINUTE), failed("a", START + 2 * MINUTE)]
    log = EMPTY.updated(findings)
    assert len(log.incidents) == 2
    assert log.updated(findings) == log


def test_an_incident_that_was_over_before_it_could_be_sent_is_one_message() -> None:
    inbox = Inbox()
    log = inbox.receive(EMPTY.updated([failed("a", START, "the cause")]), START, fails=True)
    end = START + MINUTE
    log = inbox.receive(log.updated([over("a", end)]), end + MINUTE)
    assert inbox.titles == ["over: a failed"]
    assert all(words in inbox.received[0][1].body for words in ("the cause", "a succeeded"))
    assert inbox.receive(log, end + 10 * MINUTE) == log


def test_an_end_without_words_is_not_announced() -> None:
    inbox = Inbox()
    log = inbox.receive(EMPTY.updated([failed("a", START)]), START)
    inbox.receive(log.updated([Resolution("run:a", START + MINUTE, "")]), START + MINUTE)
    assert inbox.titles == ["a failed"]


def test_the_wait_after_a_failure_grows() -> None:
    inbox, log = Inbox(), EMPTY.updated([failed("a", START)])
    now, waits = START, []
    for _ in range(12):
        log = inbox.receive(log, now, fails=True)
        known = log.recipients[ONE]
        assert known.error == "HTTP 500" and known.retry_at is not None
        assert due_message(log, ONE, known.retry_at - timedelta(seconds=1)) is None
        waits.append(known.retry_at - now)
        now = known.retry_at
    assert waits[:3] == [timedelta(seconds=30), MINUTE, 2 * MINUTE]
    assert waits[-1] == timedelta(hours=1) == max(waits)
    log = inbox.receive(log, now)
    assert (log.recipients[ONE].error, log.recipients[ONE].failures) == (None, 0)
    assert inbox.titles == ["a failed"]


def test_what_begins_or_ends_together_is_one_message() -> None:
    inbox = Inbox()
    log = inbox.receive(EMPTY.updated([failed(f"job {n:03}", START) for n in range(300)]), START)
    ((_, message),) = inbox.received
    assert inbox.titles[0].startswith("300 incidents: job 000 failed; job 001 failed; job 002 failed; and 297 ")
    assert message.body.count("- job") == 20 and "and 280 more" in message.body and len(message.body) <= 3_000
    soon = START + MINUTE
    inbox.receive(log.updated([over("job 000", soon), failed("a", soon), over("job 001", soon)]), soon)
    assert inbox.titles[1:] == ["3 incidents: a failed; over: job 000 failed; over: job 001 failed"]
    assert set(inbox.stages.values()) == {1} and len(inbox.stages) == 303


def test_after_ten_messages_within_an_hour_the_news_wait() -> None:
    inbox, log = Inbox(), EMPTY
    for minute in range(30):
        now = START + minute * MINUTE
        log = inbox.receive(log.updated([failed(f"job {minute}", now)]), now)
    log = inbox.receive(log, START + 59 * MINUTE)
    assert len(inbox.received) == MOST_AN_HOUR
    inbox.receive(log, START + 60 * MINUTE)
    assert len(inbox.received) == MOST_AN_HOUR + 1
    assert inbox.titles[-1].startswith("20 incidents: job 10 failed; job 11 failed")


def test_a_new_recipient_is_sent_what_is_open_and_not_what_was() -> None:
    findings: list[Finding] = [failed("a", START), failed("b", START), over("b", START + MINUTE)]
    inbox, log = Inbox(), with_recipients(IncidentLog().updated(findings), URLS)
    log = inbox.receive(log, START + 2 * MINUTE)
    assert inbox.titles == ["a failed"]
    inbox.receive(log.updated([over("a", START + 3 * MINUTE)]), START + 3 * MINUTE)
    assert inbox.titles == ["a failed", "over: a failed"]


def test_a_recipient_that_is_no_longer_set_is_removed() -> None:
    assert set(with_recipients(EMPTY, URLS[:1]).recipients) == {ONE}


def test_texts_are_bounded_and_keep_both_ends() -> None:
    huge = failed("a", START, "the cause\n" + "x" * 1_000_000 + "\nValueError: the other end")
    message = due_message(EMPTY.updated([huge]), ONE, START)
    assert message is not None
    assert len(message.body) <= 1_600 and len(message.title) <= 230
    assert message.body.startswith("the cause") and message.body.endswith("the other end")
    assert shortened("short", 10) == "short"
    assert all(len(shortened("y" * size, 100)) <= 100 for size in (99, 100, 101, 10_000, 10**6))


JOBS = [f"j{n}" for n in range(14)]
#: Minutes since the step before | job → whether it failed or succeeded | the recipients that can't be reached
STEPS = st.lists(
    st.tuples(
        st.integers(1, 90),
        st.lists(st.tuples(st.sampled_from(JOBS), st.booleans()), max_size=14, unique_by=lambda pair: pair[0]),
        st.sets(st.sampled_from([ONE, TWO])),
    ),
    max_size=25,
)


@settings(max_examples=150)
@given(STEPS)
def test_each_recipient_is_sent_everything_once_and_not_too_often(
    steps: list[tuple[int, list[tuple[str, bool]], set[str]]],
) -> None:
    log, now = EMPTY, START
    inboxes = [Inbox(ONE), Inbox(TWO)]
    everything: dict[tuple[str, datetime], Incident] = {}
    for minutes, changes, failing in steps:
        now += minutes * MINUTE
        findings: list[Finding] = [failed(job, now) if bad else over(job, now) for job, bad in changes]
        log = log_from_json(log_to_json(log)).updated(findings)
        for inbox in inboxes:
            log = inbox.receive(log, now, fails=inbox.name in failing)
        everything |= {one.identity: one for one in log.incidents}
        log = log.pruned(now)
    # In the end all can be reached for long enough, and there are no further findings.
    for _ in range(8):
        now += timedelta(hours=2)
        for inbox in inboxes:
            log = inbox.receive(log, now)
    for inbox in inboxes:
        assert set(inbox.stages.values()) <= {1}
        expected = {(one.identity, "begun") for one in everything.values() if one.is_open}
        expected |= {(one.identity, "over") for one in everything.values() if not one.is_open}
        begun_too = {(one.identity, "begun") for one in everything.values()}
        assert expected <= set(inbox.stages) <= expected | begun_too
        for at, _ in inbox.received:
            within = [then for then, _ in inbox.received if at - timedelta(minutes=59) <= then <= at]
            assert len(within) <= MOST_AN_HOUR


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(JOBS), st.booleans(), st.text(max_size=40)), max_size=12))
def test_a_log_is_read_as_it_was_written(changes: list[tuple[str, bool, str]]) -> None:
    log = replace(EMPTY, schedules={"a": ("0 2 * * *", START)}, evaluated_at=START)
    for number, (job, bad, text) in enumerate(changes):
        now = START + number * MINUTE
        log = log.updated([failed(job, now, text) if bad else over(job, now)])
        for name in (ONE, TWO):
            log = Inbox(name).receive(log, now, fails=number % 3 == 0)
    assert log_from_json(log_to_json(log)) == log


def test_fields_of_another_version_are_ignored() -> None:
    assert log_from_json('{"incidents": [], "unknown": {"a": 1}}') == IncidentLog()


def test_a_log_keeps_what_is_open_and_the_end_of_what_was() -> None:
    old = [replace(failed(f"o{n}", START), over_at=START + n * MINUTE) for n in range(400)]
    log = IncidentLog((*old, failed("open", START)))
    kept = log.pruned(START + 400 * MINUTE)
    assert [one.key for one in kept.open] == ["run:open"]
    assert len(kept.recently_over) == 200 and kept.recently_over[0].key == "run:o399"
    assert log.pruned(START + timedelta(days=9)).recently_over == []


def test_a_clock_that_was_set_back_delays_nothing() -> None:
    inbox, ahead = Inbox(), START + timedelta(days=400)
    log = inbox.receive(EMPTY.updated([failed("ahead", ahead)]), ahead)
    log = inbox.receive(log.updated([failed("later", ahead)]), ahead + timedelta(hours=2), fails=True)
    inbox.receive(log.updated([failed("now", START)]), START)
    assert inbox.titles == ["ahead failed", "2 incidents: now failed; later failed"]
