"""Note arguments of the authors' commands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from rulener.errors import NoteError, UsageError
from rulener.formats.readers import Note, Unreadable, reader_of
from rulener.run.decode import GZIPPED, check_encoding, decode, unpacked
from rulener.run.inputs import FILE, FOLDER, JSONL, Input, Walk, open_jsonl, readable, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Notes:
    """The notes behind some arguments (folders, files, tables of notes), in a fixed order; can be gone through again.

    A note that cannot be read is left out and named in `failures`.
    """

    def __init__(self, paths: Sequence[str], encoding: str | None = None) -> None:
        self._inputs = resolve(paths)
        self._encoding = check_encoding(encoding)
        self.failures: dict[str, str] = {}

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """(id, text). With several inputs the id begins with the input's name."""
        found = 0
        for source in self._inputs:
            for note, read in self._readers(source):
                found += 1
                name = f"{source.name}/{note}" if len(self._inputs) > 1 else note
                try:
                    yield name, read()
                except NoteError as error:
                    self.failures[name] = f"{error.code}: {error.message}"
        if not found:
            hint = "notes are *.txt files, or rows of a table (.jsonl, .csv, .parquet, …)"
            raise UsageError("U203", "no notes found", hint=hint)

    def _readers(self, source: Input) -> Iterator[tuple[str, Callable[[], str]]]:
        if source.kind == FOLDER:
            for name, _ in Walk(source.path):
                yield readable(name), partial(self._read, f"{source.root}{name}")
        elif source.kind == FILE:
            yield readable(source.path.rsplit("/", 1)[-1]), partial(self._read, source.path)
        elif source.kind == JSONL:
            with open_jsonl(source.path) as lines:
                for number, line in enumerate(lines, 1):
                    try:
                        note, text, _ = source.note(line)
                    except NoteError as error:
                        self.failures[f"{source.name}:{number}"] = f"{error.code}: {error.message}"
                    else:
                        yield note, partial(str, text)
        elif (reader := reader_of(source.path)) is not None:
            for number, row in enumerate(reader.notes(source.path, source.columns, self._encoding), 1):
                if isinstance(row, Unreadable):
                    self.failures[f"{source.name}:{number}"] = f"{row.code}: {row.reason}"
                elif isinstance(row, Note):
                    yield row.id, partial(str, row.text)

    def _read(self, path: str) -> str:
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError as error:
            raise NoteError("N101", f"the file cannot be read: {error.strerror}") from None
        return decode(unpacked(content) if path.endswith(GZIPPED) else content, self._encoding)

    def report(self) -> None:
        """Name on stderr what could not be read."""
        for name, why in self.failures.items():
            click.echo(f"rulener: warning: {name}: left out: {why}", err=True)
