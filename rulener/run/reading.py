"""`rulener.read`: the notes behind any input of `rulener run`, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rulener.errors import NoteError, UsageError
from rulener.formats.readers import Columns, Note, Unreadable, reader_of
from rulener.run import limits
from rulener.run.decode import GZIPPED, check_encoding, decode, too_long, unpacked
from rulener.run.inputs import FILE, FOLDER, JSONL, NOTE_NAMES, UNLISTED, Input, Walk, open_jsonl, readable, resolve

PathLike = str | os.PathLike[str]


def read(
    *inputs: PathLike,
    notes: Sequence[str] = (),
    id_column: str | None = None,
    text_column: str | None = None,
    carry: Sequence[str] = (),
    encoding: str | None = None,
    on_error: Callable[[NoteError], Any] | None = None,
) -> Iterator[Note]:
    """The notes of folders, files and tables, lazily, in the order of `rulener run`: `Note(id, text, metadata)`.

    `notes` are the names of notes in folders (default `*.txt`, `*.txt.gz`), `id_column` and `text_column` name columns of tables,
    `carry` the columns that become `metadata` (`"*"`: all others), `encoding` is that of notes without a byte order mark.

    A note that cannot be read raises NoteError, whose `place` is its id or file:line; with `on_error` that is called with the
    error and reading goes on. Raises UsageError when an input does not exist or is none, MissingExtra. Ids are not compared: a
    run refuses those used twice.
    """
    encoding = check_encoding(encoding)
    sources = resolve([os.fspath(given) for given in inputs], Columns(id_column, text_column, tuple(carry)))
    return _notes(sources, tuple(notes) or NOTE_NAMES, encoding, on_error)


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
        reader = reader_of(source.path)
        assert reader is not None
        for number, row in enumerate(reader.notes(source.path, source.columns, encoding), 1):
            if isinstance(row, Note):
                yield row
            elif isinstance(row, Unreadable):
                yield NoteError(row.code, row.reason, place=row.id or f"{source.name}:{number}")


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
