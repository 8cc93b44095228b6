"""Finding notes: folders, single files and `.jsonl` files, in an order that depends on their names only."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from rulener.errors import NoteError, UsageError
from rulener.run.sorting import Sorter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER, FILE, JSONL = "folder", "file", "jsonl"
UNLISTED = -1
"""Stands for the size of a folder that could not be listed."""


@dataclass(frozen=True, slots=True)
class Input:
    """One INPUT argument. `name` identifies it in the manifest on any machine; `path` finds it on this one."""

    kind: str
    path: str
    name: str

    @property
    def root(self) -> str:
        """What a note's name is relative to, ready to put before it."""
        folder = self.path if self.kind == FOLDER else os.path.dirname(self.path)
        return folder if folder.endswith("/") else folder + "/"

    def place(self, note_id: str, line: int = 0) -> str:
        """Where one of its notes is, for people: `folder/note.txt` or `notes.jsonl:7`."""
        if line:
            return f"{self.name}:{line}"
        folder = self.name if self.kind == FOLDER else readable(os.path.basename(os.path.dirname(self.path)))
        return f"{folder}/{note_id}"


def resolve(paths: Sequence[str]) -> tuple[Input, ...]:
    """The inputs behind the arguments; U201 when one does not exist, U202 when one is neither file nor folder."""
    return tuple(_resolve(path) for path in paths)


def _resolve(path: str) -> Input:
    full = os.path.abspath(path)
    name = readable(os.path.basename(os.path.realpath(path)) or "/")
    try:
        mode = os.stat(full).st_mode
    except OSError as error:
        raise UsageError("U201", f"cannot read the input: {error.strerror}", place=readable(path)) from None
    if stat.S_ISDIR(mode):
        return Input(FOLDER, full, name)
    if not stat.S_ISREG(mode):
        raise UsageError("U202", "neither a file nor a folder", place=readable(path), hint="copy it to a file first")
    return Input(JSONL if full.lower().endswith(".jsonl") else FILE, full, name)


def readable(name: str) -> str:
    """A file name as text that can be written anywhere: bytes that are not UTF-8 become `\\xNN`."""
    if name.isascii():
        return name
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def open_jsonl(path: str) -> BinaryIO:
    """A `.jsonl` input to read from; U201 when that cannot be."""
    try:
        return open(path, "rb", buffering=1 << 20)
    except OSError as error:
        raise UsageError("U201", f"cannot read the input: {error.strerror}", place=readable(path)) from None


class Walk:
    """The notes under a folder: (name relative to it, size), sorted by name. Counts the files that are not `.txt`."""

    def __init__(self, folder: str, leave_out: str | None = None) -> None:
        self.folder = folder
        self.others = 0
        self._leave_out = leave_out

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return self._below(self.folder, "", ())

    def _below(self, folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, int]]:
        if folder == self._leave_out:
            return
        try:
            status = os.stat(folder)
            entries = os.scandir(folder)
        except OSError as error:
            if not prefix:
                raise UsageError("U202", f"cannot list the folder: {error.strerror}", place=readable(folder)) from None
            yield prefix, UNLISTED
            return
        identity = (status.st_dev, status.st_ino)
        if identity in above:  # a link to a folder above it
            entries.close()
            return
        start = folder if folder.endswith("/") else folder + "/"
        with Sorter() as sorter:
            self._sort(entries, sorter)
            for record in sorter:
                name, _, size = record.rpartition(b"\0")
                relative = os.fsdecode(name)
                if relative.endswith("/"):
                    yield from self._below(start + relative[:-1], prefix + relative, (*above, identity))
                else:
                    yield prefix + relative, int(size)

    def _sort(self, entries: os._ScandirIterator[str], sorter: Sorter) -> None:
        """A folder is sorted as `name/`, so that the whole walk is sorted by path."""
        add, fsencode = sorter.add, os.fsencode
        with entries:
            for entry in entries:
                name = entry.name
                is_note = name.endswith(".txt") or name.lower().endswith(".txt")
                if is_note and entry.is_file():
                    add(b"%b\0%d" % (fsencode(name), _size(entry)))
                elif entry.is_dir():
                    add(b"%b/\0%d" % (fsencode(name), 0))
                elif is_note and entry.is_symlink():  # a broken link: fails when it is read
                    add(b"%b\0%d" % (fsencode(name), 0))
                else:
                    self.others += 1


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:  # vanished: fails when it is read
        return 0


_SIMPLE_ID = re.compile(rb'\s*\{\s*"(?:note_)?id"\s*:\s*"([^"\\\x00-\x1f]*)"\s*,')


def line_id(line: bytes) -> str | None:
    """The note id of a `.jsonl` line, or None when it has none. Only ids: the line is parsed only when that is needed."""
    simple = _SIMPLE_ID.match(line)
    if simple and line.count(b'id"') == 1:
        try:
            return simple[1].decode()
        except UnicodeDecodeError:
            return None
    try:
        return parse_line(line)[0]
    except NoteError:
        return None


def parse_line(line: bytes) -> tuple[str, str]:
    """(note id, text) of a `.jsonl` line; N106 when it is no such object, N102 when it is not UTF-8."""
    try:
        record: Any = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise NoteError("N102", f"the line is not UTF-8: byte {error.start} cannot be decoded") from None
    except json.JSONDecodeError as error:
        raise NoteError("N106", f"the line is not JSON: column {error.colno}") from None
    except RecursionError:
        raise NoteError("N106", "the line is nested too deeply") from None
    if not isinstance(record, dict):
        raise NoteError("N106", "the line is not a JSON object")
    note_id = record.get("note_id", record.get("id"))
    if isinstance(note_id, int) and not isinstance(note_id, bool):
        note_id = str(note_id)
    if not isinstance(note_id, str) or not note_id:
        raise NoteError("N106", "the line has no id", hint="give each note an id or note_id")
    if not note_id.isascii() and any("\ud800" <= c <= "\udfff" for c in note_id):
        raise NoteError("N106", "the id holds half of a surrogate pair")
    text = record.get("text")
    if not isinstance(text, str):
        raise NoteError("N106", "the line has no text")
    return note_id, text
