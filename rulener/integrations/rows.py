"""Notes in columns: what the integrations do between a column of notes and the engine. Needs pyarrow.

A note that cannot be annotated never ends the work: it becomes a `Failure`, with the codes of a run's errors.jsonl.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import rulener
from rulener.errors import MissingExtra, UsageError
from rulener.formats.readers import plain_id
from rulener.run.limits import NOTE_BYTES

try:
    import pyarrow
except ImportError as error:
    raise MissingExtra("annotating columns", "parquet") from error

from rulener.formats.arrow import batch_table

if TYPE_CHECKING:
    from rulener.engine import Engine, PathLike

pa: Any = pyarrow

SLICE_NOTES = 1024
"""So many notes go to the engine in one call ..."""

SLICE_CHARACTERS = 4 << 20
"""... or fewer, once they have so many characters together."""

MAX_LENGTH = NOTE_BYTES
"""A note of more code points fails with N105, unless `max_length` says otherwise."""

ADDED = ("row", "error")
"""Columns that an integration may add to those of the results."""

NO_TEXT = "the row has no text"
NO_ID = "the row has no id"


class Bad(NamedTuple):
    """Stands in a column for a value that is no text: a code of the N errors and the reason."""

    code: str
    reason: str


class Failure(NamedTuple):
    """A note that could not be annotated: its place in the column, its id, a code of the N errors and the reason. `missing`:
    there was no value at all."""

    position: int
    note_id: str | None
    code: str
    reason: str
    missing: bool


@dataclass(frozen=True)
class Annotated:
    """What a column of notes gave. `table` has the columns of `annotate_batch` (`note_id` as plain strings), rows in the order of
    the notes; `positions` says for each row which note of the column it belongs to (int64); `failures` are by position; `notes`
    counts all, failed ones too.
    """

    table: Any
    positions: Any
    failures: list[Failure]
    notes: int

    @property
    def counts(self) -> dict[str, int]:
        """Notes in all, those annotated, those without a value, those that failed otherwise; and entities."""
        missing = sum(failure.missing for failure in self.failures)
        failed = len(self.failures) - missing
        return {
            "notes": self.notes,
            "annotated": self.notes - missing - failed,
            "missing": missing,
            "failed": failed,
            "entities": self.table.num_rows,
        }

    def lists(self) -> Any:
        """For each note the list of its entities (structs of the table's columns), null when it could not be annotated."""
        counts = np.bincount(self.positions, minlength=self.notes)
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        annotated = np.ones(self.notes, bool)
        annotated[[failure.position for failure in self.failures]] = False
        table = plain_table(self.table.drop_columns(["note_id"])).combine_chunks()
        entities = pa.StructArray.from_arrays([one_chunk(column) for column in table.columns], fields=list(table.schema))
        return pa.ListArray.from_arrays(pa.array(offsets), entities, mask=pa.array(~annotated))


def opened(engine: Engine | PathLike | None) -> Engine:
    """An engine as it is; that of a compiled file, opened once in a process; with None what `rulener.load()` gives, once too."""
    if engine is None:
        return _shipped()
    if not isinstance(engine, str | os.PathLike):
        return engine
    path = os.path.abspath(os.fspath(engine))
    try:
        status = os.stat(path)
    except OSError:
        return rulener.load(path)  # says what is wrong
    return _of_file(path, status.st_size, status.st_mtime_ns, status.st_ino)


@functools.lru_cache(maxsize=1)
def _shipped() -> Engine:
    return rulener.load()


@functools.lru_cache(maxsize=4)
def _of_file(path: str, *stamp: int) -> Engine:
    """The stamp makes a file that was replaced another one."""
    return rulener.load(path)


def annotate_column(
    engine: Engine,
    texts: Sequence[Any],
    ids: Sequence[Any] | None = None,
    *,
    workers: int = 1,
    max_length: int = MAX_LENGTH,
) -> Annotated:
    """Annotate a column of notes: str; None where there is no value; Bad, or anything else, where it is no text.

    `ids` default to positions; a note without an id fails. `workers` threads share the engine. Raises UsageError: U106, U107.
    """
    if workers < 1:
        raise UsageError("U106", f"workers must be at least 1, not {workers}")
    if ids is not None and len(ids) != len(texts):
        raise UsageError("U107", f"{len(ids)} ids for {len(texts)} texts")
    failures: list[Failure] = []
    slices = _slices(texts, ids, max_length, failures)
    tables, places = [], []
    for table, positions, failed in _each(functools.partial(_annotate, engine), slices, workers):
        tables.append(table)
        places.append(positions)
        failures += failed
    failures.sort(key=lambda failure: failure.position)
    if not tables:
        return Annotated(empty_table(engine), np.zeros(0, np.int64), failures, len(texts))
    joined = tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries()
    described = joined.replace_schema_metadata({"rulener.engine": engine.fingerprint})
    return Annotated(described, np.concatenate(places), failures, len(texts))


class _Slice(NamedTuple):
    texts: list[str]
    ids: list[str]
    positions: list[int]


_Result = tuple[Any, Any, list[Failure]]


def _slices(texts: Iterable[Any], ids: Sequence[Any] | None, max_length: int, failures: list[Failure]) -> Iterator[_Slice]:
    made, characters = _Slice([], [], []), 0
    for position, text in enumerate(texts):
        note_id = str(position) if ids is None else plain_id(ids[position])
        problem = _problem(text, note_id, max_length)
        if problem is not None or note_id is None:
            code, reason = problem or ("N106", NO_ID)
            failures.append(Failure(position, note_id, code, reason, text is None))
            continue
        made.texts.append(text)
        made.ids.append(note_id)
        made.positions.append(position)
        characters += len(text)
        if len(made.texts) >= SLICE_NOTES or characters >= SLICE_CHARACTERS:
            yield made
            made, characters = _Slice([], [], []), 0
    if made.texts:
        yield made


def _problem(text: Any, note_id: str | None, max_length: int) -> tuple[str, str] | None:
    """Code and reason when a row is no note."""
    if note_id is None:
        return "N106", NO_ID
    if isinstance(text, str):
        if len(text) > max_length:
            return "N105", f"{len(text)} characters; a note may have {max_length}"
        return None
    if isinstance(text, Bad):
        return text.code, text.reason
    return "N106", NO_TEXT if text is None else f"its text is no text but {type(text).__name__}"


def _each(work: Callable[[_Slice], list[_Result]], slices: Iterator[_Slice], workers: int) -> Iterator[_Result]:
    """The results of the slices, in order."""
    if workers == 1:
        for one in slices:
            yield from work(one)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="rulener") as pool:
        for results in pool.map(work, slices):
            yield from results


def _annotate(engine: Engine, notes: _Slice) -> list[_Result]:
    """One result; more when memory did not suffice for all at once."""
    try:
        batch = engine.batch(notes.texts, notes.ids)
        table = batch_table(batch)
    except MemoryError:
        return _in_halves(engine, notes)
    positions = np.asarray(notes.positions, np.int64)
    failures = [Failure(notes.positions[index], notes.ids[index], code, reason, False) for index, code, reason in batch.failures]
    return [(_plain_ids(table), positions[_numbers(table)], failures)]


def _numbers(table: Any) -> Any:
    """For each row of a batch's table the number of its note."""
    return one_chunk(table.column("note_id")).indices.to_numpy()


def _plain_ids(table: Any) -> Any:
    """Ids are no words that repeat from slice to slice."""
    return table.set_column(0, "note_id", table.column("note_id").cast(pa.string()))


def _in_halves(engine: Engine, notes: _Slice) -> list[_Result]:
    half = len(notes.texts) // 2
    if half == 0:
        reason = f"not enough memory for its {len(notes.texts[0])} characters"
        failure = Failure(notes.positions[0], notes.ids[0], "N105", reason, False)
        return [(empty_table(engine), np.zeros(0, np.int64), [failure])]
    halves = [_Slice(notes.texts[part], notes.ids[part], notes.positions[part]) for part in (slice(half), slice(half, None))]
    return [result for one in halves for result in _annotate(engine, one)]


# --- tables


def one_chunk(column: Any) -> Any:
    """A chunked array as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def plain_table(table: Any) -> Any:
    """The table with strings in place of dictionaries, for what cannot read these."""
    return table.cast(pa.schema([field.with_type(plain_type(field.type)) for field in table.schema]))


def plain_type(kind: Any) -> Any:
    """The type with strings in place of dictionaries, in lists and structs too."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(plain_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(plain_type(field.type)) for field in kind])
    return kind


def check_columns(engine: Engine, used: Iterable[str], carry: Sequence[str], columns: Sequence[str]) -> None:
    """Raises UsageError: U213 when a column is not there, or there twice; U241 when a carried one has a name of the results."""
    for name in (*used, *carry):
        if list(columns).count(name) != 1:
            what = f"{list(columns).count(name)} columns are named" if name in columns else "no column"
            listed = ", ".join(repr(one) for one in list(columns)[:12]) + (", …" if len(columns) > 12 else "")
            raise UsageError("U213", f"{what} {name!r}; the table has {listed or 'none'}")
    clash = sorted(set(carry) & {*empty_table(engine).column_names, *ADDED})
    if clash:
        raise UsageError("U241", f"a carried column has a name of the results: {clash[0]!r}", hint="rename it before")


def empty_table(engine: Engine) -> Any:
    """The results of no notes: their columns."""
    return _plain_ids(batch_table(engine.batch([], [])))
