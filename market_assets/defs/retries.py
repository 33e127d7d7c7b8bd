"""Which failures pass by themselves, and what is tried again: the step at once, the run later, or neither.

A passing error (a time-out, 429 or 5xx, a database that is locked or restarting) is tried again inside the step,
with growing pauses. If it stays, or if the process dies, Dagster's daemon starts the run again, once. What would
fail in the same way again (a wrong key, a full disk, a bug) is not tried again at either level.

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

#: How often a step is tried again, and the longest pause before the first of those; each further one is longer.
STEP_RETRIES = 3
FIRST_PAUSE_SECONDS = 1.0
_PAUSE_GROWTH = 3
RETRY_FAILED_STEPS_TAG = "dagster/retry_on_asset_or_op_failure"
MAX_RUN_RETRIES_TAG = "dagster/max_retries"
NO_RUN_RETRY_TAGS = {MAX_RUN_RETRIES_TAG: "0"}

_P = ParamSpec("_P")
_R = TypeVar("_R")

_PASSING_NUMBERS = {
    *(errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ETIMEDOUT, errno.EPIPE, errno.ENOBUFS, errno.ESTALE),
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ENETUNREACH, errno.ENETDOWN),
    *(errno.ENETRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.EMFILE, errno.ENFILE),
}
_PASSING_STATUSES = {408, 425, 429}
#: Errors of HTTP and cloud clients, whichever is installed, by the names that they share.
_PASSING_NAMES = {"ConnectionError", "NetworkError", "Timeout", "TimeoutException", "RemoteProtocolError"}
#: PostgreSQL's SQLSTATE, or the first two characters of a class of them. What is longer goes first.
_STATES = {
    "53100": False,  # disk full
    "55P03": True,  # a lock was not to be had in time
    "57P01": True,  # being shut down
    "57P02": True,  # crashed
    "57P03": True,  # starting up
    "08": True,  # connection lost
    "40": True,  # deadlock, serialization
    "53": True,  # out of connections or memory
}
#: What drivers say of a failure that lasts; looked for before what they say of one that passes.
_LASTING_WORDS = (
    *("disk is full", "No space left", "readonly", "read-only", "Read-only", "Permission denied"),
    *("unable to open", "disk I/O", "authentication failed", "no pg_hba.conf entry", "does not exist"),
    *("could not translate host name", "invalid connection option"),
)
_PASSING_WORDS = (
    *("is locked", "database is busy", "closed the connection", "terminating connection", "no connection to"),
    *("Failed to connect", "the database system is", "Connection refused", "timeout", "timed out"),
    *("deadlock detected", "too many clients", "remaining connection slots", "could not receive data"),
)


def passes(error: BaseException) -> bool:
    """Whether the same attempt may well succeed a little later.

    The outermost error of the chain that tells decides; where none does, it is a bug or wrong data, and stays.
    """
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        verdict = _verdict(each)
        if verdict is not None:
            return verdict
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return False


def run_retry_tags() -> dict[str, str]:
    """The tags of a job whose run is started again, once and from its beginning.

    From the beginning, because all tables of a refresh are to be about the same moment.
    """
    return {MAX_RUN_RETRIES_TAG: "1", "dagster/retry_strategy": "ALL_STEPS"}


def failing_well(compute: Callable[Concatenate[Any, _P], _R]) -> Callable[Concatenate[Any, _P], _R]:
    """A decorator for what an asset or op executes: its passing errors are tried again, its lasting ones are not.

    The function's first argument is Dagster's context. It goes below `@dg.asset` or `@dg.op`.
    """

    @functools.wraps(compute)
    def function(context: Any, *arguments: _P.args, **keywords: _P.kwargs) -> _R:
        with _sorted_failures(context):
            return compute(context, *arguments, **keywords)

    @functools.wraps(compute)
    def generator(context: Any, *arguments: _P.args, **keywords: _P.kwargs) -> Iterator[Any]:
        with _sorted_failures(context):
            yield from compute(context, *arguments, **keywords)  # type: ignore[misc]

    return generator if inspect.isgeneratorfunction(compute) else function  # type: ignore[return-value]


@contextlib.contextmanager
def _sorted_failures(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> Iterator[None]:
    try:
        yield
    except dg.RetryRequested:
        raise
    except Exception as error:
        passing = passes(error)
        if passing and context.retry_number < STEP_RETRIES:
            pause = _pause(context.retry_number)
            context.log.warning(f"tried again in {pause:.1f} s: {' '.join(str(error).split())}")
            raise dg.RetryRequested(max_retries=STEP_RETRIES, seconds_to_wait=pause) from error
        # Dagster's own database may be what failed; then the first error is the one to be seen.
        with contextlib.suppress(Exception):
            context.instance.add_run_tags(context.run.run_id, {RETRY_FAILED_STEPS_TAG: str(passing).lower()})
        raise


def _pause(retry: int) -> float:
    longest: float = FIRST_PAUSE_SECONDS * _PAUSE_GROWTH**retry
    return longest * (0.5 + random.random() / 2)


def _verdict(error: BaseException) -> bool | None:
    """What one error of a chain tells by itself; None where it tells nothing."""
    from market_assets.sources.protocol import SourceError
    from market_assets.store.database import StoreError, StoreUnavailableError

    if isinstance(error, SourceError):
        return not error.permanent
    if isinstance(error, StoreError):
        worded = _by_words(error)
        return isinstance(error, StoreUnavailableError) if worded is None else worded
    if isinstance(error, dg.Failure):
        return None if error.allow_retries else False
    for tell in (_by_http_status, _by_sql_state, _by_number):
        verdict = tell(error)
        if verdict is not None:
            return verdict
    if isinstance(error, TimeoutError | ConnectionError) or _names(error) & _PASSING_NAMES:
        return True
    return _by_words(error) if "OperationalError" in _names(error) else None


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
    return status in _PASSING_STATUSES or status >= 500


def _by_sql_state(error: BaseException) -> bool | None:
    state = getattr(error, "sqlstate", None)
    if not isinstance(state, str) or len(state) != 5:
        return None
    return _STATES.get(state, _STATES.get(state[:2], False))


def _by_number(error: BaseException) -> bool | None:
    import socket

    if not isinstance(error, OSError) or not isinstance(error.errno, int):
        return None
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    return error.errno in _PASSING_NUMBERS


def _by_words(error: BaseException) -> bool | None:
    text = str(error)
    if any(words in text for words in _LASTING_WORDS):
        return False
    return True if any(words in text for words in _PASSING_WORDS) else None


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
