"""`rulener fmt`: rule packs in their canonical form."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rulener.authoring.files import replace_file, yaml_files
from rulener.cli.packs import folders_of
from rulener.errors import EXIT_BAD_PACK, EXIT_FINDINGS, PackError, UsageError


@click.command()
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when a file is not in canonical form.")
@click.option("--diff", "show_diff", is_flag=True, help="Print what would change, and change nothing.")
def command(packs: tuple[str, ...], check: bool, show_diff: bool) -> int:
    """Write the files of rule packs in their canonical form. Comments are kept; what the rules say does not change.

    PACK is a folder or one of its files. A file that is no valid YAML is left as it is; its findings are printed, exit code 3.

    \b
    Examples:
      rulener fmt mypack/
      rulener fmt --check mypack/
    """
    from rulener.cli.findings import print_findings

    changed = broken = 0
    files = [path for pack in packs for path in _files(pack)]
    for path in files:
        try:
            before, after = _both(path)
        except PackError as error:
            print_findings(error.diagnostics)
            broken += 1
            continue
        if before == after:
            continue
        changed += 1
        if show_diff:
            _print_diff(path, before, after)
        elif check:
            click.echo(f"{path}: not in canonical form")
        else:
            replace_file(path, after)
            click.echo(f"{path}: written")
    click.echo(_summary(len(files), changed, broken, check or show_diff))
    if broken:
        return EXIT_BAD_PACK
    return EXIT_FINDINGS if changed and (check or show_diff) else 0


def _files(pack: str) -> list[Path]:
    """The YAML files of a pack, cases too; or the one that is named."""
    if Path(pack).is_file():
        return [Path(pack)]
    (folder,) = folders_of([pack])
    return yaml_files(folder)


def _both(path: Path) -> tuple[bytes, bytes]:
    from rulener.packs.format import formatted

    try:
        before = path.read_bytes()
    except OSError as error:
        raise UsageError("U201", f"cannot be read: {error.strerror}", place=str(path)) from None
    return before, formatted(before, path.as_posix()).encode("utf-8")


def _print_diff(path: Path, before: bytes, after: bytes) -> None:
    import difflib

    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    for line in difflib.unified_diff(old, new, f"{path}", f"{path} (canonical)", lineterm=""):
        click.echo(line)
    sys.stdout.flush()


def _summary(files: int, changed: int, broken: int, only_looked: bool) -> str:
    done = "would change" if only_looked else "changed"
    parts = [f"{files} file{'' if files == 1 else 's'}", f"{changed} {done}"]
    return ", ".join(parts + ([f"{broken} cannot be read"] if broken else []))
