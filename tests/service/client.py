"""A service in this process: requests through its ASGI application, an event loop of its own, no socket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar

import httpx

from rulener.engine import Engine
from rulener.service.app import Service, application
from rulener.service.engines import Engines
from rulener.service.settings import Settings

JSON = {"content-type": "application/json"}
Message = dict[str, Any]

_T = TypeVar("_T")


class Client:
    """Asks a service. `post` and `get` wait for the answer; in coroutines given to `run`, `http` is at hand."""

    def __init__(self, engine: Engine | None, settings: Settings | None = None, engines: Engines | None = None) -> None:
        self.engines = engines or Engines(lambda: engine)  # type: ignore[arg-type, return-value]
        self.engines.current = self.engines.current or engine
        self.service = Service(self.engines, settings or Settings())
        self.app = application(self.service)
        self.loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(app=self.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60)

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(coroutine)

    def post(self, path: str, content: Any, headers: Mapping[str, str] = JSON) -> httpx.Response:
        return self.run(self.posted(path, content, headers))

    async def posted(self, path: str, content: Any, headers: Mapping[str, str] = JSON) -> httpx.Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await self.http.post(path, content=body, headers=dict(headers))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.run(self.http.get(path, headers=dict(headers or {})))

    def metric(self, name: str) -> float:
        """The value of a line of /metrics, named with its labels; 0 when it is not there."""
        for line in self.service.metrics.page().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def close(self) -> None:
        self.run(self.http.aclose())
        self.run(self.service.stop())
        self.run(asyncio.sleep(0))
        self.loop.close()


class Connection:
    """One request, message by message, for what no well-behaved client does."""

    def __init__(self, path: str, headers: Mapping[str, str], messages: Iterable[Message], *, stays: bool = True) -> None:
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "server": ("test", 80),
            "client": ("127.0.0.1", 1),
        }
        self.messages = iter(messages)
        self._left = asyncio.Event()
        if not stays:
            self._left.set()
        self.taken = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        for message in self.messages:
            self.taken += 1
            return message
        await self._left.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        """The client goes, now that its messages are taken."""
        self._left.set()

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(b"".join(message.get("body", b"") for message in self.sent[1:]))
        return found


def chunk(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class HeldEngine:
    """An engine whose notes wait until `gate` opens; `begun` counts those that reached it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)

    def batch(self, *arguments: Any) -> Any:
        self.begun.release()
        assert self.gate.wait(60)
        return self._engine.batch(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)
