"""`rulener convert`: mentions from one format to another."""

from __future__ import annotations

from typing import Any

import click

from rulener.cli.common import print_json
from rulener.document import AXES
from rulener.errors import EXIT_OK, EXIT_SOME_NOTES_FAILED
from rulener.formats.annotated import READERS
from rulener.run.convert import TARGETS, Converted, convert

_SHOWN = 20  # failures told one by one


@click.command()
@click.argument("source", metavar="IN")
@click.argument("out", metavar="OUT")
@click.option("--from", "given", required=True, type=click.Choice(list(READERS)), help="The format of IN.")
@click.option("--to", "wanted", required=True, type=click.Choice(list(TARGETS)), help="The format of OUT.")
@click.option("--notes", multiple=True, metavar="INPUT", help="Where the texts of the notes are, when IN does not hold them.")
@click.option("--encoding", "-e", metavar="NAME", help="Encoding of these notes; default: UTF-8, or what a byte order mark says.")
@click.option("--judged", multiple=True, type=click.Choice(AXES), help="An axis annotators judged, when the format cannot say.")
@click.option("--overwrite", is_flag=True, help="Write over OUT when it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON on stdout.")
def command(
    source: str,
    out: str,
    given: str,
    wanted: str,
    notes: tuple[str, ...],
    encoding: str | None,
    judged: tuple[str, ...],
    overwrite: bool,
    as_json: bool,
) -> int:
    """Convert mentions between formats: what a run wrote, or what annotators corrected.

    IN is the folder of a run, or a file (a folder for brat and i2b2). OUT is one file (a folder for brat and i2b2) that is
    written whole or not at all. `--to gold` makes gold of corrected annotations. What OUT cannot hold is counted and named; a
    note whose annotations do not fit its text is left out, with file and line. Exit code 5: some notes were left out.

    \b
    Example:
      rulener convert corrected/ gold.jsonl --from brat --to gold
    """
    done = convert(source, out, given, wanted, notes=notes, encoding=encoding, judged=judged, overwrite=overwrite)
    _tell(done)
    if as_json:
        print_json(_summary(done))
    return EXIT_SOME_NOTES_FAILED if done.failures else EXIT_OK


def _tell(done: Converted) -> None:
    for failure in done.failures[:_SHOWN]:
        click.echo(f"rulener: error[{failure.code}]: {failure.reason}", err=True)
    if len(done.failures) > _SHOWN:
        click.echo(f"rulener: and {len(done.failures) - _SHOWN:,} more notes", err=True)
    for what, count in done.left_out.items():
        click.echo(f"rulener: left out: {count:,} {what}", err=True)
    failed = f", {len(done.failures):,} left out" if done.failures else ""
    click.echo(f"rulener: {done.notes:,} notes, {done.mentions:,} mentions{failed}", err=True)


def _summary(done: Converted) -> dict[str, Any]:
    failures = [{"note_id": one.id, "code": one.code, "reason": one.reason} for one in done.failures]
    return {"notes": done.notes, "mentions": done.mentions, "left_out": done.left_out, "failures": failures}
