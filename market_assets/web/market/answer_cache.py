"""Answers to requests, made once for all who ask and kept until the next refresh."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from starlette.responses import Response

MOST_BYTES = 64 << 20
#: What an answer takes beside its body and its address, about.
_OVERHEAD = 2_000

#: The address that is asked for, and what else the answer depends on.
Key = tuple[str | bytes, ...]


class AnswerCache:
    """The answers that were made from one snapshot, which has the cache: a newer snapshot begins with none.

    For the event loop alone. An answer must not depend on who asks.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Keep the answers that were used last, up to so many bytes."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, Response] = OrderedDict()
        self._under_way: dict[Key, asyncio.Task[Response]] = {}

    async def answer(self, key: Key, make: Callable[[], Awaitable[Response]]) -> Response:
        """The answer to a request, which is never sent itself (`copied`): middleware adds headers to what is sent.

        Whoever asks while it is being made waits for the same one, and gets the same error; it is made to the end
        also when the first to ask has gone. Only successful answers are kept.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._under_way:
            task = asyncio.ensure_future(make())
            self._under_way[key] = task
            task.add_done_callback(lambda made: self._keep(key, made))
        return await asyncio.shield(self._under_way[key])

    def _keep(self, key: Key, made: asyncio.Task[Response]) -> None:
        del self._under_way[key]
        if made.cancelled() or made.exception() or made.result().status_code != 200:
            return
        self._kept[key] = made.result()
        self._bytes += _size(key, made.result())
        while self._bytes > self._most_bytes:
            self._bytes -= _size(*self._kept.popitem(last=False))


def copied(answer: Response, body: bytes | None = None) -> Response:
    """An answer to send, with the body of another or its own."""
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(bytes(answer.body) if body is None else body, answer.status_code, headers)


def _size(key: Key, answer: Response) -> int:
    return len(answer.body) + sum(map(len, key)) + _OVERHEAD
