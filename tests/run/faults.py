"""Children that are killed, or told lies by the system, at a moment that a number chooses."""

from __future__ import annotations

import builtins
import os
import signal
from collections.abc import Callable
from typing import Any

from rulener.errors import RulenerError
from rulener.run import output, workers

CALLS = ("open", "write", "replace", "fsync", "unlink", "mkdir", "fork", "stat", "scandir", "listdir", "rmdir")
Act = Callable[[str], None]
"""What happens instead of a call to the system, or before it: told its name."""


def kill(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(number: int) -> Act:
    def act(_: str) -> None:
        raise OSError(number, os.strerror(number))

    return act


def in_child(work: Callable[[], Any], prepare: Callable[[], None]) -> str:
    """How `work` ended in a forked child: "done", "killed", the code of its error, or what kind of error it was."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(told)
            prepare()
            try:
                work()
                ending = "done"
            except RulenerError as error:
                ending = error.code
            except BaseException as error:  # noqa: BLE001 (told to the test)
                ending = f"{type(error).__name__}: {error}"
            os.write(tell, ending.encode())
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as file:
        ending = file.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return "killed" if code < 0 else ending


def at_call(step: int, act: Act, *, in_worker: str | None = None, calls: tuple[str, ...] = CALLS) -> Callable[[], None]:
    """Does `act` at the `step`-th call to the system: of the child itself, or of the first worker that comes to it. Then a file
    of the name `in_worker` is made, so that it happens once."""

    def prepare() -> None:
        count = {"at": 0}
        own = os.getpid()
        os_write, os_open = os.write, os.open

        def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                if (os.getpid() == own) == (in_worker is None):
                    count["at"] += 1
                    if count["at"] == step and (in_worker is None or not os.path.exists(in_worker)):
                        if in_worker is not None:
                            os.close(os_open(in_worker, os.O_CREAT | os.O_WRONLY))
                        act(name)
                return function(*args, **kwargs)

            return call

        for name in calls:
            setattr(os, name, counted(name, os_write if name == "write" else getattr(os, name)))
        if "open" in calls:
            builtins.open = counted("open", builtins.open)  # type: ignore[assignment]
        if "write" in calls:
            output.Output._write_line = counted("write", output.Output._write_line)  # type: ignore[method-assign]

    return prepare


def after(seconds: float, *, in_worker: bool = False) -> Callable[[], None]:
    """The child, or each of its workers, is ended by the system so many seconds after it began."""

    def prepare() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if not in_worker:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            return
        serve = workers._serve
        begun = {"workers": 0}
        fork = os.fork

        def forked() -> int:
            begun["workers"] += 1
            return fork()

        def served(*args: Any) -> None:
            if begun["workers"] <= 2:
                signal.setitimer(signal.ITIMER_REAL, seconds)
            serve(*args)

        os.fork = forked
        workers._serve = served

    return prepare
