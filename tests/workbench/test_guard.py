"""Who may talk to the workbench: host, origin and token, on requests and on the websocket."""

from __future__ import annotations

import asyncio
import http.client
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from rulener.workbench.guard import Guard
from tests.workbench.conftest import Start

TOKEN = "correct-horse"
HERE = "127.0.0.1:8123"
COOKIE = f"rulener-workbench-8123={TOKEN}"


def answered(kind: str = "http", path: str = "/", query: str = "", **headers: str) -> dict[str, Any]:
    """What a guarded application sends first; `inside` is set when the request came through."""
    sent: list[Any] = []
    inside: list[bool] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        inside.append(True)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOW")]})

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    # In a thread of its own: the browser's library keeps an event loop in this one.
    with ThreadPoolExecutor(1) as other:
        other.submit(lambda: asyncio.run(Guard(application, TOKEN, 8123)(scope, receive, send))).result()
    return {"inside": bool(inside), **(sent[0] if sent else {})}


def test_the_token_is_exchanged_for_a_cookie() -> None:
    found = answered(query=f"token={TOKEN}", host=HERE)
    assert (found["inside"], found["status"]) == (False, 303)
    headers = dict(found["headers"])
    assert headers[b"location"] == b"/"
    assert headers[b"set-cookie"] == f"{COOKIE}; Path=/; HttpOnly; SameSite=Strict".encode()


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost:8123", "LOCALHOST:8123", "[::1]:8123"])
def test_with_the_cookie_one_comes_in(host: str) -> None:
    assert answered(host=host, cookie=COOKIE)["inside"]
    assert answered(host=host, cookie=f"other=1; {COOKIE}", origin=f"http://{host}")["inside"]


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8123.x.example", "x.example:8123"])
def test_a_name_that_somebody_else_points_here_is_refused(host: str) -> None:
    for kind in ("http", "websocket"):
        assert not answered(kind, host=host, cookie=COOKIE, origin=f"http://{host}")["inside"]
    assert answered(host=host, cookie=COOKIE)["status"] == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8123", "http://127.0.0.1:9999", ""])
def test_other_sites_are_refused_even_with_the_cookie(origin: str) -> None:
    assert answered(host=HERE, cookie=COOKIE, origin=origin)["status"] == 403
    found = answered("websocket", host=HERE, cookie=COOKIE, origin=origin)
    assert (found["inside"], found["type"], found["code"]) == (False, "websocket.close", 1008)


def test_a_websocket_must_say_where_it_comes_from() -> None:
    assert not answered("websocket", host=HERE, cookie=COOKIE)["inside"]
    assert not answered("websocket", host=HERE, origin=f"http://{HERE}")["inside"]
    assert answered("websocket", host=HERE, cookie=COOKIE, origin=f"http://{HERE}")["inside"]


@pytest.mark.parametrize(
    ("query", "cookie"),
    [
        ("", ""),
        ("token=", ""),
        ("token=wrong", ""),
        (f"token={TOKEN}x", ""),
        (f"token={TOKEN}&token={TOKEN}", ""),
        ("token=%FF%FE", ""),
        ("", "rulener-workbench-8123=wrong"),
        ("", f"rulener-workbench-9999={TOKEN}"),
        ("", "rulener-workbench-8123="),
        ("", "=;;;\x01"),
    ],
)
def test_without_the_token_nobody_comes_in(query: str, cookie: str) -> None:
    assert answered(query=query, host=HERE, cookie=cookie)["status"] == 403


def test_the_token_counts_at_the_door_only() -> None:
    assert answered(path="/_nicegui/x", query=f"token={TOKEN}", host=HERE)["status"] == 403


def test_every_answer_forbids_what_is_not_needed() -> None:
    headers = answered(host=HERE, cookie=COOKIE)["headers"]
    names = [name for name, _ in headers]
    assert len(names) == len(set(names))
    found = dict(headers)
    assert found[b"x-frame-options"] == b"DENY"
    assert b"default-src 'self'" in found[b"content-security-policy"]
    assert found[b"cache-control"] == b"no-store"
    assert found[b"referrer-policy"] == b"no-referrer"


def test_the_server_listens_to_this_machine_and_refuses_strangers(start: Start) -> None:
    served = start()
    address = urlsplit(served.url)
    assert address.hostname == "127.0.0.1"
    assert address.port is not None

    def status(path: str, headers: dict[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=20)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        given = answer.getheader("set-cookie") or ""
        connection.close()
        return answer.status, given

    code, given = status(f"/?{address.query}", {})
    cookie = given.partition(";")[0]
    assert (code, bool(cookie)) == (303, True)
    assert status("/", {"Cookie": cookie})[0] == 200
    assert status("/", {"Cookie": cookie, "Host": f"evil.example:{address.port}"})[0] == 421
    key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"}
    socket = {"Upgrade": "websocket", "Connection": "Upgrade", **key}
    path = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    assert status(path, {**socket, "Cookie": cookie, "Origin": "http://evil.example"})[0] == 403
    assert status(path, {**socket, "Origin": f"http://{address.netloc}"})[0] == 403
    assert status(path, {**socket, "Cookie": cookie, "Origin": f"http://{address.netloc}"})[0] == 101
