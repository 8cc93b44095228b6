"""`rulener explain`: why the engine says what it says."""

from __future__ import annotations

import os
import re
from typing import Any

import click

from rulener.cli.common import engine_options, load_engine, print_json, read_note
from rulener.errors import UsageError

_POSITION = re.compile(r"(.+?):(\d+)(?::(\d+))?")


@click.command()
@click.argument("note", metavar="NOTE[:POS]")
@engine_options
@click.option("--encoding", "-e", metavar="NAME", help="Encoding of the note; default: UTF-8, or what a byte order mark says.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(note: str, make: dict[str, Any], encoding: str | None, as_json: bool) -> int:
    """Say for each entity of a note why it is there, what it beat and which cue reached it.

    NOTE is a text file, or - for stdin. With POS, an offset or LINE:COLUMN (both from 1), only what concerns that place is said,
    also why nothing is there.

    \b
    Examples:
      rulener explain note.txt
      rulener explain note.txt:1042
      rulener explain note.txt:17:5
    """
    path, where = split_position(note)
    note_id, text = read_note(path, encoding)
    position = offset_of(text, where, note_id)
    explanation = load_engine(make).explain(text, position)
    if as_json:
        print_json(explanation.to_dict())
    else:
        for line in explanation.lines():
            click.echo(line)
    return 0


def split_position(note: str) -> tuple[str, tuple[int, ...]]:
    """NOTE and POS. A file whose name looks like both is a file."""
    match = None if os.path.exists(note) else _POSITION.fullmatch(note)
    if match is None:
        return note, ()
    return match[1], tuple(int(number) for number in match.groups()[1:] if number is not None)


def offset_of(text: str, where: tuple[int, ...], place: str) -> int | None:
    """The offset an author's position stands for; U220 when the note has no such place."""
    if not where:
        return None
    if len(where) == 1:
        if where[0] >= len(text):
            raise UsageError("U220", f"offset {where[0]} lies behind the note's {len(text)} characters", place=place)
        return where[0]
    line, column = where
    starts = [0, *(match.end() for match in re.finditer("\r\n|\n|\r", text))]
    if not 1 <= line <= len(starts):
        raise UsageError("U220", f"line {line} does not exist; the note has {len(starts)}", place=place)
    end = starts[line] if line < len(starts) else len(text)
    offset = starts[line - 1] + column - 1
    if column < 1 or offset >= end:
        raise UsageError("U220", f"column {column} does not exist in line {line}", place=place)
    return offset
