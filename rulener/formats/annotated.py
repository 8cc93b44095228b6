"""The formats whose mentions can be read, by name: what a run wrote, and what annotators sent back.

A reader is a generator of documents in their order; a note that cannot be taken over is an Unreadable whose reason begins with
file:line. What it leaves behind (relations, remarks, …) it counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from typing import IO, Any, TypeVar

from rulener.errors import MissingExtra, UsageError
from rulener.formats.plain import BadAnnotation, Left, PlainDocument, PlainEntity, document_of
from rulener.formats.readers import Unreadable
from rulener.formats.texts import plain

Annotated = PlainDocument | Unreadable
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Source:
    """What readers are given besides a path: where to count, and the notes, for formats that hold no texts. `text_of` gives the
    text of a note or None; it is None itself when no notes were given."""

    left: Left
    text_of: Callable[[str], str | None] | None = None


@dataclass(frozen=True, slots=True)
class AnnotationReader:
    """`made_by` is `module:function` below rulener.formats. `suffix` is that of the parts of a run. `has_text`: whether the
    format holds the notes themselves."""

    name: str
    suffix: str
    made_by: str
    has_text: bool = True
    folder: bool = False
    needs: tuple[tuple[str, str], ...] = ()  # module, and the extra that brings it

    def documents(self, path: str, source: Source) -> Iterator[Annotated]:
        """The notes of a file, or of a folder for formats of files a note. Raises UsageError (U201), MissingExtra."""
        for module, extra in self.needs:
            try:
                import_module(module)
            except ImportError:
                raise MissingExtra(f"reading {self.name}", extra) from None
        module, _, name = self.made_by.partition(":")
        read: Callable[[str, Source], Iterator[Annotated]] = getattr(import_module(f"rulener.formats.{module}"), name)
        try:
            yield from read(path, source)
        except OSError as error:
            place = os.path.basename(error.filename or path)
            raise UsageError("U201", f"cannot read the input: {error.strerror or error}", place=place) from None

    def parts(self, path: str) -> list[str]:
        """The parts of a run's folder, by number; else the path itself. Raises UsageError (U201)."""
        if not os.path.exists(path):
            raise UsageError("U201", "cannot read the input: no such file or folder", place=path)
        if not os.path.isdir(path):
            if self.folder:
                raise UsageError("U202", f"the format {self.name} is a folder of files", place=path)
            return [path]
        parts = sorted(name for name in os.listdir(path) if name.startswith("part-") and name.endswith(self.suffix))
        parts = [name for name in parts if "." not in name.removesuffix(self.suffix)]  # not another format's longer suffix
        if not parts and not self.folder:
            raise UsageError("U203", f"no part-*{self.suffix} in the folder", place=path, hint="give the file itself")
        return [os.path.join(path, name) for name in parts] or [path]


_PYARROW = (("pyarrow", "parquet"),)
READERS = {
    one.name: one
    for one in (
        AnnotationReader("jsonl", ".jsonl", "jsonl:read_documents", has_text=False),
        AnnotationReader("parquet", ".parquet", "arrow:read_parquet_entities", has_text=False, needs=_PYARROW),
        AnnotationReader("arrow", ".arrow", "arrow:read_arrow_entities", has_text=False, needs=_PYARROW),
        AnnotationReader("csv", ".csv", "csv:read_entities", has_text=False),
        AnnotationReader("brat", ".brat", "brat:read_brat", folder=True),
        AnnotationReader("i2b2", ".i2b2", "i2b2:read_i2b2", folder=True),
        AnnotationReader("conll", ".conll", "conll:read_conll", has_text=False),
        AnnotationReader("labelstudio", ".labelstudio.json", "labelstudio:read_labelstudio"),
        AnnotationReader("doccano", ".doccano.jsonl", "doccano:read_doccano"),
        AnnotationReader("prodigy", ".prodigy.jsonl", "prodigy:read_prodigy"),
        AnnotationReader("gold", ".gold.jsonl", "gold:read_gold"),
    )
}


def lines_of(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """(number, line) of the lines that are not blank, from 1, without a byte order mark."""
    for number, line in enumerate(file, 1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.isspace():
            yield number, line


def with_text(document: PlainDocument, source: Source, place: str) -> PlainDocument:
    """The document with its note's text, when notes were given; checked against it. Raises BadAnnotation."""
    if source.text_of is None:
        return document
    text = source.text_of(document.note_id)
    if text is None:
        raise BadAnnotation("N121", "no note has its id", place)
    for entity in document.entities:
        check_words(text, entity.start, entity.end, entity.text, place)
    return replace(document, text=text, length=len(text))


def check_words(text: str, start: int, end: int, words: str, place: str) -> None:
    """Raises BadAnnotation when these words do not stand there."""
    if not 0 <= start <= end <= len(text):
        raise BadAnnotation("N121", f"{start} to {end} is not in the text of {len(text)} characters", place)
    if plain(text[start:end]) != plain(words):
        raise BadAnnotation("N121", f"the words at {start} to {end} are others in the text", place)


def one_record(line: bytes, place: str) -> dict[str, Any]:
    """The object of a line of JSON. Raises BadAnnotation (N120)."""
    import json

    try:
        record = json.loads(line)
    except UnicodeDecodeError:
        raise BadAnnotation("N120", "not UTF-8", place) from None
    except json.JSONDecodeError as error:
        raise BadAnnotation("N120", f"not JSON: column {error.colno}", place) from None
    except RecursionError:
        raise BadAnnotation("N120", "nested too deeply", place) from None
    if not isinstance(record, dict):
        raise BadAnnotation("N120", "not a JSON object", place)
    return record


def shaped(make: Callable[[], _T], place: str, what: str) -> _T:
    """What `make` gives. Raises BadAnnotation (N120) when the record has another shape than it counts on."""
    try:
        return make()
    except (LookupError, TypeError, ValueError, AttributeError):
        raise BadAnnotation("N120", f"not as {what} has it", place) from None


def name_of(path: str, *inside: str) -> str:
    """A file as messages name it: its folder's name and its own."""
    return "/".join((os.path.basename(os.path.normpath(path)), *inside))


class RowsOfNotes:
    """Rows to documents: the mentions of consecutive rows of a note."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._note: str | None = None
        self._place = ""
        self._entities: list[PlainEntity] = []
        self._metadata: dict[str, Any] = {}
        self._bad: list[tuple[str, str]] = []

    def add(self, note_id: str, place: str, made: Callable[[], tuple[PlainEntity, dict[str, Any]]]) -> Iterator[Annotated]:
        """`made` gives (mention, metadata) of the row."""
        if note_id != self._note:
            yield from self.end()
            self._note, self._place = note_id, place
        try:
            entity, self._metadata = made()
            self._entities.append(entity)
        except (LookupError, TypeError, ValueError, AttributeError):
            self._bad.append((place, "its values are not those of a mention"))

    def end(self) -> Iterator[Annotated]:
        if self._note is not None:
            try:
                if self._bad:
                    raise BadAnnotation("N120", self._bad[0][1], self._bad[0][0])
                length = max((entity.end for entity in self._entities), default=0)
                found = document_of(self._note, "", self._entities, length=length, metadata=self._metadata)
                yield with_text(found, self._source, self._place)
            except BadAnnotation as error:
                yield error.unreadable(self._note)
        self._note, self._entities, self._metadata, self._bad = None, [], {}, []
