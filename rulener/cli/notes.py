"""Note arguments of the authors' commands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from rulener.errors import NoteError, UsageError
from rulener.run.decode import check_encoding, decode
from rulener.run.inputs import FILE, FOLDER, Input, Walk, open_jsonl, parse_line, readable, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Notes:
    """The notes behind some arguments (folders of .txt, files, .jsonl), in a fixed order; can be gone through again.

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
            raise UsageError("U203", "no notes found", hint="notes are *.txt files, or lines of a .jsonl file")

    def _readers(self, source: Input) -> Iterator[tuple[str, Callable[[], str]]]:
        if source.kind == FOLDER:
            for name, _ in Walk(source.path):
                yield readable(name), partial(self._read, f"{source.root}{name}")
        elif source.kind == FILE:
            yield readable(source.path.rsplit("/", 1)[-1]), partial(self._read, source.path)
        else:
            with open_jsonl(source.path) as lines:
                for number, line in enumerate(lines, 1):
                    try:
                        note, text = parse_line(line)
                    except NoteError as error:
                        self.failures[f"{source.name}:{number}"] = f"{error.code}: {error.message}"
                    else:
                        yield note, partial(str, text)

    def _read(self, path: str) -> str:
        try:
            with open(path, "rb") as file:
                return decode(file.read(), self._encoding)
        except OSError as error:
            raise NoteError("N101", f"the file cannot be read: {error.strerror}") from None

    def report(self) -> None:
        """Name on stderr what could not be read."""
        for name, why in self.failures.items():
            click.echo(f"rulener: warning: {name}: left out: {why}", err=True)
