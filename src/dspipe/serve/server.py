"""The server: where it listens, what it asks for, and until when."""

import ipaddress
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspipe.serve.application import make_application
from dspipe.serve.guard import LOOPBACK
from dspipe.serve.runs_folder import RunsFolder

if TYPE_CHECKING:
    import uvicorn

_TOKEN_BYTES = 24


class AddressError(Exception):
    """It can't listen there: a sentence."""


@dataclass(frozen=True)
class Listening:
    """A socket that listens, and how to reach it."""

    socket: socket.socket
    host: str
    port: int
    token: str | None

    @property
    def address(self) -> str:
        """For a browser, with the token where there is one. A server on all addresses is reached by this machine's
        name."""
        everywhere = self.host in ("0.0.0.0", "::")
        host = socket.gethostname() if everywhere else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")


def listen(host: str, port: int, ask_token: bool) -> Listening:
    """A socket at this address; port 0 takes a free one. With a token where it is asked for, and always elsewhere than
    on loopback. Raises AddressError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise AddressError(f"{host} is no address of this machine: {getattr(error, 'strerror', error)}") from None
    family, kind, protocol, _, place = found[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(place)
        listening.listen(128)
    except OSError as error:
        listening.close()
        what = error.strerror or str(error)
        raise AddressError(f"cannot listen on {host}, port {port}: {what}; --port takes another one") from None
    where = listening.getsockname()
    loopback = ipaddress.ip_address(where[0].partition("%")[0]).is_loopback
    token = secrets.token_urlsafe(_TOKEN_BYTES) if ask_token or not loopback else None
    return Listening(listening, "localhost" if host == "localhost" else where[0], where[1], token)


def make_server(folder: RunsFolder, listening: Listening) -> "uvicorn.Server":
    """The server of the runs; `run(sockets=[listening.socket])` answers until `should_exit` is set."""
    import uvicorn

    names = LOOPBACK if listening.token is None else None
    app = make_application(folder, names, listening.token, f"dspipe-{listening.port}")
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        # what a proxy says of itself isn't believed
        proxy_headers=False,
        limit_concurrency=200,
        timeout_graceful_shutdown=2,
        ws="none",
    )
    return uvicorn.Server(config)


def serve(folder: RunsFolder, listening: Listening) -> None:
    """Answer until interrupted."""
    make_server(folder, listening).run(sockets=[listening.socket])
