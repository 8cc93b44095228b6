"""JSON lines. Written: one document a line, schema rulener.document/1 (document.schema.json). Read: one note a line."""

from __future__ import annotations

import codecs
import json
import os
import zlib
from typing import TYPE_CHECKING, Any

from rulener.errors import UsageError
from rulener.formats.compressed import open_table
from rulener.formats.readers import EVERY, ID_COLUMNS, TEXT_COLUMNS, Columns, Note, Unreadable, plain_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Batch
    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.sink import Sink


class JsonlWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._json_lines = engine.json_lines  # the engine keeps what it has rendered of terms

    def write(self, batch: Batch) -> None:
        self._sink.write(self._json_lines(batch))

    def close(self) -> None:
        """Every line is written already."""


# --- reading


def read_jsonl(path: str, columns: Columns, encoding: str | None) -> Iterator[Note | Unreadable]:
    """The notes of a file of JSON lines, plain or gzip; blank lines are none. Raises UsageError (U201: it cannot be read)."""
    try:
        with open_table(path) as file:
            for number, line in enumerate(file, 1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if not line.isspace():
                    yield parse_line(line, columns)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError("U201", f"cannot read the input: {reason}", place=os.path.basename(path)) from None


def parse_line(line: bytes, columns: Columns) -> Note | Unreadable:
    """The note of a line: N106 when it is no object with id and text, N102 when it is not UTF-8."""
    try:
        record: Any = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return Unreadable(None, "N102", f"the line is not UTF-8: byte {error.start} cannot be decoded")
    except json.JSONDecodeError as error:
        return Unreadable(None, "N106", f"the line is not JSON: column {error.colno}")
    except RecursionError:
        return Unreadable(None, "N106", "the line is nested too deeply")
    if not isinstance(record, dict):
        return Unreadable(None, "N106", "the line is not a JSON object")
    id_key = _key(record, columns.id, ID_COLUMNS)
    note_id = plain_id(record.get(id_key))
    if note_id is None or isinstance(record[id_key], dict | list):
        return Unreadable(None, "N106", "the line has no id (give each note an id or note_id)")
    if not note_id.isascii() and any("\ud800" <= c <= "\udfff" for c in note_id):
        return Unreadable(None, "N106", "the id holds half of a surrogate pair")
    text_key = _key(record, columns.text, TEXT_COLUMNS)
    text = record.get(text_key)
    if not isinstance(text, str):
        return Unreadable(note_id, "N106", "the line has no text")
    return Note(note_id, text, _carried(record, columns.carry, (id_key, text_key)))


def _key(record: dict[str, Any], wanted: str | None, usual: tuple[str, ...]) -> str:
    if wanted is not None:
        return wanted
    return next((name for name in usual if name in record), usual[0])


def _carried(record: dict[str, Any], carry: tuple[str, ...], used: tuple[str, str]) -> dict[str, Any]:
    if carry == (EVERY,):
        return {name: value for name, value in record.items() if name not in used}
    return {name: record.get(name) for name in carry}


# --- documents that a run wrote


def read_documents(path: str, source: Source) -> Iterator[Annotated]:
    """The documents (rulener.document/1) of a file. They hold no texts: those come from `source`."""
    from rulener.formats.annotated import lines_of, name_of, one_record, with_text
    from rulener.formats.plain import BadAnnotation

    with open_table(path) as file:
        for number, line in lines_of(file):
            place = f"{name_of(path)}:{number}"
            note_id = None
            try:
                record = one_record(line, place)
                note_id = record.get("note_id") if isinstance(record.get("note_id"), str) else None
                yield with_text(_document(record, place), source, place)
            except BadAnnotation as error:
                yield error.unreadable(note_id)


def _document(record: dict[str, Any], place: str) -> Any:
    from rulener.core.columns import SCHEMA
    from rulener.formats.plain import BadAnnotation, document_of, entity_from, sections_from

    if record.get("schema") != SCHEMA or not isinstance(record.get("note_id"), str):
        raise BadAnnotation("N120", f"not a document of schema {SCHEMA} with a note_id", place)
    try:
        entities = [entity_from(one) for one in record["entities"]]
        return document_of(
            record["note_id"], "", entities, length=record["length"], sections=tuple(sections_from(record["sections"])),
            metadata=record.get("metadata", {}), engine=record["engine"],
        )  # fmt: skip
    except (LookupError, TypeError, ValueError, AttributeError):
        raise BadAnnotation("N120", f"its mentions are not as schema {SCHEMA} has them", place) from None
