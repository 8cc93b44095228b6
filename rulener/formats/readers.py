"""The tables of notes that a run can read, by the ending of their name. A reader is a generator, imported when it is used.

A reader gives every row, in order: a Note, an Unreadable that says why not, or a PassedOver for what is no note at all. It keeps
no more than a few rows in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

from rulener.errors import MissingExtra, UsageError

ID_COLUMNS = ("note_id", "id")
TEXT_COLUMNS = ("text", "note_text", "note")
EVERY = "*"


class Note(NamedTuple):
    """`metadata` is what the row carries beside id and text, as far as asked for."""

    id: str
    text: str
    metadata: dict[str, Any]


class Unreadable(NamedTuple):
    """A row without a note: a code of the N errors and the reason."""

    id: str | None
    code: str
    reason: str


class PassedOver(NamedTuple):
    """Something between the notes that is none, and no failure either: it is counted by `reason`, such as "Patient resources"."""

    reason: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns (or keys) hold what; None is one of the usual names. `carry` go into the results; "*" is all others.

    With `any_case` small and capital letters are the same in the names of a table's columns.
    """

    id: str | None = None
    text: str | None = None
    carry: tuple[str, ...] = ()
    any_case: bool = False

    def find(self, names: list[str], place: str, encoding: str | None = None) -> Found:
        """Where they are in a table with these columns. Raises UsageError (U213: one is missing)."""
        known = [name.lower() for name in names] if self.any_case else names
        used = (self._one(self.id, ID_COLUMNS, known, place, "id"), self._one(self.text, TEXT_COLUMNS, known, place, "text"))
        if self.carry == (EVERY,):
            return Found(*used, [(name, k) for k, name in enumerate(names) if k not in used], encoding)
        return Found(*used, [(name, self._carried(name, known, place)) for name in self.carry], encoding)

    def _one(self, wanted: str | None, usual: tuple[str, ...], names: list[str], place: str, what: str) -> int:
        for name in usual if wanted is None else (self._folded(wanted),):
            if name in names:
                return names.index(name)
        shown = repr(wanted) if wanted is not None else f"for the {what} ({' or '.join(usual)})"
        raise _no_column(shown, names, place, f"--{what}-column names it")

    def _carried(self, wanted: str, names: list[str], place: str) -> int:
        if self._folded(wanted) not in names:
            hint = "--omop-note needs it" if self.any_case and wanted in OMOP_NOTE else "--carry names columns of the table"
            raise _no_column(repr(wanted), names, place, hint)
        return names.index(self._folded(wanted))

    def _folded(self, name: str) -> str:
        return name.lower() if self.any_case else name


OMOP_NOTE = ("person_id", "note_date", "note_source_value", "note_class_concept_id")
"""What is carried of a row of the NOTE table (OMOP CDM 5.4) beside note_id and note_text."""


def omop_note(carry: tuple[str, ...] = (), *, id: str | None = None, text: str | None = None) -> Columns:
    """The columns of the NOTE table of the OMOP CDM; files spell them in small or capital letters. `carry` are further ones."""
    further = tuple(name for name in carry if name.lower() not in OMOP_NOTE)
    return Columns(id or "note_id", text or "note_text", (EVERY,) if EVERY in carry else OMOP_NOTE + further, any_case=True)


@dataclass(frozen=True, slots=True)
class Found:
    """Positions of the columns that are read. `encoding` is that of texts that are bytes, where the user has named it."""

    id: int
    text: int
    carry: list[tuple[str, int]] = field(default_factory=list)
    encoding: str | None = None

    def row(self, values: Any) -> Note | Unreadable:
        """The note of a row."""
        note_id = plain_id(values[self.id])
        if note_id is None:
            return Unreadable(None, "N106", "the row has no id")
        text = values[self.text]
        if isinstance(text, bytes | bytearray | memoryview):
            text = self._decoded(bytes(text), note_id)
        if isinstance(text, Unreadable):
            return text
        if not isinstance(text, str):
            return Unreadable(note_id, "N106", "the row has no text")
        return Note(note_id, text, {name: plain_value(values[k]) for name, k in self.carry})

    def _decoded(self, data: bytes, note_id: str) -> str | Unreadable:
        if self.encoding is None:
            return Unreadable(note_id, "N106", "the row's text is bytes (say --encoding NAME, or cast it to text)")
        try:
            return data.decode(self.encoding)
        except UnicodeDecodeError as error:
            return Unreadable(note_id, "N102", f"the row's text is not {self.encoding}: byte {error.start} cannot be decoded")


def _no_column(what: str, names: list[str], place: str, hint: str) -> UsageError:
    listed = ", ".join(repr(name) for name in names[:12]) + (", …" if len(names) > 12 else "")
    return UsageError("U213", f"no column {what}; it has {listed or 'none'}", place=place, hint=hint)


def plain_id(value: Any) -> str | None:
    """An id as text: numbers as they are written without a fraction. None when there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or isinstance(value, bool | float | bytes | memoryview) or value == "":
        return None
    return str(value)


def plain_value(value: Any) -> Any:
    """A value as JSON has it: dates and decimals as text, not-a-number as null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@dataclass(frozen=True, slots=True)
class Reader:
    """`made_by` is `module:function` below rulener.formats; the function takes a path, Columns and an encoding."""

    name: str
    endings: tuple[str, ...]
    made_by: str
    needs: tuple[tuple[str, str], ...] = ()  # module, and the extra that brings it

    def notes(self, path: str, columns: Columns, encoding: str | None) -> Iterator[Note | Unreadable | PassedOver]:
        """The rows of a file. Raises UsageError when it is none of its kind, MissingExtra."""
        for module, extra in self.needs:
            try:
                import_module(module)
            except ImportError:
                raise MissingExtra(f"reading {self.name}", extra) from None
        module, _, name = self.made_by.partition(":")
        read = getattr(import_module(f"rulener.formats.{module}"), name)
        rows: Iterator[Note | Unreadable | PassedOver] = read(path, columns, encoding)
        return rows


_PYARROW = (("pyarrow", "parquet"),)
FHIR = Reader("fhir", (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz"), "fhir_notes:read_fhir")
"""Told from other JSON by what is in the file."""

READERS = (
    Reader("csv", (".csv", ".csv.gz"), "csv:read_csv"),
    Reader("tsv", (".tsv", ".tsv.gz"), "csv:read_tsv"),
    Reader("jsonl.gz", (".jsonl.gz", ".ndjson.gz"), "jsonl:read_jsonl"),
    Reader("parquet", (".parquet",), "arrow:read_parquet", _PYARROW),
    Reader("arrow", (".arrow", ".feather"), "arrow:read_arrow", _PYARROW),
)


def reader_of(path: str) -> Reader | None:
    """The reader for a file of this name (and, of JSON, this content), or None."""
    lower = path.lower()
    if lower.endswith(FHIR.endings):
        from rulener.formats.fhir_notes import holds_resources

        if holds_resources(path):
            return FHIR
    return next((reader for reader in READERS if lower.endswith(reader.endings)), None)
