"""Which errors are retried, at which level, and how often."""

from __future__ import annotations

import errno
import socket
import sqlite3
import urllib.error
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psycopg
import pytest
import sqlalchemy as sa

from market_assets.definitions import build_defs
from market_assets.defs import retries
from market_assets.defs.jobs import default_jobs
from market_assets.defs.retries import RUN_RETRY_TAGS, STEP_RETRIES, is_transient, retry_transient_errors
from market_assets.settings import Settings, SettingsError
from market_assets.sources.protocol import SourceError
from market_assets.sources.sample.source import SampleSource
from market_assets.store.database import StoreError, StoreUnavailableError
from market_assets_tests.pipelines import failure_of

REQUEST = httpx.Request("GET", "https://board.example")


def answered(status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("no", request=REQUEST, response=httpx.Response(status, request=REQUEST))


def old_answer(status: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError("https://board.example", status, "no", Message(), None)


class CloudError(Exception):
    """As the client of an object store has it."""

    def __init__(self, status: int) -> None:
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


TRANSIENT = [
    httpx.ConnectTimeout("slow", request=REQUEST),
    httpx.ConnectError("refused", request=REQUEST),
    httpx.RemoteProtocolError("hung up", request=REQUEST),
    *(answered(status) for status in (408, 425, 429, 500, 502, 503, 504, 529)),
    *(old_answer(status) for status in (429, 503)),
    CloudError(503),
    TimeoutError(),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    BrokenPipeError(),
    OSError(errno.EAGAIN, "busy"),
    OSError(errno.ENETUNREACH, "no network"),
    socket.gaierror(socket.EAI_AGAIN, "no name server"),
    SourceError("the board is down", permanent=False),
    StoreUnavailableError("the database market.db failed: database is locked"),
    StoreUnavailableError("the database failed: the database system is starting up"),
    StoreError("the database failed: server closed the connection unexpectedly"),
    sqlite3.OperationalError("database is locked"),
    psycopg.errors.DeadlockDetected("deadlock"),
    psycopg.errors.AdminShutdown("terminating connection due to administrator command"),
    psycopg.errors.CannotConnectNow("starting up"),
    psycopg.errors.TooManyConnections("too many clients"),
    psycopg.OperationalError("connection failed: Connection refused"),
]
PERMANENT = [
    *(answered(status) for status in (400, 401, 403, 404, 410, 422, 451)),
    *(old_answer(status) for status in (401, 404)),
    CloudError(403),
    ValueError("wrong data"),
    KeyError("column"),
    AssertionError(),
    MemoryError(),
    SettingsError("MARKET_ASSETS_CURRENCY: no"),
    SourceError("the key is refused"),
    StoreError("the database is of a newer version"),
    StoreUnavailableError("the database market.db failed: database or disk is full"),
    StoreUnavailableError("the database market.db failed: attempt to write a readonly database"),
    StoreUnavailableError("can't lock market.db.lock: Permission denied"),
    StoreUnavailableError('the database failed: password authentication failed for user "x"'),
    StoreUnavailableError('the database failed: database "x" does not exist'),
    OSError(errno.ENOSPC, "no space"),
    OSError(errno.EROFS, "read-only"),
    PermissionError(errno.EACCES, "no"),
    FileNotFoundError(errno.ENOENT, "no file"),
    socket.gaierror(socket.EAI_NONAME, "no such host"),
    sqlite3.OperationalError("no such table: postings"),
    psycopg.errors.UniqueViolation("twice"),
    psycopg.errors.InvalidPassword("no"),
    psycopg.errors.DiskFull("full"),
    dg.Failure("nothing was landed", allow_retries=False),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_transient_errors(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", PERMANENT, ids=repr)
def test_permanent_errors(error: Exception) -> None:
    assert not is_transient(error)


def raised(outer: Exception, inner: Exception, *, handled: bool = False) -> Exception:
    """An error that was raised from another, or while handling it."""
    try:
        try:
            raise inner
        except Exception as error:
            if handled:
                raise outer  # noqa: B904
            raise outer from error
    except Exception as error:
        return error


@pytest.mark.parametrize("handled", [False, True])
def test_the_outermost_error_that_can_be_classified_decides(handled: bool) -> None:
    locked, full = sqlite3.OperationalError("database is locked"), OSError(errno.ENOSPC, "full")
    assert is_transient(raised(RuntimeError("could not save"), locked, handled=handled))
    assert not is_transient(raised(RuntimeError("could not save"), full, handled=handled))
    assert not is_transient(raised(dg.Failure("so be it", allow_retries=False), locked, handled=handled))
    assert is_transient(raised(dg.Failure("so be it"), locked, handled=handled))
    assert not is_transient(raised(SourceError("gone"), TimeoutError(), handled=handled))
    assert is_transient(sa.exc.OperationalError("SELECT 1", {}, locked).with_traceback(None)) is True


def test_a_cut_and_a_circular_chain() -> None:
    cut = raised(ValueError("wrong"), TimeoutError(), handled=True)
    cut.__suppress_context__ = True
    assert not is_transient(cut)
    first, second = RuntimeError("first"), RuntimeError("second")
    first.__cause__, second.__cause__ = second, first
    assert not is_transient(first)


def test_every_run_is_retried_once_and_from_its_beginning() -> None:
    for job in default_jobs():
        assert job.tags is not None
        assert RUN_RETRY_TAGS.items() <= job.tags.items()
    assert RUN_RETRY_TAGS == {"dagster/max_retries": "1", "dagster/retry_strategy": "ALL_STEPS"}


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.001)
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(instance: dg.DagsterInstance, fail: Callable[[int], None]) -> tuple[dg.ExecuteInProcessResult, int]:
    """Execute an op that calls `fail` with the number of the attempt; returns how many there were, too."""
    attempts = 0

    @dg.op
    @retry_transient_errors
    def work(context) -> int:  # type: ignore[no-untyped-def]
        nonlocal attempts
        attempts += 1
        assert context.retry_number == attempts - 1
        fail(attempts)
        return attempts

    @dg.job(tags=RUN_RETRY_TAGS)
    def working() -> None:
        work()

    result = working.execute_in_process(instance=instance, raise_on_error=False)
    return result, attempts


def tag_of(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> str | None:
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return run.tags.get("dagster/retry_on_asset_or_op_failure")


def test_a_transient_error_is_retried_until_it_is_gone(instance: dg.DagsterInstance) -> None:
    def fail(attempt: int) -> None:
        if attempt < 3:
            raise TimeoutError("slow")

    result, attempts = run(instance, fail)
    assert result.success
    assert (attempts, result.output_for_node("work")) == (3, 3)
    assert tag_of(instance, result) is None


def test_a_transient_error_that_persists_is_left_to_the_retry_of_the_run(instance: dg.DagsterInstance) -> None:
    def fail(attempt: int) -> None:
        raise TimeoutError(f"slow, for the {attempt}th time")

    result, attempts = run(instance, fail)
    assert attempts == 1 + STEP_RETRIES
    assert "slow, for the 4th time" in failure_of(result)
    assert tag_of(instance, result) == "true"


def test_a_permanent_error_is_retried_at_neither_level(instance: dg.DagsterInstance) -> None:
    def fail(_attempt: int) -> None:
        raise ValueError("wrong data")

    result, attempts = run(instance, fail)
    assert attempts == 1
    assert "wrong data" in failure_of(result)
    assert tag_of(instance, result) == "false"


def test_pauses_grow_and_differ() -> None:
    drawn = [[retries._pause(number) for _ in range(50)] for number in range(STEP_RETRIES)]
    for number, pauses in enumerate(drawn):
        assert all(0.5 * 3**number <= pause <= 3**number for pause in pauses)
        assert len(set(pauses)) > 1
    assert sum(max(pauses) for pauses in drawn) < 15, "a person at a terminal waits some seconds"


@pytest.mark.parametrize(("error", "will_retry"), [(TimeoutError("slow"), "true"), (ValueError("wrong"), "false")])
def test_what_dagster_decides(
    error: Exception, will_retry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.001)

    def fail(_attempt: int) -> None:
        raise error

    overrides = {"run_retries": {"enabled": True, "max_retries": 0}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as instance:
        result, _attempts = run(instance, fail)
        failed = instance.get_run_by_id(result.run_id)
        assert failed is not None
        assert failed.tags["dagster/will_retry"] == will_retry


def test_every_asset_is_decorated() -> None:
    definitions = build_defs(Settings(_env_file=None), [SampleSource()])
    assets = [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]
    assert len(assets) > 15
    ops = {op.name: op for asset in assets for op in ops_of(asset.node_def)}
    # It does nothing that could fail.
    del ops["sources_tried"]
    assert [name for name, op in ops.items() if not hasattr(op.compute_fn.decorated_fn, "__wrapped__")] == []


def ops_of(node: dg.OpDefinition | dg.GraphDefinition) -> list[Any]:
    return [node] if isinstance(node, dg.OpDefinition) else [each.definition for each in node.nodes]
