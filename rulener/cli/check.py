"""`rulener check`: every finding about rule packs, and about lexicons as far as they collide with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rulener.cli.findings import print_findings
from rulener.cli.packs import base_of, folders_of
from rulener.errors import EXIT_FINDINGS

if TYPE_CHECKING:
    from pathlib import Path

    from rulener.authoring.findings import Report


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
@click.option("--fix", is_flag=True, help="Make the fixes that are safe, then check again.")
@click.option("--lock", is_flag=True, help="Write rules.lock: what the stable rules do in this version of the pack.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="How findings are printed; github: as annotations of a pull request.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(
    packs: tuple[str, ...],
    no_base: bool,
    lexicons: tuple[str, ...],
    strict: bool,
    fix: bool,
    lock: bool,
    form: str,
    as_json: bool,
) -> int:
    """Check rule packs, together with the shipped English pack, and print every finding with its place.

    Exit code 1 when there are errors; with --strict also when there are warnings. A pack silences a warning for named rules,
    with a reason, under `silence:` in its pack.yaml.

    \b
    Examples:
      rulener check mypack/
      rulener check mypack/ --fix
      rulener check mypack/ --lexicon mydrugs.tsv
    """
    from rulener.authoring.findings import find

    folders = folders_of(packs)
    base = base_of(folders, no_base)
    report = find(folders, base=base, lexicons=lexicons)
    if fix and _fixed(report):
        report = find(folders, base=base, lexicons=lexicons)
    if lock:
        report = _locked(report, folders, base, lexicons)
    _print(report, "json" if as_json else form)
    found = any(strict or diagnostic.severity == "error" for diagnostic in report.findings)
    return EXIT_FINDINGS if found else 0


def _fixed(report: Report) -> bool:
    """Make the safe fixes; whether there were any. What was done goes to stderr."""
    from rulener.authoring.fixing import fix_files

    done = fix_files(report.findings)
    for one in done:
        left = f", {one.left} left for another time" if one.left else ""
        click.echo(f"rulener: {one.path}: {one.applied} fixed{left}", err=True)
    return any(one.applied for one in done)


def _locked(report: Report, folders: list[Path], base: list[Path], lexicons: tuple[str, ...]) -> Report:
    """Write the locks, unless a pack has other errors than those of its lock; then check again."""
    from rulener.authoring.findings import find
    from rulener.authoring.lock import OWN_CODES, write_lock

    if any(diagnostic.severity == "error" and diagnostic.code not in OWN_CODES for diagnostic in report.findings):
        click.echo("rulener: no lock written: mend the errors first", err=True)
        return report
    for pack in report.packs:
        if pack.path in folders:
            click.echo(f"rulener: {write_lock(pack)}: written", err=True)
    return find(folders, base=base, lexicons=lexicons)


def _print(report: Report, form: str) -> None:
    from rulener.packs.diagnostics import to_github, to_json

    for message in report.messages:
        click.echo(f"rulener: warning: {message}", err=True)
    if form == "json":
        click.echo(to_json(report.findings), nl=False)
        return
    if form == "github":
        click.echo(to_github(report.findings), nl=False)
    else:
        print_findings(report.findings, err=False)
    for checks in report.waiting:
        click.echo(f"not checked until the errors are mended: {checks}", err=form == "github")
    if report.silenced:
        click.echo(f"{len(report.silenced)} silenced by the packs' settings", err=form == "github")
