"""Where a request comes from, when proxies may stand between: whom to believe."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]

#: Any of these means that a proxy passed the request on, whoever that is.
_PASSED_ON = ("forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip")


def is_proxied(headers: Headers) -> bool:
    return any(name in _PASSED_ON or name.startswith("x-forwarded-") for name in headers)


def is_loopback(scope: Scope) -> bool:
    """Whether the request comes from this machine and through no proxy."""
    client = scope.get("client")
    headers = Headers(scope=scope)
    return (
        client is not None
        and _is_loopback_address(client[0])
        and not is_proxied(headers)
        # A page of elsewhere may point a name of its own at this machine; it can't choose the Host header.
        and _is_loopback_host(headers.get("host", ""))
    )


def behind_proxies(app: ASGIApp, trusted: Networks) -> ASGIApp:
    """The application, told of the client's own address and scheme."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app(seen_through(scope, trusted), receive, send)

    return told


def seen_through(scope: Scope, trusted: Networks) -> Scope:
    """The scope with the client and the scheme that trusted proxies tell of.

    X-Forwarded-For is read from the right: each proxy adds the address that it saw itself, and only the
    addresses added by trusted ones are worth anything.
    """
    client = scope.get("client")
    if not trusted or client is None or not _is_in(client[0], trusted):
        return scope
    headers = Headers(scope=scope)
    changes: dict[str, Any] = {}
    hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",")]
    for hop in reversed(hops):
        if not _is_address(hop):
            break
        changes["client"] = (hop, 0)
        if not _is_in(hop, trusted):
            break
    protocol = headers.get("x-forwarded-proto", "").split(",")[-1].strip().lower()
    if protocol in ("http", "https"):
        secure = protocol == "https"
        changes["scheme"] = {"http": ("http", "https"), "websocket": ("ws", "wss")}[scope["type"]][secure]
    return {**scope, **changes}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(text: str, networks: Networks) -> bool:
    if not _is_address(text):
        return False
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)


def _is_loopback_address(text: str) -> bool:
    if not _is_address(text):
        return False
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _is_loopback_host(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name == "localhost" or _is_loopback_address(name.strip("[]"))
