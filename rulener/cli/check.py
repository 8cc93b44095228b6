"""`rulener check`: every finding about rule packs, and about lexicons as far as they collide with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rulener.cli.findings import print_findings
from rulener.cli.packs import base_of, folders_of
from rulener.errors import EXIT_FINDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulener.packs.diagnostics import Diagnostic
    from rulener.packs.model import Pack


@click.command()
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
@click.option("--no-base", is_flag=True, help="Check without the shipped English pack.")
@click.option(
    "--lexicon",
    "-l",
    "lexicons",
    multiple=True,
    metavar="FILE",
    help="A term table to check against the packs; may be repeated. The word `starter` stands for the shipped ones.",
)
@click.option("--strict", is_flag=True, help="Warnings are findings too.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON on stdout.")
def command(packs: tuple[str, ...], no_base: bool, lexicons: tuple[str, ...], strict: bool, as_json: bool) -> int:
    """Check rule packs, together with the shipped English pack, and print every finding with its place.

    Exit code 1 when there are errors; with --strict also when there are warnings.

    \b
    Examples:
      rulener check mypack/
      rulener check mypack/ --lexicon mydrugs.tsv
    """
    from rulener.packs.diagnostics import has_errors, to_json
    from rulener.packs.parse import check_packs

    folders = folders_of(packs)
    base = base_of(folders, no_base)
    checked, diagnostics = check_packs([*base, *folders])
    if not has_errors(diagnostics):  # with rules missing the rest of them would seem to be at odds
        diagnostics = [*diagnostics, *_conflicts(checked, lexicons)]
    diagnostics = [diagnostic for diagnostic in diagnostics if not _only_in(diagnostic, base)]
    if as_json:
        click.echo(to_json(diagnostics), nl=False)
    else:
        print_findings(diagnostics, err=False)
    found = any(strict or diagnostic.severity == "error" for diagnostic in diagnostics)
    return EXIT_FINDINGS if found else 0


def _only_in(diagnostic: Diagnostic, folders: Sequence[Path]) -> bool:
    """Whether a finding speaks only of files in these folders: the shipped pack's author, not the reader, must see to it."""
    paths = [Path(located.place.path).parent for located in diagnostic.places]
    return bool(paths) and all(path in folders for path in paths)


def _conflicts(packs: Sequence[Pack], lexicons: Sequence[str]) -> list[Diagnostic]:
    """What terms, cues and headings do to each other. Rows that cannot be read are named on stderr."""
    from rulener.engine import find_conflicts

    found, messages = find_conflicts(packs, lexicons)
    for message in messages:
        click.echo(f"rulener: warning: {message}", err=True)
    return found
