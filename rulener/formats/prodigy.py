"""Prodigy's JSONL tasks: text, tokens and spans (https://prodi.gy/docs/api-interfaces), one note a line."""

from __future__ import annotations

import json
from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES
from rulener.formats.texts import asserted, good_documents, plain, tokens, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Batch, Document
    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.plain import PlainDocument
    from rulener.formats.sink import Sink


class ProdigyWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            self._sink.write(utf8(json.dumps(_task(document), ensure_ascii=False) + "\n"))

    def close(self) -> None:
        """Every line is written already."""


def _task(document: Document) -> dict[str, Any]:
    entities = [entity for entity in document.entities if entity.start < entity.end]
    listed = task_tokens(document.text, {entity.start for entity in entities}, {entity.end for entity in entities})
    starts = [token["start"] for token in listed]
    ends = [token["end"] for token in listed]
    spans = [
        {
            "start": entity.start,
            "end": entity.end,
            "token_start": bisect_left(starts, entity.start),
            "token_end": bisect_left(ends, entity.end),  # inclusive
            "label": entity.label,
            "rule": entity.rule,
            "assertions": asserted(entity),
        }
        for entity in entities
    ]
    meta = {"note_id": document.note_id, **({"metadata": document.metadata} if document.metadata else {})}
    return {"text": plain(document.text), "tokens": listed, "spans": spans, "meta": meta}


def task_tokens(text: str, starts: set[int], ends: set[int]) -> list[dict[str, Any]]:
    """Tokens that make up the whole text: one space after a token is its `ws`, other white space is a token of its own."""
    listed: list[dict[str, Any]] = []
    text = plain(text)  # as long
    for start, end in tokens(text, starts | ends, spaces=True):
        follows = bool(listed) and not listed[-1]["ws"] and not listed[-1]["text"].isspace()
        if follows and text[start] == " " and start not in starts and start + 1 not in ends:
            listed[-1]["ws"] = True
            start += 1
        if start < end:
            listed.append({"text": text[start:end], "start": start, "end": end, "id": len(listed), "ws": False})
    return listed


# --- reading


def read_prodigy(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of `prodigy db-out`. Only accepted answers are taken; tasks without an answer are our own pre-annotations.

    The id is `meta.note_id`, which we wrote, else `_input_hash`. Assertions are ours still: annotators cannot change them there.
    """
    from rulener.formats.annotated import lines_of, name_of, one_record, shaped
    from rulener.formats.plain import BadAnnotation

    with open(path, "rb") as file:
        for number, line in lines_of(file):
            place = f"{name_of(path)}:{number}"
            note_id = None
            try:
                record = one_record(line, place)
                if record.get("answer", "accept") != "accept":
                    source.left.out("tasks that were not accepted")
                    continue
                note_id = _id(record, place)
                yield shaped(partial(_plain, record, note_id, place, source), place, "Prodigy")
            except BadAnnotation as error:
                yield error.unreadable(note_id)


def _id(record: dict[str, Any], place: str) -> str:
    from rulener.formats.plain import BadAnnotation
    from rulener.formats.readers import plain_id

    meta = record.get("meta")
    found = plain_id(meta.get("note_id")) if isinstance(meta, dict) else None
    found = found or plain_id(record.get("_input_hash"))
    if found is None:
        raise BadAnnotation("N120", "neither meta.note_id nor _input_hash", place)
    return found


def _plain(record: dict[str, Any], note_id: str, place: str, source: Source) -> PlainDocument:
    from rulener.formats.plain import BadAnnotation, PlainEntity, document_of, span

    text = record.get("text")
    if not isinstance(text, str):
        raise BadAnnotation("N120", "no text", place)
    entities = []
    try:
        for one in record.get("spans") or ():
            start, end = span(text, one["start"], one["end"])
            axes = {axis: axis in one["assertions"] for axis in AXES} if "assertions" in one else {}
            found = PlainEntity(start, end, text[start:end], str(one["label"]), rule=one.get("rule"))
            entities.append(found.asserting(axes))
    except BadAnnotation as error:
        error.place = place
        raise
    except (LookupError, TypeError, ValueError):
        raise BadAnnotation("N120", "its spans have no start, end and label", place) from None
    source.left.out("relations", len(record.get("relations") or ()))
    meta = record.get("meta")
    metadata = meta.get("metadata") if isinstance(meta, dict) else None
    return document_of(note_id, text, entities, metadata=metadata or {})
