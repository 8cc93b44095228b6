"""OMOP CDM 5.4 NOTE_NLP: one row a mention, as CSV or Parquet files or into a database. docs/guide/databases.md has the mapping.

Nothing here looks at a clock: nlp_date is what the run was told, or else the note's own date. Ids of rows are made of the note's
id and the mention's number, so they do not depend on parts, workers or what else was annotated.
"""

from __future__ import annotations

import csv
import datetime
import io
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from rulener.core.columns import AXES
from rulener.errors import NoteError, UsageError
from rulener.formats.tables import nlp_system
from rulener.formats.texts import good_documents, plain

if TYPE_CHECKING:
    from rulener.core.columns import Batch, Entity
    from rulener.core.views import Sentence
    from rulener.formats.sink import Sink
    from rulener.formats.writers import Settings

MENTIONS = 1_000_000
"""note_nlp_id is note_id times this, plus the mention's number in the note."""

MAX_NOTE_ID = (1 << 63) // MENTIONS - 1
"""The greatest note_id whose rows have ids of 64 bits."""

SNIPPET_POINTS = 250
MODIFIERS_POINTS = 2000

_INTEGER = re.compile(r"0|[1-9][0-9]{0,18}")
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")


class Row(NamedTuple):
    """A row of NOTE_NLP; the field `offset` is a word of SQL too and is quoted there."""

    note_nlp_id: int
    note_id: int
    section_concept_id: int
    snippet: str
    offset: str
    lexical_variant: str
    note_nlp_concept_id: int
    note_nlp_source_concept_id: int
    nlp_system: str
    nlp_date: datetime.date
    nlp_datetime: datetime.datetime | None
    term_exists: str
    term_temporal: str | None
    term_modifiers: str


COLUMNS = Row._fields


def parse_date(text: str) -> tuple[datetime.date, datetime.datetime | None]:
    """The day of an ISO date, and the moment when it has a time. Raises ValueError."""
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise ValueError("no ISO date")
    day = datetime.date.fromisoformat(match[1])
    return day, datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}") if match[2] else None


def check_settings(settings: Settings) -> None:
    """Raises UsageError (U284: nlp_date is no date)."""
    if settings.nlp_date is not None:
        try:
            parse_date(settings.nlp_date)
        except ValueError:
            hint = "as in 2026-11-20 or 2026-11-20T08:30:00"
            raise UsageError("U284", f"{settings.nlp_date!r} is no date for NOTE_NLP", hint=hint) from None


def read_sections(path: str) -> tuple[tuple[str, int], ...]:
    """The concept ids of sections, from a table with the columns `section` and `concept_id` (CSV, or TSV by its ending), by name.

    Raises UsageError (U295: it cannot be used).
    """
    place = os.path.basename(path)
    found: dict[str, int] = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
            if not {"section", "concept_id"} <= set(reader.fieldnames or ()):
                raise _no_sections("it has no columns section and concept_id", place)
            for row in reader:
                section, concept = (row["section"] or "").strip(), (row["concept_id"] or "").strip()
                if not section or not _INTEGER.fullmatch(concept) or int(concept) >= 1 << 31:
                    raise _no_sections(f"line {reader.line_num} is not a section and the id of a concept", place)
                if found.setdefault(section, int(concept)) != int(concept):
                    raise _no_sections(f"line {reader.line_num} gives the section {section!r} another concept", place)
    except OSError as error:
        raise _no_sections(f"{error.strerror}", place) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_sections(f"{error}", place) from None
    return tuple(sorted(found.items()))


def _no_sections(what: str, place: str) -> UsageError:
    return UsageError("U295", f"the table of sections cannot be used: {what}", place=place)


def admit(note_id: str, metadata: dict[str, Any], settings: Settings) -> None:
    """Raises NoteError for a note that NOTE_NLP cannot hold: N110 its id is no integer, N111 it has no date."""
    if not _INTEGER.fullmatch(note_id) or int(note_id) > MAX_NOTE_ID:
        raise NoteError("N110", f"its id is no integer from 0 to {MAX_NOTE_ID}: NOTE_NLP has no other")
    if settings.nlp_date is None:
        try:
            parse_date(str(metadata.get("note_date")))
        except ValueError:
            what = "no date" if metadata.get("note_date") in (None, "") else "a date that is not ISO (2026-11-20)"
            hint = "--nlp-date gives one for all, --omop-note or --carry note_date the notes' own"
            raise NoteError("N111", f"it has {what} for NOTE_NLP", hint=hint) from None


def rows(batch: Batch, settings: Settings, counts: Counter[str]) -> Iterator[Row]:
    """The rows of a batch whose notes `admit` let pass. Counts what could not be written as it is."""
    system = nlp_system(settings.run_id)
    given = parse_date(settings.nlp_date) if settings.nlp_date is not None else None
    section_ids = dict(settings.sections)
    for document in good_documents(batch):
        entities, sentences, text = document.entities, document.sentences, document.text
        if len(entities) >= MENTIONS:
            raise UsageError("U285", f"note {document.note_id} has {len(entities)} mentions; NOTE_NLP can have {MENTIONS - 1}")
        note_id = int(document.note_id or 0)
        day, moment = given or (parse_date(str(document.metadata["note_date"]))[0], None)
        for number, entity in enumerate(entities, 1):
            concept, source = _concept_ids(entity, counts)
            snippet = _snippet(text, sentences[entity.sentence], entity, counts)
            yield Row(
                note_id * MENTIONS + number, note_id, section_ids.get(entity.section or "", 0), snippet, str(entity.start),
                _cut(entity.text, SNIPPET_POINTS, "lexical_variant cut", counts), concept, source, system, day, moment,
                "N" if entity.negated or entity.uncertain or entity.hypothetical or entity.family else "Y",
                None if entity.historical is None else "past" if entity.historical else "present",
                _cut(_modifiers(entity), MODIFIERS_POINTS, "term_modifiers cut", counts),
            )  # fmt: skip
        counts["rows"] += len(entities)
        if section_ids:
            counts["section 0"] += sum((entity.section or "") not in section_ids for entity in entities)


def _concept_ids(entity: Entity, counts: Counter[str]) -> tuple[int, int]:
    """Of the concept the mention is linked to: the OMOP id of its standard concept, and its own id where that is the same."""
    if entity.linking == "ambiguous":
        counts["concept 0: ambiguous"] += 1
        return 0, 0
    first = entity.concepts[0] if entity.concepts else None
    if first is None or first.code is None:
        counts["concept 0: no code"] += 1
        return 0, 0
    standard = first.standard
    if standard is None or standard.id is None:
        counts["concept 0: no standard concept in the lexicon"] += 1
        return 0, 0
    is_standard = (standard.system, standard.code) == (first.system, first.code)
    return standard.id, standard.id if is_standard else 0


def _snippet(text: str, sentence: Sentence, entity: Entity, counts: Counter[str]) -> str:
    """The mention's sentence, or 250 characters of it around the mention."""
    start, end = min(sentence.start, entity.start), max(sentence.end, entity.end)
    if end - start > SNIPPET_POINTS:
        counts["snippet cut"] += 1
        before = max(0, (SNIPPET_POINTS - (entity.end - entity.start)) // 2)
        start = max(start, min(entity.start - before, end - SNIPPET_POINTS))
        start = min(start, entity.start)
        end = start + SNIPPET_POINTS
    return _clean(text[start:end], counts)


def _cut(text: str, limit: int, what: str, counts: Counter[str]) -> str:
    if len(text) > limit:
        counts[what] += 1
        text = text[:limit]
    return _clean(text, counts)


def _clean(text: str, counts: Counter[str]) -> str:
    """Without NUL, which databases do not take, and halves of surrogate pairs: U+FFFD in their place."""
    if "\0" in text:
        counts["NUL replaced"] += 1
        text = text.replace("\0", "\ufffd")
    return plain(text)


_SAID = {True: "yes", False: "no", None: "unknown"}
_PARTS_VALUES = re.compile(r"[,=\s]")


def _modifiers(entity: Entity) -> str:
    """What NOTE_NLP has no column for, as `name=value` joined by commas; values have no commas and no equals signs."""
    found = [f"{axis}={_SAID[getattr(entity, axis)]}" for axis in AXES]
    first = entity.concepts[0] if entity.concepts else None
    concept = f"{first.system}:{first.code}" if first is not None and first.code is not None else None
    for name, value in (
        ("label", entity.label), ("concept", concept), ("linking", entity.linking), ("section", entity.section),
        ("rule", entity.rule),
    ):  # fmt: skip
        if value:
            found.append(f"{name}={_PARTS_VALUES.sub('_', value)}")
    return ",".join(found)


# --- files


class _Writer:
    def __init__(self, sink: Sink, engine: Any, settings: Settings) -> None:
        self._sink = sink
        self._settings = settings
        self.counts: Counter[str] = Counter(rows=0)

    def _rows(self, batch: Batch) -> Iterator[Row]:
        return rows(batch, self._settings, self.counts)


class NoteNlpCsvWriter(_Writer):
    """RFC 4180, UTF-8, a header; what is null is empty."""

    def __init__(self, sink: Sink, engine: Any, settings: Settings) -> None:
        super().__init__(sink, engine, settings)
        self._write([COLUMNS])

    def write(self, batch: Batch) -> None:
        self._write(self._rows(batch))

    def close(self) -> None:
        """Every row is written already."""

    def _write(self, lines: Any) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(lines)
        self._sink.write(text.getvalue().encode())


class NoteNlpParquetWriter(_Writer):
    """Columns typed as in the CDM, note_nlp_id and note_id with 64 bits."""

    def __init__(self, sink: Sink, engine: Any, settings: Settings) -> None:
        super().__init__(sink, engine, settings)
        self._columns: list[list[Any]] = [[] for _ in COLUMNS]

    def write(self, batch: Batch) -> None:
        for row in self._rows(batch):
            for column, value in zip(self._columns, row, strict=True):
                column.append(value)

    def close(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        arrays = [pa.array(values, kind) for values, kind in zip(self._columns, _arrow_types(), strict=True)]
        table = pa.table(arrays, list(COLUMNS))
        with pa.PythonFile(self._sink.stream(), "w") as file:
            parquet.write_table(table, file, compression="zstd")


def _arrow_types() -> list[Any]:
    import pyarrow as pa

    known = {"note_nlp_id": pa.int64(), "note_id": pa.int64(), "nlp_date": pa.date32(), "nlp_datetime": pa.timestamp("us")}
    return [known.get(name) or (pa.int32() if name.endswith("_concept_id") else pa.string()) for name in COLUMNS]
