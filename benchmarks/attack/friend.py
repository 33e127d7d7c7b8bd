"""A friendly client: what a person's browser and a program ask, ten times a second, and how long it takes."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from dataclasses import dataclass, field

import httpx

_PAUSE = 0.1
_GRAPHQL = {"query": "{ assetsOrError { ... on AssetConnection { nodes { key { path } } } } }"}
_REQUESTS: tuple[tuple[str, str, object], ...] = (
    ("GET", "/api/v1/market/summary", None),
    ("POST", "/graphql", _GRAPHQL),
    ("GET", "/api/v1/market/skills?limit=20", None),
    ("GET", "/api/admin/scheduler/jobs", None),
    ("GET", "/market", None),
    ("GET", "/health", None),
)


@dataclass
class Answers:
    """What came of some requests: the seconds each took, and what was wrong with the others."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98]


class Friend:
    """Asks in a thread of its own, one request after the other."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=60)
        self._requests = itertools.cycle(_REQUESTS)

    def ask_for(self, seconds: float) -> Answers:
        """Ask for some seconds."""
        answers, until = Answers(), time.monotonic() + seconds
        while time.monotonic() < until:
            self._ask(answers)
            time.sleep(_PAUSE)
        return answers

    def ask_until(self, over: threading.Event) -> Answers:
        """Ask until something is over."""
        answers = Answers()
        while not over.is_set():
            self._ask(answers)
            time.sleep(_PAUSE)
        return answers

    def close(self) -> None:
        self._client.close()

    def _ask(self, answers: Answers) -> None:
        method, path, body = next(self._requests)
        started = time.perf_counter()
        try:
            status = str(self._client.request(method, path, json=body).status_code)
        except httpx.TransportError as error:
            status = type(error).__name__
        answers.seconds.append(time.perf_counter() - started)
        # Health may be bad, and says so by 503.
        if status != "200" and (path, status) != ("/health", "503"):
            answers.failures.append(f"{path} {status}")
