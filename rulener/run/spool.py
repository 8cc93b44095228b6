"""Notes from tables and other sources that cannot be read at any place: written once, as JSON lines, to a scratch file.

The file lies where the results will (so there is room for it and the same people may read it) and loses its name at once where
the system allows that: a run that is killed leaves no notes behind.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, Any

from rulener.errors import NoteError
from rulener.formats.readers import Note, PassedOver, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable


class Spool:
    """A scratch file of notes. `path` opens it in this process and in those forked from it, until `close`.

    `passed_over` counts by reason what lay between the notes.
    """

    def __init__(self, notes: Iterable[Note | Unreadable | PassedOver], folder: str) -> None:
        self.passed_over: Counter[str] = Counter()
        handle, self.path = tempfile.mkstemp(prefix=".rulener-spool-", suffix=".tmp", dir=_existing(folder))
        self._file = os.fdopen(handle, "wb", buffering=1 << 20)
        try:
            for note in notes:
                if isinstance(note, PassedOver):
                    self.passed_over[note.reason] += 1
                else:
                    self._file.write(_line(note))
            self._file.flush()
            self._unname()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()
        if not self.path.startswith("/proc/") and os.path.exists(self.path):
            os.unlink(self.path)

    def _unname(self) -> None:
        unnamed = f"/proc/{os.getpid()}/fd/{self._file.fileno()}"  # of this process: workers forked later open it too
        if os.path.exists(unnamed):
            os.unlink(self.path)
            self.path = unnamed


def _existing(folder: str) -> str:
    """The folder, or the nearest one above it that exists."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _line(note: Note | Unreadable) -> bytes:
    made: dict[str, Any] = {"id": note.id}
    if isinstance(note, Unreadable):
        made["error"] = [note.code, note.reason]
    else:
        made["text"] = note.text
        if note.metadata:
            made["metadata"] = note.metadata
    return json.dumps(made, separators=(",", ":")).encode() + b"\n"


def read_spooled(line: bytes) -> tuple[str, str, dict[str, Any]]:
    """(id, text, metadata) of a line. Raises NoteError for a row without a note; its id, when it has one, is `error.place`."""
    made = json.loads(line)
    if "error" in made:
        code, reason = made["error"]
        raise NoteError(code, reason, place=made["id"] or "")
    return made["id"], made["text"], made.get("metadata", {})


__all__ = ["Spool", "read_spooled"]
