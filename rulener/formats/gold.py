"""Gold: notes with the mentions that annotators agreed on, JSON lines of schema rulener.gold/1 (docs/guide/formats.md).

`engine.annotate(text, mentions=[(start, end, label), …])` takes a line's mentions as they are.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES
from rulener.formats.texts import good_documents, plain, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.plain import PlainDocument
    from rulener.formats.sink import Sink

SCHEMA = "rulener.gold/1"


class GoldWriter:
    """`gold` of a mention has the axes that annotators judged, and no other: an axis nobody looked at is no gold."""

    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink

    def write(self, batch: Any) -> None:
        for document in good_documents(batch):
            self._sink.write(utf8(json.dumps(_record(document), ensure_ascii=False) + "\n"))

    def close(self) -> None:
        """Every line is written already."""


def _record(document: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"schema": SCHEMA, "id": document.note_id, "text": plain(document.text)}
    made["mentions"] = [_mention(entity, document.judged) for entity in document.entities]
    return made | ({"metadata": document.metadata} if document.metadata else {})


def _mention(entity: Any, judged: tuple[str, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {"id": entity.id, "start": entity.start, "end": entity.end}
    made |= {"text": plain(entity.text), "label": entity.label}
    if entity.fragments:
        made["fragments"] = [list(place) for place in entity.fragments]
    codes = [{"system": one.system, "code": one.code, "name": one.name} for one in entity.concepts]
    if codes:
        made["concepts"] = codes
    made["gold"] = {axis: getattr(entity, axis) for axis in AXES if axis in judged and getattr(entity, axis) is not None}
    return made


# --- reading


def read_gold(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of a file of gold."""
    from rulener.formats.annotated import lines_of, name_of, one_record
    from rulener.formats.plain import BadAnnotation

    with open(path, "rb") as file:
        for number, line in lines_of(file):
            place = f"{name_of(path)}:{number}"
            note_id = None
            try:
                record = one_record(line, place)
                note_id = record.get("id") if isinstance(record.get("id"), str) else None
                yield _document(record, place)
            except BadAnnotation as error:
                yield error.unreadable(note_id)


def _document(record: dict[str, Any], place: str) -> PlainDocument:
    from rulener.core.views import Concept
    from rulener.formats.annotated import check_words, shaped
    from rulener.formats.plain import BadAnnotation, PlainEntity, document_of, span

    entities: list[PlainEntity] = []
    judged: set[str] = set()
    try:
        text = record["text"]
        for one in record["mentions"]:
            start, end = span(text, one["start"], one["end"])
            check_words(text, start, end, one.get("text", plain(text[start:end])), place)
            concepts = tuple(Concept(each["system"], each["code"], each.get("name"), 1.0) for each in one.get("concepts", ()))
            axes = {axis: bool(value) for axis, value in one["gold"].items() if axis in AXES}
            judged |= axes.keys()
            fragments = tuple((int(first), int(last)) for first, last in one.get("fragments", ()))
            found = PlainEntity(start, end, text[start:end], str(one["label"]), concepts=concepts, fragments=fragments)
            entities.append(found.asserting(axes))
    except (LookupError, TypeError, ValueError, AttributeError):
        raise BadAnnotation("N120", f"not a note of schema {SCHEMA}", place) from None
    except BadAnnotation as error:
        error.place = place
        raise
    if not isinstance(record.get("id"), str):
        raise BadAnnotation("N120", f"not a note of schema {SCHEMA}: no id", place)
    axes_judged = tuple(axis for axis in AXES if axis in judged)
    made = partial(document_of, record["id"], text, entities, metadata=record.get("metadata") or {}, judged=axes_judged)
    return shaped(made, place, f"schema {SCHEMA}")
