"""`rulener test`: the examples and cases of rule packs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rulener import shipped
from rulener.cli.common import engine_options, load_engine, print_json
from rulener.cli.packs import base_of, folders_of
from rulener.errors import EXIT_FINDINGS, PackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulener.authoring.testing import Coverage, Result


@click.command()
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
@engine_options
@click.option("--verbose", "-v", is_flag=True, help="Print what passes too.")
@click.option("--coverage", is_flag=True, help="Name the rules that no example and no case exercises.")
@click.option("--junit", metavar="FILE", help="Also write the results as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    packs: tuple[str, ...], make: dict[str, Any], verbose: bool, coverage: bool, junit: str | None, as_json: bool
) -> int:
    """Run the examples in the rules and the *.cases.yaml of rule packs, together with the shipped English pack and lexicons.

    Every deviation is graded: boundary (another span), label, assertion, missing, extra, or effect (of a cue or section). A case
    with xfail that fails is a known gap; one that passes is a finding. Exit code 1 when anything fails.

    \b
    Example:
      rulener test mypack/ --coverage --junit results.xml
    """
    from rulener.authoring.files import replace_file
    from rulener.authoring.testing import grades, to_junit

    results, covered = _results(folders_of(packs), make)
    counts = Counter(result.status for result in results)
    if junit is not None:
        replace_file(Path(junit), to_junit(results))
    if as_json:
        facts = {"counts": dict(sorted(counts.items())), "grades": grades(results)}
        print_json({**facts, "coverage": [one.to_dict() for one in covered], "results": [result.to_dict() for result in results]})
    else:
        _print(results, counts, verbose)
        _print_coverage(covered, named=coverage)
    return EXIT_FINDINGS if counts["fail"] or counts["xpass"] else 0


def _results(folders: list[Path], make: dict[str, Any]) -> tuple[list[Result], list[Coverage]]:
    from rulener.authoring.testing import Tester
    from rulener.packs.cases import load_cases
    from rulener.packs.link import known_label_names
    from rulener.packs.parse import load_packs

    base = base_of(folders, make["base"] is None)
    packs = load_packs([*base, *folders])
    engine = load_engine(
        {**make, **_lexicons(bool(base), make), "packs": (*folders, *make["packs"]), "base": "english" if base else None}
    )
    tester = Tester(engine, packs)
    results: list[Result] = []
    own = packs[len(base) :]
    for pack in own:
        results += tester.examples(pack)
        cases, findings = load_cases(pack.path, labels=known_label_names(packs))
        if any(finding.severity == "error" for finding in findings):
            raise PackError(findings)
        results += [tester.case(case, pack) for case in cases]
    return results, [tester.coverage(pack) for pack in own]


def _lexicons(with_base: bool, make: dict[str, Any]) -> dict[str, Any]:
    """The shipped lexicons for the shipped pack too, when it is the one that is tested."""
    alone = with_base or make["base"] is None or make["lexicons"]
    return {} if alone else {"lexicons": [str(path) for path in shipped.lexicons()]}


def _print(results: Sequence[Result], counts: Counter[str], verbose: bool) -> None:
    from rulener.authoring.testing import grades

    for result in results:
        if result.status in ("pass", "xfail") and not verbose:
            continue
        click.echo(f"{result.status.upper():<6}{result.place}: {result.name}")
        if result.status == "xpass":
            click.echo("      passes: take the xfail out")
        for problem in result.problems:
            click.echo(f"      {problem}")
        if result.problems:
            click.echo("      expected: " + result.expected.replace("\n", "\\n"))
            click.echo("      found:    " + result.found.replace("\n", "\\n"))
    names = (("pass", "passed"), ("fail", "failed"), ("xfail", "known gaps"), ("xpass", "gaps that pass"))
    click.echo(", ".join(f"{counts[status]} {name}" for status, name in names if counts[status]) or "no examples and no cases")
    if counts["fail"]:
        click.echo("grades: " + ", ".join(f"{count} {grade}" for grade, count in grades(results).items()))


def _print_coverage(covered: Sequence[Coverage], *, named: bool) -> None:
    for one in covered:
        if one.idle or named:
            click.echo(f"{one.pack}: {one.rules - len(one.idle)} of {one.rules} rules exercised")
        for rule in one.idle if named else ():
            click.echo(f"      {rule.place}: {rule.id} is not exercised")
