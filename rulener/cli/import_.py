"""`rulener import`: rule files of other systems into a rulener pack."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rulener.errors import UsageError
from rulener.run.inputs import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulener.packs.importers.pack import Draft
    from rulener.packs.model import Pack

FORMATS = ("medspacy", "fastcontext", "negex")
_SHOWN_PLACES = 3


@click.command("import")
@click.argument("format_", type=click.Choice(FORMATS), metavar="|".join(FORMATS))
@click.argument("file", metavar="FILE")
@click.option("--output", "-o", required=True, metavar="PACK", help="The folder of the new pack: new or empty.")
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="NAME=AXIS",
    help="What a category says here: AXIS, AXIS/DIRECTION, or none; for a type of mention: a label. May be repeated.",
)
@click.option("--no-base", is_flag=True, help="Make a pack to be used without the shipped English one.")
def command(format_: str, file: str, output: str, maps: tuple[str, ...], no_base: bool) -> int:
    """Turn a rule file of medspaCy, FastContext or NegEx into a rulener pack, and say what has no equal here.

    What the shipped English pack has already, or has in another role, is left out, unless --no-base is given.
    PACK/IMPORT.md names everything that was left out or changed, with its place in FILE.

    \b
    Examples:
      rulener import negex negex_triggers.txt -o triggers/
      rulener import medspacy context_rules.json -o mine/ --map AMBIVALENT=uncertain
    """
    from rulener import shipped
    from rulener.packs.importers import pack as making
    from rulener.packs.parse import load_packs

    source, folder = Path(file), Path(output)
    _check_folder(folder)
    reading = _reader(format_)(source)
    base = [] if no_base else load_packs([shipped.packs()["english"]])
    made = making.draft(reading, source.name, folder.resolve().name, maps, base)
    if not made.cues() and not made.headings():
        _print(made, None)
        raise UsageError("U233", "nothing of the file can be a rule of a new pack", place=readable(source.name))
    folder.mkdir(parents=True, exist_ok=True)
    _try_examples(made, folder, base)
    making.write(made, folder)
    (folder / making.REPORT_FILE).write_text(making.report(made), encoding="utf-8", newline="\n")
    _print(made, folder)
    return 0


def _reader(format_: str) -> Any:
    import importlib

    return importlib.import_module(f"rulener.packs.importers.{format_}").read


def _check_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("U234", "the output folder is not empty", place=readable(os.fspath(folder)), hint="name a new one")


def _try_examples(made: Draft, folder: Path, base: Sequence[Pack]) -> None:
    """Take out the examples that do not hold where the pack is used: a longer cue of another pack may get in their way."""
    from rulener.authoring.testing import FAIL, Tester
    from rulener.engine import load
    from rulener.packs.importers.pack import drop_example, write
    from rulener.packs.parse import load_packs

    spots = write(made, folder)
    pack = load_packs([*(one.path for one in base), folder])[-1]
    engine = load(folder, base="english" if base else None)
    for result in Tester(engine, [pack]).examples(pack):
        spot = spots.get((Path(result.place.path).name, result.place.line))
        if result.status == FAIL and spot is not None:
            drop_example(made, spot)


def _print(made: Draft, folder: Path | None) -> None:
    from rulener.packs.importers.pack import by_reason, meaning_rows, size

    rows = meaning_rows(made)
    width = max(len("category"), *(len(name) for name, *_ in rows))
    click.echo(f"{'category':<{width}}  in the file  here")
    for name, count, says, given in rows:
        click.echo(f"{name:<{width}}  {count:>11}  {says}{' (--map)' if given else ''}")
    for title, remarks in (("not in the pack", made.reading.left_out), ("changed", made.reading.changed)):
        click.echo(f"{title}: {len(remarks)}")
        for reason, group in by_reason(remarks):
            click.echo(f"  {len(group):>5}  {reason}: {_places(group)}")
    if folder is not None:
        click.echo(f"{readable(os.fspath(folder))}: {size(made)}; IMPORT.md there names every place")


def _places(remarks: Sequence[Any]) -> str:
    shown = ", ".join(f"{remark.place.path}:{remark.place.line}" for remark in remarks[:_SHOWN_PLACES])
    return shown + (", …" if len(remarks) > _SHOWN_PLACES else "")
