"""Cutting the notes into parts, by input order only, and keeping the plan in a scratch file.

A planned part is one line of JSON, `{"part": n, "segments": [...]}`. A segment is files of one input (`names`, `sizes`) or a
byte range of a `.jsonl` (`offset`, `length`, `line`, `notes`, `sha256` of its lines). Workers read the lines they are told to.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from rulener.errors import UsageError
from rulener.run import limits
from rulener.run.inputs import FOLDER, NOTE_NAMES, Walk, line_id, open_jsonl, readable, unreadable
from rulener.run.sorting import Sorter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rulener.run.inputs import Input

Segment = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """`digest` is over names, sizes and (of a `.jsonl`) content: what a resumed run compares."""

    number: int
    notes: int
    size: int
    digest: str
    line: bytes


class Planner:
    """Iterates over the parts, listing inputs as it goes. `others` counts the files passed over."""

    def __init__(self, inputs: Sequence[Input], leave_out: str | None = None, names: Sequence[str] = NOTE_NAMES) -> None:
        self.others = 0
        self._inputs = inputs
        self._leave_out = leave_out
        self._names = names
        self._ids = IdRegister(inputs) if len(inputs) > 1 or inputs[0].has_lines else None
        self._segments: list[Segment] = []
        self._notes = self._bytes = self._part = 0
        self._content = hashlib.sha256()  # of the lines of the last segment

    @property
    def checks_ids(self) -> bool:
        """Can ids be used twice here? Then the whole plan must be made before the first part is."""
        return self._ids is not None

    def duplicates(self) -> dict[int, dict[str, str]]:
        """For each part, the notes (their place in it) whose id an earlier note has, and where that one is."""
        return self._ids.duplicates() if self._ids else {}

    def __iter__(self) -> Iterator[PlannedPart]:
        for index, source in enumerate(self._inputs):
            if source.has_lines:
                yield from self._cut_lines(index, source)
            else:
                yield from self._cut_files(index, source)
        if self._notes:
            yield self._close()

    def _cut_files(self, index: int, source: Input) -> Iterator[PlannedPart]:
        walk = Walk(source.path, self._leave_out, self._names) if source.kind == FOLDER else None
        segment: Segment | None = None
        for name, size in walk if walk is not None else _single(source):
            if self._full(size):
                yield self._close()
                segment = None
            if segment is None:
                segment = {"input": index, "names": [], "sizes": []}
                self._segments.append(segment)
            if self._ids:
                self._ids.add(readable(name), self._part, self._notes, index, 0)
            segment["names"].append(name)
            segment["sizes"].append(size)
            self._notes += 1
            self._bytes += size
        if walk is not None:
            self.others += walk.others

    def _cut_lines(self, index: int, source: Input) -> Iterator[PlannedPart]:
        segment: Segment | None = None
        offset, end = source.spooled or (0, None)
        with open_jsonl(source.lines_path) as file:
            file.seek(offset)
            for number, line in enumerate(_readable_lines(file, source), 1):
                if offset == end:
                    break
                size = len(line)
                if line.isspace():
                    if segment is not None:
                        segment["length"] += size
                    offset += size
                    continue
                if self._full(size):
                    self._seal()
                    yield self._close()
                    segment = None
                if segment is None:
                    segment = {"input": index, "offset": offset, "length": 0, "line": number, "notes": 0}
                    self._segments.append(segment)
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                note_id = line_id(line, source)
                if self._ids and note_id is not None:
                    self._ids.add(note_id, self._part, self._notes, index, number)
                self._content.update(line)
                segment["length"] += size
                segment["notes"] += 1
                self._notes += 1
                self._bytes += size
                offset += size
        if segment is not None:
            self._seal()

    def _seal(self) -> None:
        """The last segment has its lines."""
        self._segments[-1]["sha256"] = self._content.hexdigest()
        self._content = hashlib.sha256()

    def _full(self, size: int) -> bool:
        return self._notes >= limits.PART_NOTES or (self._notes > 0 and self._bytes + size > limits.PART_BYTES)

    def _close(self) -> PlannedPart:
        body = json.dumps(self._segments, separators=(",", ":")).encode()
        line = b'{"part":%d,"segments":%b}\n' % (self._part, body)
        part = PlannedPart(self._part, self._notes, self._bytes, hashlib.sha256(body).hexdigest(), line)
        self._segments = []
        self._notes = self._bytes = 0
        self._part += 1
        return part


def _readable_lines(file: BinaryIO, source: Input) -> Iterator[bytes]:
    try:
        yield from file
    except OSError as error:
        raise unreadable(error, source) from None


def _single(source: Input) -> Iterator[tuple[str, int]]:
    try:
        size = os.stat(source.path).st_size
    except OSError:
        size = 0
    yield os.path.basename(source.path), size


class IdRegister:
    """Every note id with its place, sorted on disk when there are many, to find the ids used twice."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._inputs = inputs
        self._sorter = Sorter()

    def add(self, note_id: str, part: int, index: int, source: int, line: int) -> None:
        key = note_id.encode("utf-8", "surrogatepass").replace(b"\\", b"\\\\").replace(b"\0", b"\\0")
        self._sorter.add(b"%b\0%010d%010d%010d%012d" % (key, part, index, source, line))

    def duplicates(self) -> dict[int, dict[str, str]]:
        found: dict[int, dict[str, str]] = {}
        count = 0
        first = b""
        with self._sorter as records:
            for record in records:
                if record[:-42] != first[:-42]:
                    first = record
                    continue
                count += 1
                if count > limits.DUPLICATE_IDS:
                    raise UsageError(
                        "U211",
                        f"more than {limits.DUPLICATE_IDS} notes have an id that an earlier one has, "
                        f"for example at {self._place(first)} and {self._place(record)}",
                        hint="give each note an id of its own",
                    )
                found.setdefault(int(record[-42:-32]), {})[str(int(record[-32:-22]))] = self._place(first)
        return found

    def _place(self, record: bytes) -> str:
        source = self._inputs[int(record[-22:-12])]
        key = re.sub(rb"\\(.)", lambda match: b"\0" if match[1] == b"0" else match[1], record[:-43])
        note_id = key.decode("utf-8", "surrogatepass")
        return source.place(note_id, int(record[-12:]))


class PlanFile:
    """The planned parts, in a scratch file in the output folder that has no name once it is open (where that is possible)."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o600
        )
        self._path: str | None = path
        try:
            os.unlink(path)
            self._path = None
        except OSError:  # Windows does not unlink open files
            pass
        self._offsets = array("q", [0])

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def append(self, part: PlannedPart) -> None:
        view = memoryview(part.line)
        while view:
            view = view[os.write(self.fd, view) :]
        self._offsets.append(self._offsets[-1] + len(part.line))

    def where(self, number: int) -> tuple[int, int]:
        """(offset, length) of a part's line."""
        start = self._offsets[number]
        return start, self._offsets[number + 1] - start

    def close(self) -> None:
        os.close(self.fd)
        if self._path:
            os.unlink(self._path)


def read_at(fd: int, offset: int, length: int) -> bytes:
    """`length` bytes of a file at `offset`, without touching the position other processes share."""
    if not hasattr(os, "pread"):
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)
    chunks = []
    while length and (chunk := os.pread(fd, length, offset)):
        chunks.append(chunk)
        offset += len(chunk)
        length -= len(chunk)
    return b"".join(chunks)
