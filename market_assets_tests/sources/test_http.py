"""The HTTP client against a real server that behaves and then doesn't."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest
from board_server import Answer, BoardServer, Waiting

from market_assets.sources import http_client, network
from market_assets.sources.http_client import HttpLimits
from market_assets.sources.protocol import Request, SourceError

FINE = Answer(b'{"jobs": []}')
SECRET = "s3cr3t/+key"


def test_a_request_carries_its_parameters_and_who_asks(server: BoardServer, make_client: Any) -> None:
    url = server.serve("/jobs", FINE)
    request = Request(f"{url}?a=1", {"b": "two words"}, {"X-Host": "x"}, {"key": SECRET}, {"X-Key": "k2"})

    assert make_client().get(request) == FINE.body

    (asked,) = server.asked
    assert asked.query == {"a": "1", "b": "two words", "key": SECRET}
    assert (asked.headers["x-host"], asked.headers["x-key"]) == ("x", "k2")
    assert asked.headers["user-agent"].startswith("market-assets/")
    assert "gzip" in asked.headers["accept-encoding"]


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_answers(
    server: BoardServer, make_client: Any, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    url = server.serve("/jobs", Answer(compress(FINE.body), headers={"Content-Encoding": encoding}))
    assert make_client().get(Request(url)) == FINE.body


# Trying again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "waited"),
    [
        ("7", 7.0),
        ("Sun, 16 Aug 2026 12:00:45 GMT", 45.0),
        ("Sun, 16 Aug 2026 11:00:00 GMT", 0.0),
        ("soon", 1.0),
        (None, 1.0),
    ],
)
def test_retry_after_is_obeyed(
    server: BoardServer, make_client: Any, waiting: Waiting, stated: str | None, waited: float
) -> None:
    headers = {"Retry-After": stated} if stated else {}
    url = server.serve("/jobs", Answer(b"slow down", 429, headers), FINE)
    assert make_client().get(Request(url)) == FINE.body
    assert waiting.waits == [waited]


def test_a_server_that_asks_to_wait_for_an_hour_is_left_alone(
    server: BoardServer, make_client: Any, waiting: Waiting
) -> None:
    url = server.serve("/jobs", Answer(b"", 503, {"Retry-After": "3600"}))
    with pytest.raises(
        SourceError, match=r"/jobs: HTTP 503 Service Unavailable, and it asks to wait 3,600 s"
    ) as caught:
        make_client().get(Request(url))
    assert not caught.value.permanent
    assert (waiting.waits, len(server.asked)) == ([], 1)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(server: BoardServer, make_client: Any, waiting: Waiting, status: int) -> None:
    url = server.serve("/jobs", Answer(b"", status), Answer(b"", status), FINE)
    assert make_client().get(Request(url)) == FINE.body
    assert waiting.waits == [1.0, 2.0]


def test_what_does_not_pass_ends(server: BoardServer, make_client: Any, waiting: Waiting) -> None:
    url = server.serve("/jobs", Answer(b"", 500))
    with pytest.raises(SourceError, match=r"/jobs: HTTP 500 Internal Server Error, 4 times$") as caught:
        make_client().get(Request(url))
    assert not caught.value.permanent
    assert (waiting.waits, len(server.asked)) == ([1.0, 2.0, 4.0], 4)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 451])
def test_what_will_not_pass_is_not_tried_again(server: BoardServer, make_client: Any, status: int) -> None:
    url = server.serve("/jobs", Answer(SECRET.encode(), status), FINE)
    with pytest.raises(SourceError, match=f"HTTP {status}") as caught:
        make_client().get(Request(url, secret_params={"key": SECRET}, key_names=("BOARD_KEY",)))
    assert caught.value.permanent
    assert len(server.asked) == 1
    assert ("see BOARD_KEY" in str(caught.value)) == (status in (401, 403))


def test_backoff_varies_by_half(make_client: Any) -> None:
    client = make_client(backoff=10.0, longest_wait=25.0)
    assert [client._wait_after(attempt, None) for attempt in (1, 2, 3, 9)] == [10.0, 20.0, 25.0, 25.0]
    client._jitter = lambda: 0.0
    assert [client._wait_after(attempt, None) for attempt in (1, 2, 3, 9)] == [5.0, 10.0, 12.5, 12.5]


@pytest.mark.parametrize("fault", ["cut", "hang_up"])
def test_a_connection_that_breaks(server: BoardServer, make_client: Any, fault: str) -> None:
    broken = getattr(server, fault)
    url = server.serve("/jobs", broken, FINE)
    assert make_client().get(Request(url)) == FINE.body
    server.serve("/jobs", broken)
    with pytest.raises(SourceError, match=r"/jobs: .+, 4 times$") as caught:
        make_client().get(Request(url))
    assert not caught.value.permanent


def test_a_stall_ends_after_the_read_timeout(server: BoardServer, make_client: Any) -> None:
    url = server.serve("/jobs", server.stall)
    with pytest.raises(SourceError, match=r"/jobs: no answer in time, 2 times$") as caught:
        make_client(read=0.1, attempts=2).get(Request(url))
    assert not caught.value.permanent


SLOW = {
    "header": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "chunk extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    # A gzip header with a file name that does not end.
    "gzip header": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff",
        b"a",
    ),
}


@pytest.mark.parametrize("through", ["direct", "proxy"])
@pytest.mark.parametrize("pause", [0.0, 0.02])
@pytest.mark.parametrize("kind", SLOW)
def test_an_answer_that_never_ends_is_ended_at_the_deadline(
    server: BoardServer, make_client: Any, monkeypatch: pytest.MonkeyPatch, kind: str, pause: float, through: str
) -> None:
    hung_up = threading.Event()

    def for_ever(handler: Any) -> None:
        beginning, piece = SLOW[kind]
        try:
            handler.wfile.write(beginning)
            while not server.over.wait(pause):
                handler.wfile.write(piece)
        except OSError:
            hung_up.set()
            raise

    url = server.serve("/jobs", for_ever)
    if through == "proxy":
        monkeypatch.setenv("HTTP_PROXY", server.url)
        url = "http://jobs.example/jobs"
    client = make_client(total=0.5, attempts=1, clock=time.monotonic)
    # Some of them have other limits, which are reached sooner at full speed.
    with pytest.raises(SourceError, match=r"the answer took longer than 0\.5 s, 1 times|Receive buffer too long"):
        client.get(Request(url))
    assert hung_up.wait(300), "the connection was closed"


def test_the_deadline_is_for_each_attempt(server: BoardServer, make_client: Any, waiting: Waiting) -> None:
    def slow(handler: Any) -> None:
        waiting.seconds += 50
        Answer(b"", 500)(handler)

    url = server.serve("/jobs", slow, slow, slow, FINE)
    assert make_client(total=60.0).get(Request(url)) == FINE.body


def test_nobody_listens(make_client: Any, waiting: Waiting) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/jobs"
    with pytest.raises(SourceError, match=r"refused, 4 times$") as caught:
        make_client().get(Request(url))
    assert not caught.value.permanent
    assert len(waiting.waits) == 3


@pytest.mark.parametrize(
    "url", ["https://", "http://a b/", "ftp://x.example/", "http://[::1", "nonsense", "http://x:99999/"]
)
def test_addresses_that_are_none(make_client: Any, url: str) -> None:
    with pytest.raises(SourceError):
        make_client(attempts=1).get(Request(url))


# Size -----------------------------------------------------------------------------------------------------


def test_a_body_of_2_gb_is_not_begun(server: BoardServer, make_client: Any) -> None:
    url = server.serve("/jobs", Answer(b"x" * 1_000, headers={"Content-Length": "2000000000"}))
    with pytest.raises(SourceError, match=r"/jobs: the answer is larger than 5 MB and was cut off") as caught:
        make_client().get(Request(url))
    assert caught.value.permanent
    assert len(server.asked) == 1


def test_an_endless_body_is_cut_off(server: BoardServer, make_client: Any) -> None:
    url = server.serve("/jobs", server.endless)
    with pytest.raises(SourceError, match="larger than 5 MB"):
        make_client().get(Request(url))
    server.over.set()
    assert server.sent < 100_000_000


def test_a_gzip_bomb_is_cut_off(server: BoardServer, make_client: Any) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    url = server.serve("/jobs", Answer(bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SourceError, match="larger than 5 MB"):
        make_client().get(Request(url))
    url = server.serve("/twice", Answer(gzip.compress(bomb), headers={"Content-Encoding": "gzip, gzip"}))
    with pytest.raises(SourceError, match="compressed more than once"):
        make_client().get(Request(url))


def test_a_body_of_just_the_limit_is_taken(server: BoardServer, make_client: Any) -> None:
    url = server.serve("/jobs", Answer(b"x" * 1_000))
    assert len(make_client(largest=1_000).get(Request(url))) == 1_000
    with pytest.raises(SourceError, match="larger"):
        make_client(largest=999).get(Request(url))


# Redirects ------------------------------------------------------------------------------------------------


def test_redirects_are_followed_but_not_for_ever(server: BoardServer, make_client: Any) -> None:
    server.serve("/new", FINE)
    url = server.serve("/old", Answer(status=301, headers={"Location": "/new"}))
    assert make_client().get(Request(url)) == FINE.body
    url = server.serve("/loop", Answer(status=302, headers={"Location": "/loop"}))
    server.asked.clear()
    with pytest.raises(SourceError, match="redirects more than 5 times"):
        make_client().get(Request(url))
    assert len(server.asked) == 6


@pytest.fixture
def other() -> Iterator[BoardServer]:
    other = BoardServer()
    yield other
    other.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "me@127.0.0.1"])
def test_a_redirect_to_another_host_or_port_is_not_followed(
    server: BoardServer, other: BoardServer, make_client: Any, host: str
) -> None:
    target = other.serve("/elsewhere", FINE).replace("127.0.0.1", host)
    url = server.serve("/jobs", Answer(status=302, headers={"Location": f"{target}?key={SECRET}"}))
    with pytest.raises(
        SourceError, match=r"/jobs: it redirects to another host or port, http://[a-z0-9.]+:\d+/,"
    ) as error:
        make_client().get(Request(url))
    assert error.value.permanent
    assert SECRET not in str(error.value)
    assert other.asked == []


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("http://a.example/x", "https://a.example/y", True),
        ("http://a.example/x", "http://A.example:80/y", True),
        ("https://a.example:8443/x", "https://a.example:8443/y", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("http://a.example:8080/x", "https://a.example/x", False),
        ("http://a.example/x", "https://a.example:8443/x", False),
        ("https://a.example/x", "https://www.a.example/x", False),
        ("https://a.example/x", "https://a.example./x", False),
    ],
)
def test_which_redirects_stay_at_the_host(before: str, after: str, same: bool) -> None:
    assert http_client._same_host(httpx.URL(before), httpx.URL(after)) == same


# Private addresses ----------------------------------------------------------------------------------------

Resolver = Callable[..., None]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """Give the name feed.example addresses, the next ones each time that it is asked for."""
    usual = socket.getaddrinfo

    def give(*answers: Sequence[str]) -> None:
        left = list(answers)

        def getaddrinfo(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
            if host != "feed.example":
                return usual(host, port, *arguments, **options)
            return [each for address in left.pop(0) for each in usual(address, port, type=socket.SOCK_STREAM)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return give


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["198.51.100.7", "127.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    server: BoardServer, make_client: Any, resolve: Resolver, addresses: list[str]
) -> None:
    url = server.serve("/jobs", FINE).replace("127.0.0.1", "feed.example")
    resolve(addresses)
    with pytest.raises(SourceError, match=r"/jobs: feed\.example is at \S+, which is not on the public") as caught:
        make_client().get(Request(url))
    assert caught.value.permanent
    assert server.asked == []


def test_an_address_that_an_answer_names_is_not_connected_to(server: BoardServer, make_client: Any) -> None:
    url = server.serve("/jobs", FINE)
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
        with pytest.raises(SourceError, match=r"which is not on the public internet|refused"):
            make_client(private_hosts=(), attempts=1).get(Request(url.replace("127.0.0.1", host)))
    assert server.asked == []


def test_a_redirect_after_which_the_name_leads_elsewhere(
    server: BoardServer, make_client: Any, resolve: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "is_private", lambda address: address == "127.0.0.2")
    resolve(["127.0.0.1"], ["127.0.0.2"])
    redirect = Answer(status=302, headers={"Location": "/admin", "Connection": "close"})
    url = server.serve("/jobs", redirect).replace("127.0.0.1", "feed.example")
    server.serve("/admin", FINE)
    with pytest.raises(SourceError, match=r"feed\.example is at 127\.0\.0\.2"):
        make_client(private_hosts=()).get(Request(url))
    assert [asked.path for asked in server.asked] == ["/jobs"]


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    server: BoardServer, make_client: Any, resolve: Resolver
) -> None:
    """A name that is asked for twice may lead elsewhere the second time."""
    url = server.serve("/jobs", FINE).replace("127.0.0.1", "feed.example")
    resolve(["127.0.0.1"])
    assert make_client(private_hosts=["feed.example"]).get(Request(url)) == FINE.body
    assert server.asked[0].headers["host"].startswith("feed.example:")


def test_the_next_address_is_tried_where_one_does_not_answer(
    server: BoardServer, make_client: Any, resolve: Resolver
) -> None:
    url = server.serve("/jobs", FINE).replace("127.0.0.1", "feed.example")
    resolve(["::1", "127.0.0.1"])
    assert make_client(private_hosts=["feed.example"]).get(Request(url)) == FINE.body


def test_a_proxy_of_the_environment_may_be_private(
    server: BoardServer, make_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("/jobs", FINE)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    assert make_client(private_hosts=()).get(Request("http://jobs.example/jobs")) == FINE.body


@pytest.mark.parametrize(
    ("address", "private"),
    [
        *((each, True) for each in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1")),
        *((each, True) for each in ("127.9.9.9", "0.0.0.0", "::1", "::", "fe80::1%eth0", "fd00::1")),
        *((each, True) for each in ("::ffff:10.0.0.1", "240.0.0.1", "255.255.255.255")),
        *((each, False) for each in ("8.8.8.8", "2606:4700::1111", "172.32.0.1")),
    ],
)
def test_which_addresses_are_private(address: str, private: bool) -> None:
    assert network.is_private(address) == private


# Secrets --------------------------------------------------------------------------------------------------


def test_no_secret_in_body_log_or_error(
    server: BoardServer, make_client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = Request(
        server.serve(
            "/jobs", Answer(status=500), Answer(b'["s3cr3t/+key", "s3cr3t\\/+key", "s3cr3t%2F%2Bkey"]')
        ).replace("http://", "http://me:passw0rd@"),
        secret_params={"app_key": SECRET},
        secret_headers={"X-Key": "header-secret"},
    )
    assert make_client().get(request) == b'["***", "***", "***"]'
    server.serve("/jobs", Answer(status=403))
    with pytest.raises(SourceError) as caught:
        make_client().get(request)

    said = caplog.text + str(caught.value) + repr(request.secret_params and caught.value)
    assert "next attempt" in caplog.text
    assert "HTTP Request: GET" in caplog.text
    for secret in (SECRET, "s3cr3t", "header-secret", "passw0rd", "app_key"):
        assert secret not in said
    assert SECRET not in repr(Request("https://x.example", secret_params={"a": SECRET}))


# Politeness -----------------------------------------------------------------------------------------------


def test_requests_to_one_host_keep_their_distance(server: BoardServer, make_client: Any, waiting: Waiting) -> None:
    client = make_client(pause=2.0)
    url = server.serve("/jobs", FINE)
    for _ in range(3):
        client.get(Request(url))
    assert waiting.waits == [2.0, 2.0]
    waiting.seconds += 10
    client.get(Request(url))
    client.get(Request(url.replace("127.0.0.1", "localhost")))
    assert waiting.waits == [2.0, 2.0]


def test_the_usual_limits_reach_httpx(make_client: Any) -> None:
    limits = HttpLimits()
    assert make_client(read=limits.read, connect=limits.connect)._http.timeout == httpx.Timeout(30.0, connect=10.0)
