"""Every request comes in here: the token, the last resort for what goes wrong, the log and the metrics.

The log has a line a request: method, route, status, time, sizes. No path as it was sent, no query, no body: they may hold text.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rulener.run.workers import describe_bug
from rulener.service import problems
from rulener.service.bodies import ClientGone
from rulener.service.problems import Problem

if TYPE_CHECKING:
    from rulener.service.engines import Engines
    from rulener.service.metrics import Metrics

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ENGINE_HEADER = "rulener-engine"
CLIENT_GONE = 499  # in log and metrics only: nobody gets it
OTHER = "other"
_OPEN = ("/health", "/ready", "/openapi.json")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

log = logging.getLogger("rulener.service")


class Door:
    """The whole service as an ASGI application."""

    def __init__(
        self, application: Application, routes: frozenset[str], engines: Engines, metrics: Metrics, token: bytes | None
    ) -> None:
        self._application = application
        self._routes = routes
        self._engines = engines
        self._metrics = metrics
        self._token = None if token is None else _digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        request = _Request(scope, receive, send, self._engines)
        try:
            await self._answered(request)
        finally:
            self._count(request)

    async def _answered(self, request: _Request) -> None:
        try:
            self._check_token(request.scope)
            await self._application(request.scope, request.receive, request.send)
        except ClientGone:
            request.status = CLIENT_GONE
        except Problem as problem:
            await request.refuse(problem)
        except Exception as error:  # noqa: BLE001 (the last resort)
            kind, place, _ = describe_bug(error)
            log.error("unexpected %s at %s: this is a bug in rulener", kind, place)
            await request.refuse(problems.bug(kind, place))

    def _check_token(self, scope: Scope) -> None:
        """Raises Problem (U311). Digests are compared, in constant time, so that not even the length shows."""
        if self._token is None or scope["path"] in _OPEN:
            return
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            raise problems.no_token(given=False)
        kind, _, value = given[0].partition(b" ")
        is_it = hmac.compare_digest(_digest(value.strip()), self._token)
        if len(given) != 1 or kind.lower() != b"bearer" or not is_it:
            raise problems.no_token(given=True)

    def _count(self, request: _Request) -> None:
        path = request.scope["path"]
        route = path if path in self._routes else OTHER
        method = request.scope["method"]
        seconds = perf_counter() - request.begun
        self._metrics.request(route, request.status, seconds, request.received, request.sent)
        shown = method if method in _METHODS else OTHER
        sizes = request.received, request.sent
        log.info("%s %s %d %.1f ms, %d bytes in, %d out", shown, route, request.status, seconds * 1e3, *sizes)


class _Request:
    """A request and what is counted of it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, engines: Engines) -> None:
        self.scope = scope
        self.begun = perf_counter()
        self.status = 500
        self.received = 0
        self.sent = 0
        self._has_begun_to_answer = False
        self._receive = receive
        self._send = send
        self._engines = engines

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_begun_to_answer = True
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers(message)]
        self.sent += len(message.get("body", b""))
        await self._send(message)

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        added = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        named = any(name == ENGINE_HEADER.encode() for name, _ in message.get("headers", ()))
        if not named and self._engines.fingerprint is not None:
            added.append((ENGINE_HEADER.encode(), self._engines.fingerprint.encode()))
        return added

    async def refuse(self, problem: Problem) -> None:
        """Sends a problem, unless an answer has begun: then the connection ends."""
        if self._has_begun_to_answer:
            return
        body = problem.body()
        headers = [(name.encode(), value.encode()) for name, value in problem.all_headers().items()]
        headers.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body if self.scope["method"] != "HEAD" else b""})


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
