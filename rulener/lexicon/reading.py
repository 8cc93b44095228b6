"""What the readers share: finding the files of a release, their lines, and counting what is left out.

A file may be plain, `.gz`, or cut into parts (`MRCONSO.RRF.aa.gz`, `MRCONSO.RRF.ab.gz`); parts are read one after the other as
one stream of bytes. Lines end with LF or CRLF; a byte order mark is passed over; a line that is not UTF-8 is counted and named.
"""

from __future__ import annotations

import csv
import fnmatch
import gzip
import os
import re
import string
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from rulener.errors import LexiconError
from rulener.lexicon.table import Skipped

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 26
_DEEPEST = 5  # folders below the one given
_PART = re.compile(r"(?P<name>.+?)(?:\.(?P<part>[a-z]{2}))?(?:\.gz)?")
_LETTERS = string.ascii_lowercase


class Meter(Protocol):
    """Where progress goes."""

    def start(self, name: str, size: int) -> None:
        """A file of `size` bytes is opened."""

    def advance(self, size: int) -> None:
        """So many more of its bytes were read."""


class _NoMeter:
    def start(self, name: str, size: int) -> None:
        pass

    def advance(self, size: int) -> None:
        pass


@dataclass(slots=True)
class Reading:
    """What came of reading a source: records and what was left out, by file; rows; remarks about the release."""

    source: str
    meter: Meter = field(default_factory=_NoMeter)
    read: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    rows: int = 0
    remarks: list[str] = field(default_factory=list)

    def of(self, name: str) -> Skipped:
        """What was left out of a file."""
        self.read.setdefault(name, 0)
        return self.skipped.setdefault(name, Skipped())

    def remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a release: its name there, and the parts it comes in."""

    name: str
    parts: tuple[Path, ...]

    @property
    def shown(self) -> str:
        return str(self.parts[0])


@dataclass(frozen=True, slots=True)
class Only:
    """A filter: the values wanted (none: all) and those not wanted. Case does not count."""

    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, values: Iterable[str]) -> Only:
        """From values as written on the command line: `PT`, or `-PT` for one that is not wanted."""
        values = [value.strip().upper() for value in values]
        return cls(
            frozenset(value for value in values if not value.startswith("-")),
            frozenset(value[1:] for value in values if value.startswith("-")),
        )

    def __contains__(self, value: str) -> bool:
        value = value.upper()
        return (not self.wanted or value in self.wanted) and value not in self.unwanted


# --- files -----------------------------------------------------------------------------------------------------------


_OURS = re.compile(r"\.(?:\d+|first|first\.tmp\.\d+)\.tmp$")  # a table that is being written, perhaps into this folder


def release(path: Path, what: str, wanted: Mapping[str, str], optional: Iterable[str] = ()) -> dict[str, File]:
    """The files of a release in folder `path` or below it; `path` may also name one of them.

    `wanted` gives each a key and its name without `.gz` and part, where `*` stands for anything and case does not count. Of
    several the one nearest to `path` is taken. Raises LexiconError: L101 there is nothing at `path`, L105 a file is missing,
    ambiguous, or misses a part.
    """
    if not path.exists():
        raise LexiconError("L101", "the lexicon cannot be read: No such file or directory", place=str(path))
    patterns = {key: re.compile(fnmatch.translate(name), re.IGNORECASE) for key, name in wanted.items()}
    if path.is_file():
        if not any(pattern.fullmatch(_plain_name(path)) for pattern in patterns.values()):
            raise _missing(path, what, next(iter(wanted.values())), [path.name])
        entries = [(0, one) for one in sorted(path.parent.iterdir()) if one.is_file() and not _OURS.search(one.name)]
        folder = path.parent
    else:
        entries = list(_walk(path))
        folder = path
    found = {}
    for key, pattern in patterns.items():
        file = _found(pattern, entries, what, path if path.is_file() else None)
        if file is not None:
            found[key] = file
        elif key not in optional:
            raise _missing(folder, what, wanted[key], [str(one.relative_to(folder)) for _, one in entries])
    return found


def _walk(folder: Path, depth: int = 0) -> Iterator[tuple[int, Path]]:
    """`(depth, file)` of the files in a folder and below, by name; a folder below that may not be read is passed over."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if depth:
            return
        raise LexiconError("L101", f"the folder cannot be read: {error.strerror}", place=str(folder)) from error
    for entry in entries:
        is_file = is_folder = False
        with suppress(OSError):
            is_file, is_folder = entry.is_file(), entry.is_dir()
        if is_file and not _OURS.search(entry.name):
            yield depth, Path(entry.path)
        elif is_folder and depth < _DEEPEST and not entry.name.startswith("."):
            yield from _walk(Path(entry.path), depth + 1)


def _plain_name(path: Path) -> str:
    match = _PART.fullmatch(path.name)
    return match["name"] if match else path.name


def _found(pattern: re.Pattern[str], entries: Sequence[tuple[int, Path]], what: str, given: Path | None) -> File | None:
    matching = [(depth, path) for depth, path in entries if pattern.fullmatch(_plain_name(path))]
    if given is not None and given in [path for _, path in matching]:
        matching = [(depth, path) for depth, path in matching if _plain_name(path) == _plain_name(given)]
    if not matching:
        return None
    nearest = min(depth for depth, _ in matching)
    paths = [path for depth, path in matching if depth == nearest]
    places = sorted({(str(path.parent), _plain_name(path)) for path in paths})
    if len(places) > 1:
        shown = ", ".join(str(Path(folder) / name) for folder, name in places[:4])
        hint = "name the folder or the file of one release"
        raise LexiconError("L105", f"{len(places)} files could be meant: {shown}", place=f"{what}", hint=hint)
    name = places[0][1]
    whole = [path for path in paths if path.name in (name, f"{name}.gz")]
    if whole:
        return File(name, (next((path for path in whole if path.name == name), whole[0]),))
    return File(name, tuple(_parts(name, paths)))


def _parts(name: str, paths: Sequence[Path]) -> list[Path]:
    parts: dict[str, Path] = {}
    for path in paths:
        match = _PART.fullmatch(path.name)
        assert match is not None
        parts.setdefault(match["part"], path)
    names = sorted(parts)
    for number, part in enumerate(names):
        expected = _LETTERS[number // 26] + _LETTERS[number % 26]
        if part != expected:
            missing = f"{name}.{expected}"
            raise LexiconError("L105", f"the part {missing} is missing", place=str(paths[0].parent), hint="copy every part")
    return [parts[part] for part in names]


def _missing(folder: Path, what: str, name: str, found: Sequence[str]) -> LexiconError:
    shown = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    hint = f"found there: {shown}" if found else "there is no file in it"
    return LexiconError("L105", f"this is no {what}: there is no {name}", place=str(folder), hint=hint)


def not_what_it_claims(file: File, line: int, why: str, hint: str = "") -> LexiconError:
    """L106, for a file whose content is not what its name says."""
    return LexiconError("L106", why, place=f"{file.shown}:{line}" if line else file.shown, hint=hint)


# --- bytes and lines --------------------------------------------------------------------------------------------------


class Stream:
    """The bytes of a file, its parts one after the other, unpacked; `read(size)` as files have it.

    Raises LexiconError: L101 a part cannot be read or is cut off, L103 the file is empty.
    """

    def __init__(self, file: File, reading: Reading) -> None:
        self._file = file
        self._left = list(file.parts)
        self._meter = reading.meter
        self._raw: IO[bytes] | None = None
        self._plain: IO[bytes] | None = None
        self._at = 0
        self._any = False
        self._meter.start(file.name, sum(self._size(path) for path in file.parts))

    def read(self, size: int = _CHUNK) -> bytes:
        while True:
            if self._plain is None:
                if not self._left:
                    if not self._any:
                        raise LexiconError("L103", "the file is empty", place=self._file.shown, hint="copy it again")
                    return b""
                self._open(self._left[0])
            data = self._part(size)
            if data:
                self._any = True
                return data
            self.close()
            self._left.pop(0)

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()
        self._raw = self._plain = None

    @staticmethod
    def _size(path: Path) -> int:
        try:
            return path.stat().st_size
        except OSError:
            return 0

    def _open(self, path: Path) -> None:
        try:
            self._raw = open(path, "rb")  # noqa: SIM115 - closed by close
            magic = self._raw.read(2)
            self._raw.seek(0)
        except OSError as error:
            raise LexiconError("L101", f"the lexicon cannot be read: {error.strerror}", place=str(path)) from error
        self._plain = gzip.GzipFile(fileobj=self._raw) if magic == _GZIP_MAGIC else self._raw  # type: ignore[assignment]
        self._at = 0

    def _part(self, size: int) -> bytes:
        assert self._plain is not None
        assert self._raw is not None
        try:
            data = self._plain.read(size)
        except (OSError, EOFError, zlib.error) as error:
            message = f"the file cannot be read to its end: {error}"
            raise LexiconError("L101", message, place=str(self._left[0]), hint="copy it again") from error
        at = self._raw.tell()
        self._meter.advance(at - self._at)
        self._at = at
        return data


def blocks(file: File, reading: Reading) -> Iterator[tuple[int, list[str]]]:
    """`(number of the first line, lines)`, about a megabyte at once. A line that is not UTF-8 is empty, and counted.

    Raises LexiconError: L101 it cannot be read, L103 it is empty, L106 a line is longer than 64 MB.
    """
    skipped = reading.of(file.name)
    stream = Stream(file, reading)
    number = 1
    rest = b""
    try:
        while data := stream.read():
            if number == 1 and not rest and data.startswith(b"\xef\xbb\xbf"):
                data = data[3:]
            end = data.rfind(b"\n") + 1
            if not end:
                rest += data
                if len(rest) > _LONGEST_LINE:
                    raise not_what_it_claims(file, number, "a line of more than 64 MB")
                continue
            lines = _decoded(rest + data[:end], number, skipped)
            rest = data[end:]
            lines.pop()  # what follows the last line break
            yield number, lines
            number += len(lines)
            reading.read[file.name] += len(lines)
        if rest:
            yield number, _decoded(rest, number, skipped)
            reading.read[file.name] += 1
    finally:
        stream.close()


def _decoded(data: bytes, first: int, skipped: Skipped) -> list[str]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        lines = []
        for number, line in enumerate(data.split(b"\n"), first):
            try:
                lines.append(line.decode().removesuffix("\r"))
            except UnicodeDecodeError:
                skipped.add("not UTF-8", number)
                lines.append("")
        return lines
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    return text.split("\n")


def tabbed(file: File, reading: Reading, wanted: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[int, list[str]]]:
    """`(line, values of wanted, then of optional columns)` of a table separated by tabs, without quotes.

    Raises LexiconError: as `blocks`, and L106 for a header without one of the columns wanted.
    """
    skipped = reading.of(file.name)
    at: list[int] = []
    width = 0
    for first, lines in blocks(file, reading):
        for number, line in enumerate(lines, first):
            if not line:
                continue
            fields = line.split("\t")
            if number == 1:
                at = _places(file, fields, wanted, optional)
                width = len(fields)
                reading.read[file.name] -= 1  # the header is no record
                continue
            if len(fields) != width:
                if len(fields) == width + 1 and not fields[-1]:
                    fields.pop()
                else:
                    skipped.add(f"{len(fields)} columns, not {width}", number)
                    continue
            fields.append("")
            yield number, [fields[k] for k in at]


def commas(file: File, reading: Reading, wanted: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[int, list[str]]]:
    """The same of a CSV with quotes, where a value may hold line breaks."""
    skipped = reading.of(file.name)
    lines = _FedLines(file, reading)
    reader = csv.reader(lines, strict=False)
    at: list[int] = []
    width = 0
    while True:
        line = lines.number + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            skipped.add(f"not CSV: {error}", line)
            reader = csv.reader(lines, strict=False)
            continue
        if fields is None:
            return
        if not fields:
            continue
        if not at:
            at = _places(file, fields, wanted, optional)
            width = len(fields)
            reading.read[file.name] -= 1
            continue
        if len(fields) != width:
            skipped.add(f"{len(fields)} columns, not {width}", line)
            continue
        fields.append("")
        yield line, [fields[k] for k in at]


class _FedLines:
    """Lines for csv.reader, and the number of the last one."""

    def __init__(self, file: File, reading: Reading) -> None:
        self.number = 0
        self._lines = (line for _, lines in blocks(file, reading) for line in lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        return line + "\n"


def _places(file: File, header: Sequence[str], wanted: Sequence[str], optional: Sequence[str]) -> list[int]:
    """Where the columns stand; an optional one that is not there stands behind the last."""
    names = [name.strip().strip('"').lower() for name in header]
    for name in wanted:
        if name.lower() not in names:
            shown = ", ".join(header[:12])
            raise not_what_it_claims(file, 1, f"no column {name!r} in the header", f"the header has {shown[:200]}")
    return [names.index(name.lower()) if name.lower() in names else len(names) for name in (*wanted, *optional)]


def is_tabbed(file: File, reading: Reading) -> bool:
    """Whether the first line has a tab."""
    quiet = Reading(reading.source)
    lines = blocks(file, quiet)
    _, first = next(lines)
    lines.close()  # type: ignore[attr-defined]
    return "\t" in first[0]
