"""Ports for servers that are told where to listen."""

from __future__ import annotations

import contextlib
import random
import socket

#: Below the ports that Linux gives to outgoing connections, one of which might take it before the server does.
_RANGE = (10_000, 32_000)


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    # Hypothesis seeds the usual generator, in each process of the tests alike.
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(*_RANGE)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
