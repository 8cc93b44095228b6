"""The formats that a run can write, by name. A writer is made for every part and imported when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from rulener.errors import UsageError
from rulener.formats.sink import FolderSink, Sink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulener.core.columns import Batch


class Writer(Protocol):
    """Writes the batches of one part into its sink. `close` writes what is left; a format whose files have a header writes it
    even when there is nothing else. The same batches give the same bytes."""

    def write(self, batch: Batch) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Format:
    """`made_by` is `module:class` below rulener.formats; the class takes the sink and the engine. `folder`: one or more files
    a note. `needs` are the modules it cannot do without."""

    name: str
    suffix: str
    made_by: str
    description: str
    folder: bool = False
    needs: tuple[str, ...] = ()


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
        Format("html", ".html", "html:HtmlWriter", "a page of marked notes"),
    )
}


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


def check_engine(names: Iterable[str], engine: Any) -> None:
    """Whether all that this engine reports can be written in these formats. Raises UsageError (U260: other labels)."""
    for name in names:
        check = getattr(_class_of(FORMATS[name]), "check", None)
        if check is not None:
            check(engine)


def new_sink(name: str, path: str) -> Sink | FolderSink:
    """Where a part of this format is written: `path` and the format's suffix."""
    made = FORMATS[name]
    return (FolderSink if made.folder else Sink)(path + made.suffix, made.suffix)


def open_writer(name: str, sink: Sink | FolderSink, engine: Any) -> Writer:
    """A writer of this format."""
    writer: Writer = _class_of(FORMATS[name])(sink, engine)
    return writer


def _class_of(found: Format) -> Any:
    from rulener.errors import MissingExtra

    module, _, name = found.made_by.partition(":")
    for needed in found.needs:
        try:
            import_module(needed)
        except ImportError:
            raise MissingExtra(f"the format {found.name}", EXTRAS[needed]) from None
    return getattr(import_module(f"rulener.formats.{module}"), name)


EXTRAS = {"pyarrow": "parquet"}
"""The extra that brings a module."""
