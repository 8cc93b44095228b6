"""`rulener diff`: what a change of packs does to notes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rulener import shipped
from rulener.cli.common import CONTROLS, print_json, warn
from rulener.cli.notes import Notes
from rulener.errors import EXIT_FINDINGS, UsageError

if TYPE_CHECKING:
    from rulener.authoring.effects import Change, Effect
    from rulener.engine import Engine


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="OLD NEW NOTES... | --baseline PACK NOTES...")
@click.option("--no-base", is_flag=True, help="Leave out the shipped English pack and, unless --lexicon says so, lexicons.")
@click.option("--lexicon", "-l", "lexicons", multiple=True, metavar="FILE", help="A term table for both sides; may be repeated.")
@click.option("--encoding", "-e", metavar="NAME", help="Encoding of the notes; default: UTF-8, or what a byte order mark says.")
@click.option("--baseline", is_flag=True, help="Compare PACK with what it found in NOTES when its baseline was accepted.")
@click.option("--accept", metavar="REASON", help="With --baseline: take what is found now as the new baseline, for this reason.")
@click.option("--limit", type=click.IntRange(0), default=5, show_default=True, help="Snippets shown for each rule; 0: all.")
@click.option("--html", metavar="FILE", help="Also write a page with all changes and their snippets.")
@click.option("--json", "as_json", is_flag=True, help="Print all changes as JSON, without the notes' text.")
def command(
    arguments: tuple[str, ...],
    no_base: bool,
    lexicons: tuple[str, ...],
    encoding: str | None,
    baseline: bool,
    accept: str | None,
    limit: int,
    html: str | None,
    as_json: bool,
) -> int:
    """Compare two packs over the same notes: mentions added, lost and changed, by rule.

    OLD and NEW are packs (folders), compiled files, or REVISION:FOLDER, a pack as it was in a revision of its git repository.
    Exit code 1 when anything differs.

    \b
    Examples:
      rulener diff HEAD:mypack mypack notes/
      rulener diff --baseline mypack notes/
    """
    from rulener.authoring.effects import effect_of

    if accept is not None and not baseline:
        raise UsageError("U100", "--accept goes with --baseline")
    needed = 2 if baseline else 3
    if len(arguments) < needed:
        raise UsageError("U100", f"{needed} arguments at least: {'PACK NOTES...' if baseline else 'OLD NEW NOTES...'}")
    notes = Notes(arguments[needed - 1 :], encoding)
    with tempfile.TemporaryDirectory(prefix="rulener-diff-") as folder:
        sides = [(name, Path(folder) / str(number)) for number, name in enumerate(arguments[: needed - 1])]
        engines = [_engine(name, no_base, lexicons, place) for name, place in sides]
        if baseline:
            old, new = f"{arguments[0]} as accepted", arguments[0]
            effect, problems = _since_baseline(Path(arguments[0]), engines[0], notes, accept)
        else:
            (old, new), problems = arguments[:2], []
            effect = effect_of(engines[0], engines[1], notes)
    notes.report()
    if html is not None:
        _write_page(effect, old, new, html)
    if as_json:
        print_json({**effect.to_dict(), "problems": problems})
    else:
        _print(effect, problems, limit)
    return EXIT_FINDINGS if effect.changes or problems else 0


def _engine(name: str, no_base: bool, lexicons: tuple[str, ...], folder: Path) -> Engine:
    """The engine of a pack, a compiled file or a pack of a revision."""
    from rulener.engine import load

    if name.endswith(".rnr"):
        engine = load(name)
    else:
        pack = _folder_of(name, folder)
        stands_for_base = no_base or _name_of(pack) in shipped.packs()
        tables = list(lexicons) or ([] if no_base else ["starter"])
        engine = load(pack, lexicons=tables, base=None if stands_for_base else "english")
    warn(engine)
    return engine


def _folder_of(name: str, folder: Path) -> Path:
    from rulener.authoring.revisions import checkout

    if Path(name).is_dir():
        return Path(name)
    known = shipped.packs()
    if name in known:
        return known[name]
    revision, colon, path = name.partition(":")
    if not colon:
        hint = "a pack is a folder with a pack.yaml; REVISION:FOLDER asks git"
        raise UsageError("U201", "no such folder", place=name, hint=hint)
    return checkout(revision, path, folder)


def _name_of(pack: Path) -> str:
    """The name in a pack's header, "" when it has none: a copy of a shipped pack stands in its place, not beside it."""
    from rulener.packs.parse import parse_pack

    found, _ = parse_pack(pack)
    return found.name if found else ""


def _since_baseline(pack: Path, engine: Engine, notes: Notes, accept: str | None) -> tuple[Effect, list[str]]:
    from rulener.authoring.effects import Effect, against_baseline, read_baseline, take_baseline, write_baseline

    known = read_baseline(pack)
    if known is None and accept is None:
        raise UsageError("U274", "this pack has no baseline", place=str(pack), hint="take one: --baseline --accept REASON")
    effect, problems = against_baseline(known, engine, notes) if known else (Effect(), [])
    if accept is None:
        return effect, problems
    history = known.accepted if known else []
    taken = take_baseline(engine, notes, [*history, {"reason": accept, **effect.counts()}])
    click.echo(f"rulener: {write_baseline(pack, taken)}: written", err=True)
    return Effect(notes=len(taken.notes)), []


def _write_page(effect: Effect, old: str, new: str, path: str) -> None:
    from rulener.authoring.files import replace_file
    from rulener.authoring.html import effect_page

    replace_file(Path(path), effect_page(effect, old, new))


def _print(effect: Effect, problems: list[str], limit: int) -> None:
    counts = effect.counts()
    noun = "note" if effect.notes == 1 else "notes"
    changed = f"{effect.changed_notes:,} with changes"
    click.echo(f"{effect.notes:,} {noun}, {changed}; mentions {effect.before:,} -> {effect.after:,}")
    click.echo(", ".join(f"{number:,} {kind}" for kind, number in counts.items()))
    for problem in problems:
        click.echo(f"not compared: {problem}")
    rules = effect.by_rule()
    width = max((len(rule) for rule, _ in rules), default=0)
    for rule, kinds in rules:
        click.echo(f"  {rule:<{width}}  " + "  ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number))
    for rule, _ in rules:
        own = [change for change in effect.changes if change.hit.rule == rule]
        shown = own[:limit] if limit else own
        click.echo(f"\n{rule}")
        for change in shown:
            click.echo(_line_of(change))
        if len(own) > len(shown):
            click.echo(f"  and {len(own) - len(shown):,} more (--limit 0 shows all)")


_SIGNS = {"added": "+", "lost": "-", "changed": "~"}


def _line_of(change: Change) -> str:
    from rulener.authoring.html import describe

    before, inside, after = (part.translate(CONTROLS) for part in change.snippet)
    place = f"{change.note}:{change.line}:{change.column}"
    return f"  {_SIGNS[change.kind]} {place}  …{before}[{inside}]{after}…\n      {describe(change)}"

