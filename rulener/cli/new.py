"""`rulener new`: a pack to start from."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("pack", metavar="PACK")
@click.option("--name", metavar="NAME", help="The pack's name; default: that of the folder.")
def command(pack: str, name: str | None) -> int:
    """Make the folder PACK with a small working rule pack: terms, a pattern, a cue, cases and a README.

    \b
    Example:
      rulener new mypack
    """
    from rulener.authoring.starter import new_pack

    for path in new_pack(Path(pack), name):
        click.echo(path)
    click.echo(f"next: rulener check {pack} && rulener test {pack}")
    return 0
