"""The sources `rulener lexicon build` knows: their readers, what each is given, and the options it understands."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rulener.errors import LexiconError, UsageError
from rulener.lexicon.label_map import label_map
from rulener.lexicon.reading import Reading
from rulener.lexicon.table import Row, read_table


@dataclass(frozen=True, slots=True)
class Source:
    """A reader: `module.read_NAME(path, reading, **options)`. `labelled`: it takes a label map."""

    summary: str
    options: tuple[str, ...]
    labelled: bool = True


SOURCES = {
    "umls": Source(
        "UMLS Metathesaurus: a folder with MRCONSO.RRF, MRSTY.RRF, MRRANK.RRF",
        ("language", "source", "term_type", "semantic_type", "suppressible", "obsolete", "codes"),
    ),
    "rxnorm": Source(
        "RxNorm: a folder with RXNCONSO.RRF, RXNREL.RRF, RXNSAT.RRF",
        ("source", "term_type", "suppressible", "obsolete", "prescribable", "brands", "veterinary"),
    ),
    "snomed": Source(
        "SNOMED CT: a folder with the snapshot of an RF2 release",
        ("language", "refset", "term_type", "semantic_type", "obsolete"),
    ),
    "omop": Source(
        "OMOP vocabularies: a folder with CONCEPT.csv, CONCEPT_SYNONYM.csv, CONCEPT_RELATIONSHIP.csv",
        ("source", "term_type", "semantic_type", "language", "obsolete"),
    ),
    "obo": Source(
        "an ontology in OBO format (HPO, DOID, MONDO): a file",
        ("scope", "obsolete", "xrefs"),
    ),
    "icd10cm": Source(
        "ICD-10-CM: a folder with the order file, the tabular XML, or both",
        ("term_type",),
    ),
    "mesh": Source(
        "MeSH: a folder with the descriptor XML and perhaps the supplementary records",
        ("term_type", "semantic_type"),
    ),
    "loinc": Source(
        "LOINC: a folder with Loinc.csv, or the file",
        ("term_type", "semantic_type", "obsolete"),
    ),
    "table": Source("a term table (TSV, CSV)", (), labelled=False),
}


def source_of(name: str) -> Source:
    """Raises UsageError U100 for an unknown name."""
    if name not in SOURCES:
        near = difflib.get_close_matches(name.lower(), SOURCES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(SOURCES)}"
        raise UsageError("U100", f"{name!r} is no source", hint=hint)
    return SOURCES[name]


def read_source(name: str, path: Path, reading: Reading, options: dict[str, Any], labels: Path | None = None) -> Iterator[Row]:
    """The rows of a source. Options it does not know are not handed to it.

    Raises UsageError U100, LexiconError.
    """
    source = source_of(name)
    if name == "table":
        return _table(path, reading)
    understood = {key: value for key, value in options.items() if key in source.options}
    if source.labelled:
        understood["labels"] = label_map(name, labels)
    read = getattr(importlib.import_module(f"rulener.lexicon.{name}"), f"read_{name}")
    rows: Iterator[Row] = read(path, reading, **understood)
    return rows


def _table(path: Path, reading: Reading) -> Iterator[Row]:
    if path.is_dir():
        raise LexiconError("L101", "this is a folder, not a term table", place=str(path), hint="give the table's file")
    skipped = reading.of(path.name)
    for row in read_table(path, skipped):
        reading.read[path.name] += 1
        yield row
    reading.read[path.name] += skipped.total
