"""`rulener serve` as a process of its own, over loopback."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).parents[2]
SECONDS = 60  # nothing here takes so long


class Process:
    """Started with these arguments; its log is read line by line, so nothing ever waits for a time to pass."""

    def __init__(self, arguments: Sequence[str], *, environment: dict[str, str] | None = None) -> None:
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.log: list[str] = []
        self._running = subprocess.Popen(
            [sys.executable, "-m", "rulener.cli.main", "serve", "--port", "0", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._running.pid

    def _read(self) -> None:
        assert self._running.stderr is not None
        for line in self._running.stderr:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def said(self, pattern: str) -> re.Match[str]:
        """The next line of the log in which the pattern is."""
        while True:
            line = self.lines.get(timeout=SECONDS)
            assert line is not None, f"ended without {pattern!r}: {self.log}"
            self.log.append(line)
            if match := re.search(pattern, line):
                return match

    def ready(self) -> httpx.Client:
        """A client of it, when its engine is loaded."""
        url = self.said(r"listening on (http://\S+)")[1]
        self.said("engine [0-9a-f]{64}$")
        return httpx.Client(base_url=url, timeout=SECONDS)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ended(self) -> int:
        """Its exit code; what it said until then is in `log`."""
        code = self._running.wait(SECONDS)
        self._reader.join(SECONDS)
        while (line := self.lines.get(timeout=SECONDS)) is not None:
            self.log.append(line)
        return code

    def rest(self) -> list[str]:
        """Ends it; all it said."""
        self.signal(signal.SIGTERM)
        assert self.ended() == 0
        return self.log

    def kill(self) -> None:
        if self._running.poll() is None:
            self.signal(signal.SIGKILL)
        self._running.wait(SECONDS)
        self._reader.join(SECONDS)
        assert self._running.stderr is not None
        self._running.stderr.close()
