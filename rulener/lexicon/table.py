"""Term tables: TSV or CSV with a header, plain or gzip.

Columns: `term` and `label` are required; `system`, `code`, `preferred` (or `name`), `semantic_type` and `case` (`exact`: the
surface keeps its case) may be given, in any order. Rows are streamed; a bad row is counted and named by line, never fatal.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, cast

from rulener.errors import LexiconError

COLUMNS = ("term", "label", "system", "code", "preferred", "semantic_type", "case")
_ALIASES = {"name": "preferred", "preferred_name": "preferred", "semtype": "semantic_type", "semantic type": "semantic_type", "sty": "semantic_type"}
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
    """Rows that were not used, by reason: how many, and the first few line numbers."""

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
        """One line per reason, in the order first met: `drugs.tsv:3: no term (and 2 more rows: lines 5, 9)`."""
        return [self._message(path, reason) for reason in self.counts]

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
            raise LexiconError("L103", "the lexicon is empty", place=str(path), hint="the first line names the columns: term, label, …")
        delimiter = "\t" if "\t" in header_line or path.name.removesuffix(".gz").lower().endswith(".tsv") else ","
        columns = _columns(header_line, delimiter, path)
        yield from _rows(lines, columns, delimiter, skipped)


def _open(path: Path) -> IO[bytes]:
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed by read_table
    except OSError as error:
        raise LexiconError("L101", f"the lexicon cannot be read: {error.strerror}", place=str(path)) from error
    magic = file.read(2)
    file.seek(0)
    if magic == _GZIP_MAGIC:
        file.close()
        return cast("IO[bytes]", gzip.open(path, "rb"))  # one that closes its file
    return file


class _Lines:
    """Decoded lines without their ends, and the number of the last one. Lines that are not UTF-8 are skipped and counted."""

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
            except (OSError, EOFError) as error:
                raise LexiconError("L101", f"the lexicon cannot be read past line {self.number}: {error}", place=str(self._path)) from error
            if not raw:
                raise StopIteration
            self.number += 1
            try:
                line = raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError:
                self._skipped.add("not UTF-8", self.number)
                continue
            return line.rstrip("\r\n")


def _columns(header: str, delimiter: str, path: Path) -> dict[str, int]:
    names = next(csv.reader([header], delimiter=delimiter)) if delimiter == "," else header.split("\t")
    columns: dict[str, int] = {}
    for k, raw in enumerate(names):
        name = raw.strip().lower()
        name = _ALIASES.get(name, name)
        if name in columns:
            raise LexiconError("L102", f"the column {name!r} is there twice", place=f"{path}:1", hint="keep one of them")
        if name in COLUMNS:
            columns[name] = k
    for wanted in ("term", "label"):
        if wanted not in columns:
            shown = ", ".join(repr(name.strip()) for name in names[:12])
            raise LexiconError(
                "L102", f"no column {wanted!r} in the header", place=f"{path}:1", hint=f"the header has {shown}; known columns: {', '.join(COLUMNS)}"
            )
    return columns


def _rows(lines: _Lines, columns: dict[str, int], delimiter: str, skipped: Skipped) -> Iterator[Row]:
    width = max(columns.values()) + 1
    required = max(columns["term"], columns["label"]) + 1
    at = [columns.get(name, width) for name in COLUMNS]
    term_at, label_at, system_at, code_at, preferred_at, type_at, case_at = at
    padding = [""] * (width + 1)
    split = _split_tabs if delimiter == "\t" else _split_commas
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


def _split_commas(lines: _Lines, skipped: Skipped) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    while True:
        before = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            skipped.add("quotes that do not close or stand inside a value", before)
            reader = csv.reader(lines, strict=True)
            continue
        if fields:
            yield before, fields
