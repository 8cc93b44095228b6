"""Making one part: read its notes, hand them to the engine in slices, write its lines to a temporary file.

This runs once a note, so it does little a note. Whoever called it syncs the file and puts it in place.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rulener.errors import NoteError, UsageError
from rulener.formats.writers import Settings, admissions, new_sink, open_writer
from rulener.run import limits
from rulener.run.decode import GZIPPED, decode, too_long, unpacked
from rulener.run.inputs import UNLISTED, open_jsonl, readable, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rulener.formats.sink import FolderSink, Sink
    from rulener.run.inputs import Input

_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)

Failure = tuple[str, str, str]
"""(note id, code, reason)"""


@dataclass(frozen=True, slots=True)
class Job:
    """What every part of a run shares."""

    engine: Any
    inputs: Sequence[Input]
    formats: tuple[str, ...] = ("jsonl",)
    encoding: str | None = None
    duplicates: dict[int, dict[str, str]] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)


@dataclass(slots=True)
class PartFile:
    """A file of a finished part, or a folder of files. `suffix` follows the part's name; `crc32` is that of its bytes."""

    suffix: str
    bytes: int
    crc32: str


@dataclass(slots=True)
class PartResult:
    """What the journal keeps of a finished part. `input` is the SHA-256 of what was read, `counts` what the writers of some
    formats have counted."""

    part: int
    notes: int = 0
    entities: int = 0
    read: int = 0
    input: str = ""
    files: list[PartFile] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    plan: str = ""
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class Care:
    """How a part is made over which a worker has died.

    `lost` are notes (their place in the part) that are not annotated: code and reason. With `singly` every note is a slice of
    its own and those before `first` are passed over: to find the note that does it.
    """

    lost: dict[int, tuple[str, str]] = field(default_factory=dict)
    singly: bool = False
    first: int = 0

    def passes_over(self, place: int) -> bool:
        return place in self.lost or (self.singly and place < self.first)


Watch = Callable[[int, int, int], None]
"""Told what the engine is given next: the place of its first note, how many notes, how many bytes; (-1, 0, 0) when it is done."""


def result_from(record: dict[str, Any]) -> PartResult:
    """The result that `asdict` made this record of."""
    files = [PartFile(**file) for file in record["files"]]
    failures = [(note_id, code, reason) for note_id, code, reason in record["failures"]]
    return PartResult(**{**record, "files": files, "failures": failures})


def make_part(
    job: Job, task: bytes, scratch: str, care: Care | None = None, watch: Watch | None = None
) -> PartMaker:
    """Annotates the notes of a planned part into files whose names are `scratch` and a suffix. They are complete when the maker's
    `finish` was called, which another thread may do; whoever does it also syncs and closes them.
    """
    plan = json.loads(task)
    sinks: list[Sink | FolderSink] = []
    try:
        for name in job.formats:
            sinks.append(new_sink(name, scratch))
        maker = PartMaker(job, PartResult(plan["part"]), sinks, care, watch)
        for segment in plan["segments"]:
            source = job.inputs[segment["input"]]
            if "names" in segment:
                maker.files(source, segment["names"], segment["sizes"])
            else:
                maker.lines(source, segment)
        return maker
    except BaseException:
        for sink in sinks:
            sink.close()
        raise


class PartMaker:
    """One part in the making."""

    def __init__(
        self, job: Job, result: PartResult, sinks: Sequence[Sink | FolderSink], care: Care | None, watch: Watch | None
    ) -> None:
        self._job = job
        self._result = result
        self._sinks = sinks
        self._care = care
        self._watch = watch or _unwatched
        self._slice_notes = 1 if care is not None and care.singly else limits.SLICE_NOTES
        self._writers = [
            open_writer(name, sink, job.engine, job.settings) for name, sink in zip(job.formats, sinks, strict=True)
        ]
        self._admissions = admissions(job.formats)
        self._duplicates = job.duplicates.get(result.part, {})
        self._input = self._content = hashlib.sha256()
        self._failures: list[tuple[int, Failure]] = []
        self._texts: list[str] = []
        self._ids: list[str] = []
        self._places: list[int] = []
        self._metadata: list[dict[str, Any]] = []
        self._data: list[bytes] = []
        self._waiting = 0

    def files(self, source: Input, names: Sequence[str], sizes: Sequence[int]) -> None:
        root, encoding, duplicates, result = source.root, self._job.encoding, self._duplicates, self._result
        texts, ids, places, data, care = self._texts, self._ids, self._places, self._data, self._care
        self._content = hashlib.sha256()
        for name, size in zip(names, sizes, strict=True):
            place = result.notes
            result.notes = place + 1
            note_id = name if name.isascii() else readable(name)
            try:
                try:
                    content = _read(root + name, size)
                except NoteError as error:
                    data.append(_stand_in(error))
                    raise
                data.append(content)
                self._waiting += len(content)
                if duplicates and str(place) in duplicates:
                    raise _duplicate(source.place(note_id), duplicates[str(place)])
                text = decode(unpacked(content) if name.endswith(GZIPPED) else content, encoding)
                if self._admissions:
                    self._admit(note_id, {})
                if care is not None and care.passes_over(place):
                    self._lose(place, note_id)
                    continue
            except NoteError as error:
                self._fail(place, note_id, error)
                continue
            except MemoryError:
                self._fail(place, note_id, NoteError("N105", f"not enough memory for its {size} bytes"))
                continue
            if source.columns.carry:
                self._metadata.append({})
            texts.append(text)
            ids.append(note_id)
            places.append(place)
            if len(texts) >= self._slice_notes or self._waiting >= limits.SLICE_BYTES:
                self._annotate()
        self._end_segment()

    def lines(self, source: Input, segment: dict[str, Any]) -> None:
        self._content = content = hashlib.sha256()
        for line_number, line in _lines(source, segment["offset"], segment["length"], segment["line"]):
            place = self._result.notes
            self._result.notes = place + 1
            note_id = f"{source.name}:{line_number}"
            try:
                content.update(line)
                self._waiting += len(line)
                if len(line) > limits.NOTE_BYTES:
                    raise too_long(len(line))
                note_id, text, metadata = source.note(line)
                if self._care is not None and self._care.passes_over(place):
                    self._lose(place, note_id)
                    continue
                if str(place) in self._duplicates:
                    raise _duplicate(source.place(note_id, line_number), self._duplicates[str(place)])
                if self._admissions:
                    self._admit(note_id, metadata)
            except NoteError as error:
                self._fail(place, error.place or note_id, error)
                continue
            if source.columns.carry:
                self._metadata.append(metadata)
            self._texts.append(text)
            self._ids.append(note_id)
            self._places.append(place)
            if len(self._texts) >= self._slice_notes or self._waiting >= limits.SLICE_BYTES:
                self._annotate()
        if content.hexdigest() != segment["sha256"]:
            raise _changed(source)
        self._end_segment()

    def _end_segment(self) -> None:
        self._annotate()
        self._input.update(self._content.hexdigest().encode())

    @property
    def part(self) -> int:
        return self._result.part

    def sync(self) -> None:
        for sink in self._sinks:
            sink.sync()

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()

    def finish(self) -> PartResult:
        """Completes the files. Parquet and Arrow are written now."""
        result = self._result
        if result.files:
            return result
        self._failures.sort(key=lambda failure: failure[0])
        result.failures = [failure for _, failure in self._failures]
        result.input = self._input.hexdigest()
        for writer in self._writers:
            writer.close()
        result.files = [PartFile(sink.suffix, sink.size, sink.crc32) for sink in self._sinks]
        for name, writer in zip(self._job.formats, self._writers, strict=True):
            if counts := getattr(writer, "counts", None):
                result.counts[name] = dict(sorted(counts.items()))
        return result

    def _admit(self, note_id: str, metadata: dict[str, Any]) -> None:
        """Raises NoteError when a format cannot hold the note."""
        for admit in self._admissions:
            admit(note_id, metadata, self._job.settings)

    def _annotate(self) -> None:
        if self._data:
            self._content.update(b"".join(self._data))
        self._result.read += self._waiting
        if self._texts:
            self._engine_call(self._texts, self._ids, self._places, self._metadata)
        self._texts.clear()
        self._ids.clear()
        self._places.clear()
        self._metadata.clear()
        self._data.clear()
        self._waiting = 0

    def _engine_call(
        self, texts: Sequence[str], ids: Sequence[str], places: Sequence[int], metadata: Sequence[dict[str, Any]]
    ) -> None:
        self._watch(places[0], len(texts), sum(map(len, texts)))
        try:
            batch = self._job.engine.batch(texts, ids, metadata) if metadata else self._job.engine.batch(texts, ids)
        except MemoryError:
            self._in_halves(texts, ids, places, metadata)
            return
        for index, code, reason in batch.failures:
            self._failures.append((places[index], (ids[index], code, reason)))
        self._result.entities += batch.n_entities
        for writer in self._writers:
            writer.write(batch)
        self._watch(*_IDLE)

    def _in_halves(
        self, texts: Sequence[str], ids: Sequence[str], places: Sequence[int], metadata: Sequence[dict[str, Any]]
    ) -> None:
        if len(texts) == 1:
            self._fail(places[0], ids[0], NoteError("N105", f"not enough memory for its {len(texts[0])} characters"))
            return
        half = len(texts) // 2
        self._engine_call(texts[:half], ids[:half], places[:half], metadata[:half])
        self._engine_call(texts[half:], ids[half:], places[half:], metadata[half:])

    def _lose(self, place: int, note_id: str) -> None:
        """Nothing is said of a note that was passed over only to come to a later one."""
        assert self._care is not None
        if place in self._care.lost:
            self._failures.append((place, (note_id, *self._care.lost[place])))

    def _fail(self, place: int, note_id: str, error: NoteError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self._failures.append((place, (note_id, error.code, error.message + hint)))


_IDLE = (-1, 0, 0)


def _unwatched(place: int, notes: int, size: int) -> None:
    """Nobody waits for it."""


def _duplicate(here: str, first: str) -> NoteError:
    return NoteError("N104", f"its id is used twice: first at {first}, again at {here}")


def _read(path: str, size: int) -> bytes:
    """A file's bytes. `size` is what it had when it was listed."""
    if size == UNLISTED:
        raise NoteError("N101", "the folder cannot be listed")
    if size > limits.NOTE_BYTES:
        raise too_long(size)
    try:
        file = os.open(path, _READ)
    except OSError as error:
        raise NoteError("N101", f"cannot be read: {error.strerror}") from None
    try:
        content = os.read(file, size + 1)
        if len(content) != size:  # it changed, or the system gives less at a time
            content = _rest(file, content)
    except OSError as error:
        raise NoteError("N101", f"cannot be read: {error.strerror}") from None
    finally:
        os.close(file)
    return content


def _rest(file: int, content: bytes) -> bytes:
    chunks, size = [content], len(content)
    while chunk := os.read(file, 1 << 20):
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.NOTE_BYTES:
            raise too_long(size)
    return b"".join(chunks)


def _lines(source: Input, offset: int, length: int, number: int) -> Iterator[tuple[int, bytes]]:
    """(line number, line) for the lines of a byte range that are not blank. Raises U201, U215 when the file ends too early."""
    with open_jsonl(source.lines_path) as file:
        while length > 0:
            try:
                if offset >= 0:
                    file.seek(offset)
                    offset = -1
                line = file.readline(length)
            except OSError as error:
                raise unreadable(error, source) from None
            if not line:
                raise _changed(source)
            length -= len(line)
            if not line.isspace():
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            number += 1


def _changed(source: Input) -> UsageError:
    return UsageError(
        "U215", "the input has changed while the run was reading it", place=source.name, hint="start anew when it is complete"
    )


def _stand_in(error: NoteError) -> bytes:
    """What the digest of the input has for a note whose bytes are not at hand."""
    return b"\0%b\0" % error.code.encode()


def content_digest(job: Job, task: bytes) -> str:
    """`PartResult.input` of a planned part, from what its inputs have now."""
    digest = hashlib.sha256()
    for segment in json.loads(task)["segments"]:
        source = job.inputs[segment["input"]]
        if "names" not in segment:
            digest.update(segment["sha256"].encode())
            continue
        content = hashlib.sha256()
        for name, size in zip(segment["names"], segment["sizes"], strict=True):
            try:
                content.update(_read(source.root + name, size))
            except NoteError as error:
                content.update(_stand_in(error))
        digest.update(content.hexdigest().encode())
    return digest.hexdigest()
