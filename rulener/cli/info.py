"""`rulener info`: what a compiled file, or an engine, is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rulener.cli.common import engine_options, load_engine, print_json
from rulener.errors import UsageError


@click.command()
@click.argument("artifact", required=False, metavar="[FILE]")
@engine_options
@click.option("--verify", is_flag=True, help="Read the whole file and check its hash.")
@click.option("--cache", is_flag=True, help="Describe the folder where compiled files are kept, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(artifact: str | None, make: dict[str, Any], verify: bool, cache: bool, as_json: bool) -> int:
    """Describe a compiled FILE, or without one the engine that the options make.

    \b
    Example:
      rulener info clinical.rnr --verify
    """
    if cache:
        from rulener.engine import cache_facts

        _show(cache_facts(), as_json)
        return 0
    if artifact is not None:
        if make["packs"] or make["lexicons"]:
            raise UsageError("U100", "a compiled file has its packs and lexicons in it", hint="leave out --pack and --lexicon")
        make = {**make, "packs": (artifact,)}
        _must_be_a_file(artifact)
    if verify and artifact is not None:
        _verify(Path(artifact))
    engine = load_engine(make)
    if verify and artifact is None:
        _verify(engine.path)
    facts = {**engine.info(), "path": str(engine.path)}
    if verify:
        facts["verified"] = True
    _show(facts, as_json)
    return 0


def _show(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    for line in lines_of(facts):
        click.echo(line)


def _must_be_a_file(path: str) -> None:
    if not Path(path).is_file():
        from rulener.run.inputs import readable

        raise UsageError("U201", "no such file", place=readable(path), hint="make one with rulener compile")


def _verify(path: Path) -> None:
    from rulener.artifact import verify

    verify(path)


def lines_of(facts: dict[str, Any], indent: str = "") -> list[str]:
    """Nested facts as `name  value` lines, for people."""
    width = max((len(key) for key in facts), default=0)
    lines = []
    for key, value in facts.items():
        name = key.replace("_", " ")
        if isinstance(value, dict):
            lines.append(f"{indent}{name}")
            lines += lines_of(value, indent + "  ")
        elif isinstance(value, list):
            lines.append(f"{indent}{name}" if value else f"{indent}{name:<{width}}  none")
            lines += [f"{indent}  {_item(item)}" for item in value]
        else:
            lines.append(f"{indent}{name:<{width}}  {_plain(value)}")
    return lines


def _item(value: Any) -> str:
    if not isinstance(value, dict):
        return _plain(value)
    return "  ".join(f"{key} {_plain(item)}" for key, item in value.items())


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
