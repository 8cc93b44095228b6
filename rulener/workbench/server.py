"""Starting the workbench: a port of this machine, a token, and the server until Ctrl-C."""

from __future__ import annotations

import errno
import logging
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from rulener.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from rulener.workbench.session import Session

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A socket on this machine's loopback; port 0 takes a free one. Raises UsageError U352 when the port cannot be had."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
        found.listen(128)
    except OSError as error:
        found.close()
        taken = error.errno == errno.EADDRINUSE
        why = "another program uses it" if taken else str(error.strerror)
        hint = "--port 0 takes a free one" if taken else "choose one from 1024 to 65535"
        raise UsageError("U352", f"the port {port} cannot be used: {why}", hint=hint) from None
    return found


def serve(session: Session, port: int, say: Callable[[str], None]) -> None:
    """Serve the workbench until interrupted. `say` is given the address, with its token, once the port is ours.

    Raises UsageError U352, MissingExtra.
    """
    try:
        import uvicorn

        from rulener.workbench.page import application
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "rulener":
            raise
        raise MissingExtra("the workbench", "workbench") from None
    from rulener.workbench.guard import Guard

    listening = listen(port)
    bound = listening.getsockname()[1]
    token = secrets.token_urlsafe(24)
    # A traceback of the server may quote a note; what goes wrong is shown on the page.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "nicegui", "asyncio", "engineio", "socketio"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
    config = uvicorn.Config(
        Guard(application(session), token, bound),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    say(f"http://{HOST}:{bound}/?token={token}")
    uvicorn.Server(config).run(sockets=[listening])
