"""A reverse proxy that fails on purpose: between a run and the storage (an S3 server, a web server) it injects faults,
the same for the same seed, and counts what was asked for.

    with FaultyProxy("http://127.0.0.1:5000", seed=1) as proxy:
        os.environ["AWS_ENDPOINT_URL"] = proxy.url
        proxy.shares = {"reset": 0.1, "slow_down": 0.1, "hang": 0.02}     # of all requests, from now on
        ...
        proxy.shares = {"forbidden": 1.0}                                 # minutes of 403
        ...
        proxy.shares = {}
        with proxy.away():                                                # connections are refused
            ...
        print(proxy.requests, proxy.injected)

Which fault a request meets follows from the seed, the request (method, address, range) and how often it was made, not
from the order in which requests arrive: so a test fails again as it failed.
"""

import contextlib
import hashlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Fault = Literal["slow_down", "internal_error", "forbidden", "reset", "cut", "lost", "hang"]
"""slow_down, internal_error, forbidden   answers 503, 500 and 403 in S3's words, the request isn't passed on
reset   the connection is reset, the request isn't passed on
lost    the request is carried out, and the connection reset before its answer
cut     half of the answer's body, then the connection is closed
hang    nothing is answered for `hang_seconds`, then the connection is reset"""

_ANSWERS: Mapping[str, tuple[int, str, str]] = {
    "slow_down": (503, "SlowDown", "Please reduce your request rate."),
    "internal_error": (500, "InternalError", "We encountered an internal error. Please try again."),
    "forbidden": (403, "AccessDenied", "Access Denied"),
}
_OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class FaultyProxy:
    """Passes requests on to `target` (http://host:port). Everything may be changed while it runs.

    shares        how much of the requests meets which fault, each from 0 to 1, together 1 at most
    chosen        if given, only requests of which chosen(method, address) is true meet faults
    hang_seconds  how long a connection hangs
    retry_after   seconds in the `Retry-After` of a 503; None: none
    requests      how many came in, by method ("GET", "GET range", "LIST", ...), those that met a fault too
    injected      how many met a fault, by fault; "refused" counts the times that the server was away
    """

    def __init__(self, target: str, seed: int = 0) -> None:
        place = urlsplit(target)
        self.target = (place.hostname or "127.0.0.1", place.port or 80)
        self.seed = seed
        self.shares: Mapping[Fault, float] = {}
        self.chosen: Callable[[str, str], bool] | None = None
        self.hang_seconds = 30.0
        self.retry_after: float | None = None
        self.requests: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()
        self.addresses: list[tuple[str, str]] = []
        """method and address of every request, in the order of arrival"""
        self._times: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._ended = threading.Event()
        self._server = self._listen(0)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop, and end every connection."""
        self._ended.set()
        self.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def leave(self) -> None:
        """Be away: connections that are open are reset, new ones are refused."""
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            _reset(connection)

    def come_back(self) -> None:
        """Listen again, at the same address."""
        self._server = self._listen(self.port)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Away while the block runs."""
        self.injected["refused"] += 1
        self.leave()
        try:
            yield
        finally:
            self.come_back()

    # what its connections ask

    def fault(self, method: str, address: str, range: str) -> Fault | None:
        """The fault that a request meets now."""
        with self._lock:
            self.requests[_kind(method, address, range)] += 1
            self.addresses.append((method, address))
            request = f"{method} {address} {range}"
            self._times[request] += 1
            if not self.shares or (self.chosen is not None and not self.chosen(method, address)):
                return None
            digest = hashlib.blake2b(f"{self.seed} {self._times[request]} {request}".encode(), digest_size=8).digest()
            at = int.from_bytes(digest, "little") / 2**64
            for fault, share in self.shares.items():
                if at < share:
                    self.injected[fault] += 1
                    return fault
                at -= share
            return None

    def hang(self) -> None:
        """Wait as long as a connection hangs."""
        self._ended.wait(self.hang_seconds)

    def opened(self, connection: socket.socket) -> None:
        """A connection was made."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """A connection has ended."""
        with self._lock:
            self._open.discard(connection)

    def _listen(self, port: int) -> ThreadingHTTPServer:
        proxy = self

        class Connection(_Connection):
            pass

        Connection.proxy = proxy
        deadline = time.monotonic() + 30
        while True:
            try:
                server = _Server(("127.0.0.1", port), Connection)
                break
            except OSError:  # another process was given the port as its own end of a connection
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no error of the proxy."""


class _Connection(BaseHTTPRequestHandler):
    """A client's connection, and the one to the target that goes with it."""

    proxy: FaultyProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _target: HTTPConnection | None = None

    def setup(self) -> None:
        super().setup()
        self.proxy.opened(self.connection)

    def finish(self) -> None:
        self.proxy.closed(self.connection)
        if self._target is not None:
            self._target.close()
        with contextlib.suppress(OSError):
            super().finish()

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        if parsed:
            setattr(self, f"do_{self.command}", self._pass_on)
        return parsed

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""

    def _pass_on(self) -> None:
        body = self._body()
        fault = self.proxy.fault(self.command, self.path, self.headers.get("Range", ""))
        if fault == "hang":
            self.proxy.hang()
        if fault in ("hang", "reset"):
            self._break()
        elif fault is not None and fault in _ANSWERS:
            self._refuse(*_ANSWERS[fault])
        else:
            self._forward(body, fault)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while length := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(length))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
        if body or self.command in ("PUT", "POST"):
            headers["Content-Length"] = str(len(body))
        if self._target is None:
            self._target = HTTPConnection(*self.proxy.target, timeout=120)
        try:
            self._target.request(self.command, self.path, body, headers)
            answer = self._target.getresponse()
            data = answer.read()
        except (OSError, HTTPException):  # the target is away, or has closed the connection
            self._target.close()
            self._break()
            return
        if fault == "lost":
            self._break()
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in {*_OF_ONE_HOP, "content-length"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        if length is not None and answer.status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        if fault == "cut":
            self.wfile.write(data[: len(data) // 2])
            self._break()
            return
        self.wfile.write(data)

    def _refuse(self, status: int, code: str, message: str) -> None:
        words = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n{words}'.encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(text)))
        if status == 503 and self.proxy.retry_after is not None:
            self.send_header("Retry-After", f"{self.proxy.retry_after:g}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _break(self) -> None:
        self.close_connection = True
        _reset(self.connection)


def _reset(connection: socket.socket) -> None:
    """End a connection with RST, not in good order."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()


def _kind(method: str, address: str, range: str) -> str:
    if method == "GET" and range:
        return "GET range"
    query = urlsplit(address).query
    if method == "GET" and ("list-type" in query or "prefix=" in query or "uploads" in query):
        return "LIST"
    return method
