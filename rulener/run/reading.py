"""`rulener.read`: the notes behind any input of `rulener run`, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rulener.errors import NoteError, UsageError
from rulener.formats import readers
from rulener.formats.readers import Columns, Note, PassedOver, Unreadable, reader_of
from rulener.run import limits
from rulener.run.decode import GZIPPED, check_encoding, decode, too_long, unpacked
from rulener.run.inputs import FILE, FOLDER, JSONL, NOTE_NAMES, SQL, UNLISTED, Input, Walk, open_jsonl, readable, resolve

PathLike = str | os.PathLike[str]


def read(
    *inputs: PathLike,
    notes: Sequence[str] = (),
    id_column: str | None = None,
    text_column: str | None = None,
    carry: Sequence[str] = (),
    encoding: str | None = None,
    on_error: Callable[[NoteError], Any] | None = None,
    db: str | None = None,
    sql: str | None = None,
    table: str | None = None,
    omop_note: bool = False,
) -> Iterator[Note]:
    """The notes of folders, files and tables, lazily, in the order of `rulener run`: `Note(id, text, metadata)`.

    `notes` are the names of notes in folders (default `*.txt`, `*.txt.gz`), `id_column` and `text_column` name columns of tables,
    `carry` the columns that become `metadata` (`"*"`: all others), `encoding` is that of notes without a byte order mark.

    In place of inputs a database: `db` is its URL, `sql` a query or `table` a table (`omop_note`: with the columns of OMOP's
    NOTE, by default the table `note`); rows come in the database's order.

    A note that cannot be read raises NoteError, whose `place` is its id or file:line; with `on_error` that is called with the
    error and reading goes on. Raises UsageError when an input does not exist or is none, MissingExtra. Ids are not compared: a
    run refuses those used twice. ValueError for arguments that do not go together.
    """
    encoding = check_encoding(encoding)
    columns = Columns(id_column, text_column, tuple(carry))
    if omop_note:
        columns = readers.omop_note(tuple(carry), id=id_column, text=text_column)
    if db is None:
        if not inputs or sql is not None or table is not None:
            raise ValueError("give inputs, or db= with sql=, table= or omop_note=")
        sources = resolve([os.fspath(given) for given in inputs], columns)
    else:
        sources = (_query(inputs, db, sql, table or ("note" if omop_note and sql is None else None), columns),)
    return _notes(sources, tuple(notes) or NOTE_NAMES, encoding, on_error)


def _query(inputs: Sequence[PathLike], db: str, sql: str | None, table: str | None, columns: Columns) -> Input:
    from rulener.formats.sql import query_of

    if inputs or (sql is None) == (table is None):
        raise ValueError("give db= with either sql= or table=, and no inputs")
    query = query_of(db, sql, table)
    return Input(SQL, "", query.database.name, columns, query=query)


def _notes(
    sources: Sequence[Input], names: Sequence[str], encoding: str | None, on_error: Callable[[NoteError], Any] | None
) -> Iterator[Note]:
    found = False
    for source in sources:
        for note in _of_input(source, names, encoding):
            found = True
            if isinstance(note, Note):
                yield note
            elif on_error is None:
                raise note
            else:
                on_error(note)
    if not found:
        raise UsageError("U203", "no notes found", place=", ".join(source.name for source in sources))


def _of_input(source: Input, names: Sequence[str], encoding: str | None) -> Iterator[Note | NoteError]:
    if source.kind == FOLDER:
        for name, size in Walk(source.path, names=names):
            yield _of_file(source.root + name, readable(name), size, encoding)
    elif source.kind == FILE:
        yield _of_file(source.path, readable(os.path.basename(source.path)), None, encoding)
    elif source.kind == JSONL:
        yield from _of_lines(source)
    else:
        for number, row in enumerate(_rows(source, encoding), 1):
            if isinstance(row, Note):
                yield row
            elif isinstance(row, Unreadable):
                yield NoteError(row.code, row.reason, place=row.id or f"{source.name}:{number}")


def _rows(source: Input, encoding: str | None) -> Iterator[Note | Unreadable | PassedOver]:
    if source.query is not None:
        return source.query.notes(source.columns, encoding)
    reader = reader_of(source.path)
    assert reader is not None
    return reader.notes(source.path, source.columns, encoding)


def _of_file(path: str, note_id: str, size: int | None, encoding: str | None) -> Note | NoteError:
    try:
        if size == UNLISTED:
            raise NoteError("N101", "the folder cannot be listed")
        if (size if size is not None else os.path.getsize(path)) > limits.NOTE_BYTES:
            raise too_long(os.path.getsize(path))
        with open(path, "rb") as file:
            content = file.read()
        text = decode(unpacked(content) if path.endswith(GZIPPED) else content, encoding)
    except OSError as error:
        return NoteError("N101", f"cannot be read: {error.strerror}", place=note_id)
    except NoteError as error:
        return NoteError(error.code, error.message, hint=error.hint, place=note_id)
    return Note(note_id, text, {})


def _of_lines(source: Input) -> Iterator[Note | NoteError]:
    with open_jsonl(source.path) as file:
        for number, line in enumerate(file, 1):
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if line.isspace():
                continue
            try:
                yield Note(*source.note(line))
            except NoteError as error:
                yield NoteError(error.code, error.message, hint=error.hint, place=error.place or f"{source.name}:{number}")
