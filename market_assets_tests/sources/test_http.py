"""The HTTP client against a real server that behaves and then doesn't."""

from __future__ import annotations

import gzip
import logging
import socket
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from board_server import Answer, BoardServer, Waiting

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


def test_an_answer_that_drips_ends_after_the_total_timeout(
    server: BoardServer, make_client: Any, waiting: Waiting
) -> None:
    def drip(handler: Any) -> None:
        waiting.seconds += 100
        Answer(b"x")(handler)

    url = server.serve("/jobs", drip)
    with pytest.raises(SourceError, match=r"the answer took longer than 60 s, 2 times$"):
        make_client(total=60.0, attempts=2).get(Request(url))


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


def test_a_key_does_not_follow_a_redirect_to_another_host(server: BoardServer, make_client: Any) -> None:
    other = BoardServer()
    try:
        target = other.serve("/steal", FINE)
        url = server.serve("/jobs", Answer(status=302, headers={"Location": target}))
        assert make_client().get(Request(url)) == FINE.body
        other.asked.clear()
        with pytest.raises(SourceError, match="another host, which may not get the key"):
            make_client().get(Request(url, secret_headers={"X-Key": SECRET}))
        assert other.asked == []
    finally:
        other.close()


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
