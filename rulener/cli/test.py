"""`rulener test`: the examples and cases of rule packs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from rulener.cli.common import engine_options, load_engine, print_json
from rulener.cli.packs import base_of, folders_of
from rulener.errors import EXIT_FINDINGS, PackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rulener.cli.cases import Result


@click.command()
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
@engine_options
@click.option("--verbose", "-v", is_flag=True, help="Print what passes too.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(packs: tuple[str, ...], make: dict[str, Any], verbose: bool, as_json: bool) -> int:
    """Run the examples in the rules and the *.cases.yaml of rule packs, together with the shipped English pack.

    A case with xfail that fails is a known gap; one that passes is a finding. Exit code 1 when anything fails.

    \b
    Example:
      rulener test mypack/
    """
    folders = folders_of(packs)
    results = list(_results(folders, make))
    counts = Counter(result.status for result in results)
    if as_json:
        print_json({"counts": dict(sorted(counts.items())), "results": [result.to_dict() for result in results]})
    else:
        _print(results, counts, verbose)
    return EXIT_FINDINGS if counts["fail"] or counts["xpass"] else 0


def _results(folders: Sequence[Path], make: dict[str, Any]) -> Iterator[Result]:
    from rulener.cli.cases import Tester
    from rulener.packs.cases import load_cases
    from rulener.packs.link import known_label_names
    from rulener.packs.parse import load_packs

    base = base_of(folders, make["base"] is None)
    packs = load_packs([*base, *folders])
    engine = load_engine({**make, "packs": (*folders, *make["packs"]), "base": "english" if base else None})
    tester = Tester(engine, packs)
    for pack in packs[len(base) :]:
        yield from tester.examples(pack)
        cases, findings = load_cases(pack.path, labels=known_label_names(packs))
        if any(finding.severity == "error" for finding in findings):
            raise PackError(findings)
        for case in cases:
            yield tester.case(case)


def _print(results: Sequence[Result], counts: Counter[str], verbose: bool) -> None:
    for result in results:
        if result.status in ("pass", "xfail") and not verbose:
            continue
        click.echo(f"{result.status.upper():<6}{result.place}: {result.name}")
        if result.status == "xpass":
            click.echo("      passes: take the xfail out")
        for problem in result.problems:
            click.echo(f"      {problem}")
        if result.problems:
            click.echo("      found: " + result.found.replace("\n", "\\n"))
    names = (("pass", "passed"), ("fail", "failed"), ("xfail", "known gaps"), ("xpass", "gaps that pass"))
    click.echo(", ".join(f"{counts[status]} {name}" for status, name in names if counts[status]) or "no examples and no cases")
