"""Connections that end at a deadline, and that only lead to public addresses.

A server may keep within every timeout for ever, with one byte of a header at a time. And its name may lead
anywhere: the addresses that it has are checked, and no others are connected to, even if it leads elsewhere by then.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address
from typing import Any

import httpcore


class PrivateAddressError(ValueError):
    """A host is at a private address."""


def is_private(address: str) -> bool:
    """Whether an IP address is not one of the public internet: loopback, private, link-local, shared, reserved.

    Raises:
        ValueError: it is no IP address.
    """
    return not ip_address(address.partition("%")[0]).is_global


class Deadline:
    """A time by which what this thread does must end; other threads have their own.

    Args:
        clock: seconds that never decrease.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._thread = clock, threading.local()

    def begin(self, seconds: float) -> None:
        """Set it some seconds from now."""
        self._thread.at = self._clock() + seconds

    @property
    def is_over(self) -> bool:
        return self._clock() >= float(self._thread.at)

    def at_most(self, timeout: float | None) -> float:
        """A timeout that does not reach beyond the deadline.

        Raises:
            httpcore.ReadTimeout: it is over.
        """
        left = float(self._thread.at) - self._clock()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left if timeout is None else min(timeout, left)


class Network(httpcore.SyncBackend):
    """Connects for httpcore.

    Args:
        deadline: when every connection ends.
        private_hosts: the hosts that may be at private addresses; None for any host.
    """

    def __init__(self, deadline: Deadline, private_hosts: Collection[str] | None) -> None:
        self._deadline, self._private_hosts = deadline, private_hosts

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers.

        Raises:
            PrivateAddressError: one of its addresses is private, and it is none of the private hosts.
        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            try:
                seconds = self._deadline.at_most(timeout)
                found = super().connect_tcp(address, port, seconds, local_address, socket_options)
                return _Stream(found, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        if self._private_hosts is not None and host not in self._private_hosts:
            for address in filter(is_private, addresses):
                raise PrivateAddressError(
                    f"{host} is at {address}, which is not on the public internet; if that is as it should be, "
                    "set `private_network: true` for the source"
                )
        return addresses


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.at_most(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.at_most(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.at_most(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
