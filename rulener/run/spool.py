"""Notes from tables and other sources that cannot be read at any place: written once, as JSON lines, to a scratch file.

The file lies where the results will (so there is room for it and the same people may read it) and loses its name at once where
the system allows that: a run that is killed leaves no notes behind.

A database gives rows in no order of its own. They are put in the order of their ids, so that a run that is taken up again meets
the same notes in the same places, or finds out that they are others.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, Any

from rulener.errors import NoteError
from rulener.formats.readers import Note, PassedOver, Unreadable
from rulener.run.sorting import Sorter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WHERE = struct.Struct(">16sQQ")  # digest, offset and length of a line
_NUMBER = re.compile(r"0|[1-9][0-9]{0,254}")


class Spool:
    """A scratch file of the notes of any number of inputs. `path` opens it in this process and in those forked from it, until
    `close`. `passed_over` counts by reason what lay between the notes.
    """

    def __init__(self, folder: str) -> None:
        self.passed_over: Counter[str] = Counter()
        self._folder = _existing(folder)
        handle, self.path = tempfile.mkstemp(prefix=".rulener-spool-", suffix=".tmp", dir=self._folder)
        self._file = os.fdopen(handle, "wb", buffering=1 << 20)
        try:
            self._unname()
        except BaseException:
            self.close()
            raise

    def add(self, notes: Iterable[Note | Unreadable | PassedOver], *, by_id: bool = False) -> tuple[int, int]:
        """Append the notes of an input; gives the range of bytes that they have.

        With `by_id` they are in the order of their ids: numbers first, by their value; rows without an id last; rows of one id,
        and those without, by their content.
        """
        start = self._file.tell()
        rows = self._counted(notes)
        self._file.writelines(_by_id(rows, self._folder) if by_id else map(_line, rows))
        self._file.flush()
        return start, self._file.tell()

    def _counted(self, notes: Iterable[Note | Unreadable | PassedOver]) -> Iterator[Note | Unreadable]:
        for note in notes:
            if isinstance(note, PassedOver):
                self.passed_over[note.reason] += 1
            else:
                yield note

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


def _by_id(notes: Iterable[Note | Unreadable], folder: str) -> Iterator[bytes]:
    """The lines of the notes, sorted by way of a second scratch file; only their places are sorted."""
    offset = 0
    with tempfile.TemporaryFile(dir=folder, buffering=1 << 20) as scratch, Sorter() as places:
        for note in notes:
            line = _line(note)
            scratch.write(line)
            digest = hashlib.sha256(line).digest()[:16]
            places.add(_order(note.id) + _WHERE.pack(digest, offset, len(line)))
            offset += len(line)
        for place in places:
            _, offset, length = _WHERE.unpack(place[-_WHERE.size :])
            scratch.seek(offset)
            yield scratch.read(length)


def _order(note_id: str | None) -> bytes:
    """What sorts ids: of two that differ none begins with the other."""
    if note_id is None:
        return b"\2"
    if _NUMBER.fullmatch(note_id):
        return b"\0%c%b" % (len(note_id), note_id.encode())
    return b"\1%b\0" % note_id.encode("utf-8", "surrogatepass").replace(b"\0", b"\1\1")


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
