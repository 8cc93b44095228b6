"""Term tables: TSV or CSV with a header, plain or gzip.

Columns: `term` and `label` are required; the others may be given, in any order; unknown columns are named as not used.

    term, label           the surface, and the label of its mentions
    system, code          its concept
    preferred (or name)   the concept's name; the term when empty
    semantic_type         as the source writes it
    case                  `exact`: the surface keeps its case
    source, term_type     the vocabulary the surface comes from, and what it is there (PT, SY, EXACT...)
    rank                  0..65535, 0 (also when empty) is the best: preference of source and term type
    variant               the rule that made the surface; empty when it stands so in the source
    use                   `link`: never found in text by itself, only used to link a mention found otherwise
    standard              `SYSTEM:CODE` of the OMOP standard concept; standard_id, standard_name: its concept id and name

Rows are streamed; a bad row is counted and named by line, never fatal.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from rulener.errors import LexiconError
from rulener.formats.compressed import open_table

COLUMNS = (
    "term", "label", "system", "code", "preferred", "semantic_type", "case", "source", "term_type", "rank", "variant", "use",
    "standard", "standard_id", "standard_name",
)  # fmt: skip
WORST_RANK = 65535
LINK_ONLY = "link"
_ALIASES = {
    "name": "preferred",
    "preferred_name": "preferred",
    "semtype": "semantic_type",
    "semantic type": "semantic_type",
    "sty": "semantic_type",
}
_NAMED_LINES = 5
_BLOCK = 4096  # rows
_SOME = io.DEFAULT_BUFFER_SIZE  # bytes; no more, so that a file that breaks off is read as far as line by line
_NOWHERE = 1 << 20  # place of a column that is not there


class Row(NamedTuple):
    """One surface of one concept; see the module for what the values say. Missing values are empty strings, missing numbers 0."""

    line: int
    term: str
    label: str
    system: str
    code: str
    preferred: str
    semantic_type: str
    exact: bool
    source: str = ""
    term_type: str = ""
    rank: int = 0
    variant: str = ""
    use: str = ""
    standard: str = ""
    standard_id: int = 0
    standard_name: str = ""


class Written(NamedTuple):
    """How many rows a table got, and what was not written."""

    rows: int
    skipped: Skipped


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
        columns, delimiter = _header(lines, path, skipped)
        yield from _rows(lines, columns, delimiter, skipped)


Take = Callable[[bytes, int, Sequence[int]], tuple[int, int]]


def read_rest(path: Path, skipped: Skipped, take: Take) -> Iterator[Row]:
    """As `read_table`, for who can read plain lines faster: `take(block, at, columns)` is offered the lines of a TSV in blocks,
    and says where it stopped and how many lines it dealt with; the line it stopped before comes as a Row or is counted.

    `columns` are the places of `COLUMNS`, 2**20 for one that is not there.
    """
    with _open(path) as file:
        lines = _Lines(file, skipped, path)
        columns, delimiter = _header(lines, path, skipped)
        if delimiter != "\t":
            yield from _rows(lines, columns, delimiter, skipped)
            return
        places = [columns.get(name, _NOWHERE) for name in COLUMNS]
        for block in _whole_lines(lines):
            at = 0
            while True:
                at, passed = take(block, at, places)
                lines.number += passed
                if at == len(block):
                    break
                end = block.index(b"\n", at) + 1
                one = _Lines(io.BytesIO(block[at:end]), skipped, path, lines.number)
                yield from _rows(one, columns, delimiter, skipped)
                lines.number += 1
                at = end


def _whole_lines(lines: _Lines) -> Iterator[bytes]:
    """The rest of the file in blocks that end with a line; the last line gets an end when it has none."""
    rest = b""
    while more := lines.read_some():
        end = more.rfind(b"\n") + 1
        if end:
            yield rest + more[:end]
            rest = more[end:]
        else:
            rest += more
    if rest:
        yield rest + b"\n"


def _header(lines: _Lines, path: Path, skipped: Skipped) -> tuple[dict[str, int], str]:
    """Where the columns are, and what stands between them."""
    header_line = next(lines, None)
    if header_line is None:
        hint = "the first line names the columns: term, label, …"
        raise LexiconError("L103", "the lexicon is empty", place=str(path), hint=hint)
    delimiter = "\t" if "\t" in header_line or path.name.removesuffix(".gz").lower().endswith(".tsv") else ","
    return _columns(header_line, delimiter, path, skipped), delimiter


def _open(path: Path) -> IO[bytes]:
    try:
        return open_table(os.fspath(path))
    except OSError as error:
        raise LexiconError("L101", f"the lexicon cannot be read: {error.strerror}", place=str(path)) from error


class _Lines:
    """Decoded lines without their ends, and the number of the last one. Lines that are not UTF-8 are skipped and counted.

    Raises LexiconError: L101 the file cannot be read, L102 the first line is not UTF-8.
    """

    def __init__(self, file: IO[bytes], skipped: Skipped, path: Path, number: int = 0) -> None:
        self._file = file
        self._skipped = skipped
        self._path = path
        self.number = number

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            try:
                raw = self._file.readline()
            except (OSError, EOFError, zlib.error) as error:
                raise self._broken(error) from error
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

    def read_some(self) -> bytes:
        """Some of the bytes that follow; none at the end."""
        try:
            return self._file.read1(_SOME)  # type: ignore[attr-defined, no-any-return]
        except (OSError, EOFError, zlib.error) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> LexiconError:
        return LexiconError("L101", f"the lexicon cannot be read past line {self.number}: {error}", place=str(self._path))


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
    term_at, label_at, system_at, code_at, preferred_at, type_at, case_at, source_at, term_type_at, rank_at, variant_at = at[:11]
    use_at, standard_at, standard_id_at, standard_name_at = at[11:]
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
        use = fields[use_at].strip().lower()
        rank = _number(fields[rank_at], WORST_RANK)
        standard_id = _number(fields[standard_id_at], _HIGHEST_ID)
        if not term:
            skipped.add("no term", line)
        elif not label:
            skipped.add("no label", line)
        elif case not in ("", "exact", "any"):
            skipped.add("case is neither empty, 'any' nor 'exact'", line)
        elif rank < 0:
            skipped.add(f"rank is no number from 0 to {WORST_RANK}", line)
        elif use not in ("", LINK_ONLY):
            skipped.add(f"use is neither empty nor '{LINK_ONLY}'", line)
        elif standard_id < 0:
            skipped.add("standard_id is no number of an OMOP concept", line)
        else:
            yield Row(
                line, term, label, fields[system_at].strip(), fields[code_at].strip(), fields[preferred_at].strip() or term,
                fields[type_at].strip(), case == "exact", fields[source_at].strip(), fields[term_type_at].strip(), rank,
                fields[variant_at].strip(), use, fields[standard_at].strip(), standard_id, fields[standard_name_at].strip(),
            )  # fmt: skip


_HIGHEST_ID = 2**31 - 1


def _number(text: str, highest: int) -> int:
    """0 when empty, -1 when it is no number up to `highest`."""
    if not text:
        return 0
    text = text.strip()
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        return 0 if not text else -1
    number = int(text)
    return number if number <= highest else -1


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


def write_table(rows: Iterable[Row], path: Path, skipped: Skipped | None = None) -> Written:
    """Write a TSV with every column, gzip when `path` ends in .gz; atomically, and the same rows give the same bytes.

    A row that no reader would give back is not written and counted in `skipped`: no term or label, a tab or line break in a
    value, a rank, use or standard_id out of range, half of a surrogate pair. Raises LexiconError L104 when the file cannot be
    written; then nothing is left behind.
    """
    skipped = Skipped() if skipped is None else skipped
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    written = 0
    if path.is_dir():
        raise LexiconError("L104", "the lexicon cannot be written: this is a folder", place=str(path), hint="name a file")
    try:
        with open(temporary, "wb") as file:
            with _packed(file, path) as packed:
                packed.write(("\t".join(COLUMNS) + "\n").encode())
                for block in _blocks(rows, skipped):
                    packed.write("".join(block).encode())
                    written += len(block)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        why = error.strerror or str(error)
        raise LexiconError("L104", f"the lexicon cannot be written: {why}", place=str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return Written(written, skipped)


def _packed(file: IO[bytes], path: Path) -> AbstractContextManager[Any]:
    """What to write to: the file, or gzip into it without its name and time."""
    if path.name.lower().endswith(".gz"):
        return gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0)
    return nullcontext(file)


def _blocks(rows: Iterable[Row], skipped: Skipped) -> Iterator[list[str]]:
    """The lines of rows that can be written, some thousands at once."""
    block: list[str] = []
    tabs = len(COLUMNS) - 1
    for row in rows:
        (
            _, term, label, system, code, preferred, semantic_type, exact, source, term_type, rank, variant, use,
            standard, standard_id, standard_name,
        ) = row  # fmt: skip
        line = (
            f"{term}\t{label}\t{system}\t{code}\t{preferred}\t{semantic_type}\t{'exact' if exact else ''}\t{source}\t"
            f"{term_type}\t{rank or ''}\t{variant}\t{use}\t{standard}\t{standard_id or ''}\t{standard_name}\n"
        )
        if line.count("\t") != tabs or line.count("\n") != 1 or "\r" in line:
            skipped.add("a tab or line break in a value", row.line)
        elif not term or term.isspace():
            skipped.add("no term", row.line)
        elif not label or label.isspace():
            skipped.add("no label", row.line)
        elif not 0 <= rank <= WORST_RANK:
            skipped.add(f"rank is no number from 0 to {WORST_RANK}", row.line)
        elif use not in ("", LINK_ONLY):
            skipped.add(f"use is neither empty nor '{LINK_ONLY}'", row.line)
        elif not 0 <= standard_id <= _HIGHEST_ID:
            skipped.add("standard_id is no number of an OMOP concept", row.line)
        elif not line.isascii() and not _encodes(line):
            skipped.add("not UTF-8", row.line)
        else:
            block.append(line)
            if len(block) == _BLOCK:
                yield block
                block = []
    yield block


def _encodes(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True
