"""Results in tables of a database: the rows of a part, and the record that it is done, in one transaction.

`rulener_run` has a row for each run, `rulener_part` one for each of its parts, `rulener_error` its notes that failed. A part that
has its row there is in the tables, whole; one that has none left nothing. So a run may end at any moment and go on later. Workers
write files; the process that started the run loads them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rulener import __version__
from rulener.errors import UsageError
from rulener.formats.database import DUCKDB, POSTGRESQL, SQLITE, Database, is_lost, parse_url, quoted, split_name, told

if TYPE_CHECKING:
    from types import TracebackType

ENTITY, NOTE_NLP = "entity", "note_nlp"
KINDS = (ENTITY, NOTE_NLP)
LOAD = ".load"
"""What the names of files that are loaded end with: `.entity.load`."""

RUN, PART, ERROR = "rulener_run", "rulener_part", "rulener_error"


@dataclass(frozen=True, slots=True)
class Target:
    """A database, and the table that each kind of rows goes to."""

    database: Database
    tables: dict[str, str]

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of the files that are loaded."""
        return tuple(f"{self.database.kind}/{kind}" for kind in self.tables)

    def described(self) -> dict[str, Any]:
        """For the manifest."""
        return {"to": self.database.name, "rows": [f"{kind}={table}" for kind, table in self.tables.items()]}

    def own(self, table: str) -> str:
        """The quoted name of one of rulener's tables: it stands beside the first of those with rows."""
        *schema, _ = split_name(next(iter(self.tables.values())))
        return ".".join(quoted_parts([*schema, table]))


def quoted_parts(parts: Iterable[str]) -> list[str]:
    return ['"' + part.replace('"', '""') + '"' for part in parts]


def target_of(url: str, rows: Sequence[str] = ()) -> Target:
    """From a URL and `kind` or `kind=table`. A path is a DuckDB file. Raises UsageError (U280, U282, U212: no such rows)."""
    database = parse_url(url)
    if database.kind == SQLITE:
        raise UsageError("U280", "results are not written to SQLite", place=database.name, hint="to DuckDB or PostgreSQL")
    tables: dict[str, str] = {}
    for given in rows or (ENTITY,):
        kind, _, table = given.partition("=")
        if kind not in KINDS:
            raise UsageError("U212", f"unknown rows {kind!r}", hint="--rows entity or --rows note_nlp, or KIND=TABLE")
        if kind in tables:
            raise UsageError("U212", f"rows of {kind} are asked for twice")
        split_name(table or kind)
        tables[kind] = table or kind
    return Target(database, {kind: tables[kind] for kind in KINDS if kind in tables})


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The run as `rulener_run` has it. `identity` is the first line of the journal, without its schema."""

    run_id: str
    nlp_system: str
    rulener: str
    engine: str
    identity: str


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A part as `rulener_part` has it; `plan` is the digest of what it was planned over."""

    part: int
    plan: str
    input: str
    notes: int
    entities: int
    failures: Sequence[tuple[str, str, str]]


class Tables:
    """The tables of a run. `open` connects; what is done is asked and loaded part by part.

    Raises UsageError: U281 the database cannot be opened, U283 it is lost, U286 a table does not fit, U287 the run's name is
    taken, U288 the rows cannot be written, U289 somebody else is writing this run.
    """

    def __init__(self, target: Target, run: RunRecord) -> None:
        self.target = target
        self.run = run
        self._alone = True  # no rows of other runs in NOTE_NLP
        self._finished = False
        self._some = False  # parts are there

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    # --- what each database does in its own way

    def connect(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs a statement with `?` for values; its rows."""
        raise NotImplementedError

    def _transaction(self) -> Any:
        """A context: begin and commit, or roll back."""
        raise NotImplementedError

    def _load(self, kind: str, path: str) -> int:
        """Loads a file into a table; the number of rows."""
        raise NotImplementedError

    def _statements(self) -> Iterator[str]:
        """What makes the tables that are not there."""
        raise NotImplementedError

    def _check_types(self) -> None:
        """U286 when ids of rows do not fit."""

    # --- the same for all

    def open(self, discarded: Sequence[str] = ()) -> None:
        """Connects, makes tables that are not there, removes rows of runs that are discarded, and finds out what is left."""
        self.connect()
        with self._told(), self._transaction():
            for statement in self._statements():
                self._execute(statement)
        for kind in self.target.tables:
            self._check_columns(kind)
        self._check_types()
        for run_id in discarded:
            self.discard(run_id)
        with self._told():
            self._take_up()

    def _take_up(self) -> None:
        run = self.run
        known = self._execute(f"select identity, finished from {self._own(RUN)} where run_id = ?", [run.run_id])
        if not known:
            with self._transaction():
                self._execute(
                    f"insert into {self._own(RUN)} (run_id, nlp_system, rulener, engine, identity, finished) "
                    "values (?, ?, ?, ?, ?, false)",
                    [run.run_id, run.nlp_system, run.rulener, run.engine, run.identity],
                )
        elif known[0][0] != run.identity:
            raise self._taken("another engine, options or inputs")
        else:
            self._finished = bool(known[0][1])
            self._some = bool(self._execute(f"select 1 from {self._own(PART)} where run_id = ? limit 1", [run.run_id]))
        if NOTE_NLP in self.target.tables:
            table = quoted(self.target.tables[NOTE_NLP])
            other = f"select 1 from {table} where nlp_system is null or nlp_system <> ? limit 1"
            self._alone = not self._execute(other, [run.nlp_system])

    def _check_columns(self, kind: str) -> None:
        table = self.target.tables[kind]
        try:
            self._execute(f"select {', '.join(quoted_parts(columns_of(kind)))} from {quoted(table)} limit 0")
        except self._errors() as error:
            if is_lost(self.target.database, error):
                raise self._failed(error) from None
            message = f"the table {table} is not one for rows of {kind}: {told(self.target.database, error)}"
            raise UsageError("U286", message, place=self.target.database.name, hint="--rows KIND=TABLE names another") from None

    def done(self, part: int, plan: str, input: str) -> bool:
        """Are the rows of this part there? U287 when they are of a part over other notes, by name, size or content."""
        if not self._some:
            return False
        with self._told():
            where = "where run_id = ? and part = ?"
            found = self._execute(f"select plan, input from {self._own(PART)} {where}", [self.run.run_id, part])
        if (found and found[0] != (plan, input)) or (not found and self._finished):
            raise self._taken("other notes")
        return bool(found)

    def load(self, record: PartRecord, files: dict[str, str]) -> None:
        """Loads the files of a part (path by kind) unless its rows are there."""
        if self.done(record.part, record.plan, record.input):
            return
        run_id = self.run.run_id
        with self._told(), self._transaction():
            self._execute(
                f"insert into {self._own(PART)} (run_id, part, plan, input, notes, failed, entities) "
                "values (?, ?, ?, ?, ?, ?, ?)",
                [run_id, record.part, record.plan, record.input, record.notes, len(record.failures), record.entities],
            )
            for failure in record.failures:
                self._execute(
                    f"insert into {self._own(ERROR)} (run_id, part, note_id, code, reason) values (?, ?, ?, ?, ?)",
                    [run_id, record.part, *(text.replace("\0", "\ufffd") for text in failure)],
                )
            for kind, path in files.items():
                count = self._load(kind, path)
                if count != record.entities:
                    raise self._unwritten(f"{count} of {record.entities} rows were written to {self.target.tables[kind]}")

    def finish(self, parts: int) -> None:
        """Says that all parts are there. U287 when there are more."""
        with self._told():
            beyond = f"select 1 from {self._own(PART)} where run_id = ? and part >= ? limit 1"
            if self._some and self._execute(beyond, [self.run.run_id, parts]):
                raise self._taken("more notes")
            if not self._finished:
                with self._transaction():
                    self._execute(f"update {self._own(RUN)} set finished = true where run_id = ?", [self.run.run_id])
                self._finished = True

    def discard(self, run_id: str) -> None:
        """Removes all rows of a run, in one transaction."""
        with self._told():
            known = self._execute(f"select nlp_system from {self._own(RUN)} where run_id = ?", [run_id])
            if not known:
                return
            with self._transaction():
                if ENTITY in self.target.tables:
                    self._execute(f"delete from {quoted(self.target.tables[ENTITY])} where run_id = ?", [run_id])
                if NOTE_NLP in self.target.tables:
                    self._execute(f"delete from {quoted(self.target.tables[NOTE_NLP])} where nlp_system = ?", [known[0][0]])
                for table in (ERROR, PART, RUN):
                    self._execute(f"delete from {self._own(table)} where run_id = ?", [run_id])

    def _own(self, table: str) -> str:
        return self.target.own(table)

    # --- errors

    def _errors(self) -> tuple[type[Exception], ...]:
        return (self.target.database.needed().Error,)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._errors() as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> UsageError:
        database = self.target.database
        if is_lost(database, error):
            hint = "give the same command again when it is back"
            return UsageError(
                "U283", f"the connection to the database is lost: {told(database, error)}", place=database.name, hint=hint
            )
        return self._unwritten(told(database, error))

    def _unwritten(self, what: str) -> UsageError:
        return UsageError("U288", f"cannot write to the database: {what}", place=self.target.database.name)

    def _taken(self, what: str) -> UsageError:
        message = f"the database has rows of a run with this name ({self.run.run_id}) over {what}"
        hint = "--run-id NAME calls this run otherwise; --overwrite removes those rows"
        return UsageError("U287", message, place=self.target.database.name, hint=hint)

    def _there_already(self, note_nlp_id: int, system: str) -> UsageError:
        table = self.target.tables[NOTE_NLP]
        message = f"the table {table} has rows of these notes already: note_nlp_id {note_nlp_id} of {system or 'another system'}"
        hint = "write to another table (--rows note_nlp=TABLE), or remove those rows"
        return UsageError("U288", message, place=self.target.database.name, hint=hint)


def open_tables(target: Target, run: RunRecord) -> Tables:
    """The tables of a target, not connected yet."""
    if target.database.kind == DUCKDB:
        from rulener.formats.duckdb_tables import DuckDBTables

        return DuckDBTables(target, run)
    assert target.database.kind == POSTGRESQL
    from rulener.formats.postgresql_tables import PostgreSQLTables

    return PostgreSQLTables(target, run)


def try_to_connect(target: Target) -> None:
    """Before much is done: can the database be opened? Raises UsageError (U281), MissingExtra."""
    target.database.needed()
    if target.database.kind != DUCKDB or os.path.exists(target.database.location):
        with open_tables(target, RunRecord("", "", "", "", "")) as tables:
            tables.connect()


def run_record(run_id: str, identity: dict[str, Any]) -> RunRecord:
    """The record of a run with this identity."""
    kept = {key: value for key, value in identity.items() if key != "schema"}
    return RunRecord(run_id, nlp_system(run_id), identity["rulener"], identity["engine"], json.dumps(kept, sort_keys=True))


def nlp_system(run_id: str) -> str:
    """What NOTE_NLP calls rulener: name, version and run."""
    return f"rulener {__version__} run {run_id}"[:250]


def columns_of(kind: str) -> tuple[str, ...]:
    """The columns that rows of a kind have."""
    if kind == NOTE_NLP:
        from rulener.formats.omop import COLUMNS

        return COLUMNS
    return ("run_id", *ENTITY_COLUMNS)


ENTITY_COLUMNS = (
    "note_id", "start", "end", "text", "label", "concepts", "linking", "rule", "negated", "uncertain", "historical",
    "hypothetical", "family", "section", "sentence", "attributes", "cues", "metadata",
)  # fmt: skip
