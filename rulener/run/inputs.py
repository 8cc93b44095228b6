"""Finding notes: folders, single files and tables of notes, in an order that depends on their names only."""

from __future__ import annotations

import glob
import os
import re
import stat
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, BinaryIO

from rulener.errors import NoteError, UsageError
from rulener.formats.jsonl import parse_line
from rulener.formats.readers import Columns, Unreadable, reader_of
from rulener.run.sorting import Sorter
from rulener.run.spool import read_spooled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rulener.formats.sql import Query

FOLDER, FILE, JSONL, SQL = "folder", "file", "jsonl", "sql"
UNLISTED = -1
"""Stands for the size of a folder that could not be listed."""

NOTE_NAMES = ("*.txt", "*.txt.gz")
"""Which files of a folder are notes."""


_USUAL = Columns()


@dataclass(frozen=True, slots=True)
class Input:
    """One INPUT argument. `name` identifies it in the manifest on any machine; `path` finds it on this one.

    A table other than `.jsonl` has the name of its reader as kind, and its notes are in `spool`, in the bytes `spooled`; so are
    those of a `query`.
    """

    kind: str
    path: str
    name: str
    columns: Columns = _USUAL
    spool: str | None = None
    spooled: tuple[int, int] | None = None
    query: Query | None = None

    @property
    def has_lines(self) -> bool:
        """Whether its notes are lines of a file, `lines_path`."""
        return self.kind == JSONL or self.spool is not None

    @property
    def lines_path(self) -> str:
        return self.spool or self.path

    def note(self, line: bytes) -> tuple[str, str, dict[str, Any]]:
        """(note id, text, metadata) of a line. Raises NoteError, with the note's id as its place when there is one."""
        if self.spool is not None:
            return read_spooled(line)
        found = parse_line(line, self.columns)
        if isinstance(found, Unreadable):
            raise NoteError(found.code, found.reason, place=found.id or "")
        return found

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


def resolve(paths: Sequence[str], columns: Columns | None = None) -> tuple[Input, ...]:
    """The inputs behind the arguments; U201 when one does not exist, U202 when one is neither file nor folder.

    A name with `*`, `?` or `[` that is no file stands for all it matches, sorted; `**` also matches folders.
    """
    return tuple(_resolve(path, columns or Columns()) for given in paths for path in _expanded(given))


def _expanded(path: str) -> list[str]:
    if glob.has_magic(path) and not os.path.exists(path):
        found = sorted(glob.glob(path, recursive=True))
        if not found:
            raise UsageError("U201", "no file or folder matches the input", place=readable(path))
        return found
    return [path]


def _resolve(path: str, columns: Columns) -> Input:
    full = os.path.abspath(path)
    name = readable(os.path.basename(os.path.realpath(path)) or "/")
    try:
        mode = os.stat(full).st_mode
    except OSError as error:
        raise UsageError("U201", f"cannot read the input: {error.strerror}", place=readable(path)) from None
    if stat.S_ISDIR(mode):
        return Input(FOLDER, full, name, columns)
    if not stat.S_ISREG(mode):
        raise UsageError("U202", "neither a file nor a folder", place=readable(path), hint="copy it to a file first")
    reader = reader_of(full)
    kind = reader.name if reader else JSONL if full.lower().endswith((".jsonl", ".ndjson")) else FILE
    return Input(kind, full, name, columns)


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


def unreadable(error: OSError, source: Input) -> UsageError:
    """U201 for an input that broke off while it was read."""
    return UsageError("U201", f"cannot read the input: {error.strerror}", place=source.name)


class Walk:
    """The notes under a folder: (name relative to it, size), sorted by name. Counts the files that are none of `names`."""

    def __init__(self, folder: str, leave_out: str | None = None, names: Sequence[str] = NOTE_NAMES) -> None:
        self.folder = folder
        self.others = 0
        self._names = tuple(name.lower() for name in names)
        self._endings = tuple(name[1:] for name in self._names if name.startswith("*.") and not glob.has_magic(name[1:]))
        self._patterns = [name for name in self._names if name[1:] not in self._endings]
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
                is_note = name.endswith(self._endings) or self._is_note(name.lower())
                if is_note and entry.is_file():
                    add(b"%b\0%d" % (fsencode(name), _size(entry)))
                elif entry.is_dir():
                    add(b"%b/\0%d" % (fsencode(name), 0))
                elif is_note and entry.is_symlink():  # a broken link: fails when it is read
                    add(b"%b\0%d" % (fsencode(name), 0))
                else:
                    self.others += 1


    def _is_note(self, lower: str) -> bool:
        return lower.endswith(self._endings) or any(fnmatch(lower, pattern) for pattern in self._patterns)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:  # vanished: fails when it is read
        return 0


_SIMPLE_ID = re.compile(rb'\s*\{\s*"(?:note_)?id"\s*:\s*"([^"\\\x00-\x1f]*)"\s*,')


def line_id(line: bytes, source: Input) -> str | None:
    """The note id of a line, or None when it has none. Only ids: the line is parsed only when that is needed."""
    simple = _SIMPLE_ID.match(line) if source.columns.id is None or source.spool is not None else None
    if simple and line.count(b'id"') == 1:
        try:
            return simple[1].decode()
        except UnicodeDecodeError:
            return None
    try:
        return source.note(line)[0]
    except NoteError as error:
        return error.place or None
