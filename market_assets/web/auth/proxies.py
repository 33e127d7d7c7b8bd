"""The client's address and scheme, where trusted proxies are in between."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]

#: Any of these, or of X-Forwarded-*, means that a proxy passed the request on.
_PROXY_HEADERS = ("forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip")


#: In `scope["state"]`, where the peer is in a network of trusted proxies: it may not say for whom it asks.
_PROXIED_KEY = "market_assets.proxied"


def is_loopback(scope: Scope) -> bool:
    """Whether the request comes from this machine and through no proxy."""
    client = scope.get("client")
    headers = Headers(scope=scope)
    return (
        client is not None
        and not scope.get("state", {}).get(_PROXIED_KEY)
        and _is_loopback_address(client[0])
        and not any(name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name in headers)
        # A page of another site may point its domain at this machine; it can't choose the Host header.
        and _is_loopback_host(headers.get("host", ""))
    )


def behind_proxies(app: ASGIApp, trusted: Networks) -> ASGIApp:
    """The application, with the client's address and scheme in its scope instead of the proxy's."""

    async def forwarded(scope: Scope, receive: Receive, send: Send) -> None:
        await app(seen_through(scope, trusted), receive, send)

    return forwarded


def seen_through(scope: Scope, trusted: Networks) -> Scope:
    """The scope with the client and the scheme that trusted proxies report.

    X-Forwarded-For is read from the right: each proxy appends the address that it saw, and only the addresses
    appended by trusted proxies can be believed.
    """
    client = scope.get("client")
    if not trusted or client is None or not is_in(client[0], trusted):
        return scope
    headers = Headers(scope=scope)
    changes: dict[str, Any] = {"state": {**scope.get("state", {}), _PROXIED_KEY: True}}
    hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",")]
    for hop in reversed(hops):
        if parse_address(hop) is None:
            break
        changes["client"] = (hop, 0)
        if not is_in(hop, trusted):
            break
    protocol = headers.get("x-forwarded-proto", "").split(",")[-1].strip().lower()
    if protocol in ("http", "https"):
        secure = protocol == "https"
        changes["scheme"] = {"http": ("http", "https"), "websocket": ("ws", "wss")}[scope["type"]][secure]
    return {**scope, **changes}


def parse_address(text: str) -> Address | None:
    """An IP address, an IPv4 one that is mapped into IPv6 as IPv4; None for any other text."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_in(text: str, networks: Networks) -> bool:
    address = parse_address(text)
    return address is not None and any(address in network for network in networks)


def _is_loopback_address(text: str) -> bool:
    address = parse_address(text)
    return address is not None and address.is_loopback


def _is_loopback_host(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name == "localhost" or _is_loopback_address(name.strip("[]"))
