"""Term tables: TSV or CSV with a header, plain or gzip.

Columns: `term` and `label` are required; `system`, `code`, `preferred` (or `name`), `semantic_type` and `case` (`exact`: the
surface keeps its case) may be given, in any order; other columns are named as not used. Rows are streamed; a bad row is counted
and named by line, never fatal.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from rulener.errors import LexiconError

COLUMNS = ("term", "label", "system", "code", "preferred", "semantic_type", "case")
_ALIASES = {
    "name": "preferred",
    "preferred_name": "preferred",
    "semtype": "semantic_type",
    "semantic type": "semantic_type",
    "sty": "semantic_type",
}
_GZIP_MAGIC = b"\x1f\x8b"
_NAMED_LINES = 5


class Row(NamedTuple):
    """One surface of one concept. Missing values are empty strings."""

    line: int
    term: str
    label: str
    system: str
    code: str
    preferred: str
    semantic_type: str
    exact: bool


@dataclass(slots=True)
class Skipped:
    """What was not used: rows by reason, how many and the first few line numbers; columns by name or number."""

    columns: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, reason: str, line: int) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        named = self.lines.setdefault(reason, [])
        if len(named) < _NAMED_LINES:
            named.append(line)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def messages(self, path: str) -> list[str]:
        """One line per column, then one per reason: `drugs.tsv:3: row skipped: no term (and 2 more: lines 5, 9)`."""
        columns = [f"{path}:1: column {column} is not used" for column in self.columns]
        return columns + [self._message(path, reason) for reason in self.counts]

    def first(self, path: str) -> str:
        """The message about the first row that was skipped; empty when none was."""
        return self._message(path, next(iter(self.counts))) if self.counts else ""

    def _message(self, path: str, reason: str) -> str:
        first, *others = self.lines[reason]
        more = self.counts[reason] - 1
        if not more:
            return f"{path}:{first}: row skipped: {reason}"
        listed = ", ".join(str(line) for line in others)
        tail = ", …" if more > len(others) else ""
        return f"{path}:{first}: row skipped: {reason} (and {more} more: lines {listed}{tail})"


def read_table(path: Path, skipped: Skipped) -> Iterator[Row]:
    """Stream the rows of a table. Bad rows go to `skipped`.

    Raises LexiconError: L101 the file cannot be read, L102 its header misses a column or repeats one.
    """
    with _open(path) as file:
        lines = _Lines(file, skipped, path)
        header_line = next(lines, None)
        if header_line is None:
            hint = "the first line names the columns: term, label, …"
            raise LexiconError("L103", "the lexicon is empty", place=str(path), hint=hint)
        delimiter = "\t" if "\t" in header_line or path.name.removesuffix(".gz").lower().endswith(".tsv") else ","
        columns = _columns(header_line, delimiter, path, skipped)
        yield from _rows(lines, columns, delimiter, skipped)


def _open(path: Path) -> IO[bytes]:
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed by read_table
    except OSError as error:
        raise LexiconError("L101", f"the lexicon cannot be read: {error.strerror}", place=str(path)) from error
    magic = file.read(2)
    file.seek(0)
    if magic == _GZIP_MAGIC:
        return io.BufferedReader(_Gzip(file))
    return file


class _Gzip(gzip.GzipFile):
    """A gzip stream that closes the file it reads."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        super().__init__(fileobj=file)

    def close(self) -> None:
        super().close()
        self._file.close()


class _Lines:
    """Decoded lines without their ends, and the number of the last one. Lines that are not UTF-8 are skipped and counted.

    Raises LexiconError: L101 the file cannot be read, L102 the first line is not UTF-8.
    """

    def __init__(self, file: IO[bytes], skipped: Skipped, path: Path) -> None:
        self._file = file
        self._skipped = skipped
        self._path = path
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            try:
                raw = self._file.readline()
            except (OSError, EOFError, zlib.error) as error:
                message = f"the lexicon cannot be read past line {self.number}: {error}"
                raise LexiconError("L101", message, place=str(self._path)) from error
            if not raw:
                raise StopIteration
            self.number += 1
            try:
                line = raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError:
                if self.number == 1:
                    raise LexiconError(
                        "L102", "the header is not UTF-8", place=f"{self._path}:1", hint="save the table as UTF-8"
                    ) from None
                self._skipped.add("not UTF-8", self.number)
                continue
            return line.rstrip("\r\n")


def _columns(header: str, delimiter: str, path: Path, skipped: Skipped) -> dict[str, int]:
    names = next(csv.reader([header], delimiter=delimiter)) if delimiter == "," else header.split("\t")
    columns: dict[str, int] = {}
    for k, raw in enumerate(names):
        name = raw.strip().lower()
        name = _ALIASES.get(name, name)
        if name in columns:
            raise LexiconError("L102", f"the column {name!r} is there twice", place=f"{path}:1", hint="keep one of them")
        if name in COLUMNS:
            columns[name] = k
        else:
            skipped.columns.append(repr(raw.strip()[:40]) if name else f"{k + 1} has no name and")
    for wanted in ("term", "label"):
        if wanted not in columns:
            shown = ", ".join(repr(name.strip()) for name in names[:12])
            hint = f"the header has {shown}; known columns: {', '.join(COLUMNS)}"
            raise LexiconError("L102", f"no column {wanted!r} in the header", place=f"{path}:1", hint=hint)
    return columns


def _rows(lines: _Lines, columns: dict[str, int], delimiter: str, skipped: Skipped) -> Iterator[Row]:
    width = max(columns.values()) + 1
    required = max(columns["term"], columns["label"]) + 1
    at = [columns.get(name, width) for name in COLUMNS]
    term_at, label_at, system_at, code_at, preferred_at, type_at, case_at = at
    padding = [""] * (width + 1)
    split = _split_tabs if delimiter == "\t" else _CommaRows
    for line, fields in split(lines, skipped):
        if len(fields) < required:
            skipped.add(f"{len(fields)} columns, at least {required} are needed", line)
            continue
        if len(fields) <= width:
            fields = fields + padding[len(fields) :]
        else:
            fields[width] = ""
        term, label = fields[term_at].strip(), fields[label_at].strip()
        case = fields[case_at].strip().lower()
        if not term:
            skipped.add("no term", line)
        elif not label:
            skipped.add("no label", line)
        elif case not in ("", "exact", "any"):
            skipped.add("case is neither empty, 'any' nor 'exact'", line)
        else:
            yield Row(
                line, term, label, fields[system_at].strip(), fields[code_at].strip(), fields[preferred_at].strip() or term,
                fields[type_at].strip(), case == "exact",
            )  # fmt: skip


def _split_tabs(lines: _Lines, skipped: Skipped) -> Iterator[tuple[int, list[str]]]:
    for line in lines:
        if line:
            yield lines.number, line.split("\t")


class _CommaRows:
    """`(first line, fields)` of every row of a CSV table. A quoted value may hold commas, doubled quotes and line breaks."""

    def __init__(self, lines: _Lines, skipped: Skipped) -> None:
        self._lines = lines
        self._skipped = skipped
        self._begin = 0  # first line of the row being read; lines that are not UTF-8 are none of it
        self._reader = csv.reader(self._fed(), strict=True)

    def _fed(self) -> Iterator[str]:
        for line in self._lines:
            self._begin = self._begin or self._lines.number
            yield line + "\n"

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return self

    def __next__(self) -> tuple[int, list[str]]:
        while True:
            self._begin = 0
            try:
                fields = next(self._reader)
            except csv.Error as error:
                self._skipped.add(self._reason(error), self._begin)
                self._reader = csv.reader(self._fed(), strict=True)
                continue
            if fields:
                return self._begin, fields

    def _reason(self, error: csv.Error) -> str:
        if "field limit" in str(error):
            return f"a value of more than {csv.field_size_limit()} characters"
        further = f" (up to line {self._lines.number})" if self._lines.number > self._begin else ""
        return f"quotes that do not close or stand inside a value{further}"
