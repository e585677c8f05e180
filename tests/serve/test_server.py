"""The server itself, through its socket, and the command."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dspipe.cli import app
from dspipe.serve.runs_folder import RunsFolder
from dspipe.serve.server import AddressError, Listening, listen, make_server


@contextmanager
def serving(runs: Path, listening: Listening) -> Iterator[Listening]:
    """A server at work in a thread; what comes before it has begun waits in the socket."""
    server = make_server(RunsFolder(str(runs)), listening)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening.socket]}, daemon=True)
    thread.start()
    try:
        yield listening
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def ask(listening: Listening, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(listening.host, listening.port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def test_on_loopback(runs: Path) -> None:
    with serving(runs, listen("127.0.0.1", 0, ask_token=False)) as listening:
        status, headers, text = ask(listening, "/")
        assert status == 200 and "Runs" in text
        assert "default-src 'none'" in headers["content-security-policy"] and "server" not in headers
        assert ask(listening, "/", host=f"evil.example:{listening.port}")[0] == 421
        assert ask(listening, "/run/..%2f..%2f/")[0] == 404


def test_with_a_token(runs: Path) -> None:
    with serving(runs, listen("127.0.0.1", 0, ask_token=True)) as listening:
        assert listening.token and len(listening.token) >= 32
        assert listening.address == f"http://127.0.0.1:{listening.port}/?token={listening.token}"
        assert ask(listening, "/runs.json")[0] == 403
        status, headers, _ = ask(listening, f"/runs.json?token={listening.token}")
        assert (status, headers["location"]) == (303, "/runs.json")
        cookie = headers["set-cookie"].partition(";")[0]
        assert ask(listening, "/runs.json", cookie=cookie)[0] == 200


def test_elsewhere_a_token_is_always_asked_for() -> None:
    listening = listen("0.0.0.0", 0, ask_token=False)
    listening.socket.close()
    assert listening.token
    other = listen("0.0.0.0", 0, ask_token=False)
    other.socket.close()
    assert other.token != listening.token
    assert listening.address.startswith(f"http://{socket.gethostname()}:")


def test_a_port_in_use(runs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["serve", str(runs), "--port", str(port)])
    assert done.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use; --port takes another one" in done.output


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "", "a\0b", "x" * 70])
def test_no_address_of_this_machine(host: str) -> None:
    with pytest.raises(AddressError):
        listen(host, 0, ask_token=False).socket.close()


def test_no_folder(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["serve", str(tmp_path / "nothing")])
    assert done.exit_code == 2
    assert "is no folder" in done.output


@pytest.mark.parametrize("found", [True, False])
def test_a_browser_that_is_not_there(runs: Path, monkeypatch: pytest.MonkeyPatch, found: bool) -> None:
    opened: list[str] = []

    def open_browser(address: str) -> bool:
        opened.append(address)
        return found

    monkeypatch.setattr("webbrowser.open", open_browser)
    monkeypatch.setattr("dspipe.serve.server.serve", lambda folder, listening: listening.socket.close())
    done = CliRunner().invoke(app, ["serve", str(runs), "--port", "0", "--open"])
    assert done.exit_code == 0
    assert f"{runs} at {opened[0]} " in done.output
    assert ("no browser was found here" in done.output) != found
