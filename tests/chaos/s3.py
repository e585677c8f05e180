"""An S3 server on this machine, in a process of its own, behind a proxy that fails on purpose."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from typing import Any, Self

from tests.chaos.faulty_proxy import FaultyProxy

_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class Bucket:
    """The bucket `chaos`, empty; `env` is what a run needs to reach it through the proxy."""

    def __init__(self, seed: int) -> None:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._address = f"http://127.0.0.1:{port}"
        serve = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
        quiet = subprocess.DEVNULL
        self._server = subprocess.Popen([sys.executable, "-c", serve], stdin=quiet, stdout=quiet, stderr=quiet)
        self._wait_for_it()
        self._files().mkdir("chaos")
        self.proxy = FaultyProxy(self._address, seed)
        self.env = {**_KEYS, "AWS_ENDPOINT_URL": self.proxy.url}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.proxy.close()
        self._server.kill()
        self._server.wait()

    def files(self, folder: str) -> dict[str, bytes]:
        """All objects below a folder, read past the proxy."""
        found = self._files()
        prefix = f"chaos/{folder}/"
        return {name.removeprefix(prefix): found.cat_file(name) for name in found.find(prefix)}

    def _files(self) -> Any:
        import s3fs

        return s3fs.S3FileSystem(
            key="test", secret="test", endpoint_url=self._address, skip_instance_cache=True, use_listings_cache=False
        )

    def _wait_for_it(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(self._address, timeout=5).close()
                return
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError):
                    return
                if time.monotonic() > deadline or self._server.poll() is not None:
                    raise
                time.sleep(0.1)
