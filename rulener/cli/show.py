"""`rulener show`: a note with its entities marked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from rulener.authoring.marks import marked
from rulener.cli.common import engine_options, load_engine, print_json, read_note

if TYPE_CHECKING:
    from collections.abc import Sequence

MARKS = (("negated", "-"), ("uncertain", "?"), ("historical", "<"), ("hypothetical", "~"), ("family", "@"))
"""The mark of each assertion axis, in the order in which they are written."""

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green", "bright_magenta", "bright_blue")

_CONTROLS = {
    number: "\ufffd" for number in (*range(9), 11, 12, *range(14, 32), *range(127, 160))
}  # a note must not steer the terminal


@click.command()
@click.argument("note", metavar="NOTE")
@engine_options
@click.option("--encoding", "-e", metavar="NAME", help="Encoding of the note; default: UTF-8, or what a byte order mark says.")
@click.option("--json", "as_json", is_flag=True, help="Print the document as JSON.")
def command(note: str, make: dict[str, Any], encoding: str | None, as_json: bool) -> int:
    """Show a note with its entities as [text]{label marks}, coloured by label in a terminal.

    NOTE is a text file, or - for stdin. Marks: - negated, ? uncertain, < historical, ~ hypothetical, @ family.

    \b
    Example:
      rulener show note.txt
    """
    note_id, text = read_note(note, encoding)
    document = load_engine(make).annotate(text, note_id=note_id)
    if as_json:
        print_json(document.to_dict())
        return 0
    pieces = list(marked(text, document.entities, braces_of))
    if sys.stdout.isatty():
        _in_colour(pieces, document.entities)
    else:
        click.echo("".join(piece for piece, _ in pieces), nl=not text.endswith("\n"))
    return 0


def marks_of(entity: Any) -> str:
    """The assertion marks of an entity, such as `-@`."""
    return "".join(mark for axis, mark in MARKS if getattr(entity, axis))


def braces_of(entity: Any) -> str:
    """What `show` writes between the braces: label and marks."""
    return " ".join(filter(None, (entity.label, marks_of(entity))))


def _in_colour(pieces: Sequence[tuple[str, Any]], entities: Sequence[Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    labels = sorted({entity.label for entity in entities})
    colours = {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}
    shown = Text()
    for piece, entity in pieces:
        shown.append(piece.translate(_CONTROLS), style=None if entity is None else _style(entity, colours[entity.label]))
    console = Console()
    console.print(shown, soft_wrap=True)
    legend = Text("  ").join(Text(label, style=colour) for label, colour in colours.items())
    console.print(legend)


def _style(entity: Any, colour: str) -> str:
    return f"{colour} strike" if entity.negated else f"{colour} italic" if marks_of(entity) else f"bold {colour}"
