"""Which errors are transient, and what is retried: the step at once, the run later, or neither.

After a transient error (a time-out, 429 or 5xx, a database that is locked or restarting) the step is retried, with
growing pauses. If the error persists, or if the process dies, Dagster's daemon starts the run again, once. What
would fail in the same way again (a wrong key, a full disk, a bug) is not retried at either level.

No `dg.RetryPolicy` is used: with one, Dagster repeats a step that someone has just cancelled.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import inspect
import random
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

import dagster as dg

#: How often a step is retried, and the longest pause before the first retry, in seconds; later ones are longer.
STEP_RETRIES = 3
FIRST_PAUSE_SECONDS = 1.0
_PAUSE_GROWTH = 3
RETRY_FAILED_STEPS_TAG = "dagster/retry_on_asset_or_op_failure"
MAX_RUN_RETRIES_TAG = "dagster/max_retries"
#: On a job whose run is started again, once, and from its beginning: all tables of a refresh are of the same time.
RUN_RETRY_TAGS = {MAX_RUN_RETRIES_TAG: "1", "dagster/retry_strategy": "ALL_STEPS"}
NO_RUN_RETRY_TAGS = {MAX_RUN_RETRIES_TAG: "0"}

_P = ParamSpec("_P")
_R = TypeVar("_R")

_TRANSIENT_ERRNOS = {
    *(errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ETIMEDOUT, errno.EPIPE, errno.ENOBUFS, errno.ESTALE),
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ENETUNREACH, errno.ENETDOWN),
    *(errno.ENETRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.EMFILE, errno.ENFILE),
}
_TRANSIENT_STATUSES = {408, 425, 429}
#: Errors of HTTP and cloud clients, whichever is installed, by the names that they share.
_TRANSIENT_NAMES = {"ConnectionError", "NetworkError", "Timeout", "TimeoutException", "RemoteProtocolError"}
#: PostgreSQL's SQLSTATE, or the first two characters of a class of them, which a full code overrides.
_SQL_STATES = {
    "53100": False,  # disk full
    "55P03": True,  # lock timeout
    "57P01": True,  # being shut down
    "57P02": True,  # crashed
    "57P03": True,  # starting up
    "08": True,  # connection lost
    "40": True,  # deadlock, serialization
    "53": True,  # out of connections or memory
}
#: Parts of drivers' messages; the permanent ones are searched first.
_PERMANENT_MESSAGES = (
    *("disk is full", "No space left", "readonly", "read-only", "Read-only", "Permission denied"),
    *("unable to open", "disk I/O", "authentication failed", "no pg_hba.conf entry", "does not exist"),
    *("could not translate host name", "invalid connection option"),
)
_TRANSIENT_MESSAGES = (
    *("is locked", "database is busy", "closed the connection", "terminating connection", "no connection to"),
    *("Failed to connect", "the database system is", "Connection refused", "timeout", "timed out"),
    *("deadlock detected", "too many clients", "remaining connection slots", "could not receive data"),
)


def is_transient(error: BaseException) -> bool:
    """Whether the same attempt may well succeed a little later.

    The outermost error of the chain that can be classified decides. Where none can, it is a bug or wrong data:
    not transient.
    """
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        verdict = _classified(each)
        if verdict is not None:
            return verdict
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return False


def retry_transient_errors(compute: Callable[Concatenate[Any, _P], _R]) -> Callable[Concatenate[Any, _P], _R]:
    """A decorator for the function of an asset or op, which is retried after transient errors and no others.

    The function's first argument is Dagster's context. The decorator goes below `@dg.asset` or `@dg.op`.
    """

    @functools.wraps(compute)
    def function(context: Any, *arguments: _P.args, **keywords: _P.kwargs) -> _R:
        with _retrying(context):
            return compute(context, *arguments, **keywords)

    @functools.wraps(compute)
    def generator(context: Any, *arguments: _P.args, **keywords: _P.kwargs) -> Iterator[Any]:
        with _retrying(context):
            yield from compute(context, *arguments, **keywords)  # type: ignore[misc]

    return generator if inspect.isgeneratorfunction(compute) else function  # type: ignore[return-value]


@contextlib.contextmanager
def _retrying(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> Iterator[None]:
    try:
        yield
    except dg.RetryRequested:
        raise
    except Exception as error:
        transient = is_transient(error)
        if transient and context.retry_number < STEP_RETRIES:
            pause = _pause(context.retry_number)
            context.log.warning(f"retried in {pause:.1f} s: {' '.join(str(error).split())}")
            raise dg.RetryRequested(max_retries=STEP_RETRIES, seconds_to_wait=pause) from error
        # Dagster's own database may be what failed; then the first error must not be hidden by a second one.
        with contextlib.suppress(Exception):
            context.instance.add_run_tags(context.run.run_id, {RETRY_FAILED_STEPS_TAG: str(transient).lower()})
        raise


def _pause(retry: int) -> float:
    longest: float = FIRST_PAUSE_SECONDS * _PAUSE_GROWTH**retry
    return longest * (0.5 + random.random() / 2)


def _classified(error: BaseException) -> bool | None:
    """Whether one error of a chain is transient; None where the error itself does not show it."""
    from market_assets.sources.protocol import SourceError
    from market_assets.store.database import StoreError, StoreUnavailableError

    if isinstance(error, SourceError):
        return not error.permanent
    if isinstance(error, StoreError):
        by_message = _by_message(error)
        return isinstance(error, StoreUnavailableError) if by_message is None else by_message
    if isinstance(error, dg.Failure):
        return None if error.allow_retries else False
    for classify in (_by_http_status, _by_sql_state, _by_errno):
        verdict = classify(error)
        if verdict is not None:
            return verdict
    if isinstance(error, TimeoutError | ConnectionError) or _names(error) & _TRANSIENT_NAMES:
        return True
    return _by_message(error) if "OperationalError" in _names(error) else None


def _by_http_status(error: BaseException) -> bool | None:
    """httpx, requests: `response.status_code`; urllib: `code`; cloud clients: a field of `response`."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if "HTTPError" in _names(error) and status is None:
        status = getattr(error, "code", None)
    if not isinstance(status, int) or status < 400:
        return None
    return status in _TRANSIENT_STATUSES or status >= 500


def _by_sql_state(error: BaseException) -> bool | None:
    state = getattr(error, "sqlstate", None)
    if not isinstance(state, str) or len(state) != 5:
        return None
    return _SQL_STATES.get(state, _SQL_STATES.get(state[:2], False))


def _by_errno(error: BaseException) -> bool | None:
    import socket

    if not isinstance(error, OSError) or not isinstance(error.errno, int):
        return None
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    return error.errno in _TRANSIENT_ERRNOS


def _by_message(error: BaseException) -> bool | None:
    text = str(error)
    if any(part in text for part in _PERMANENT_MESSAGES):
        return False
    return True if any(part in text for part in _TRANSIENT_MESSAGES) else None


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
