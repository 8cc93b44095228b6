"""`rulener lexicon stats` and `lookup`: what is in a term table or a compiled file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rulener.cli.common import print_json
from rulener.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from rulener.lexicon.look import Figures
    from rulener.lexicon.table import Row

_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
_SHOWN = 20  # rows of a look-up, values of a figure
_TITLES = {
    "label": "labels", "system": "systems", "source": "sources", "term_type": "term types", "variant": "variants", "use": "use",
}  # fmt: skip


@click.command()
@click.argument("path", metavar="TABLE|ARTIFACT")
@_JSON
def stats(path: str, as_json: bool) -> int:
    """Count rows, concepts and surfaces of a term table or a compiled file.

    \b
    Example:
      rulener lexicon stats umls.tsv.gz
    """
    from rulener.lexicon.look import figures

    found = figures(lambda: _rows(Path(path)))
    if as_json:
        print_json(_facts(path, found))
        return EXIT_OK
    for line in _lines(path, found):
        click.echo(line)
    return EXIT_OK


@click.command()
@click.argument("wanted", metavar="TERM|CODE")
@click.argument("path", metavar="TABLE|ARTIFACT")
@click.option("--all", "everything", is_flag=True, help=f"Every row, not only the first {_SHOWN}.")
@_JSON
def lookup(wanted: str, path: str, everything: bool, as_json: bool) -> int:
    """Show every row of a surface, folded as the matcher does, or of a code: I50.9 or ICD10CM:I50.9.

    Ends with 1 when there is none; then it names the most alike.

    \b
    Example:
      rulener lexicon lookup "heart failure" umls.tsv.gz
    """
    from rulener.lexicon.look import facts, nearest

    rows = _found(wanted, Path(path))
    others = [] if rows else nearest(_rows(Path(path)), wanted)
    if as_json:
        print_json({"wanted": wanted, "rows": [facts(row) for row in rows], "nearest": others})
    elif rows:
        click.echo(f"{wanted}: {len(rows):,} rows")
        for line in _table(rows if everything else rows[:_SHOWN]):
            click.echo(line)
        if len(rows) > _SHOWN and not everything:
            click.echo(f"  and {len(rows) - _SHOWN:,} more (--all shows them)")
    else:
        click.echo(f"{wanted}: not there" + (f"; most alike: {'; '.join(others)}" if others else ""))
    return EXIT_OK if rows else EXIT_FINDINGS


# --- reading -----------------------------------------------------------------------------------------------------------


def _is_artifact(path: Path) -> bool:
    from rulener.artifact import MAGIC

    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False  # reading it as a table says what is wrong


def _rows(path: Path) -> Iterator[Row]:
    if _is_artifact(path):
        from rulener.surfaces import Surfaces

        yield from Surfaces(path).rows()
        return
    from rulener.lexicon.reading import Reading
    from rulener.lexicon.sources import read_source

    reading = Reading("table")
    yield from read_source("table", path, reading, {})
    if reading.skipped[path.name].total and not reading.read[path.name] - reading.skipped[path.name].total:
        from rulener.errors import LexiconError

        raise LexiconError("L103", f"no usable row; {reading.skipped[path.name].first(path.name)}", place=str(path))


def _found(wanted: str, path: Path) -> list[Row]:
    from rulener.lexicon.look import matching
    from rulener.lexicon.surface import key

    if not _is_artifact(path):
        return list(matching(_rows(path), wanted))
    from rulener.surfaces import Surfaces

    surfaces = Surfaces(path)
    folded = key(wanted)
    return [*(surfaces.rows(spelling=folded) if folded else ()), *surfaces.rows(code=wanted)]


# --- what is printed ---------------------------------------------------------------------------------------------------


def _facts(path: str, found: Figures) -> dict[str, Any]:
    return {
        "path": path,
        "rows": found.rows,
        "concepts": found.concepts,
        "surfaces": found.surfaces,
        "ambiguous": found.ambiguous,
        "most_ambiguous": [{"surface": surface, "concepts": count} for surface, count in found.most_ambiguous],
        "longest": found.longest,
        **found.by,
    }


def _lines(path: str, found: Figures) -> Iterator[str]:
    yield f"{path}: {found.rows:,} rows, {found.concepts:,} concepts"
    yield f"surfaces    {found.surfaces:,}, {found.ambiguous:,} of them with more than one concept"
    for surface, count in found.most_ambiguous:
        yield f"{count:>12,}  {_cut(surface)}"
    if found.longest:
        yield f"longest     {len(found.longest):,} characters: {_cut(found.longest)}"
    for name, counts in found.by.items():
        if counts:
            yield _TITLES[name]
            shown = list(counts.items())
            yield from (f"{count:>12,}  {value}" for value, count in shown[:_SHOWN])
            if len(shown) > _SHOWN:
                yield f"{sum(count for _, count in shown[_SHOWN:]):>12,}  of {len(shown) - _SHOWN:,} others"


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _table(rows: list[Row]) -> Iterator[str]:
    """One line a row, the first columns aligned."""
    cells = [(_cut(row.term), row.label, f"{row.system}:{row.code}" if row.code else "no code") for row in rows]
    widths = [max(len(line[k]) for line in cells) for k in range(3)]
    for row, line in zip(rows, cells, strict=True):
        aligned = "  ".join(f"{value:<{width}}" for value, width in zip(line, widths, strict=True))
        yield f"  {aligned}  {'; '.join(_further(row))}".rstrip()


def _further(row: Row) -> Iterator[str]:
    if row.preferred and row.preferred != row.term:
        yield _cut(row.preferred)
    if row.semantic_type:
        yield row.semantic_type
    if row.source:
        yield f"{row.source} {row.term_type}".rstrip()
    if row.rank:
        yield f"rank {row.rank}"
    if row.variant:
        yield f"variant {row.variant}"
    if row.exact:
        yield "keeps its case"
    if row.use:
        yield "only linked"
    if row.standard:
        yield f"standard {row.standard}" + (f" {row.standard_name}" if row.standard_name else "")
