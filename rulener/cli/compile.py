"""`rulener compile`: packs and lexicons into one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from rulener.cli.common import engine_options, print_json, warn
from rulener.run.inputs import readable
from rulener.run.output import write_error


@click.command()
@click.option("--output", "-o", required=True, metavar="FILE", help="The compiled file, for example clinical.rnr.")
@engine_options
@click.option("--json", "as_json", is_flag=True, help="Print what was compiled as JSON.")
def command(output: str, make: dict[str, Any], as_json: bool) -> int:
    """Compile packs and lexicons into one file that opens at once and is shared between processes.

    \b
    Example:
      rulener compile -o clinical.rnr --pack mypack/ --lexicon drugs.tsv
      rulener run notes/ -o out/ --pack clinical.rnr
    """
    from rulener.compiler import compile_to

    try:
        engine = compile_to(
            Path(output),
            *make["packs"],
            lexicons=list(make["lexicons"]) or None,
            scheme=make["scheme"],
            base=make["base"],
            resolution=make["resolution"],
        )
    except OSError as error:
        raise write_error(error, output) from None
    warn(engine)
    if as_json:
        print_json(engine.info())
    else:
        click.echo(f"{readable(output)}: {os.path.getsize(output):,} bytes, fingerprint {engine.fingerprint}")
    return 0
