"""doccano's JSONL for sequence labelling: one note a line, `label` a list of [start, end, label]."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES
from rulener.formats.texts import asserted, good_documents, plain, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Batch, Document
    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.plain import PlainDocument
    from rulener.formats.sink import Sink


class DoccanoWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            self._sink.write(utf8(json.dumps(_record(document), ensure_ascii=False) + "\n"))

    def close(self) -> None:
        """Every line is written already."""


def _record(document: Document) -> dict[str, Any]:
    """What doccano knows, and what it keeps as metadata of the note: id, assertions, what the input carried."""
    made: dict[str, Any] = {
        "text": plain(document.text),
        "label": [[entity.start, entity.end, entity.label] for entity in document.entities],
        "note_id": document.note_id,
        "assertions": [[one.start, one.end, found] for one in document.entities if (found := asserted(one))],
    }
    if document.metadata:
        made["metadata"] = document.metadata
    return made


# --- reading


def read_doccano(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of an export: `label` lists, or `entities` of exports with relations.

    The id is `note_id`, which we wrote, else doccano's own. Assertions are ours still: annotators cannot change them there.
    """
    from rulener.formats.annotated import lines_of, name_of, one_record, shaped
    from rulener.formats.plain import BadAnnotation

    with open(path, "rb") as file:
        for number, line in lines_of(file):
            place = f"{name_of(path)}:{number}"
            note_id = None
            try:
                record = one_record(line, place)
                note_id = _id(record, place)
                yield shaped(partial(_plain, record, note_id, place, source), place, "an export of doccano")
            except BadAnnotation as error:
                yield error.unreadable(note_id)


def _id(record: dict[str, Any], place: str) -> str:
    from rulener.formats.plain import BadAnnotation
    from rulener.formats.readers import plain_id

    meta = record.get("meta")  # of older versions
    inner = meta.get("note_id") if isinstance(meta, dict) else None
    found = plain_id(record.get("note_id", record.get("id") if inner is None else inner))
    if found is None:
        raise BadAnnotation("N120", "neither note_id nor id", place)
    return found


def _plain(record: dict[str, Any], note_id: str, place: str, source: Source) -> PlainDocument:
    from rulener.formats.plain import BadAnnotation, PlainEntity, document_of, span

    text = record.get("text", record.get("data"))
    if not isinstance(text, str):
        raise BadAnnotation("N120", "no text", place)
    asserted = {tuple(one[:2]): one[2] for one in record.get("assertions") or ()}
    entities = []
    for one in _spans(record, place):
        try:
            start, end = span(text, *one[:2])
        except BadAnnotation as error:
            error.place = place
            raise
        axes = {axis: axis in asserted.get((start, end), ()) for axis in AXES} if "assertions" in record else {}
        entities.append(PlainEntity(start, end, text[start:end], str(one[2])).asserting(axes))
    found = {(entity.start, entity.end) for entity in entities}
    source.left.out("assertions of mentions that are gone", sum(place not in found for place in asserted))
    source.left.out("relations", len(record.get("relations") or ()))
    source.left.out("comments", len(record.get("Comments") or record.get("comments") or ()))
    return document_of(note_id, text, entities, metadata=record.get("metadata") or {})


def _spans(record: dict[str, Any], place: str) -> list[tuple[Any, Any, Any]]:
    from rulener.formats.plain import BadAnnotation

    try:
        if "entities" in record:
            return [(one["start_offset"], one["end_offset"], one["label"]) for one in record["entities"]]
        return [(start, end, label) for start, end, label in record.get("label", record.get("labels")) or ()]
    except (LookupError, TypeError, ValueError):
        raise BadAnnotation("N120", "its labels are not [start, end, label]", place) from None
