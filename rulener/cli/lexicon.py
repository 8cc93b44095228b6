"""`rulener lexicon`: term tables from the terminologies, merged, counted and looked into."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rulener.cli.common import err_is_terminal, print_json
from rulener.cli.lexicon_look import lookup, stats
from rulener.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rulener.lexicon.build import Built
    from rulener.lexicon.reading import Meter
    from rulener.lexicon.report import StageReport

_F = TypeVar("_F", bound="Callable[..., Any]")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Term tables from UMLS, RxNorm, SNOMED CT, OMOP, OBO, ICD-10-CM, MeSH, LOINC and other tables.

    \b
    Example:
      rulener lexicon build umls 2024AB/META -o umls.tsv.gz
      rulener run notes/ -l umls.tsv.gz -o out/
    """


_OUT = click.option("-o", "--output", required=True, metavar="OUT", help="The table; .gz at the end packs it.")
_MAP = click.option("--map", "map_path", metavar="FILE", help="Cross references, a table `from`, `to`: joins concepts.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


def _several(name: str, text: str) -> Callable[[_F], _F]:
    return click.option(name, multiple=True, metavar="VALUE", help=f"{text}; may be repeated.")


@command.command()
@click.argument("given", nargs=-1, required=True, metavar="SOURCE PATH [SOURCE PATH ...]")
@_OUT
@click.option("--labels", multiple=True, metavar="[SOURCE=]FILE", help="An own label map (see `rulener lexicon labels`).")
@_several("--source", "Only this vocabulary (SAB, vocabulary_id), or with -NAME all but it")
@_several("--term-type", "Only this term type, or with -TYPE all but it")
@_several("--semantic-type", "Only this semantic type, group, tag or domain, or with -TYPE all but it")
@_several("--language", "Only this language")
@click.option("--suppressible/--no-suppressible", default=None, help="Rows marked suppressible too.")
@click.option("--obsolete/--no-obsolete", default=None, help="Rows marked obsolete, retired or deprecated too.")
@click.option("--scope", multiple=True, metavar="VALUE", help="obo: synonyms EXACT, NARROW, RELATED, BROAD; may be repeated.")
@click.option("--xrefs", metavar="SYSTEM", help="obo: take the codes of this system from the cross references.")
@click.option("--refset", multiple=True, metavar="VALUE", help="snomed: language reference set US, GB or a number.")
@click.option("--prescribable/--no-prescribable", default=None, help="rxnorm: only Current Prescribable Content.")
@click.option("--brands", type=click.Choice(["own", "ingredient"]), help="rxnorm: a brand is its own concept, or its ingredient.")
@click.option("--veterinary/--no-veterinary", default=None, help="rxnorm: drugs only for animals too.")
@click.option("--codes", type=click.Choice(["umls", "source"]), help="umls: concepts are CUIs; source: codes of the vocabulary.")
@click.option("--curate/--no-curate", default=True, help="Repair, flag and drop names by rule (on).")
@click.option("--variants/--no-variants", default=True, help="Add plurals, other word orders, spellings... (on).")
@_several("--only", "Of curation and variants only this rule (see `rulener lexicon rules`)")
@_several("--without", "Without this rule")
@click.option("--report", "report_path", metavar="FILE", help="What each rule did, with examples; JSON or text by its name.")
@_MAP
@_JSON
def build(
    given: tuple[str, ...],
    output: str,
    labels: tuple[str, ...],
    curate: bool,
    variants: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
    report_path: str | None,
    map_path: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Make a term table OUT from one or several sources.

    \b
    Example:
      rulener lexicon build umls 2024AB/META -o umls.tsv.gz --source SNOMEDCT_US --source -ICPC
    """
    from rulener.lexicon.build import build_table
    from rulener.lexicon.stages import make_stages, write_report

    chosen = {name: value for name, value in options.items() if value not in (None, ())}
    pairs = _pairs(given, labels)
    _refuse_unknown(chosen, [one.source for one in pairs])
    wanted = [name for name, on in (("curate", curate), ("variants", variants)) if on]
    stages, reports = make_stages(wanted, only=only, without=without)
    with _Bar() as meter:
        built = build_table(
            pairs, Path(output), options=chosen, stages=stages, map_path=Path(map_path) if map_path else None, meter=meter
        )
    if report_path is not None:
        write_report(reports, Path(report_path))
    _summarise(built, as_json, reports)
    return 0


def _pairs(given: Sequence[str], labels: Sequence[str]) -> list[Any]:
    from rulener.lexicon.build import Given
    from rulener.lexicon.sources import SOURCES, source_of

    if len(given) % 2:
        hint = f"SOURCE is one of {', '.join(SOURCES)}"
        raise UsageError("U100", "each source is a name and a path: SOURCE PATH", hint=hint)
    names = given[::2]
    for name in names:
        source_of(name)
    maps = {}
    for text in labels:
        name, equals, path = text.partition("=")
        if not equals or name not in SOURCES:
            name, path = names[0], text
            if len(set(names)) > 1:
                hint = f"--labels {names[0]}={text}"
                raise UsageError("U100", "--labels must say which of the sources it is for", hint=hint)
        if name not in names:
            raise UsageError("U100", f"--labels is for {name}, which is not read", hint=f"read: {', '.join(names)}")
        if not SOURCES[name].labelled:
            raise UsageError("U100", f"the source {name} has its labels in it", hint="leave out --labels")
        maps[name] = Path(path)
    return [Given(name, Path(path), maps.get(name)) for name, path in zip(names, given[1::2], strict=True)]


def _refuse_unknown(chosen: dict[str, Any], sources: Sequence[str]) -> None:
    from rulener.lexicon.sources import SOURCES

    for name in chosen:
        if not any(name in SOURCES[source].options for source in sources):
            knowing = [source for source, one in SOURCES.items() if name in one.options]
            option = "--" + name.replace("_", "-")
            raise UsageError(
                "U100", f"{' and '.join(dict.fromkeys(sources))} knows no {option}", hint=f"for {', '.join(knowing)}"
            )


@command.command()
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@_OUT
@_MAP
@_JSON
def merge(tables: tuple[str, ...], output: str, map_path: str | None, as_json: bool) -> int:
    """Put several TABLEs into one, and join concepts by a map.

    \b
    Example:
      rulener lexicon merge mesh.tsv.gz medic.tsv.gz -o diseases.tsv.gz --map mesh-to-umls.tsv
    """
    from rulener.lexicon.build import merge_tables

    with _Bar() as meter:
        built = merge_tables(
            [Path(table) for table in tables], Path(output), map_path=Path(map_path) if map_path else None, meter=meter
        )
    _summarise(built, as_json)
    return 0


@command.command()
@click.argument("path", metavar="FILE.obo")
@click.option("-o", "--output", required=True, metavar="OUT", help="The map, a table `from`, `to`.")
def xrefs(path: str, output: str) -> int:
    """Write the cross references of an ontology as a map: codes elsewhere to its own.

    \b
    Example:
      rulener lexicon xrefs mondo.obo -o to-mondo.tsv
    """
    from rulener.lexicon.code_map import write_map
    from rulener.lexicon.obo import read_cross_references
    from rulener.lexicon.reading import Reading

    count = write_map(read_cross_references(Path(path), Reading("obo")), Path(output))
    click.echo(f"{output}: {count:,} cross references")
    return 0


@command.command()
@click.argument("source", metavar="SOURCE")
def labels(source: str) -> int:
    """Print the label map of SOURCE that ships, to edit a copy of it.

    \b
    Example:
      rulener lexicon labels umls > my-labels.yaml
    """
    from rulener.lexicon.label_map import shipped_map
    from rulener.lexicon.sources import source_of

    if not source_of(source).labelled:
        raise UsageError("U100", f"the source {source} has its labels in it", hint="it needs no label map")
    click.echo(shipped_map(source), nl=False)
    return 0


@command.command()
def rules() -> int:
    """List the rules of curation and variants.

    \b
    Example:
      rulener lexicon rules
    """
    from rulener.lexicon.stages import rules as all_rules

    stage = ""
    for name, rule in all_rules():
        if name != stage:
            click.echo(f"{name}:")
            stage = name
        click.echo(f"  {rule.name:<22} {rule.effect:<7} {rule.summary}")
    return 0


command.add_command(stats)
command.add_command(lookup)


# --- what is printed ---------------------------------------------------------------------------------------------------


def _summarise(built: Built, as_json: bool, reports: Sequence[StageReport] = ()) -> None:
    if as_json:
        print_json(_facts(built, reports))
        return
    for line in _lines(built, reports):
        click.echo(line)


def _facts(built: Built, reports: Sequence[StageReport]) -> dict[str, Any]:
    return {
        "output": str(built.out),
        "read": built.read,
        "rows": built.rows,
        "joined": built.joined,
        "labels": dict(sorted(built.labels.items())),
        "not_written": dict(built.not_written.counts),
        "sources": [
            {
                "source": one.source,
                "rows": one.rows,
                "files": [
                    {"file": name, "read": one.read[name], "skipped": dict(skipped.counts)}
                    for name, skipped in one.skipped.items()
                ],
                "remarks": one.remarks,
            }
            for one in built.readings
        ],
        "stages": [
            {"stage": one.stage, "rows_in": one.rows_in, "rows_out": one.rows_out, "rules": one.counts} for one in reports
        ],
    }


def _lines(built: Built, reports: Sequence[StageReport]) -> list[str]:
    lines = []
    for one in built.readings:
        lines.append(f"{one.source}: {one.rows:,} rows" if one.source != "map" else "map")
        for name, skipped in one.skipped.items():
            lines.append(f"  {name}: {one.read[name]:,} records read, {skipped.total:,} left out")
            lines += [f"    column {column} is not used" for column in skipped.columns]
            ordered = sorted(skipped.counts.items(), key=lambda item: (-item[1], item[0]))
            lines += [f"    {count:>11,}  {reason} ({_where(skipped.lines[reason], count)})" for reason, count in ordered]
        lines += [f"  {remark}" for remark in one.remarks]
    for report in reports:
        counts = report.counts
        lines += [f"{report.stage}: {report.rows_in:,} rows in, {report.rows_out:,} rows out"] if counts else []
        lines += [f"  {counts[rule.name]:>11,}  {rule.name} ({rule.effect})" for rule in report.rules if rule.name in counts]
    if built.joined:
        lines.append(f"{built.joined:,} rows got another code by the map")
    for reason, count in built.not_written.counts.items():
        lines.append(f"{count:,} rows not written: {reason}")
    lines.append(f"{built.out}: {built.rows:,} rows: " + ", ".join(f"{name} {n:,}" for name, n in sorted(built.labels.items())))
    return lines


def _where(named: Sequence[int], count: int) -> str:
    listed = ", ".join(str(line) for line in named[:3])
    return f"line {listed}" if count == 1 else f"lines {listed}{', …' if count > 3 else ''}"


class _Bar:
    """Bytes read, on stderr when that is a terminal; nothing otherwise."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Meter | None:
        if not err_is_terminal():
            return None
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(file=sys.stderr), transient=True)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, name: str, size: int) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=size)

    def advance(self, size: int) -> None:
        self._bar.advance(self._task, size)
