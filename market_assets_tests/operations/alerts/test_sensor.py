"""The sensor, with messages over real connections: what arrives, and what is reported when nothing does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from market_assets.definitions import build_defs
from market_assets.operations.alerts import delivery
from market_assets.operations.alerts.delivery import announce
from market_assets.operations.alerts.detection import detect
from market_assets.operations.alerts.incidents import DAEMON_LOG, Incident, IncidentLog, save_log
from market_assets.operations.names import INGESTION
from market_assets.settings import Settings
from market_assets_tests.operations.alerts.monitored_location import FAULTS, MonitoredLocation, monitored_location
from market_assets_tests.operations.alerts.receivers import Receiver, mail_server, receiver
from market_assets_tests.pipelines import ListedSource, Pipeline

SECRETS = ("open-sesame", "s3cret-t0ken", "hook")


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


@pytest.fixture
def location(tmp_path: Path, server: Receiver) -> Iterator[MonitoredLocation]:
    with monitored_location(tmp_path / "dagster") as location:
        location.urls = (server.url,)
        location.evaluate()
        yield location


def fail(location: MonitoredLocation, cause: str = "the well is dry") -> None:
    FAULTS["hourly"] = cause
    location.run("hourly")


def recover(location: MonitoredLocation) -> None:
    FAULTS.clear()
    location.run("hourly")


def test_ticks_of_the_sensor(location: MonitoredLocation, server: Receiver) -> None:
    assert location.tick() == "0 open"
    fail(location)
    assert location.tick() == "1 open: hourly failed; 1 messages sent"
    fail(location)
    assert location.tick() == "1 open: hourly failed"
    recover(location)
    assert location.tick() == "0 open; 1 messages sent"
    assert server.titles == ["hourly failed", "over: hourly failed"]
    assert [message["type"] for message in server.messages] == ["failure", "success"]
    assert "the well is dry" in server.messages[0]["message"]


def test_a_task_that_fails_for_ever_is_one_message(location: MonitoredLocation, server: Receiver) -> None:
    for _ in range(8):
        fail(location)
        location.evaluate()
    assert server.titles == ["hourly failed"]


def test_without_recipients_incidents_are_logged(location: MonitoredLocation, server: Receiver) -> None:
    urls, location.urls = location.urls, ()
    fail(location)
    assert location.tick() == "1 open: hourly failed"
    assert server.arrived == []
    location.urls = urls
    location.tick()
    assert server.titles == ["hourly failed"], "a recipient that is added is sent what is open"


@pytest.mark.parametrize("status", [500, 404, 401])
def test_a_server_that_fails_is_reported_and_tried_again_later(
    location: MonitoredLocation, server: Receiver, status: int
) -> None:
    server.status = status
    fail(location)
    with pytest.raises(dg.Failure) as raised:
        location.tick()
    description = raised.value.description or ""
    assert str(server.port) in description and not any(secret in description for secret in SECRETS)
    # It is not tried again at once; the tick names the error.
    assert "can't be reached" in location.tick()
    assert len(server.arrived) == 1
    (known,) = location.log.recipients.values()
    assert known.error and known.error_at and not any(secret in known.error for secret in SECRETS)
    server.status = 200
    location.later = timedelta(minutes=2)
    location.evaluate()
    assert server.titles == ["hourly failed"]
    assert [one.error for one in location.log.recipients.values()] == [None]


def test_a_server_that_is_not_there(location: MonitoredLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "level", logging.ERROR)
    location.urls = ("json://127.0.0.1:9/s3cret-t0ken",)
    fail(location)
    (failure,) = location.evaluate().failures
    assert failure.startswith("json://127.0.0.1:9: ") and "onnection" in failure


def test_a_server_that_does_not_answer(
    location: MonitoredLocation, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "ANSWER_SECONDS", 0.5)
    server.status = None
    fail(location)
    assert location.evaluate().failures == (f"json://127.0.0.1:{server.port}: no answer within 0.5 s",)


def test_recipients_do_not_depend_on_each_other(location: MonitoredLocation, server: Receiver) -> None:
    with receiver() as broken:
        broken.status = 500
        location.urls = (broken.url, server.url)
        fail(location)
        location.evaluate()
        assert server.titles == ["hourly failed"] and broken.messages == []
        broken.status, location.later = 200, timedelta(minutes=2)
        location.evaluate()
        assert server.titles == broken.titles == ["hourly failed"]


def test_a_process_that_is_killed_while_it_sends_repeats_the_message(
    location: MonitoredLocation, server: Receiver
) -> None:
    class KilledError(Exception):
        pass

    fail(location)
    saved: list[IncidentLog] = []

    def save(log: IncidentLog) -> None:
        saved.append(log)
        if len(saved) > 1:
            raise KilledError
        save_log(location.instance, DAEMON_LOG, log)

    findings, log = detect(location.instance, location.monitored, location.log, location.now)
    with pytest.raises(KilledError):
        announce(log, findings, location.urls, location.now, save)
    for _ in range(3):
        location.evaluate()
    assert server.titles == ["hourly failed"] * 2
    recover(location)
    location.evaluate()
    assert server.titles[2:] == ["over: hourly failed"]


def test_nothing_is_sent_while_the_log_can_not_be_saved(location: MonitoredLocation, server: Receiver) -> None:
    def save(_log: IncidentLog) -> None:
        raise OSError("read-only")

    fail(location)
    findings, log = detect(location.instance, location.monitored, location.log, location.now)
    with pytest.raises(OSError, match="read-only"):
        announce(log, findings, location.urls, location.now, save)
    assert server.arrived == []


def test_a_huge_traceback_is_shortened(location: MonitoredLocation, server: Receiver) -> None:
    fail(location, "x" * 1_000_000)
    location.evaluate()
    assert len(server.messages[0]["message"]) < 2_000


def test_many_incidents_at_once_are_one_message(location: MonitoredLocation, server: Receiver) -> None:
    flood = [
        Incident(f"check:t{n}:c", "check", f"the check c of t{n} failed", "", location.now) for n in range(30)
    ]
    announce(location.log, flood, location.urls, location.now, lambda _log: None)
    (title,) = server.titles
    assert title.startswith("30 incidents: the check c of t0 failed; ") and "and 27 more" in title
    assert server.messages[0]["message"].count("- the check c of t") == 20


def test_mail(location: MonitoredLocation) -> None:
    with mail_server() as (port, mails):
        location.urls = (f"mailto://127.0.0.1:{port}?from=market@example.com&to=night@example.com",)
        fail(location)
        delivery = location.evaluate()
    assert (delivery.sent, delivery.failures) == (1, ())
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
def test_names_of_recipients_reveal_no_secrets(url: str, host: str) -> None:
    assert delivery.host_of(url) == host
    assert delivery.recipient_of(url) not in url


def test_errors_of_apprise_are_shown_without_secrets() -> None:
    url = "json://alice:open-sesame@example.com:8080/hook/s3cret-t0ken?key=p%40ssword"
    error = "POST http://alice:open-sesame@example.com:8080/hook/s3cret-t0ken?key=p@ssword failed"
    shown = delivery._without_secrets(error, url)
    assert "example.com" in shown and "failed" in shown
    assert not any(secret in shown for secret in ("alice", "open-sesame", "s3cret-t0ken", "p@ssword"))


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
    with monitored_location(tmp_path / "dagster") as location, Pipeline(settings, good, bad) as pipeline:
        pipeline.instance = location.instance
        real = MonitoredLocation(location.instance, repository)
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
        # Nothing at all could be read: that is one incident, of the run, with the cause.
        good.failure = bad.failure = "no route to host"
        pipeline.run(INGESTION, {"dagster/partition": str(days[0] - timedelta(days=1))})
        real.tick(settings)
        assert server.titles[2:] == [f"{INGESTION} failed on {days[0] - timedelta(days=1)}"]
