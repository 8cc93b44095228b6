"""The formats that a run can write, by name. A writer is made for every part and imported when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from rulener.errors import UsageError
from rulener.formats.sink import FolderSink, Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rulener.core.columns import Batch


class Writer(Protocol):
    """Writes the batches of one part into its sink. `close` writes what is left; a format whose files have a header writes it
    even when there is nothing else. The same batches give the same bytes."""

    def write(self, batch: Batch) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run tells writers that write more than what was found: which run it is, the date of its rows (ISO), and the OMOP
    concept ids of sections, by name."""

    run_id: str = ""
    nlp_date: str | None = None
    sections: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """`made_by` is `module:class` below rulener.formats; the class takes the sink and the engine. `folder`: one or more files
    a note. `needs` are the modules it cannot do without. With `has_settings` the class takes Settings too. `rules` is a module
    with `check_settings` and `admit`, which refuse what the format cannot hold. A writer may have `counts`, which go into the
    manifest."""

    name: str
    suffix: str
    made_by: str
    description: str
    folder: bool = False
    needs: tuple[str, ...] = ()
    has_settings: bool = False
    rules: str = ""


FORMATS = {
    one.name: one
    for one in (
        Format("jsonl", ".jsonl", "jsonl:JsonlWriter", "one line of JSON a note (schema rulener.document/1)"),
        Format("parquet", ".parquet", "arrow:ParquetWriter", "one row an entity, as annotate_batch", needs=("pyarrow",)),
        Format("arrow", ".arrow", "arrow:IpcWriter", "the same rows as an Arrow file (Feather)", needs=("pyarrow",)),
        Format("csv", ".csv", "csv:CsvWriter", "one row an entity; lists as JSON"),
        Format("brat", ".brat", "brat:BratWriter", "brat standoff: .txt and .ann of each note, configuration", folder=True),
        Format("i2b2", ".i2b2", "i2b2:I2b2Writer", "2010 i2b2/VA: .txt, .con and .ast of each note", folder=True),
        Format("conll", ".conll", "conll:ConllWriter", "one token a line with offsets and a BIO label"),
        Format("labelstudio", ".labelstudio.json", "labelstudio:LabelStudioWriter", "Label Studio tasks with predictions"),
        Format("doccano", ".doccano.jsonl", "doccano:DoccanoWriter", "doccano sequence labelling, one note a line"),
        Format("prodigy", ".prodigy.jsonl", "prodigy:ProdigyWriter", "Prodigy tasks with tokens and spans, one note a line"),
        Format("fhir", ".fhir.ndjson", "fhir_bundles:FhirWriter", "FHIR R4: a Bundle (collection) a note, one a line"),
        Format("docbin", ".spacy", "docbin:DocBinWriter", "spaCy's DocBin: entities, spans, extensions", needs=("spacy",)),
        Format("html", ".html", "html:HtmlWriter", "a page of marked notes"),
        Format("omop-csv", ".note_nlp.csv", "omop:NoteNlpCsvWriter", "rows of OMOP NOTE_NLP", has_settings=True, rules="omop"),
        Format(
            "omop-parquet", ".note_nlp.parquet", "omop:NoteNlpParquetWriter", "the same as Parquet", needs=("pyarrow",),
            has_settings=True, rules="omop",
        ),
    )
}  # fmt: skip

_LOADED = {
    one.name: one
    for one in (
        Format("duckdb/entity", ".entity.load", "arrow:ParquetWriter", "rows for DuckDB", needs=("pyarrow",)),
        Format(
            "duckdb/note_nlp", ".note_nlp.load", "omop:NoteNlpParquetWriter", "rows for DuckDB", needs=("pyarrow",),
            has_settings=True, rules="omop",
        ),
        Format(
            "postgresql/entity", ".entity.load", "postgresql_tables:CopyEntityWriter", "rows for PostgreSQL", needs=("pyarrow",),
            has_settings=True,
        ),
        Format(
            "postgresql/note_nlp", ".note_nlp.load", "postgresql_tables:CopyNoteNlpWriter", "rows for PostgreSQL",
            needs=("pyarrow",), has_settings=True, rules="omop",
        ),
    )
}  # fmt: skip
"""Files that are loaded into a database (rulener.formats.tables) and are gone then."""

_ALL = {**FORMATS, **_LOADED}


def known_formats(names: Iterable[str]) -> tuple[str, ...]:
    """The formats named, each once, in an order that does not depend on that of the names.

    Raises UsageError (U212: no such format), MissingExtra when a format cannot be written in this installation.
    """
    wanted = set(names)
    for name in sorted(wanted):
        if name not in FORMATS:
            raise UsageError("U212", f"unknown format {name!r}", hint="one of " + ", ".join(FORMATS))
        _class_of(FORMATS[name])
    return tuple(name for name in FORMATS if name in wanted)


def loaded_formats(names: Iterable[str]) -> tuple[str, ...]:
    """The formats of files that are loaded into a database. Raises MissingExtra."""
    for name in names:
        _class_of(_LOADED[name])
    return tuple(names)


def check_engine(names: Iterable[str], engine: Any) -> None:
    """Whether all that this engine reports can be written in these formats. Raises UsageError (U260: other labels)."""
    for name in names:
        check = getattr(_class_of(_ALL[name]), "check", None)
        if check is not None:
            check(engine)


def check_settings(names: Iterable[str], settings: Settings) -> None:
    """Raises UsageError (U284: nlp_date is no date)."""
    for name in names:
        if _ALL[name].rules:
            import_module(f"rulener.formats.{_ALL[name].rules}").check_settings(settings)


def admissions(names: Iterable[str]) -> list[Callable[[str, dict[str, Any], Settings], None]]:
    """What says, by a NoteError, that these formats cannot hold a note: called with its id and what it carries."""
    modules = sorted({_ALL[name].rules for name in names} - {""})
    return [import_module(f"rulener.formats.{module}").admit for module in modules]


def new_sink(name: str, path: str) -> Sink | FolderSink:
    """Where a part of this format is written: `path` and the format's suffix."""
    made = _ALL[name]
    return (FolderSink if made.folder else Sink)(path + made.suffix, made.suffix)


def open_writer(name: str, sink: Sink | FolderSink, engine: Any, settings: Settings | None = None) -> Writer:
    """A writer of this format."""
    given = (settings or Settings(),) if _ALL[name].has_settings else ()
    writer: Writer = _class_of(_ALL[name])(sink, engine, *given)
    return writer


def check_needs(found: Format) -> None:
    """Raises MissingExtra when a format cannot be written in this installation."""
    from rulener.errors import MissingExtra

    for needed in found.needs:
        try:
            import_module(needed)
        except ImportError:
            raise MissingExtra(f"the format {found.name}", EXTRAS[needed]) from None


def _class_of(found: Format) -> Any:
    check_needs(found)
    module, _, name = found.made_by.partition(":")
    return getattr(import_module(f"rulener.formats.{module}"), name)


EXTRAS = {"pyarrow": "parquet", "spacy": "spacy"}
"""The extra that brings a module."""
