"""Calls of the admin API that several test modules make, and a listener to its events."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from market_assets_tests.web.admin_process import SCHEDULER

EVENTS = f"{SCHEDULER}/events"
EXECUTION = {"run_id", "job_id", "func_name", "status", "started_at", "duration", "rows", "error", "triggered_by"}
#: Longer than anything takes, even on a busy machine.
PATIENCE = 300


def trigger(
    client: TestClient,
    job: str,
    body: Any = None,
    *,
    status: int = 202,
    key: str | None = None,
    wait: int | None = None,
) -> dict[str, Any]:
    answer = client.post(
        f"{SCHEDULER}/jobs/{job}/trigger",
        json=body,
        headers={"Idempotency-Key": key} if key else {},
        params={"wait": wait} if wait else {},
    )
    assert answer.status_code == status, answer.text
    content: dict[str, Any] = answer.json()
    return content


def executions(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{SCHEDULER}/executions", params=query)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert content.keys() == {"success", "executions", "count"}
    assert (content["success"], content["count"]) == (True, len(content["executions"]))
    assert all(execution.keys() == EXECUTION for execution in content["executions"])
    found: list[dict[str, Any]] = content["executions"]
    return found


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


class Listener:
    """A listener to the events, whose messages arrive in a thread of their own."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self._socket = socket
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, anyio.ClosedResourceError):
            while True:
                self._messages.put(self._socket.receive_json())

    def next(self, **wanted: Any) -> dict[str, Any]:
        """The next message of this content; others are passed over."""
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self._messages.get(timeout=max(0.1, deadline - time.monotonic()))
            if wanted.items() <= message.items():
                return message


@contextlib.contextmanager
def listening(client: TestClient, **headers: str) -> Iterator[Listener]:
    with client.websocket_connect(EVENTS, headers=headers) as socket:
        yield Listener(socket)
