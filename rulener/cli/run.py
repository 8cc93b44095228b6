"""`rulener run`: notes in, a folder of JSON lines out."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rulener.cli.common import engine_options, err_is_terminal, load_engine, print_json
from rulener.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_NOTES_FAILED, EXIT_TERMINATED, UsageError
from rulener.formats import readers
from rulener.formats.readers import Columns
from rulener.formats.writers import FORMATS
from rulener.run.directory import Totals, default_workers, run
from rulener.run.reading import read
from rulener.run.review import write_review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rulener.formats.sql import Query
    from rulener.formats.tables import Target


@click.command()
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option("--output", "-o", required=True, metavar="OUT", help="The folder for the results; made when it does not exist.")
@click.option(
    "--format",
    "-f",
    "formats",
    multiple=True,
    type=click.Choice(list(FORMATS)),
    help="What to write; may be repeated. Default: jsonl.",
)
@engine_options
@click.option(
    "--workers",
    "-w",
    type=click.IntRange(1, 1024),
    help="Number of processes; default: one for each CPU, at most 8. The output is the same.",
)
@click.option("--encoding", "-e", metavar="NAME", help="Encoding of the notes; default: UTF-8, or what a byte order mark says.")
@click.option("--id-column", metavar="NAME", help="Column (or key) of a table with the note's id; default: note_id or id.")
@click.option("--text-column", metavar="NAME", help="Column (or key) with its text; default: text, note_text or note.")
@click.option("--carry", multiple=True, metavar="NAME", help="Column to carry into the results, repeatable; '*': all others.")
@click.option("--db", envvar="RULENER_DB", show_envvar=True, metavar="URL", help="A database with notes, in place of INPUTs.")
@click.option("--sql", metavar="SELECT", help="Which notes of --db: a query with a column for the id and one for the text.")
@click.option("--table", metavar="[SCHEMA.]NAME", help="Or a table of --db.")
@click.option("--omop-note", is_flag=True, help="Notes are rows of an OMOP NOTE table: --table note, its columns, some carried.")
@click.option("--notes", "names", multiple=True, metavar="PATTERN", help="Notes in folders by name; default: *.txt, *.txt.gz.")
@click.option("--to", envvar="RULENER_TO", show_envvar=True, metavar="URL", help="A database that gets rows: DuckDB, PostgreSQL.")
@click.option("--rows", multiple=True, metavar="KIND[=TABLE]", help="Rows for --to: entity (default), note_nlp; repeatable.")
@click.option("--nlp-date", metavar="DATE", help="nlp_date of NOTE_NLP rows; default: each note's own note_date, if carried.")
@click.option("--section-concepts", metavar="FILE", help="A table of section and concept_id, for section_concept_id of NOTE_NLP.")
@click.option("--run-id", metavar="NAME", help="Name of this run in NOTE_NLP rows; default: a digest of what makes its results.")
@click.option("--review", metavar="FILE", help="Also write the mentions whose concept is not sure (.jsonl, .tsv or .csv).")
@click.option("--review-text", is_flag=True, help="With --review: also the text around mentions, patients' text.")
@click.option("--decisions", metavar="FILE", help="A review queue that came back with codes; what it decides wins.")
@click.option("--overwrite", is_flag=True, help="Discard the run that is in OUT and start anew. Default: go on where it stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON on stdout.")
def command(
    inputs: tuple[str, ...],
    output: str,
    formats: tuple[str, ...],
    make: dict[str, Any],
    workers: int | None,
    encoding: str | None,
    id_column: str | None,
    text_column: str | None,
    carry: tuple[str, ...],
    db: str | None,
    sql: str | None,
    table: str | None,
    omop_note: bool,
    names: tuple[str, ...],
    to: str | None,
    rows: tuple[str, ...],
    nlp_date: str | None,
    section_concepts: str | None,
    run_id: str | None,
    review: str | None,
    review_text: bool,
    decisions: str | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Annotate notes into a folder: JSON lines, one line a note, or other formats.

    An INPUT is a folder (all its *.txt files, subfolders too), a text file, a table of notes with an id and a text (.jsonl,
    .csv, .tsv, these also .gz; .parquet, .arrow), or FHIR resources (.ndjson, .json). Or --db names a database: duckdb:PATH,
    sqlite:PATH, postgresql://... OUT gets part-00000.jsonl and so on, errors.jsonl with the notes that failed, and manifest.json.
    A run that was stopped goes on when the same command is given again. Exit code 5: some notes failed.

    \b
    Example:
      rulener run notes/ -o out/ --lexicon drugs.tsv --workers 2
    """
    begun = time.perf_counter()
    columns = _columns(id_column, text_column, carry, omop_note)
    query = _query(inputs, db, sql, table or ("note" if omop_note else None))
    target = _target(to, rows)
    sections = _sections(section_concepts)
    if review is not None and target is not None and "jsonl" not in formats:
        raise UsageError("U254", "a review queue is made from JSON lines", hint="add --format jsonl")
    if review_text and (review is None or query is not None):
        raise click.UsageError("--review-text needs --review and INPUTs")
    engine = load_engine({**make, "decisions": decisions})
    try:
        with _terminable(), _Progress() as progress:
            totals = run(
                engine,
                inputs,
                output,
                format=formats or (() if target else "jsonl"),
                encoding=encoding,
                columns=columns,
                names=names,
                workers=workers,
                overwrite=overwrite,
                progress=progress.update,
                query=query,
                nlp_date=nlp_date,
                run_id=run_id,
                to=target,
                sections=sections,
            )
    except KeyboardInterrupt as interruption:
        by_system = isinstance(interruption, _Terminated)
        how, code = ("terminated", EXIT_TERMINATED) if by_system else ("interrupted", EXIT_INTERRUPTED)
        click.echo(f"rulener: {how}; what is done stays, the same command goes on from there", err=True)
        return code
    seconds = time.perf_counter() - begun
    if review is not None:
        again = None
        if review_text:  # the notes of the run once more; those that failed are passed over
            again = read(
                *inputs,
                notes=names,
                id_column=id_column,
                text_column=text_column,
                omop_note=omop_note,
                encoding=encoding,
                on_error=lambda _: None,
            )
        count = write_review(Path(output), Path(review), again)
        if review_text:
            click.echo(f"rulener: warning: {review} holds text of the notes; keep it as you keep them", err=True)
        click.echo(f"rulener: {count:,} mentions to review in {review}", err=True)
    _summarise(totals, output, seconds, workers or default_workers(), as_json)
    return EXIT_SOME_NOTES_FAILED if totals.failed else EXIT_OK


def _columns(id_column: str | None, text_column: str | None, carry: tuple[str, ...], is_omop: bool) -> Columns:
    return readers.omop_note(carry, id=id_column, text=text_column) if is_omop else Columns(id_column, text_column, carry)


def _query(inputs: tuple[str, ...], db: str | None, sql: str | None, table: str | None) -> Query | None:
    """The query that the options ask for; None when there are INPUTs."""
    context = click.get_current_context()
    given = context.get_parameter_source("db") is click.core.ParameterSource.COMMANDLINE
    if inputs:
        if given or sql is not None or context.params["table"] is not None:
            raise click.UsageError("give INPUTs or --db with --sql or --table, not both")
        return None
    if db is None:
        raise click.UsageError("give an INPUT, or --db (or RULENER_DB) with --sql or --table")
    if sql is not None and context.params["table"] is not None:
        raise click.UsageError("give --sql or --table, not both")
    if sql is None and table is None:
        raise click.UsageError("--db needs --sql, --table or --omop-note")
    from rulener.formats.sql import query_of

    _warn_of_password("db", db)
    return query_of(db, sql, None if sql is not None else table)


def _target(to: str | None, rows: tuple[str, ...]) -> Target | None:
    if to is None:
        if rows:
            raise click.UsageError("--rows needs --to (or RULENER_TO)")
        return None
    from rulener.formats.tables import target_of

    _warn_of_password("to", to)
    return target_of(to, rows)


def _sections(path: str | None) -> tuple[tuple[str, int], ...]:
    if path is None:
        return ()
    from rulener.formats.omop import read_sections

    return read_sections(path)


def _warn_of_password(option: str, url: str) -> None:
    from rulener.formats.database import has_password

    source = click.get_current_context().get_parameter_source(option)
    if source is click.core.ParameterSource.COMMANDLINE and has_password(url):
        where = f"give the URL in RULENER_{option.upper()}, or use ~/.pgpass"
        click.echo(f"rulener: warning: everybody on this machine can see a password on a command line; {where}", err=True)


class _Terminated(KeyboardInterrupt):
    """SIGTERM: the run ends as with Ctrl-C."""


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only there can signals be caught
        yield
        return

    def end(*_: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _summarise(totals: Totals, output: str, seconds: float, workers: int, as_json: bool) -> None:
    if as_json:
        print_json({**asdict(totals), "output": output, "seconds": round(seconds, 3), "workers": workers})
        return
    failed = f", {totals.failed:,} failed (see errors.jsonl)" if totals.failed else ""
    resumed = f", {totals.resumed} of {totals.parts} parts from before" if totals.resumed else ""
    rows = [f"{count:,} {reason}" for reason, count in totals.rows_passed_over.items()]
    rows = rows[:3] + ([f"{len(rows) - 3} more kinds (see manifest.json)"] if len(rows) > 3 else [])
    others = ([f"{totals.passed_over:,} other files"] if totals.passed_over else []) + rows
    passed = f", {', '.join(others)} passed over" if others else ""
    speed = f"{totals.read / 1e6:.1f} MB in {seconds:.1f} s"
    click.echo(f"rulener: {totals.notes:,} notes, {totals.entities:,} entities{failed}{resumed}{passed}; {speed}", err=True)
    for name, counts in totals.formats.items():
        others = [f"{count:,} {what}" for what, count in counts.items() if what != "rows" and count]
        listed = ", ".join([f"{counts['rows']:,} rows", *others])
        click.echo(f"rulener: {name}: {listed}", err=True)


class _Progress:
    """A progress bar on stderr when that is a terminal, nothing otherwise."""

    def __init__(self) -> None:
        self.update: Callable[[Totals, int | None], None] | None = None
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        if err_is_terminal():
            self._bar = self._made()
            self._bar.start()
            self._task = self._bar.add_task("notes", total=None, failed=0)
            self.update = self._update
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _made(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("notes, {task.fields[failed]} failed"), TimeRemainingColumn())
        # no refresh thread: the run may fork, and is to be drawn only when a part is finished
        return Progress(*columns, console=Console(file=sys.stderr), transient=True, auto_refresh=False)

    def _update(self, totals: Totals, notes: int | None) -> None:
        self._bar.update(self._task, completed=totals.notes, total=notes, failed=totals.failed, refresh=True)
