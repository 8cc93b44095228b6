"""Who may talk to the workbench: this machine's browser, with the token of the printed address.

Every request, and the websocket, must name this server as its host (so a name that somebody else's DNS points here is refused),
must come from its own page when it names an origin, and must carry the session's cookie. The cookie is set once, by the printed
address with its token; it is `HttpOnly` and `SameSite=Strict`, so no other site can make the browser send it.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class Guard:
    """An ASGI application before another one. `token` is the secret of the printed address, `port` the one listened on."""

    def __init__(self, inside: Application, token: str, port: int) -> None:
        self._inside = inside
        self._token = token.encode()
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        if port == 80:
            self._hosts |= {"127.0.0.1", "localhost", "[::1]"}
        self._cookie = f"rulener-workbench-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inside(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"host", "").lower() not in self._hosts:
            await _refuse(scope, receive, send, 421, "This is not the address of the workbench.")
        elif not self._is_own_page(headers, scope["type"] == "websocket"):
            await _refuse(scope, receive, send, 403, "Another site may not use the workbench.")
        elif self._has_cookie(headers.get(b"cookie", "")):
            await self._inside(scope, receive, _with_headers(send))
        elif scope["type"] == "http" and scope["path"] == "/" and self._has_token(scope["query_string"]):
            await self._welcome(send)
        else:
            hint = "Open the address that `rulener workbench` has printed, with its token."
            await _refuse(scope, receive, send, 403, f"The token is missing or wrong. {hint}")

    def _is_own_page(self, headers: dict[bytes, str], needs_origin: bool) -> bool:
        """Browsers name the origin of websockets and of whatever changes something."""
        origin = headers.get(b"origin")
        if origin is None:
            return not needs_origin
        return origin.lower() == f"http://{headers[b'host'].lower()}"

    def _has_cookie(self, header: str) -> bool:
        try:
            found = SimpleCookie(header).get(self._cookie)
        except CookieError:
            return False
        return found is not None and self._is_token(found.value)

    def _has_token(self, query: bytes) -> bool:
        given = parse_qs(query.decode("latin-1")).get("token", [])
        return len(given) == 1 and self._is_token(given[0])

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    async def _welcome(self, send: Send) -> None:
        """The cookie, and on to the page: the token leaves the address bar and the history's last entry."""
        cookie = f"{self._cookie}={self._token.decode()}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store"), *_HEADERS]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name, value) for name, value in message.get("headers", []) if name.lower() not in dict(_HEADERS)]
            if not any(name.lower() == b"cache-control" for name, _ in own):
                own.append((b"cache-control", b"no-store"))  # pages hold notes
            message = {**message, "headers": [*own, *_HEADERS]}
        await send(message)

    return sending


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{words}\n".encode()})
