"""Who is let in."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dspipe.serve.guard import HEADERS, LOOPBACK, Guard, host_name

TOKEN = "a-secret"


async def read(request: Request) -> Response:
    return PlainTextResponse(f"secret {request.url.query}")


def client_of(names: frozenset[str] | None = LOOPBACK, token: str | None = None) -> TestClient:
    app = Starlette(routes=[Route("/{path:path}", read)])
    return TestClient(Guard(app, names, token, "dspipe-1"), base_url="http://localhost", follow_redirects=False)


def test_it_only_reads() -> None:
    client = client_of()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.request(method, "/").status_code == 405, method
    assert client.get("/").text == "secret "


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "[::2]", "0.0.0.0"])
def test_another_name_is_refused(host: str) -> None:
    answer = client_of().get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "secret" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8017", "127.0.0.1:1", "[::1]:8017", "localhost."])
def test_names_of_loopback_are_answered(host: str) -> None:
    assert client_of().get("/", headers={"host": host}).status_code == 200


def test_host_names() -> None:
    assert [host_name(host) for host in ("a.b:80", "[::1]:80", "[::1]", "A.", ":80")] == ["a.b", "::1", "::1", "a", ""]


def test_pages_of_other_sites_get_nothing_but_a_link() -> None:
    cross = {"sec-fetch-site": "cross-site"}
    assert client_of().get("/", headers={**cross, "sec-fetch-mode": "no-cors"}).status_code == 403
    assert client_of().get("/", headers={**cross, "sec-fetch-mode": "navigate"}).status_code == 200


def test_every_answer_has_the_headers() -> None:
    for answer in (client_of().get("/"), client_of().post("/"), client_of(token=TOKEN).get("/")):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "access-control-allow-origin" not in answer.headers


def test_without_the_token_nothing_is_said() -> None:
    client = client_of(None, TOKEN)
    for path in ("/", "/static/style.css", "/?token=", "/?token=a-secre", "/?token=a-secret-", "/?token=%C3%A4"):
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert "secret " not in answer.text
    assert client.get("/", headers={"cookie": "dspipe-1=x; dspipe-2=a-secret"}).status_code == 403
    assert client.get("/", headers={"cookie": "\x00;=;dspipe-1"}).status_code == 403
    assert client.get("/", headers={"authorization": "Bearer x"}).status_code == 403


def test_the_token_is_asked_for_once() -> None:
    client = client_of(None, TOKEN)
    answer = client.get(f"/a/b?x=1&token={TOKEN}&y=%3C")
    assert (answer.status_code, answer.headers["location"]) == (303, "/a/b?x=1&y=%3C")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "dspipe-1=" in cookie
    assert client.get("/a/b").text == "secret "


def test_a_program_says_the_token_in_a_header() -> None:
    assert client_of(None, TOKEN).get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_way_on_leads_to_no_other_host() -> None:
    assert client_of(None, TOKEN).get(f"http://localhost//evil.example/?token={TOKEN}").headers["location"] == (
        "/evil.example/"
    )
