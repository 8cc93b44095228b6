"""The process: where it listens, what signals do, how it stops.

uvicorn speaks HTTP. Its access log is off (it has queries in it) and so are its signals (it ends by the signal, not with 0).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import uvicorn

from rulener.errors import EXIT_OK, UsageError
from rulener.service.app import Service, application
from rulener.service.engines import Watch

log = logging.getLogger("rulener.service")

_BACKLOG = 2048
_KEEP_ALIVE = 75  # seconds a connection may idle; longer than those of usual proxies
_STOPPING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name))


def serve(service: Service, listening: socket.socket, watch: tuple[float, Watch] | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what runs within its time. `watch`: seconds between looks at files, and what
    looks. Raises what loading the engine raises.
    """
    _log_to_stderr()
    asyncio.run(_Process(service, listening, watch).run())
    left = service.desk.running
    log.info("stopped" + (f"; {left} piece{'s' * (left > 1)} of work {'were' if left > 1 else 'was'} cut off" if left else ""))
    if left:  # threads in the middle of a note, for which the interpreter would wait
        logging.shutdown()
        os._exit(EXIT_OK)


def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound. Raises UsageError U322."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        # By the protocol's number asyncio knows that small answers are to be sent at once.
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError("U322", f"no such address: {error.strerror}", place=f"{host}:{port}") from None
    try:
        if sys.platform != "win32":  # there it would let two processes share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        hint = "another process listens there; choose another --port"
        raise UsageError("U322", f"cannot listen: {error.strerror}", place=f"{host}:{port}", hint=hint) from None
    return listening


def check_exposure(host: str, token: bytes | None, *, allowed: bool) -> None:
    """Raises UsageError U321 when others could reach a service without a token and nobody said that they may."""
    if token is None and not allowed and not is_loopback(host):
        hint = "give --token-file, or --no-token when something in front of it checks who asks"
        raise UsageError("U321", "others could reach a service without a token", place=host, hint=hint)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address. A name counts as it resolves."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False  # binding says what is wrong
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


class _Process:
    def __init__(self, service: Service, listening: socket.socket, watch: tuple[float, Watch] | None) -> None:
        self._service = service
        self._listening = listening
        self._watch = watch
        self._tasks: set[asyncio.Task[Any]] = set()
        self._error: BaseException | None = None
        config = uvicorn.Config(
            application(service),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",  # starting is ours: requests are answered while the engine loads
            ws="none",
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=int(service.settings.stop_seconds) + 2,
        )
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_unexpected)
        with _signals(self, loop):
            self._spawn(self._load())
            host, port = self._listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            log.info("listening on http://%s:%d", shown, port)
            await self._server.serve(sockets=[self._listening])
        for task in self._tasks:
            task.cancel()
        await self._service.stop()
        if self._error is not None:
            raise self._error

    async def _load(self) -> None:
        try:
            await self._service.start()
        except Exception as error:  # noqa: BLE001 (raised again when the server has ended)
            self._error = error
            self._server.should_exit = True
            return
        if self._watch is not None:
            self._spawn(self._look(*self._watch))

    async def _look(self, seconds: float, watch: Watch) -> None:
        while True:
            await asyncio.sleep(seconds)
            if await asyncio.to_thread(watch.look):
                await self._service.engines.reload()

    def stop(self) -> None:
        """Accepts no more; what runs may end. The second time all is cut off."""
        if self._service.is_stopping:
            self._service.desk.cut()
            return
        self._service.is_stopping = True
        self._server.should_exit = True
        seconds = self._service.settings.stop_seconds
        log.info("stopping: what runs has %g seconds", seconds)
        asyncio.get_running_loop().call_later(seconds, self._service.desk.cut)

    def reload(self) -> None:
        self._spawn(self._service.engines.reload())

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextlib.contextmanager
def _signals(process: _Process, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """SIGTERM and SIGINT stop, SIGHUP reloads, for as long as this lasts."""
    wanted = dict.fromkeys(_STOPPING, process.stop)
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = process.reload
    before = {number: signal.signal(number, _called(loop, function)) for number, function in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _called(loop: asyncio.AbstractEventLoop, function: Any) -> Any:
    return lambda *_: loop.call_soon_threadsafe(function)


def _unexpected(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """By type only: an exception's message may quote a note."""
    log.error("unexpected %s in the event loop", type(context.get("exception")).__name__)


def _log_to_stderr() -> None:
    """Our lines, and of uvicorn warnings only."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("rulener.service", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
