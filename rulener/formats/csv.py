"""CSV, one row an entity (RFC 4180, UTF-8). Of several concepts the first has columns of its own; lists and maps are JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES, Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Entity
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
