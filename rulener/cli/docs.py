"""`rulener docs`: a page for every rule of a pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rulener.cli.common import engine_options, load_engine
from rulener.cli.packs import base_of, folders_of


@click.command()
@click.argument("subject", metavar="PACK")
@engine_options
@click.option("--out", "-o", required=True, metavar="DIR", help="The folder for the pages.")
def command(subject: str, make: dict[str, Any], out: str) -> int:
    """Write a page for every rule of a pack: what it says, its examples and how they come out, its findings, its source, and room
    for a reviewer's decision. The pages are plain HTML and ask nothing of any other place.

    \b
    Example:
      rulener docs mypack -o review/
    """
    from rulener.authoring.findings import find
    from rulener.authoring.pages import write_pages
    from rulener.authoring.testing import Tester
    from rulener.packs.parse import load_packs

    (folder,) = folders_of([subject])
    base = base_of([folder], make["base"] is None)
    packs = load_packs([*base, folder])
    engine = load_engine({**make, "packs": (folder, *make["packs"]), "base": "english" if base else None})
    report = find([folder], base=base)
    written = write_pages(packs[-1], Path(out), Tester(engine, packs).examples(packs[-1]), report.findings)
    click.echo(f"{written[0]}: {len(written) - 1} rules")
    return 0
