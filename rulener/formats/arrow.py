"""Arrow and Parquet. Written: entities, one row each. Read: tables of notes. Needs the extra [parquet] (pyarrow)."""

from __future__ import annotations

import itertools
import json
import os
from array import array
from functools import partial
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES, LINKINGS, STEPS, VIA, Batch
from rulener.core.export import entity_columns, plain_utf8
from rulener.errors import MissingExtra, UsageError
from rulener.formats.readers import Columns, Note, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.plain import PlainBatch, PlainDocument, PlainEntity
    from rulener.formats.sink import Sink


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise MissingExtra("Arrow tables", "parquet") from None
    return pyarrow


def batch_table(batch: Batch) -> pa.Table:
    """The table of a batch. Strings that repeat (labels, rules, sections, codes) are dictionary-encoded."""
    arrow = _pyarrow()
    columns = entity_columns(batch)
    n = columns["n"]
    made = _Maker(arrow)
    arrays = {
        "note_id": arrow.DictionaryArray.from_arrays(
            made.ints(columns["doc"], n), made.texts([_plain(str(note_id)) for note_id in batch.ids]), safe=False
        ),
        "start": made.ints(columns["start"], n),
        "end": made.ints(columns["end"], n),
        "text": made.strings(columns["text"], n),
        "label": arrow.DictionaryArray.from_arrays(
            made.ints(columns["label"], n), made.texts(batch.labels), safe=False
        ),
        "concepts": made.concepts(columns["concepts"], n),
        "linking": made.choice(columns["concepts"]["linking"], n, LINKINGS[1:]),
        "rule": made.words(columns["rule"], n),
    }
    for axis, bitmap, assessed in zip(AXES, columns["axes"], columns["assessed"], strict=True):
        arrays[axis] = (
            arrow.Array.from_buffers(arrow.bool_(), n, [None, arrow.py_buffer(bitmap)])
            if assessed
            else arrow.nulls(n, arrow.bool_())
        )
    arrays["section"] = made.words(columns["section"], n)
    arrays["sentence"] = made.ints(columns["sentence"], n)
    arrays["attributes"] = made.attributes(columns["attributes"], n)
    arrays["cues"] = made.cues(columns["cues"], n)
    if batch.metadata:
        arrays["metadata"] = made.metadata(batch.metadata, arrays["note_id"].indices)
    table = arrow.Table.from_arrays(list(arrays.values()), names=list(arrays))
    described: pa.Table = table.replace_schema_metadata(_metadata(batch))
    return described


def _metadata(batch: Batch) -> dict[str, str]:
    failures = [
        {"note_id": _plain(str(batch.ids[index])), "code": code, "reason": reason} for index, code, reason in batch.failures
    ]
    return {"rulener.engine": batch.tables.meta["fingerprint"], "rulener.failures": json.dumps(failures)}


def _shown(value: Any) -> str | None:
    return None if value is None else _plain(value) if isinstance(value, str) else json.dumps(value)


def _plain(text: str) -> str:
    """The text with lone surrogates as U+FFFD."""
    return text if text.isascii() else plain_utf8(text).decode("utf-8")


class _TableWriter:
    """Keeps the tables of a part; all its rows are written at once, so that a part has one dictionary a column."""

    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._engine = engine
        self._tables: list[pa.Table] = []

    def write(self, batch: Batch) -> None:
        self._tables.append(batch_table(batch))

    def _table(self) -> pa.Table:
        """The part's rows. Failures are in the run's errors.jsonl, so the schema names only what made them."""
        tables = self._tables or [batch_table(self._engine.batch([], []))]
        made: pa.Table = _pyarrow().concat_tables(tables).unify_dictionaries().combine_chunks()
        return made.replace_schema_metadata({"rulener.engine": tables[0].schema.metadata[b"rulener.engine"]})


class ParquetWriter(_TableWriter):
    def close(self) -> None:
        self._sink.write(parquet_bytes(self._table()))


class IpcWriter(_TableWriter):
    def close(self) -> None:
        table = self._table()
        with _pyarrow().PythonFile(self._sink.stream(), "w") as file, _pyarrow().ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)


def parquet_bytes(table: pa.Table) -> pa.Buffer:
    """A table as a Parquet file. What repeats has a dictionary, integers their differences, and only what readers look for has
    statistics: it is much less work, and smaller, than dictionaries and statistics for everything."""
    from pyarrow import parquet

    arrow = _pyarrow()
    dictionaries, differences = [], {}
    for path, kind in _leaves(arrow, table.schema):
        if arrow.types.is_integer(kind):
            differences[path] = "DELTA_BINARY_PACKED"
        elif not arrow.types.is_floating(kind) and not arrow.types.is_boolean(kind):
            dictionaries.append(path)
    made = arrow.BufferOutputStream()
    parquet.write_table(
        table,
        made,
        compression="zstd",
        use_dictionary=dictionaries,  # type: ignore[arg-type]
        column_encoding=differences,
        write_statistics=_LOOKED_FOR,
    )
    buffer: pa.Buffer = made.getvalue()
    return buffer


_LOOKED_FOR = ["note_id", "label"]


def _leaves(arrow: Any, fields: Iterable[Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The columns of a Parquet file with these fields, by the names they have there, and their types."""
    for field in fields:
        path, kind = f"{above}{field.name}", field.type
        if arrow.types.is_map(kind):
            yield from _leaves(arrow, (kind.key_field, kind.item_field), f"{path}.key_value.")
        elif arrow.types.is_list(kind):
            yield from _leaves(arrow, (kind.value_field.with_name("element"),), f"{path}.list.")
        elif arrow.types.is_struct(kind):
            yield from _leaves(arrow, (kind.field(k) for k in range(kind.num_fields)), f"{path}.")
        else:
            yield path, kind


class _Maker:
    """Buffers of the core to Arrow arrays."""

    def __init__(self, pa: Any) -> None:
        self.pa = pa

    def ints(self, buffer: Any, n: int) -> Any:
        return self.pa.Array.from_buffers(self.pa.int32(), n, [None, self.pa.py_buffer(buffer)])

    def strings(self, parts: tuple[Any, Any], n: int) -> Any:
        offsets, data = parts
        return self.pa.Array.from_buffers(self.pa.string(), n, [None, self.pa.py_buffer(offsets), self.pa.py_buffer(data)])

    def texts(self, values: Sequence[str]) -> Any:
        """As pyarrow.array does, which imports pandas where that is installed: half a second in every process."""
        encoded = [value.encode() for value in values]
        offsets = array("i", itertools.accumulate(map(len, encoded), initial=0))
        return self.strings((offsets, b"".join(encoded)), len(encoded))

    def words(self, parts: tuple[tuple[Any, Any, int], tuple[Any, Any]], n: int) -> Any:
        """A dictionary column whose indices may be null."""
        (values, valid, nulls), (offsets, data) = parts
        indices = self.pa.Array.from_buffers(
            self.pa.int32(), n, [self.pa.py_buffer(valid) if nulls else None, self.pa.py_buffer(values)], null_count=nulls
        )
        dictionary = self.strings((offsets, data), len(offsets) - 1)
        return self.pa.DictionaryArray.from_arrays(indices, dictionary, safe=False)

    def fixed(self, buffer: Any, n: int, names: tuple[str, ...]) -> Any:
        return self.pa.DictionaryArray.from_arrays(self.ints(buffer, n), self.texts(names), safe=False)

    def lists(self, offsets: Any, n: int, values: Any) -> Any:
        kind = self.pa.list_(values.type)
        return self.pa.Array.from_buffers(kind, n, [None, self.pa.py_buffer(offsets)], children=[values])

    def concepts(self, parts: dict[str, Any], n: int) -> Any:
        count = parts["n"]
        values = self.pa.StructArray.from_arrays(
            [
                *(self.words(parts[name], count) for name in ("system", "code", "name")),
                self.pa.Array.from_buffers(self.pa.float64(), count, [None, self.pa.py_buffer(parts["score"])]),
                self.fixed(parts["step"], count, STEPS),
                *self.standards(parts["standard"], count),
            ],
            names=["system", "code", "name", "score", "step", "standard_system", "standard_code", "standard_id"],
        )
        return self.lists(parts["offsets"], n, values)

    def standards(self, parts: dict[str, Any] | None, count: int) -> list[Any]:
        """System, code and OMOP id of the standard concepts; all null when no lexicon knows one."""
        if parts is None:
            kind = self.pa.dictionary(self.pa.int32(), self.pa.string())
            return [self.pa.nulls(count, kind), self.pa.nulls(count, kind), self.pa.nulls(count, self.pa.int32())]
        return [self.words(parts["system"], count), self.words(parts["code"], count), self.nullable(parts["id"], count)]

    def nullable(self, parts: tuple[Any, Any, int], n: int) -> Any:
        values, valid, nulls = parts
        buffers = [self.pa.py_buffer(valid) if nulls else None, self.pa.py_buffer(values)]
        return self.pa.Array.from_buffers(self.pa.int32(), n, buffers, null_count=nulls)

    def choice(self, parts: tuple[Any, Any, int], n: int, names: Sequence[str | None]) -> Any:
        """A dictionary column of a fixed set of words, some of its values null."""
        words = self.texts([name or "" for name in names])
        return self.pa.DictionaryArray.from_arrays(self.nullable(parts, n), words, safe=False)

    def attributes(self, parts: dict[str, Any], n: int) -> Any:
        pa, count = self.pa, parts["n"]
        numbers, valid = parts["number"]
        values = pa.StructArray.from_arrays(
            [
                self.words(parts["name"], count),
                self.strings(parts["text"], count),
                self.ints(parts["start"], count),
                self.ints(parts["end"], count),
                pa.Array.from_buffers(pa.float64(), count, [pa.py_buffer(valid), pa.py_buffer(numbers)]),
            ],
            names=["name", "text", "start", "end", "number"],
        )
        return self.lists(parts["offsets"], n, values)

    def metadata(self, of_notes: list[dict[str, Any]], notes: Any) -> Any:
        """What each entity's note carries, as a map of strings: one type, whatever the values are."""
        kind = self.pa.map_(self.pa.string(), self.pa.string())
        shown = [[(name, _shown(value)) for name, value in found.items()] for found in of_notes]
        return self.pa.array(shown, kind).take(notes)

    def cues(self, parts: dict[str, Any], n: int) -> Any:
        count = parts["n"]
        values = self.pa.StructArray.from_arrays(
            [
                self.fixed(parts["axis"], count, AXES),
                self.ints(parts["start"], count),
                self.ints(parts["end"], count),
                self.words(parts["rule"], count),
                self.ints(parts["scope_start"], count),
                self.ints(parts["scope_end"], count),
                self.fixed(parts["via"], count, VIA),
            ],
            names=["axis", "start", "end", "rule", "scope_start", "scope_end", "via"],
        )
        return self.lists(parts["offsets"], n, values)


# --- reading

_ROWS = 256  # read at once


def read_parquet(path: str, columns: Columns, encoding: str | None) -> Iterator[Note | Unreadable]:
    """The rows of a Parquet file. Raises UsageError: U201 it cannot be read, U213 a column is missing."""
    from pyarrow import parquet

    with _Refusals(path), parquet.ParquetFile(path) as file:
        names = list(file.schema_arrow.names)
        found = columns.find(names, os.path.basename(path), encoding)
        used = sorted({found.id, found.text, *(k for _, k in found.carry)})
        batches = file.iter_batches(_ROWS, columns=[names[k] for k in used])
        yield from _notes(batches, columns, encoding, [names[k] for k in used], path)


def read_arrow(path: str, columns: Columns, encoding: str | None) -> Iterator[Note | Unreadable]:
    """The rows of an Arrow file (Feather version 2), the same."""
    arrow = _pyarrow()
    with _Refusals(path), arrow.memory_map(path) as mapped, arrow.ipc.open_file(mapped) as file:
        batches = (file.get_batch(k).slice(first, _ROWS) for k in range(file.num_record_batches) for first in _steps(file, k))
        yield from _notes(batches, columns, encoding, list(file.schema.names), path)


def _steps(file: Any, k: int) -> range:
    return range(0, file.get_batch(k).num_rows, _ROWS)


def _notes(
    batches: Iterable[Any], columns: Columns, encoding: str | None, names: list[str], path: str
) -> Iterator[Note | Unreadable]:
    found = columns.find(names, os.path.basename(path), encoding)
    for batch in batches:
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        yield from (found.row(row) for row in rows)


class _Refusals:
    """Errors of pyarrow and the system as U201."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError | _pyarrow().ArrowException):
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise UsageError("U201", f"cannot read the input: {reason}", place=os.path.basename(self._path)) from None


# --- mentions that a run wrote, and those of plain documents


def read_parquet_entities(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of a Parquet file of mentions: consecutive rows of one note_id. A note without mentions has no row."""
    from pyarrow import parquet

    with _Refusals(path), parquet.ParquetFile(path) as file:
        yield from _documents(file.iter_batches(_ROWS), list(file.schema_arrow.names), path, source)


def read_arrow_entities(path: str, source: Source) -> Iterator[Annotated]:
    """The same of an Arrow file."""
    arrow = _pyarrow()
    with _Refusals(path), arrow.memory_map(path) as mapped, arrow.ipc.open_file(mapped) as file:
        batches = (file.get_batch(k).slice(first, _ROWS) for k in range(file.num_record_batches) for first in _steps(file, k))
        yield from _documents(batches, list(file.schema.names), path, source)


def _documents(batches: Iterable[Any], names: list[str], path: str, source: Source) -> Iterator[Annotated]:
    from rulener.formats.annotated import RowsOfNotes

    place = os.path.basename(path)
    missing = [name for name in ("note_id", "start", "end", "text", "label", "concepts", "cues") if name not in names]
    if missing:
        raise UsageError("U213", f"no column {missing[0]!r}: not a table of mentions", place=place)
    grouped = RowsOfNotes(source)
    number = 0
    for batch in batches:
        for row in batch.to_pylist():
            number += 1
            yield from grouped.add(row["note_id"], f"{place}: row {number}", partial(_from_row, row))
    yield from grouped.end()


def _from_row(row: dict[str, Any]) -> tuple[PlainEntity, dict[str, Any]]:
    from rulener.formats.plain import entity_from

    for concept in row["concepts"]:
        standard = {"system": concept.pop("standard_system"), "code": concept.pop("standard_code"), "name": None}
        standard["id"] = concept.pop("standard_id")
        if any(value is not None for value in standard.values()):
            concept["standard"] = standard
    record = {**row, "attributes": {one.pop("name"): one for one in row["attributes"]}}
    for one in record["attributes"].values():
        if one["number"] is not None and one["number"].is_integer() and "." not in one["text"]:
            one["number"] = int(one["number"])
    return entity_from(record), dict(row.get("metadata") or ())


def plain_schema(with_metadata: bool = False) -> pa.Schema:
    """The columns of `batch_table`."""
    arrow = _pyarrow()
    word, whole = arrow.dictionary(arrow.int32(), arrow.string()), arrow.int32()
    concept = [("system", word), ("code", word), ("name", word), ("score", arrow.float64()), ("step", word)]
    concept += [("standard_system", word), ("standard_code", word), ("standard_id", whole)]
    attribute = [("name", word), ("text", arrow.string()), ("start", whole), ("end", whole), ("number", arrow.float64())]
    cue = [("axis", word), ("start", whole), ("end", whole), ("rule", word), ("scope_start", whole), ("scope_end", whole)]
    columns = [
        ("note_id", word), ("start", whole), ("end", whole), ("text", arrow.string()), ("label", word),
        ("concepts", arrow.list_(arrow.struct(concept))), ("linking", word), ("rule", word),
        *((axis, arrow.bool_()) for axis in AXES), ("section", word), ("sentence", whole),
        ("attributes", arrow.list_(arrow.struct(attribute))), ("cues", arrow.list_(arrow.struct([*cue, ("via", word)]))),
    ]  # fmt: skip
    if with_metadata:
        columns.append(("metadata", arrow.map_(arrow.string(), arrow.string())))
    made: pa.Schema = arrow.schema(columns)
    return made


_GROUP = 16_384  # rows of a Parquet row group


class PlainParquetWriter:
    """Mentions of plain documents, a row group at a time."""

    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._engine = engine.fingerprint
        self._tables: list[pa.Table] = []
        self._waiting = 0
        self._file: Any = None
        self._schema: Any = None
        self._writer: Any = None

    def write(self, batch: PlainBatch) -> None:
        self._schema = self._schema or _described(plain_schema(bool(batch.metadata)), self._engine)
        self._tables.append(_pyarrow().Table.from_pylist(_rows_of(batch), self._schema))
        self._waiting += batch.n_entities
        if self._waiting >= _GROUP:
            self._write()

    def close(self) -> None:
        self._schema = self._schema or _described(plain_schema(), self._engine)
        self._write()
        self._writer.close()
        self._file.close()

    def _write(self) -> None:
        from pyarrow import parquet

        if self._writer is None:
            self._file = _pyarrow().PythonFile(self._sink.stream(), "w")
            self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")
        tables = self._tables or [self._schema.empty_table()]
        self._writer.write_table(_pyarrow().concat_tables(tables).unify_dictionaries().combine_chunks())
        self._tables, self._waiting = [], 0


class PlainIpcWriter:
    """The same as an Arrow file, which has one dictionary a column: its rows are kept until the end."""

    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._engine = engine.fingerprint
        self._tables: list[pa.Table] = []

    def write(self, batch: PlainBatch) -> None:
        self._tables.append(_pyarrow().Table.from_pylist(_rows_of(batch), plain_schema(bool(batch.metadata))))

    def close(self) -> None:
        arrow = _pyarrow()
        tables = self._tables or [plain_schema().empty_table()]
        table = arrow.concat_tables(tables).unify_dictionaries().combine_chunks()
        table = table.replace_schema_metadata({"rulener.engine": self._engine})
        with arrow.PythonFile(self._sink.stream(), "w") as file, arrow.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)


def _described(schema: pa.Schema, engine: str) -> pa.Schema:
    return schema.with_metadata({"rulener.engine": engine})


def _rows_of(batch: PlainBatch) -> list[dict[str, Any]]:
    return [_row(document, entity) for document in batch.documents for entity in document.entities]


def _row(document: PlainDocument, entity: PlainEntity) -> dict[str, Any]:
    made = {"note_id": _plain(document.note_id), **entity.to_dict(), "text": _plain(entity.text)}
    made["concepts"] = [
        {
            **{name: getattr(one, name) for name in ("system", "code", "name", "score", "step")},
            **{f"standard_{name}": getattr(one.standard, name, None) for name in ("system", "code", "id")},
        }
        for one in entity.concepts
    ]
    made["attributes"] = [{"name": name, **one._asdict()} for name, one in entity.attributes.items()]
    made["metadata"] = [(name, _shown(value)) for name, value in document.metadata.items()]
    return made
