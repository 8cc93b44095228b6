"""`rulener check`: every finding about rule packs."""

from __future__ import annotations

import click

from rulener.cli.findings import print_findings
from rulener.cli.packs import base_of, folders_of
from rulener.errors import EXIT_FINDINGS


@click.command()
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
@click.option("--no-base", is_flag=True, help="Check without the shipped English pack.")
@click.option("--strict", is_flag=True, help="Warnings are findings too.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON on stdout.")
def command(packs: tuple[str, ...], no_base: bool, strict: bool, as_json: bool) -> int:
    """Check rule packs, together with the shipped English pack, and print every finding with its place.

    Exit code 1 when there are errors; with --strict also when there are warnings.

    \b
    Example:
      rulener check mypack/
    """
    from rulener.packs.diagnostics import to_json
    from rulener.packs.parse import check_packs

    folders = folders_of(packs)
    _, diagnostics = check_packs([*base_of(folders, no_base), *folders])
    if as_json:
        click.echo(to_json(diagnostics), nl=False)
    else:
        print_findings(diagnostics, err=False)
    found = any(strict or diagnostic.severity == "error" for diagnostic in diagnostics)
    return EXIT_FINDINGS if found else 0
