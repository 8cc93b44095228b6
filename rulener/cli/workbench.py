"""`rulener workbench`: the authors' page in the browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from rulener.cli.notes import Notes
from rulener.cli.packs import base_of, folders_of


@click.command()
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
@click.option("--notes", "-n", multiple=True, metavar="NOTES", help="A folder, file or table of notes; may be repeated.")
@click.option("--no-base", is_flag=True, help="Leave out the shipped English pack and, unless --lexicon says so, lexicons.")
@click.option(
    "--lexicon",
    "-l",
    "lexicons",
    multiple=True,
    metavar="FILE",
    help="A term table, in place of the shipped ones; may be repeated. The word `starter` keeps the shipped ones.",
)
@click.option("--encoding", "-e", metavar="NAME", help="Encoding of the notes; default: UTF-8, or what a byte order mark says.")
@click.option("--decisions", metavar="FILE", help="A table of a reviewer's decisions: used, and written by the review queue.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on this machine; 0, the default, takes a free one.")
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
def command(
    packs: tuple[str, ...],
    notes: tuple[str, ...],
    no_base: bool,
    lexicons: tuple[str, ...],
    encoding: str | None,
    decisions: str | None,
    port: int,
    show: bool,
) -> int:
    """Edit rule packs in the browser and see at once what an edit does to notes. Ctrl-C ends it.

    The page is served to this machine only, under the address that is printed. Needs the extra [workbench].

    \b
    Examples:
      rulener workbench mypack/ --notes notes/
      rulener workbench mypack/ --notes letters.jsonl --open
    """
    from rulener.engine import lexicon_paths
    from rulener.workbench.server import serve
    from rulener.workbench.session import Session

    folders = folders_of(packs)
    base = base_of(folders, no_base)
    read = Notes(notes, encoding) if notes else None
    tables = lexicon_paths(lexicons, None if no_base else "english")
    table = Path(decisions) if decisions is not None else None
    session = Session(folders, base=base, lexicons=tables, notes=read if read is not None else (), decisions=table)
    if read is not None:
        read.report()

    def say(address: str) -> None:
        click.echo(f"The workbench: {address}")
        click.echo("Open this address in a browser on this machine. Ctrl-C ends it.", err=True)
        if show:
            webbrowser.open(address)

    try:
        serve(session, port, say)
    finally:
        session.close()
    return 0
