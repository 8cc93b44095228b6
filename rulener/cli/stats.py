"""`rulener stats`: what a set of notes makes of the packs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rulener.cli.common import engine_options, load_engine, print_json
from rulener.cli.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulener.authoring.stats import Drift, Stats
    from rulener.packs.model import Pack

_TIMED_CHARACTERS = 1_000_000
_NAMED = 30  # rules that never fired, named in the terminal


@click.command()
@click.argument("notes", nargs=-1, required=True, metavar="NOTES...")
@engine_options
@click.option("--encoding", "-e", metavar="NAME", help="Encoding of the notes; default: UTF-8, or what a byte order mark says.")
@click.option("--time", "timed", is_flag=True, help="Measure the rules' time too: each pattern is compiled and run alone.")
@click.option("--against", metavar="FILE", help="The JSON of an earlier run: show what has drifted by a quarter or more.")
@click.option("--html", metavar="FILE", help="Also write a page with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(
    notes: tuple[str, ...],
    make: dict[str, Any],
    encoding: str | None,
    timed: bool,
    against: str | None,
    html: str | None,
    as_json: bool,
) -> int:
    """Count over notes: mentions, assertions, sections, hits of each rule, rules that never fire, mentions without a concept.

    \b
    Examples:
      rulener stats notes/ --pack mypack
      rulener stats notes/ --time --html stats.html
      rulener stats new-notes/ --against before.json
    """
    from rulener.authoring.files import replace_file
    from rulener.authoring.stats import drift, read_stats, rule_times, stats_of, stats_page

    earlier = read_stats(Path(against)) if against is not None else None
    source = Notes(notes, encoding)
    packs = _packs(make)
    stats = stats_of(load_engine(make), source, packs)
    if timed:
        stats.milliseconds = rule_times(packs, _some(source))
    source.report()
    drifted = drift(earlier, stats.to_dict()) if earlier else []
    if html is not None:
        replace_file(Path(html), stats_page(stats, drifted))
    if as_json:
        print_json({**stats.to_dict(), **({"drift": [one.to_dict() for one in drifted]} if earlier else {})})
    else:
        _print(stats, drifted, against)
    return 0


def _packs(make: dict[str, Any]) -> list[Pack]:
    """The packs behind the options; none for a compiled file, which does not hold its rules' sources."""
    from rulener.engine import pack_folders
    from rulener.packs.parse import load_packs

    if len(make["packs"]) == 1 and make["packs"][0].endswith(".rnr"):
        return []
    return load_packs(pack_folders(make["packs"], make["base"]))


def _some(source: Notes) -> list[str]:
    """The first notes, up to a million characters: enough to time, little enough to do it for each rule."""
    texts: list[str] = []
    room = _TIMED_CHARACTERS
    for _, text in source:
        texts.append(text)
        room -= len(text)
        if room <= 0:
            break
    return texts


def _print(stats: Stats, drifted: Sequence[Drift], against: str | None) -> None:
    from rulener.authoring.stats import NO_RULES

    never = stats.never()
    noun = "note" if stats.notes == 1 else "notes"
    click.echo(f"{stats.notes:,} {noun}, {stats.characters:,} characters, {stats.mentions:,} mentions")
    facts = stats.to_dict()
    _rows("mentions by label", facts["labels"].items())
    _rows("assertions", ((axis, count) for axis, count in facts["axes"].items() if count))
    _rows("linking", facts["linking"].items())
    _rows("sections (opened, in notes)", ((name, f"{c['opened']:,}  {c['notes']:,}") for name, c in facts["sections"].items()))
    _rows("rules with the most hits", stats.most_frequent())
    if stats.milliseconds:
        _rows("slowest rules, milliseconds of processor time over the timed notes", stats.slowest())
        click.echo(f"  (without any rule: {stats.milliseconds[NO_RULES]:,})")
    if stats.rules:
        click.echo(f"\n{len(never):,} of {len(stats.rules):,} rules never fired")
        for rule in never[:_NAMED]:
            click.echo(f"  {rule}")
        if len(never) > _NAMED:
            click.echo(f"  and {len(never) - _NAMED:,} more (--json names all)")
    if against is not None:
        rows = ((f"{one.what} {one.name}", f"{one.before:,} -> {one.after:,}") for one in drifted)
        _rows("drift, for 1,000 notes", rows) if drifted else click.echo("\nno drift")


def _rows(title: str, rows: Any) -> None:
    found = [(str(name), f"{value:,}" if isinstance(value, int | float) else str(value)) for name, value in rows]
    if not found:
        return
    width = max(len(name) for name, _ in found)
    click.echo(f"\n{title}")
    for name, value in found:
        click.echo(f"  {name:<{width}}  {value}")
