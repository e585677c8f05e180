"""Who is let in, and what a browser may do with the answers.

The server reads and never writes, so what has to be kept from others is the reading. On loopback a page of some web
site may send requests here through the browser of whoever runs it (under whatever name: DNS rebinding), so
only the names of loopback are answered. Elsewhere a token is asked for, once; the browser then keeps it in a cookie.
"""

import hmac
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TOKEN = "token"
COOKIE_SECONDS = 30 * 86400
HEADERS = {
    # own files only: what a document says can't become a script, a style, an image or a request
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-src 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # addresses hold ids and conditions
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
"""set where an answer hasn't set them itself"""


class Guard:
    """Around the application: everything passes here. `names`: the names of hosts that are answered (None: all);
    `token`: what has to be said first (None: nothing); `cookie`: under which name a browser keeps it."""

    def __init__(self, app: ASGIApp, names: Collection[str] | None, token: str | None, cookie: str) -> None:
        self.app, self.names, self.token, self.cookie = app, names, token, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] == "websocket":
            return  # uvicorn refuses what isn't accepted
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in more if pair[0] not in given)]
            await send(message)

        refused = self._refuse(scope)
        await (refused or self.app)(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("only GET: nothing can be changed here\n", 405, {"allow": "GET, HEAD"})
        if self.names is not None and host_name(headers.get("host", "")) not in self.names:
            names = ", ".join(sorted(self.names))
            return PlainTextResponse(f"this server answers to {names} only\n", 421)
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return PlainTextResponse("not for pages of other sites\n", 403)
        return None if self.token is None else self._ask_token(scope, headers, self.token)

    def _ask_token(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        said = [value for name, value in query if name == TOKEN]
        if said:
            if not _same(said[0], token):
                return PlainTextResponse("this isn't the token that `dspipe serve` printed\n", 403)
            rest = urlencode([(name, value) for name, value in query if name != TOKEN])
            # an address that begins with two slashes would name another host
            path = "/" + scope.get("raw_path", scope["path"].encode()).decode("latin-1").lstrip("/")
            answer = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
            answer.set_cookie(self.cookie, token, COOKIE_SECONDS, httponly=True, samesite="strict")
            return answer
        bearer = headers.get("authorization", "")
        if _same(_cookie(headers, self.cookie), token) or _same(bearer.removeprefix("Bearer "), token):
            return None
        return PlainTextResponse("open the address that `dspipe serve` printed: it ends with ?token=...\n", 403)


def host_name(host: str) -> str:
    """The name in a Host header, without port, brackets and a dot at its end."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _same(said: str, token: str) -> bool:
    """Whether they are equal, in a time that says nothing about where they differ."""
    return hmac.compare_digest(said.encode("utf-8", "surrogatepass"), token.encode())


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""
