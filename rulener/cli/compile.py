"""`rulener compile`: packs and lexicons into one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from rulener.cli.common import artifact_options, print_json, warn
from rulener.run.inputs import readable
from rulener.run.output import write_error


@click.command()
@click.option("--output", "-o", required=True, metavar="FILE", help="The compiled file, for example clinical.rnr.")
@artifact_options
@click.option("--json", "as_json", is_flag=True, help="Print what was compiled as JSON.")
def command(output: str, make: dict[str, Any], as_json: bool) -> int:
    """Compile packs and lexicons into one file that opens at once and is shared between processes.

    \b
    Example:
      rulener compile -o clinical.rnr --pack mypack/ --lexicon drugs.tsv
      rulener run notes/ -o out/ --pack clinical.rnr
    """
    from rulener.engine import compile_to

    try:
        options = {name: value for name, value in make.items() if name != "packs"}
        engine = compile_to(Path(output), *make["packs"], **options)
    except OSError as error:
        raise write_error(error, output) from None
    warn(engine)
    if as_json:
        print_json(engine.info())
    else:
        click.echo(f"{readable(output)}: {os.path.getsize(output):,} bytes, fingerprint {engine.fingerprint}")
    return 0
