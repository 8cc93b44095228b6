"""Results in a DuckDB file. It has one writer: the process that started the run. Rows come as Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rulener.formats.database import connect_duckdb, quoted, split_name
from rulener.formats.tables import ENTITY, ERROR, NOTE_NLP, PART, RUN, Tables, quoted_parts

_CONCEPT = (
    "system varchar, code varchar, name varchar, score double, step varchar, standard_system varchar, standard_code varchar, "
    "standard_id integer"
)
_ATTRIBUTE = 'name varchar, text varchar, "start" integer, "end" integer, number double'
_CUE = 'axis varchar, "start" integer, "end" integer, rule varchar, scope_start integer, scope_end integer, via varchar'
_COLUMNS = {
    ENTITY: f"""run_id varchar not null, note_id varchar not null, "start" integer not null, "end" integer not null,
        text varchar not null, label varchar not null, concepts struct({_CONCEPT})[], linking varchar, rule varchar,
        negated boolean, uncertain boolean, historical boolean, hypothetical boolean, family boolean,
        section varchar, sentence integer, attributes struct({_ATTRIBUTE})[], cues struct({_CUE})[],
        metadata map(varchar, varchar)""",
    NOTE_NLP: """note_nlp_id bigint not null, note_id bigint not null, section_concept_id integer, snippet varchar,
        "offset" varchar, lexical_variant varchar not null, note_nlp_concept_id integer, note_nlp_source_concept_id integer,
        nlp_system varchar, nlp_date date not null, nlp_datetime timestamp, term_exists varchar, term_temporal varchar,
        term_modifiers varchar""",
    RUN: """run_id varchar primary key, nlp_system varchar not null, rulener varchar not null, engine varchar not null,
        identity varchar not null, finished boolean not null""",
    PART: """run_id varchar not null, part integer not null, plan varchar not null, input varchar not null,
        notes integer not null, failed integer not null, entities bigint not null, primary key (run_id, part)""",
    ERROR: """run_id varchar not null, part integer not null, note_id varchar not null, code varchar not null,
        reason varchar not null""",
}


class DuckDBTables(Tables):
    _connection: Any = None

    def connect(self) -> None:
        self._connection = connect_duckdb(self.target.database, read_only=False)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(statement, list(values)).fetchall()
        return found

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.begin()
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def _statements(self) -> Iterator[str]:
        names = [*self.target.tables.values(), self.target.own(RUN)]
        for schema in sorted({split_name(name)[:-1] for name in names}):
            if schema:
                yield f"create schema if not exists {'.'.join(quoted_parts(schema))}"
        for kind, table in self.target.tables.items():
            yield f"create table if not exists {quoted(table)} ({_COLUMNS[kind]})"
        for table in (RUN, PART, ERROR):
            yield f"create table if not exists {self._own(table)} ({_COLUMNS[table]})"

    def _load(self, kind: str, path: str) -> int:
        table = quoted(self.target.tables[kind])
        if kind == ENTITY:
            statement = f"insert into {table} by name select cast(? as varchar) as run_id, * from read_parquet(?)"
            return int(self._execute(statement, [self.run.run_id, path])[0][0])
        if not self._alone:
            self._check_new(table, path)
        return int(self._execute(f"insert into {table} by name select * from read_parquet(?)", [path])[0][0])

    def _check_new(self, table: str, path: str) -> None:
        """U288 when rows of these notes are there. A key would say so too, but DuckDB keeps it in memory."""
        ((least, most),) = self._execute("select min(note_nlp_id), max(note_nlp_id) from read_parquet(?)", [path])
        found = self._execute(
            f"select t.note_nlp_id, t.nlp_system from {table} t where t.note_nlp_id between ? and ? "
            "and t.note_nlp_id in (select note_nlp_id from read_parquet(?)) order by 1 limit 1",
            [least, most, path],
        )
        if found:
            raise self._there_already(*found[0])
