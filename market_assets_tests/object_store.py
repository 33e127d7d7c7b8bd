"""An object store on this machine that speaks S3."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import cache

import fsspec
import pytest


@cache
def _address() -> str:
    """Of the store, which runs to the end of this process."""
    # Most processes that collect the tests run none that need it.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a new bucket, found by whatever reads the environment as AWS's own programs do."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", _address())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    url = f"s3://bucket-{uuid.uuid4().hex}"
    # A file system that was made for another store is remembered.
    fsspec.filesystem("s3").clear_instance_cache()
    fsspec.filesystem("s3").mkdir(url)
    yield url
    fsspec.filesystem("s3").clear_instance_cache()
