"""Servers on this machine: S3, with and without a proxy that fails, and a web server."""

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from dspipe.pipeline.storage import patience
from dspipe.pipeline.storage.store import Store
from tests.chaos.faulty_proxy import FaultyProxy
from tests.pipeline.storage.web_server import WebServer


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server with an empty bucket `bucket`."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = server.ThreadedMotoServer("127.0.0.1", port, verbose=False)
    running.start()
    address = f"http://127.0.0.1:{port}"
    with environment(address):
        client().create_bucket(Bucket="bucket")
    yield address
    running.stop()


@pytest.fixture
def s3(s3_server: str) -> Iterator[Any]:
    """The server's file system, as s3fs opens it."""
    import s3fs

    with environment(s3_server):
        yield s3fs.S3FileSystem(use_listings_cache=False)


@pytest.fixture
def proxy(s3_server: str) -> Iterator[FaultyProxy]:
    """A proxy to the server that everybody uses; it has no faults until it is given some."""
    with FaultyProxy(s3_server, seed=7) as proxy, environment(proxy.url):
        patience.forget_answers()
        with patience.patient(120):  # on a busy machine the first answer may take its time
            Store("s3://bucket").exists("nothing")
        yield proxy


@pytest.fixture
def slow_to_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short patience without short time-outs: a busy machine is no fault."""
    monkeypatch.setattr(patience.Patience, "read_timeout", 20.0)
    monkeypatch.setattr(patience.Patience, "connect_timeout", 20.0)


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server without files."""
    pytest.importorskip("aiohttp")
    web = WebServer()
    yield web
    web.server.shutdown()
    web.server.server_close()


@contextlib.contextmanager
def environment(address: str) -> Iterator[None]:
    """Variables that make clients use a server on this machine."""
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    _forget_clients()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        _forget_clients()


def client() -> Any:
    """A plain client of the server."""
    import botocore.session

    return botocore.session.get_session().create_client("s3")


def _forget_clients() -> None:
    # fsspec keeps a client for each set of options, and the address is none of them
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
