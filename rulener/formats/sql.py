"""Notes from databases: the rows of a query or of a table, streamed, in one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from rulener.errors import UsageError
from rulener.formats.database import (
    DUCKDB,
    SQLITE,
    Database,
    connect_duckdb,
    connect_postgresql,
    connect_sqlite,
    parse_url,
    query_failed,
    quoted,
)
from rulener.formats.readers import EVERY, Columns, Note, Unreadable

_ROWS = 256  # fetched at once


@dataclass(frozen=True, slots=True)
class Query:
    """What is read of a database: the rows of a statement, or of a table (`table` or `schema.table`)."""

    database: Database
    sql: str | None = None
    table: str | None = None

    def described(self) -> dict[str, str]:
        """For the manifest."""
        return {"sql": self.sql} if self.sql is not None else {"table": self.table or ""}

    def notes(self, columns: Columns, encoding: str | None) -> Iterator[Note | Unreadable]:
        """The rows, in the database's order.

        Raises UsageError (U213: a column is missing, U281: it cannot be opened, U282: the query fails, U283: it is lost),
        MissingExtra.
        """
        reading = _READINGS[self.database.kind](self.database)
        with closing(reading):
            statement = self.sql if self.sql is not None else self._of_table(reading, columns)
            names, rows = reading.rows(statement)
            if not names:
                raise UsageError("U282", "the query gives no rows", place=self.database.name, hint="a SELECT does")
            found = columns.find(names, self.database.name, encoding)
            for row in rows:
                yield found.row(row)

    def _of_table(self, reading: _Reading, columns: Columns) -> str:
        """A statement that reads the columns that are wanted, and no other."""
        table = quoted(self.table or "")
        if columns.carry == (EVERY,):
            return f"select * from {table}"
        names, rows = reading.rows(f"select * from {table} limit 0")
        for _ in rows:
            pass
        found = columns.find(names, f"{self.database.name}, table {self.table}")
        used = sorted({found.id, found.text, *(k for _, k in found.carry)})
        return f"select {', '.join(_quoted_column(names[k]) for k in used)} from {table}"


def query_of(url: str, sql: str | None, table: str | None) -> Query:
    """Raises UsageError (U280, U281, U282)."""
    if table is not None:
        quoted(table)
    return Query(parse_url(url), sql, table)


def _quoted_column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class _Reading:
    """A connection that reads; `rows` gives the names of the columns and the rows."""

    def __init__(self, database: Database, connection: Any, errors: tuple[type[Exception], ...]) -> None:
        self._database = database
        self._connection = connection
        self._errors: tuple[type[Exception], ...] = (*errors, UnicodeError)
        self._cursors: list[Any] = []

    def rows(self, statement: str) -> tuple[list[str], Iterator[Any]]:
        try:
            cursor = self._cursor()
            self._cursors.append(cursor)
            cursor.execute(statement)
            first = cursor.fetchmany(_ROWS)  # PostgreSQL knows the columns then
            names = [column[0] for column in cursor.description or ()]
        except self._errors as error:
            raise query_failed(self._database, error) from None
        return names, self._all(cursor, first)

    def _all(self, cursor: Any, rows: list[Any]) -> Iterator[Any]:
        while rows:
            yield from rows
            try:
                rows = cursor.fetchmany(_ROWS)
            except self._errors as error:
                raise query_failed(self._database, error) from None
        cursor.close()

    def _cursor(self) -> Any:
        return self._connection.cursor()

    def close(self) -> None:
        for cursor in self._cursors:
            with suppress(*self._errors):
                cursor.close()
        self._connection.close()


class _DuckDBReading(_Reading):
    def __init__(self, database: Database) -> None:
        super().__init__(database, connect_duckdb(database, read_only=True), (database.needed().Error,))


class _SQLiteReading(_Reading):
    def __init__(self, database: Database) -> None:
        import sqlite3

        super().__init__(database, connect_sqlite(database), (sqlite3.Error, sqlite3.Warning))
        self._connection.text_factory = _text_or_bytes


def _text_or_bytes(data: bytes) -> str | bytes:
    """SQLite does not see to it that text is UTF-8: what is not stays bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


class _PostgreSQLReading(_Reading):
    """A server-side cursor, in a transaction that reads one snapshot and writes nothing."""

    def __init__(self, database: Database) -> None:
        driver = database.needed()
        super().__init__(database, connect_postgresql(database), (driver.Error,))
        self._connection.isolation_level = driver.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True

    def _cursor(self) -> Any:
        cursor = self._connection.cursor(name="rulener_notes")
        cursor.itersize = _ROWS
        return cursor


_READINGS: dict[str, type[Any]] = {DUCKDB: _DuckDBReading, SQLITE: _SQLiteReading, "postgresql": _PostgreSQLReading}
