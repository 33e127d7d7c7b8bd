"""An object store on this machine that speaks S3, for as long as a test needs it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import fsspec
import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a new bucket, found by whatever reads the environment as AWS's own programs do."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    url = f"s3://bucket-{uuid.uuid4().hex}"
    # A file system that was made for another store is remembered.
    fsspec.filesystem("s3").clear_instance_cache()
    fsspec.filesystem("s3").mkdir(url)
    yield url
    fsspec.filesystem("s3").clear_instance_cache()
    server.stop()
