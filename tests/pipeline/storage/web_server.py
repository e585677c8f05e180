"""A web server for tests, which can be a poor one."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebServer:
    """Serves `files` by name, in ranges if `ranges`, with an ETag if `tags`; remembers the ranges asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges, self.tags, self.version = True, True, 1
        self.asked: list[str] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is logged."""

            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                self._answer(body=True)

            def _answer(self, body: bool) -> None:
                data = served.files.get(self.path.lstrip("/"))
                if data is None:
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                wanted, size = self.headers.get("Range"), len(data)
                if body:
                    served.asked.append(wanted or "whole")
                if wanted and served.ranges:
                    first, _, last = wanted.removeprefix("bytes=").partition("-")
                    start, end = (
                        (int(first), min(int(last or size), size - 1)) if first else (size - int(last), size - 1)
                    )
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
                    data = data[start : end + 1]
                else:
                    self.send_response(200)
                if served.tags:
                    self.send_header("ETag", f'"{served.version}"')
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if body:
                    self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
