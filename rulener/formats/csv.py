"""CSV. Written: one row an entity (RFC 4180, UTF-8); of several concepts the first has columns of its own, lists and maps are
JSON. Read: tables of notes with a header, commas or tabs, plain or gzip; a quoted value may hold line breaks."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import zlib
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from rulener.core.columns import AXES, Batch
from rulener.errors import UsageError
from rulener.formats.compressed import open_table
from rulener.formats.readers import Columns, Note, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Entity
    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.plain import PlainEntity
    from rulener.formats.sink import Sink

COLUMNS = (
    "note_id", "id", "start", "end", "text", "label", "system", "code", "name", "concepts", "rule", *AXES, "section", "sentence",
    "attributes", "cues",
)  # fmt: skip


class CsvWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._with_metadata: bool | None = None  # known with the first batch

    def write(self, batch: Batch) -> None:
        if self._with_metadata is None:
            self._write([(*COLUMNS, "metadata") if batch.metadata else COLUMNS])
            self._with_metadata = bool(batch.metadata)
        self._write(_rows(batch))

    def close(self) -> None:
        if self._with_metadata is None:
            self._write([COLUMNS])

    def _write(self, rows: Any) -> None:
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\r\n").writerows(rows)
        self._sink.write(lines.getvalue().encode("utf-8", "replace"))


def _rows(batch: Batch) -> Iterator[tuple[Any, ...]]:
    failed = {number for number, _, _ in batch.failures}
    for number in range(len(batch)):
        if number in failed:
            continue
        document = batch.document(number)
        carried = (_json(document.metadata),) if batch.metadata else ()
        for entity in document.entities:
            yield (document.note_id, *_row(entity), *carried)


def _row(entity: Entity) -> tuple[Any, ...]:
    found = entity.to_dict()
    first = found["concepts"][0] if found["concepts"] else {"system": None, "code": None, "name": None}
    return (
        found["id"], found["start"], found["end"], found["text"], found["label"], first["system"], first["code"], first["name"],
        _json(found["concepts"]), found["rule"], *(_assertion(found[axis]) for axis in AXES), found["section"], found["sentence"],
        _json(found["attributes"]), _json(found["cues"]),
    )  # fmt: skip


def _assertion(value: bool | None) -> str:
    """Empty when no pack assesses the axis."""
    return "" if value is None else "true" if value else "false"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- reading


def read_csv(path: str, columns: Columns, encoding: str | None) -> Iterator[Note | Unreadable]:
    """The rows of a CSV table with a header. Raises UsageError: U201 it cannot be read, U213 a column is missing."""
    return _read(path, columns, encoding, ",")


def read_tsv(path: str, columns: Columns, encoding: str | None) -> Iterator[Note | Unreadable]:
    """The same with tabs."""
    return _read(path, columns, encoding, "\t")


def _read(path: str, columns: Columns, encoding: str | None, delimiter: str) -> Iterator[Note | Unreadable]:
    place = os.path.basename(path)
    # A note may be longer than the default limit; one that is too long for a run fails there.
    before = csv.field_size_limit(1 << 30)
    try:
        with open_table(path) as raw:
            lines = _Lines(raw, encoding or "utf-8")
            rows = csv.reader(lines, delimiter=delimiter, strict=True)
            header = next(rows, None)
            if header is None or lines.broken:
                hint = "the first line names the columns"
                raise UsageError("U213", "the table has no header that can be read", place=place, hint=hint)
            found = columns.find([name.strip() for name in header], place)
            while True:
                try:
                    row = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Unreadable(None, "N106", f"line {lines.number}: {error}")
                    rows = csv.reader(lines, delimiter=delimiter, strict=True)
                    continue
                if lines.broken:
                    lines.broken = False
                    yield Unreadable(None, "N102", f"line {lines.number} is not {encoding or 'UTF-8'}")
                elif len(row) == len(header):
                    yield found.row(row)
                elif row:
                    yield Unreadable(None, "N106", f"line {lines.number}: {len(row)} columns, the header has {len(header)}")
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError("U201", f"cannot read the input: {reason}", place=place) from None
    finally:
        csv.field_size_limit(before)


class _Lines:
    """Decoded lines with their ends; one that cannot be decoded is given with replacements, and `broken` is set."""

    def __init__(self, raw: IO[bytes], encoding: str) -> None:
        self._raw = raw
        self._encoding = encoding
        self.number = 0
        self.broken = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._raw.readline()
        if not line:
            raise StopIteration
        self.number += 1
        if self.number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError:
            self.broken = True
            return line.decode(self._encoding, "replace")


# --- mentions that a run wrote


def read_entities(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of a table of mentions: consecutive rows of one note_id. A note without mentions has no row."""
    from rulener.formats.annotated import RowsOfNotes, name_of
    from rulener.formats.plain import BadAnnotation

    place = name_of(path)
    before = csv.field_size_limit(1 << 30)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise UsageError("U213", f"no column {missing[0]!r}: not a table of mentions", place=place)
            grouped = RowsOfNotes(source)
            while True:
                begins = rows.line_num + 1
                try:
                    row = next(rows)
                    if len(row) != len(header):
                        raise BadAnnotation("N120", f"{len(row)} columns, the header has {len(header)}")
                except StopIteration:
                    break
                except csv.Error as error:
                    raise UsageError("U201", f"cannot read the input: {error}", place=f"{place}:{begins}") from None
                except BadAnnotation as error:
                    error.place = f"{place}:{begins}"
                    yield error.unreadable(None)
                    continue
                record = dict(zip(header, row, strict=True))
                yield from grouped.add(record["note_id"], f"{place}:{begins}", partial(_plain, record))
            yield from grouped.end()
    except UnicodeDecodeError as error:
        raise UsageError("U201", f"cannot read the input: not UTF-8 at byte {error.start}", place=place) from None
    finally:
        csv.field_size_limit(before)


def _plain(row: dict[str, str]) -> tuple[PlainEntity, dict[str, Any]]:
    from rulener.formats.plain import entity_from

    record: dict[str, Any] = {name: row[name] or None for name in ("label", "rule", "section")}
    record |= {"start": int(row["start"]), "end": int(row["end"]), "text": row["text"]}
    record["sentence"] = int(row["sentence"]) if row["sentence"] else None
    record |= {name: json.loads(row[name]) for name in ("concepts", "attributes", "cues")}
    record |= {axis: {"": None, "true": True, "false": False}[row[axis]] for axis in AXES}
    record["linking"] = row.get("linking") or None
    return entity_from(record), json.loads(row["metadata"]) if row.get("metadata") else {}
