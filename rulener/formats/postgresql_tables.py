"""Results in PostgreSQL, by COPY. Rows come as files of COPY's text format."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rulener.errors import UsageError
from rulener.formats.arrow import batch_table
from rulener.formats.database import connect_postgresql, quoted
from rulener.formats.omop import Row, rows
from rulener.formats.tables import ENTITY, ENTITY_COLUMNS, ERROR, NOTE_NLP, PART, RUN, Tables, columns_of, quoted_parts
from rulener.formats.texts import utf8

if TYPE_CHECKING:
    from rulener.core.columns import Batch
    from rulener.formats.sink import Sink
    from rulener.formats.writers import Settings

_CHUNK = 1 << 20
_LOCK_SECONDS = 10
_MAKING = 8_243_116_885_230_935_410  # any number that nobody else locks
_SMALL = (21, 23)  # oids of smallint and integer
_COLUMNS = {
    ENTITY: """run_id text not null, note_id text not null, "start" integer not null, "end" integer not null, text text not null,
        label text not null, concepts jsonb not null, linking text, rule text, negated boolean, uncertain boolean,
        historical boolean, hypothetical boolean, family boolean, section text, sentence integer, attributes jsonb not null,
        cues jsonb not null, metadata jsonb""",
    NOTE_NLP: """note_nlp_id bigint primary key, note_id bigint not null, section_concept_id integer, snippet varchar(250),
        "offset" varchar(50), lexical_variant varchar(250) not null, note_nlp_concept_id integer,
        note_nlp_source_concept_id integer, nlp_system varchar(250), nlp_date date not null, nlp_datetime timestamp,
        term_exists varchar(1), term_temporal varchar(50), term_modifiers varchar(2000)""",
    RUN: """run_id text primary key, nlp_system text not null, rulener text not null, engine text not null,
        identity text not null, finished boolean not null""",
    PART: """run_id text not null, part integer not null, plan text not null, input text not null, notes integer not null,
        failed integer not null, entities bigint not null, primary key (run_id, part)""",
    ERROR: "run_id text not null, part integer not null, note_id text not null, code text not null, reason text not null",
}


_SOCKETS: set[int] = set()


def _let_go() -> None:
    """In a forked worker: it must not keep a session, and the lock that it holds, when its parent is gone."""
    for socket in _SOCKETS:
        with suppress(OSError):
            os.close(socket)
    _SOCKETS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


class PostgreSQLTables(Tables):
    _connection: Any = None
    _socket = -1

    def connect(self) -> None:
        self._connection = connect_postgresql(self.target.database)
        self._socket = self._connection.pgconn.socket
        _SOCKETS.add(self._socket)
        with self._told():
            self._connection.autocommit = True  # transactions are those of `_transaction`
            self._lock()

    def _lock(self) -> None:
        """One process at a time writes a run. Held by the session: the server lets it go when this process is gone."""
        key = int.from_bytes(hashlib.sha256(f"rulener {self.run.run_id}".encode()).digest()[:8], "big", signed=True)
        try:
            self._execute(f"set lock_timeout = '{_LOCK_SECONDS}s'")
            self._execute("select pg_advisory_lock(?)", [key])
            self._execute("set lock_timeout = 0")
        except self.target.database.needed().errors.LockNotAvailable:
            hint = "wait for its end, or end the session in the server"
            message = f"another session is writing the run {self.run.run_id}"
            raise UsageError("U289", message, place=self.target.database.name, hint=hint) from None

    def close(self) -> None:
        if self._connection is not None:
            _SOCKETS.discard(self._socket)
            with suppress(*self._errors()):
                self._connection.close()
            self._connection = None

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement.replace("?", "%s"), list(values) or None)
            found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found

    def _transaction(self) -> Any:
        return self._connection.transaction()

    def _statements(self) -> Iterator[str]:
        yield f"select pg_advisory_xact_lock({_MAKING})"  # others make them too
        for table in self._missing():
            yield f"create table {table[0]} ({_COLUMNS[table[1]]})"

    def _missing(self) -> Iterator[tuple[str, str]]:
        """The tables that are not there. Not `if not exists`: that needs the right to create even when they are."""
        wanted = [(quoted(table), kind) for kind, table in self.target.tables.items()]
        for name, kind in [*wanted, *((self._own(table), table) for table in (RUN, PART, ERROR))]:
            if self._execute("select to_regclass(?)::text", [name]) == [(None,)]:
                yield name, kind

    def _check_types(self) -> None:
        if NOTE_NLP not in self.target.tables:
            return
        table = self.target.tables[NOTE_NLP]
        with self._told(), self._connection.cursor() as cursor:
            cursor.execute(f"select note_nlp_id, note_id from {quoted(table)} limit 0")
            small = [column.name for column in cursor.description if column.type_code in _SMALL]
        if "note_nlp_id" in small:
            message = f"the column note_nlp_id of the table {table} has 32 bits or fewer; rulener's ids need 64"
            hint = f"alter table {quoted(table)} alter column note_nlp_id type bigint"
            raise UsageError("U286", message, place=self.target.database.name, hint=hint)

    def _load(self, kind: str, path: str) -> int:
        table = quoted(self.target.tables[kind])
        columns = ", ".join(quoted_parts(columns_of(kind)))
        if kind == ENTITY or self._alone:
            return self._copy(f"{table} ({columns})", path)
        self._execute(f"create temporary table rulener_new ({_COLUMNS[NOTE_NLP]}) on commit drop")
        self._copy(f"rulener_new ({columns})", path)
        there = self._execute(f"select t.note_nlp_id, t.nlp_system from {table} t join rulener_new using (note_nlp_id) limit 1")
        if there:
            raise self._there_already(*there[0])
        with self._connection.cursor() as cursor:
            cursor.execute(f"insert into {table} ({columns}) select {columns} from rulener_new")
            return int(cursor.rowcount)

    def _copy(self, where: str, path: str) -> int:
        with open(path, "rb") as file, self._connection.cursor() as cursor:
            with cursor.copy(f"copy {where} from stdin") as copy:
                while chunk := file.read(_CHUNK):
                    copy.write(chunk)
            return int(cursor.rowcount)


# --- files to load


class CopyEntityWriter:
    """The rows of `annotate_batch`; lists and maps as JSON."""

    def __init__(self, sink: Sink, engine: Any, settings: Settings) -> None:
        self._sink = sink
        self._run_id = settings.run_id

    def write(self, batch: Batch) -> None:
        table = batch_table(batch)
        if "metadata" not in table.column_names:
            table = table.append_column("metadata", [[None] * table.num_rows])
        values = [_made(name, table.column(name).to_pylist()) for name in ENTITY_COLUMNS]
        self._sink.write(_lines((self._run_id, *row) for row in zip(*values, strict=True)))

    def close(self) -> None:
        """Every row is written already."""


def _made(name: str, values: list[Any]) -> list[Any]:
    if name in ("concepts", "attributes", "cues"):
        return [_json(value) for value in values]
    if name == "metadata":
        return [None if value is None else _json(dict(value)) for value in values]
    return values


def _json(value: Any) -> str:
    if not value:
        return "[]" if isinstance(value, list) else "{}"
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if "\\u0000" not in text else json.dumps(_without_nul(value), ensure_ascii=False, separators=(",", ":"))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(one) for key, one in value.items()}
    return [_without_nul(one) for one in value] if isinstance(value, list) else value


class CopyNoteNlpWriter:
    """Rows of NOTE_NLP."""

    def __init__(self, sink: Sink, engine: Any, settings: Settings) -> None:
        self._sink = sink
        self._settings = settings
        self.counts: Counter[str] = Counter(rows=0)

    def write(self, batch: Batch) -> None:
        found: Iterable[Row] = rows(batch, self._settings, self.counts)
        self._sink.write(_lines(found))

    def close(self) -> None:
        """Every row is written already."""


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\ufffd"})


def _lines(found: Iterable[Sequence[Any]]) -> bytes:
    """COPY's text format. NUL, which PostgreSQL does not take, becomes U+FFFD."""
    return utf8("".join("\t".join(map(_field, row)) + "\n" for row in found))


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if value is True or value is False:
        return "t" if value else "f"
    return str(value).translate(_ESCAPES)
