"""Databases by their URL: DuckDB and SQLite files, PostgreSQL. What opens one, and what of its errors may be told.

A password never reaches a message, a manifest or a `repr`; neither do values of rows, which databases like to quote.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from rulener.errors import MissingExtra, UsageError

DUCKDB, SQLITE, POSTGRESQL = "duckdb", "sqlite", "postgresql"
_DRIVERS = {DUCKDB: ("duckdb", "duckdb"), POSTGRESQL: ("psycopg", "postgres")}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)  # two letters at least: C:\notes is a path
_FORMS = "duckdb:PATH, sqlite:PATH or postgresql://USER@HOST/NAME"
_CONNECT_SECONDS = 10
# No threads of its own, which forked workers would miss. DuckDB keeps blocks in memory up to its limit, or most of it.
_READING = {"autoinstall_known_extensions": False}  # nothing is ever downloaded
_WRITING = {**_READING, "threads": 1, "memory_limit": "1GB"}

# Classes of SQLSTATE whose messages are about the statement, the server or rights, and quote no value of a row.
_TOLD = ("08", "0A", "25", "28", "2B", "3D", "3F", "42", "53", "54", "55", "57", "58")
_TOLD_DUCKDB = ("BinderException", "CatalogException", "IOException", "ParserException", "PermissionException", "SyntaxException")


@dataclass(frozen=True, slots=True)
class Database:
    """A database: `name` tells people which one, on any machine; `location` is its path, or a URL that may have a password."""

    kind: str
    name: str
    location: str = field(repr=False)

    def needed(self) -> Any:
        """The driver's module. Raises MissingExtra."""
        module, extra = _DRIVERS[self.kind]
        try:
            return import_module(module)
        except ImportError:
            raise MissingExtra(f"the database {self.name}", extra) from None


def parse_url(url: str) -> Database:
    """The database of a URL, or of a path by what the file is. Raises UsageError (U280: no such form, U281: no such file)."""
    match = _SCHEME.match(url)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", url)
    if scheme in ("postgresql", "postgres"):
        return Database(POSTGRESQL, f"{POSTGRESQL}:{_postgresql_name(url)}", url)
    if scheme not in ("", DUCKDB, SQLITE):
        raise _no_url(f"{scheme}: is no kind of database that rulener knows")
    if not rest or rest.startswith("//"):
        raise _no_url("a path must follow" if scheme else "it is empty")
    kind = scheme or _kind_of_file(rest)
    return Database(kind, f"{kind}:{os.path.basename(rest)}", os.path.abspath(rest))


def has_password(url: str) -> bool:
    """Does the URL itself hold a password?"""
    return _password(url) is not None


def _password(url: str) -> str | None:
    if "://" not in url:
        return None
    authority, _, rest = url.partition("://")[2].partition("/")
    user, at, _ = authority.rpartition("@")
    if at and ":" in user:
        return user.partition(":")[2]
    given = re.search(r"[?&]password=([^&]*)", rest or authority)
    return given[1] if given else None


def _no_url(what: str) -> UsageError:
    return UsageError("U280", f"the database cannot be told from its URL: {what}", hint=f"give {_FORMS}")


def _postgresql_name(url: str) -> str:
    """The database's name, without host, user and password."""
    if "://" not in url:
        raise _no_url("postgresql needs //")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _no_url("it is malformed") from None
    given = re.search(r"(?:^|&)dbname=([^&]*)", parts.query)
    return unquote(given[1] if given else parts.path.lstrip("/")) or os.environ.get("PGDATABASE") or "default"


def _kind_of_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        return DUCKDB
    except OSError as error:
        raise UsageError("U281", f"cannot open the database: {error.strerror}", place=os.path.basename(path)) from None
    if head.startswith(b"SQLite format 3\0"):
        return SQLITE
    if head[8:12] == b"DUCK" or not head:
        return DUCKDB
    hint = "a DuckDB or SQLite file, or a URL: postgresql://USER@HOST/NAME"
    raise UsageError("U281", "cannot open the database: the file is none", place=os.path.basename(path), hint=hint)


# --- names


def quoted(name: str) -> str:
    """A name as an SQL identifier; each part of `schema.table` on its own."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in split_name(name))


def split_name(name: str) -> tuple[str, ...]:
    """The parts of `table` or `schema.table`; a part may stand in double quotes. Raises UsageError (U282)."""
    part = r'(?:"(?:[^"\0?%]|"")+"|[^".\0?%]+)'  # ? and % stand for values in statements
    if not re.fullmatch(rf"{part}(?:\.{part}){{0,2}}", name):
        raise UsageError("U282", f"{name!r} is no name of a table", hint="TABLE or SCHEMA.TABLE")
    found = re.findall(part, name)
    return tuple(one[1:-1].replace('""', '"') if one.startswith('"') else one for one in found)


# --- connections


def connect_sqlite(database: Database) -> Any:
    """A connection that reads. Raises UsageError (U281)."""
    import sqlite3

    _must_exist(database)
    try:
        connection = sqlite3.connect(f"file:{quote(database.location)}?mode=ro", uri=True)
        connection.execute("select count(*) from sqlite_schema").fetchone()
    except sqlite3.Error as error:
        raise cannot_open(database, error) from None
    return connection


def connect_duckdb(database: Database, *, read_only: bool) -> Any:
    """Raises UsageError (U281), MissingExtra."""
    driver = database.needed()
    if read_only:
        _must_exist(database)
    if os.path.exists(database.location) and _kind_of_file(database.location) != DUCKDB:
        raise UsageError("U281", "cannot open the database: the file is one of SQLite", place=database.name)
    try:
        connection = driver.connect(database.location, read_only=read_only, config=_READING if read_only else _WRITING)
        if not read_only:
            with suppress(driver.Error):  # a setting of DuckDB 2
                connection.execute("set async_threads = 0")
        return connection
    except driver.Error as error:
        raise cannot_open(database, error) from None


def connect_postgresql(database: Database) -> Any:
    """Raises UsageError (U280, U281), MissingExtra."""
    driver = database.needed()
    given = {"client_encoding": "utf8", "application_name": "rulener"}
    try:
        options = driver.conninfo.conninfo_to_dict(database.location)
        if "connect_timeout" not in options and "PGCONNECT_TIMEOUT" not in os.environ:
            given["connect_timeout"] = str(_CONNECT_SECONDS)
        return driver.connect(database.location, **given)
    except driver.ProgrammingError:  # it quotes the URL
        raise _no_url("PostgreSQL's library does not understand it") from None
    except (driver.Error, UnicodeError) as error:
        raise cannot_open(database, error) from None


def _must_exist(database: Database) -> None:
    try:
        with open(database.location, "rb"):
            return
    except OSError as error:
        raise UsageError("U281", f"cannot open the database: {error.strerror}", place=database.name) from None


# --- errors


def cannot_open(database: Database, error: Exception) -> UsageError:
    """U281, with what the database says of it."""
    hint = ""
    said = told(database, error, anyway=True)
    if database.kind == POSTGRESQL and "password" in said:
        hint = "the environment variable PGPASSWORD or the file ~/.pgpass may hold it"
    elif database.kind == DUCKDB and "lock" in said:
        said, hint = "another process has it open", "wait for its end"
    return UsageError("U281", f"cannot open the database: {said}", place=database.name, hint=hint)


def query_failed(database: Database, error: Exception) -> UsageError:
    """U283 when the connection is lost, else U282."""
    if is_lost(database, error):
        return UsageError("U283", f"the connection to the database is lost: {told(database, error)}", place=database.name)
    return UsageError("U282", f"the query failed: {told(database, error)}", place=database.name)


def is_lost(database: Database, error: Exception) -> bool:
    """Has the server gone, or ended this session?"""
    if database.kind != POSTGRESQL or not isinstance(error, database.needed().OperationalError):
        return False
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(("08", "57P"))


def told(database: Database, error: Exception, *, anyway: bool = False) -> str:
    """What a message may say of a database's error: its first line when that quotes no row, else its kind."""
    kind = type(error).__name__
    state = getattr(error, "sqlstate", None)
    if isinstance(error, UnicodeError):
        return "text that is not UTF-8"
    if database.kind == POSTGRESQL:
        anyway = anyway or (state is None and kind == "OperationalError") or (state or "").startswith(_TOLD)
    elif database.kind == DUCKDB:
        anyway = anyway or kind in _TOLD_DUCKDB
    else:
        anyway = anyway or kind in ("OperationalError", "DatabaseError")
    if not anyway:
        return f"{kind}, SQLSTATE {state}" if state else kind
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    return _scrubbed(str(primary or error), database.location)


def _scrubbed(message: str, url: str) -> str:
    """One line, without the URL and its password."""
    password = _password(url)
    lines = [line.strip() for line in message.splitlines() if line.strip()] or [""]
    line = lines[0].removeprefix("connection failed: ").replace(url, "its URL")
    for secret in (password, unquote(password)) if password else ():
        line = line.replace(secret, "***")
    return line.rstrip(". !")
