"""One run: inputs to an output folder, from the plan to the manifest."""

from __future__ import annotations

import contextlib
import os
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rulener import __version__
from rulener.errors import UsageError
from rulener.formats.readers import EVERY, FHIR, Columns, reader_of
from rulener.formats.tables import open_tables, run_record, try_to_connect
from rulener.formats.writers import FORMATS, Settings, check_engine, check_settings, known_formats, loaded_formats
from rulener.run import limits, workers
from rulener.run.decode import check_encoding
from rulener.run.inputs import FILE, FOLDER, JSONL, NOTE_NAMES, SQL, Input, readable, resolve
from rulener.run.output import Output, run_id_of, write_error
from rulener.run.plan import PlanFile, Planner
from rulener.run.spool import Spool
from rulener.run.work import Job, content_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rulener.formats.sql import Query
    from rulener.formats.tables import Tables, Target
    from rulener.run.plan import PlannedPart
    from rulener.run.work import PartResult


@dataclass(slots=True)
class Totals:
    """What a run has done. `resumed` counts the parts that were there before, `passed_over` other files, `rows_passed_over` what
    lay between the notes of a file, by reason, `formats` what writers have counted, by format."""

    notes: int = 0
    failed: int = 0
    entities: int = 0
    parts: int = 0
    resumed: int = 0
    read: int = 0
    written: int = 0
    passed_over: int = 0
    rows_passed_over: dict[str, int] = field(default_factory=dict)
    formats: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, result: PartResult) -> None:
        self.notes += result.notes
        self.failed += len(result.failures)
        self.entities += result.entities
        self.parts += 1
        self.read += result.read
        self.written += result.bytes
        for name, counts in result.counts.items():
            mine = self.formats.setdefault(name, {})
            for what, count in counts.items():
                mine[what] = mine.get(what, 0) + count


_LONG_LINES = "is a line of a .jsonl file longer than the memory?"
_NO_ROWS = "the query gives none"
_NOTES = "notes are *.txt files, or rows of a table (.jsonl, .csv, .parquet, …)"


def default_workers() -> int:
    """As many workers as there are CPUs this process may use, at most `limits.WORKERS`."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cpus, limits.WORKERS)


def run(
    engine: Any,
    paths: Sequence[str],
    out: str,
    *,
    format: str | Sequence[str] = "jsonl",
    encoding: str | None = None,
    columns: Columns | None = None,
    names: Sequence[str] = (),
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[Totals, int | None], None] | None = None,
    start: str | None = None,
    query: Query | None = None,
    nlp_date: str | None = None,
    run_id: str | None = None,
    to: Target | None = None,
    sections: Sequence[tuple[str, int]] = (),
) -> Totals:
    """Annotates all notes of `paths` into the folder `out`, in one or more formats; goes on where an earlier run was stopped.

    `columns` say where tables have ids and texts, `names` which files of folders are notes; with a `query` notes come from a
    database too, before the others. `nlp_date` is the date of NOTE_NLP rows (else the notes' own), `run_id` tells the rows of
    this run from those of others (else a digest of engine, options and inputs does), `to` are tables of a database that get rows
    too, `sections` the OMOP concept ids of sections by name. Raises UsageError, MissingExtra.
    """
    encoding = check_encoding(encoding)
    formats = known_formats([format] if isinstance(format, str) else format)
    check_engine(formats, engine)
    if to is not None:
        formats += loaded_formats(to.formats)
        try_to_connect(to)
    settings = Settings(run_id or "", nlp_date, tuple(sections))
    check_settings(formats, settings)
    asked = (Input(SQL, "", query.database.name, columns or Columns(), query=query),) if query else ()
    inputs = _carrying((*asked, *resolve(paths, columns)))
    folder = os.path.abspath(out)
    with contextlib.ExitStack() as stack:
        try:
            inputs, rows_passed_over = _spooled(inputs, encoding, folder, stack)
        except OSError as error:
            raise write_error(error, folder) from None
        passed = dict(sorted(rows_passed_over.items()))
        return _run(
            engine, paths, inputs, folder, formats, encoding, names, workers, overwrite, progress, start, passed, settings,
            to,
        )  # fmt: skip


def _carrying(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    """Resources carry all they can unless --carry says what; then other inputs do too, so that all notes are described alike."""
    if inputs[0].columns.carry or not any(source.kind == FHIR.name for source in inputs):
        return inputs
    return tuple(replace(source, columns=replace(source.columns, carry=(EVERY,))) for source in inputs)


def _spooled(
    inputs: tuple[Input, ...], encoding: str | None, folder: str, stack: contextlib.ExitStack
) -> tuple[tuple[Input, ...], Counter[str]]:
    """The inputs with the notes of tables and queries at hand as lines, all in one scratch file, and what lay between them."""
    if all(source.kind in (FOLDER, FILE, JSONL) for source in inputs):
        return inputs, Counter()
    spool = stack.enter_context(contextlib.closing(Spool(folder)))

    def at_hand(source: Input) -> Input:
        if source.query is not None:
            place = spool.add(source.query.notes(source.columns, encoding), by_id=True)
        elif source.kind not in (FOLDER, FILE, JSONL) and (reader := reader_of(source.path)) is not None:
            place = spool.add(reader.notes(source.path, source.columns, encoding))
        else:
            return source
        return replace(source, spool=spool.path, spooled=place)

    return tuple(map(at_hand, inputs)), spool.passed_over


def _run(
    engine: Any,
    paths: Sequence[str],
    inputs: Sequence[Input],
    folder: str,
    formats: tuple[str, ...],
    encoding: str | None,
    names: Sequence[str],
    workers: int | None,
    overwrite: bool,
    progress: Callable[[Totals, int | None], None] | None,
    start: str | None,
    rows_passed_over: dict[str, int],
    settings: Settings,
    to: Target | None,
) -> Totals:
    planner = Planner(inputs, leave_out=folder, names=names or NOTE_NAMES)
    parts = iter(planner)
    first = next(parts, None)
    if first is None:
        raise _no_notes(paths, planner.others, rows_passed_over) if paths else _no_notes([inputs[0].name], 0, {}, _NO_ROWS)
    in_files = [name for name in formats if name in FORMATS]
    options: dict[str, Any] = {**({"format": ",".join(in_files)} if in_files else {}), "encoding": encoding or "utf-8"}
    columns = inputs[0].columns
    given = {"notes": list(names), "id_column": columns.id, "text_column": columns.text, "carry": list(columns.carry)}
    options |= {name: value for name, value in given.items() if value}
    options |= {name: value for source in inputs if source.query for name, value in source.query.described().items()}
    options |= {name: value for name, value in (("nlp_date", settings.nlp_date), ("run_id", settings.run_id)) if value}
    options |= {"section_concepts": dict(settings.sections)} if settings.sections else {}
    options |= to.described() if to else {}
    identity = _identity(engine, options, [[i.kind, i.name] for i in inputs])
    settings = replace(settings, run_id=run_id_of(identity))
    with contextlib.ExitStack() as opened:
        tables = opened.enter_context(open_tables(to, run_record(settings.run_id, identity))) if to else None
        output = opened.enter_context(_opened(folder, identity, overwrite, tables))
        totals = Totals(rows_passed_over=rows_passed_over)
        try:
            job = Job(engine, inputs, formats, encoding, settings=settings)
            with contextlib.closing(
                _Run(job, output, planner, _chain(first, parts), totals, progress, tables)
            ) as current:
                return current.go(workers or default_workers(), start)
        except OSError as error:
            raise _with_progress(write_error(error, folder), totals) from None
        except MemoryError:
            raise UsageError("U209", "the process that plans the run ran out of memory", hint=_LONG_LINES) from None
        except UsageError as error:
            raise _with_progress(error, totals) from None


def _opened(folder: str, identity: dict[str, Any], overwrite: bool, tables: Tables | None) -> Output:
    try:
        return Output(folder, identity, overwrite=overwrite, tables=tables)
    except OSError as error:
        raise write_error(error, folder) from None


def _with_progress(error: UsageError, totals: Totals) -> UsageError:
    """The same error, saying what is done already."""
    if error.code in ("U207", "U208", "U209", "U283", "U288"):
        error.message += f"; {totals.parts} parts are done and stay"
    return error


class _Run:
    def __init__(
        self,
        job: Job,
        output: Output,
        planner: Planner,
        parts: Iterator[PlannedPart],
        totals: Totals,
        progress: Callable[[Totals, int | None], None] | None,
        tables: Tables | None,
    ) -> None:
        self._job = job
        self._output = output
        self._planner = planner
        self._parts = parts
        self._progress = progress
        self._tables = tables
        self._plan = PlanFile(output.scratch_path("plan"))
        self._digests: dict[int, str] = {}  # of the parts that are not done
        self._to_do: deque[int] = deque()
        self._planned_notes = 0
        self._all_planned = False
        self.totals = totals

    def close(self) -> None:
        self._plan.close()

    def go(self, count: int, start: str | None) -> Totals:
        if self._planner.checks_ids:
            self._plan_all()
        if self._planner.checks_ids:
            self._job.duplicates.update(self._planner.duplicates())
        if start == "here" or not hasattr(os, "fork"):  # Windows
            self._plan_all()
            self._work_here()
        else:
            self._work_in_processes(count, start)
        self._output.check_end(len(self._plan))
        if self._tables is not None:
            self._tables.finish(len(self._plan))
        self.totals.passed_over = self._planner.others
        totals: dict[str, Any] = {"run_id": self._job.settings.run_id, "passed_over": self._planner.others}
        if self.totals.rows_passed_over:
            totals["rows_passed_over"] = self.totals.rows_passed_over
        self._output.finish(totals)
        return self.totals

    # --- planning

    def _plan_parts(self, count: int) -> bool:
        """Plans on until so many parts are to do. False when there are no more."""
        while len(self._to_do) < count:
            if not self._plan_one():
                return False
        return True

    def _plan_all(self) -> None:
        while self._plan_one():
            pass

    def _plan_one(self) -> bool:
        part = next(self._parts, None)
        if part is None:
            self._all_planned = True
            return False
        self._plan.append(part)
        self._planned_notes += part.notes
        done = self._output.finished(part.number, part.digest)
        if done is None:
            self._to_do.append(part.number)
            self._digests[part.number] = part.digest
        elif done.input != content_digest(self._job, part.line):
            raise self._output.other_input("content")
        else:
            self.totals.resumed += 1
            self._count(done)
        return True

    # --- working

    def _work_here(self) -> None:
        tasks = ((number, *self._plan.where(number)) for number in self._to_do)
        workers.here(self._job, self._plan.fd, self._output.folder, tasks, self._commit)

    def _work_in_processes(self, count: int, start: str | None) -> None:
        pool = workers.Pool(self._job, self._plan.fd, self._output.folder, count, start=start)
        try:
            while True:
                while pool.has_room and self._plan_parts(1):
                    number = self._to_do.popleft()
                    pool.give(number, *self._plan.where(number))
                if not pool.busy:
                    return
                planned = not self._all_planned and self._plan_one()  # the workers are busy: plan ahead
                for event in pool.wait(block=not planned):
                    if isinstance(event, int):
                        self._to_do.appendleft(event)
                    else:
                        self._commit(*event)
        finally:
            pool.close()

    def _commit(self, result: PartResult, scratch: str) -> None:
        result.plan = self._digests.pop(result.part)
        self._output.commit(result, scratch)
        self._count(result)

    def _count(self, result: PartResult) -> None:
        self.totals.add(result)
        if self._progress:
            self._progress(self.totals, self._planned_notes if self._all_planned else None)


def _identity(engine: Any, options: dict[str, Any], inputs: list[list[str]]) -> dict[str, Any]:
    """Which run this is: the same on every machine, so no paths; names and hashes say what was used."""
    manifest = engine.manifest()
    return {
        "schema": "rulener.journal/3",
        "rulener": __version__,
        "engine": manifest["engine"],
        "packs": [_without_path(pack) for pack in manifest["packs"]],
        "lexicons": [_without_path(lexicon) for lexicon in manifest["lexicons"]],
        "options": {**manifest["options"], **options},
        "inputs": [{"kind": kind, "name": name} for kind, name in inputs],
    }


def _without_path(source: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key != "path"}


def _chain(first: PlannedPart, parts: Iterator[PlannedPart]) -> Iterator[PlannedPart]:
    yield first
    yield from parts


def _no_notes(paths: Sequence[str], others: int, rows: dict[str, int], hint: str = _NOTES) -> UsageError:
    listed = ([f"{others} other files"] if others else []) + [f"{count:,} {reason}" for reason, count in rows.items()]
    found = f" ({', '.join(listed)})" if listed else ""
    names = ", ".join(readable(path) for path in paths)
    return UsageError("U203", f"no notes found{found}", place=names, hint=hint)
