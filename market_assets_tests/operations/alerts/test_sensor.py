"""The sensor, told and telling over real connections: what arrives, and what is said when nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from market_assets.definitions import build_defs
from market_assets.defs.jobs import INGESTION
from market_assets.operations.alerts import channels as sending
from market_assets.operations.alerts.cycle import DAEMON_BOOK, tell
from market_assets.operations.alerts.detection import find
from market_assets.operations.alerts.incidents import Incident
from market_assets.operations.alerts.observing import observe
from market_assets.settings import Settings
from market_assets_tests.operations.alerts.receivers import Receiver, mail_server, receiver
from market_assets_tests.operations.alerts.watching import FAULTS, Watching, watching
from market_assets_tests.pipelines import ListedSource, Pipeline

SECRETS = ("open-sesame", "s3cret-t0ken", "hook")


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


@pytest.fixture
def seen(tmp_path: Path, server: Receiver) -> Iterator[Watching]:
    with watching(tmp_path / "dagster") as watched:
        watched.urls = (server.url,)
        watched.look()
        yield watched


def fail(seen: Watching, cause: str = "the well is dry") -> None:
    FAULTS["hourly"] = cause
    seen.run("hourly")


def recover(seen: Watching) -> None:
    FAULTS.clear()
    seen.run("hourly")


def test_ticks_of_the_sensor(seen: Watching, server: Receiver) -> None:
    assert seen.tick() == "0 open"
    fail(seen)
    assert seen.tick() == "1 open: hourly failed; 1 messages sent"
    fail(seen)
    assert seen.tick() == "1 open: hourly failed"
    recover(seen)
    assert seen.tick() == "0 open; 1 messages sent"
    assert server.titles == ["hourly failed", "over: hourly failed"]
    assert [message["type"] for message in server.messages] == ["failure", "success"]
    assert "the well is dry" in server.messages[0]["message"]


def test_a_task_that_fails_for_ever_is_one_message(seen: Watching, server: Receiver) -> None:
    for _ in range(8):
        fail(seen)
        seen.look()
    assert server.titles == ["hourly failed"]


def test_without_anybody_to_tell_it_is_remembered(seen: Watching, server: Receiver) -> None:
    urls, seen.urls = seen.urls, ()
    fail(seen)
    assert seen.tick() == "1 open: hourly failed"
    assert server.arrived == []
    seen.urls = urls
    seen.tick()
    assert server.titles == ["hourly failed"], "whoever is added hears of what is open"


@pytest.mark.parametrize("status", [500, 404, 401])
def test_a_server_that_fails_is_said_and_told_again_later(seen: Watching, server: Receiver, status: int) -> None:
    server.status = status
    fail(seen)
    with pytest.raises(dg.Failure) as raised:
        seen.tick()
    said = raised.value.description or ""
    assert str(server.port) in said and not any(secret in said for secret in SECRETS)
    # It is not asked again at once; the tick says what is the matter.
    assert "could not be told" in seen.tick()
    assert len(server.arrived) == 1
    (known,) = seen.book.recipients.values()
    assert known.error and known.error_at and not any(secret in known.error for secret in SECRETS)
    server.status = 200
    seen.later = timedelta(minutes=2)
    seen.look()
    assert server.titles == ["hourly failed"]
    assert [one.error for one in seen.book.recipients.values()] == [None]


def test_a_server_that_is_not_there(seen: Watching) -> None:
    seen.urls = ("json://127.0.0.1:9/s3cret-t0ken",)
    fail(seen)
    (failure,) = seen.look().failures
    assert failure.startswith("json://127.0.0.1:9: ") and "onnection" in failure


def test_a_server_that_keeps_silent_is_given_up(
    seen: Watching, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ANSWER_SECONDS", 0.5)
    server.status = None
    fail(seen)
    assert seen.look().failures == (f"json://127.0.0.1:{server.port}: no answer within 0.5 s",)


def test_one_that_fails_keeps_the_other_from_nothing(seen: Watching, server: Receiver) -> None:
    with receiver() as broken:
        broken.status = 500
        seen.urls = (broken.url, server.url)
        fail(seen)
        seen.look()
        assert server.titles == ["hourly failed"] and broken.messages == []
        broken.status, seen.later = 200, timedelta(minutes=2)
        seen.look()
        assert server.titles == broken.titles == ["hourly failed"]


def test_a_process_that_dies_while_it_sends_repeats_once(seen: Watching, server: Receiver) -> None:
    """What was sent is not noted: the book is as it was saved before the sending."""

    class KilledError(Exception):
        pass

    fail(seen)
    for _ in range(4):
        book, now = seen.book, seen.now
        observed, cursor = observe(seen.instance, seen.watched, book, now)
        findings = list(find(observed, seen.watched, book))
        saved = []

        def save(book: object, saved: list[object] = saved) -> None:
            saved.append(book)
            if len(saved) > 1:
                raise KilledError
            from market_assets.operations.alerts.incidents import save_book

            save_book(seen.instance, DAEMON_BOOK, book)  # type: ignore[arg-type]

        try:
            tell(book.read_up_to(cursor), findings, seen.urls, now, save)
        except KilledError:
            continue
    assert server.titles == ["hourly failed"] * 2
    recover(seen)
    seen.look()
    assert server.titles[2:] == ["over: hourly failed"]


def test_a_huge_traceback_arrives_cut(seen: Watching, server: Receiver) -> None:
    fail(seen, "x" * 1_000_000)
    seen.look()
    assert len(server.messages[0]["message"]) < 2_000


def test_a_flood_arrives_as_ten_and_a_digest(seen: Watching, server: Receiver) -> None:
    fail(seen)
    book = seen.look().book
    flood = [Incident(f"check:t{n}:c", "check", f"the check c of t{n} failed", "", seen.now) for n in range(30)]
    tell(book, flood, seen.urls, seen.now, lambda _book: None)
    assert len(server.messages) == 11
    assert server.titles[-1] == "21 more within the hour"
    assert "- the check c of t28 failed\n" in server.messages[-1]["message"]


def test_mail(seen: Watching) -> None:
    with mail_server() as (port, mails):
        seen.urls = (f"mailto://127.0.0.1:{port}?from=market@example.com&to=night@example.com",)
        fail(seen)
        look = seen.look()
    assert (look.sent, look.failures) == (1, ())
    (mail,) = mails
    assert "Subject: market_assets: hourly failed" in mail
    assert "To: night@example.com" in mail


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("json://user:open-sesame@127.0.0.1:80/s3cret-t0ken", "json://127.0.0.1:80"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack://"),
        ("mailto://me:open-sesame@example.com", "mailto://example.com"),
        ("tgram://123456789:abcdefghijklmnop_abc/99999999/", "tgram://"),
        ("jsons://[::1]:8443/s3cret-t0ken", "jsons://::1:8443"),
        ("json://host:port-that-is-none/", "json://"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord://"),
    ],
)
def test_what_a_recipient_is_called_gives_nothing_away(url: str, host: str) -> None:
    assert sending.host_of(url) == host
    assert sending.recipient_of(url) not in url


def test_what_apprise_says_is_told_without_the_urls_secrets() -> None:
    url = "json://alice:open-sesame@example.com:8080/hook/s3cret-t0ken?key=p%40ssword"
    said = "POST http://alice:open-sesame@example.com:8080/hook/s3cret-t0ken?key=p@ssword failed"
    told = sending._without_secrets(said, url)
    assert "example.com" in told and "failed" in told
    assert not any(secret in told for secret in ("alice", "open-sesame", "s3cret-t0ken", "p@ssword"))


def test_a_source_that_fails_for_ever_is_one_message_and_everything_else_goes_on(
    tmp_path: Path, server: Receiver
) -> None:
    """The real pipeline: its checks, and the sensor of its code location."""
    settings = Settings(
        _env_file=None, MARKET_ASSETS_DATA_DIR=tmp_path / "data", MARKET_ASSETS_ALERT_URLS=server.url
    )
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in (3, 2, 1)]
    posting = {"title": "Engineer", "company": "Acme", "description": "Python"}
    good = ListedSource("good", {day: [posting | {"id": str(day)}] for day in days})
    bad = ListedSource("bad", failure="HTTP 503 Service Unavailable")
    repository = build_defs(settings, [good, bad]).get_repository_def()
    with watching(tmp_path / "dagster") as watched, Pipeline(settings, good, bad) as pipeline:
        pipeline.instance = watched.instance
        real = Watching(watched.instance, repository)
        for day in days:
            assert pipeline.ingest(day).success
            real.tick(settings)
        assert server.titles == ["the source bad failed"]
        assert "HTTP 503 Service Unavailable" in server.messages[0]["message"]
        assert len(pipeline.rows("job_postings")) == 3
        bad.failure, bad.days = None, {today: [posting | {"id": "b"}]}
        pipeline.ingest(today)
        real.tick(settings)
        assert server.titles[1:] == ["over: the source bad failed"]
        # Nothing at all could be read: that is the run's failure, told once, with the cause.
        good.failure = bad.failure = "no route to host"
        pipeline.run(INGESTION, {"dagster/partition": str(days[0] - timedelta(days=1))})
        real.tick(settings)
        assert server.titles[2:] == [f"{INGESTION} failed on {days[0] - timedelta(days=1)}"]
